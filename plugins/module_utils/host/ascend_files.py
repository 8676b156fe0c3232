# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parse the version records that CANN, driver and firmware install on a host."""

import re
from typing import Dict, List, Optional, Tuple

from ansible_collections.ascend.pytorch.plugins.module_utils.base import versions

_RUNNING = re.compile(r"(\w+)_running_version")
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
# The components of version.cfg whose release counts as that of the whole package, the preferred one first.
_SPEAKERS = ("toolkit", "nnae", "nnrt", "runtime", "compiler")
# The part of a release that is compared: its numbers, and that of a release candidate. More may follow, as in
# 8.0.RC1.T5.0.B010, 5.1.RC1.alpha005 and 9.0.0-beta.1, whose order is not defined.
_RELEASE = re.compile(
    r"([0-9]+(?:\.[0-9]+)*(?:[.-]?rc[0-9]+)?)(?:[.+_-]?[a-z0-9]+(?:[.+_-][a-z0-9]+)*)?", re.IGNORECASE
)
_LONGEST = 200
# Five numbers are not a release: 8.5.0.2.220 is a build of 8.5.0, but 7.6.0.1.220 is not one of 7.6.0.
_BUILD = re.compile(r"[0-9]+(\.[0-9]+){4}")


def parse_info_file(text: str) -> Dict[str, str]:
    """Return the keys and values of a record of `key=value` lines; of a repeated key the last one counts.

    The format of ascend_toolkit_install.info, version.info, /etc/ascend_install.info and
    /etc/Ascend/ascend_cann_install.info. Spaces and quotes around values are removed; comments and other lines are skipped.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    found = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        key, value = key.strip().lstrip("\ufeff"), value.strip()
        if not equals or not key or key.startswith(("#", ";")):
            continue
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1].strip()
        found[key] = value
    return found


def parse_version_cfg(text: str) -> Dict[str, str]:
    """Return component -> release from the lines `runtime_running_version=[7.6.0.1.220:8.0.0]` of version.cfg.

    The release is what follows the colon; lines of another form are skipped.
    """
    found = {}
    for key, value in parse_info_file(text).items():
        component = _RUNNING.fullmatch(key)
        release = value.strip("[] ").rpartition(":")[2].strip() if ":" in value else ""
        if component and release:
            found[component.group(1)] = release
    return found


def is_driver_firmware_pair(driver: Dict[str, str], firmware: Dict[str, str]) -> Optional[bool]:
    """Say whether driver and firmware are compatible; None if their records do not say.

    They are if the firmware's version is within the driver's `compatible_version_fw=[min,max]`, or if the firmware's
    `compatible_version_drv=[23.0.0,23.0.0.],...` names the driver; one of the two is enough.

    :param driver: parse_info_file of driver/version.info
    :param firmware: parse_info_file of firmware/version.info
    """
    said = [
        answer for answer in (_driver_admits(driver, firmware), _firmware_names(driver, firmware)) if answer is not None
    ]
    return any(said) if said else None


def release_number(release: str) -> str:
    """Return the part of a release of CANN, driver or firmware that is compared, such as 8.0.RC1 of 8.0.RC1.T5.0.B010.

    :raises ValueError: the text is not a release, such as V100R001C13SPC005B246
    """
    found = _RELEASE.fullmatch(release.strip()) if len(release) <= _LONGEST else None
    if found is None:
        raise ValueError("not a release: {0!r}".format(release))
    return found.group(1)


def is_release_within(release: str, minimum: str = "", maximum: str = "") -> bool:
    """Say whether minimum <= release <= maximum by their numbers, see versions.is_within.

    :raises ValueError: one of them is not a release
    """
    return versions.is_within(release_number(release), minimum, maximum)


def release_key(release: Optional[str]) -> Tuple:
    """Return a key to compare releases by, the newest last; None and texts that are not releases come first."""
    try:
        return (1, versions.parse(release_number(release or "")))
    except ValueError:
        return (0, ())


def sort_key(release: Optional[str]) -> Tuple:
    """Return a key to sort installed releases by: release_key, then the text that follows the number.

    In that text, alphas come before betas, betas before everything else, and then its numbers count: 8.0.RC2.2 is newer
    than 8.0.RC2. To compare with required releases, use release_key.
    """
    known = release_key(release)
    rest = (release or "").strip()[len(release_number(release)) :].lower() if known[0] else ""
    stage = next((number for number, word in enumerate(("alpha", "beta")) if word in rest), 2)
    return known, stage, [int(number) for number in re.findall("[0-9]+", rest)]


def toolkit_release(info: Dict[str, str], version_cfg: Dict[str, str]) -> Optional[str]:
    """Return the CANN release, such as "5.0.4", "7.0.RC1" or "8.0.0", None if the records do not have it.

    Some builds have the release in `package_version` or `version_dir`, and a build number in `Version`.

    :param info: parse_info_file of an install.info or version.info; keys in any case
    :param version_cfg: parse_version_cfg of version.cfg, used if info does not have it
    """
    said = _lower_keys(info)
    candidates = [said.get(key, "") for key in ("package_version", "version_dir", "version")]
    candidates += [version_cfg.get(component, "") for component in _SPEAKERS]
    candidates += [version_cfg[component] for component in sorted(version_cfg)]
    for candidate in candidates:
        candidate = candidate.strip(" \t\"'[]")
        if _is_version(candidate) and not _BUILD.match(candidate):
            return candidate
    return None


def _lower_keys(info: Dict[str, str]) -> Dict[str, str]:
    return {key.lower(): value for key, value in info.items()}


def _is_version(text: str) -> bool:
    try:
        return bool(release_number(text))
    except ValueError:
        return False


def _own_versions(info: Dict[str, str]) -> List[str]:
    said = _lower_keys(info)
    return [said[key] for key in ("version", "package_version") if _is_version(said.get(key, ""))]


def _parse_lists(info: Dict[str, str], key: str) -> List[List[str]]:
    # "[a,b],[c,d]" -> [[a, b], [c, d]]
    return [
        [part.strip() for part in inside.split(",")] for inside in _BRACKETS.findall(_lower_keys(info).get(key, ""))
    ]


def _driver_admits(driver: Dict[str, str], firmware: Dict[str, str]) -> Optional[bool]:
    ranges = [
        pair
        for pair in _parse_lists(driver, "compatible_version_fw")
        if len(pair) == 2 and all(_is_version(end) for end in pair)
    ]
    own = _own_versions(firmware)
    if not ranges or not own:
        return None
    return any(
        is_release_within(version, release_number(low), release_number(high)) for version in own for low, high in ranges
    )


def _firmware_names(driver: Dict[str, str], firmware: Dict[str, str]) -> Optional[bool]:
    # An entry that ends with a dot, such as 23.0.rc3., means every 23.0.rc3.x.
    named = [
        entry.lower() for entries in _parse_lists(firmware, "compatible_version_drv") for entry in entries if entry
    ]
    own = [version.lower() for version in _own_versions(driver)]
    if not named or not own:
        return None
    return any(
        version == entry or (entry.endswith(".") and version.startswith(entry)) for version in own for entry in named
    )
