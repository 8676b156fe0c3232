# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How this machine reaches Debian and PyPI, read from its own settings, so that hosts reach them the same way."""

import ast
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from fleet.tree import File

CA_IN_HOST = "/etc/ssl/certs/ca-certificates.crt"
CA_VARIABLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
CA_PLACES = (CA_IN_HOST, "/etc/pki/tls/certs/ca-bundle.crt")

# The settings of pip that say how to reach an index. The others are about this machine's own files and tastes.
PIP_KEYS = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "default-timeout", "retries")
APT_KEYS = re.compile(r"Acquire::(Check-Valid-Until|Check-Date|Retries|https?::(Proxy|Timeout)) ")


def ca_bundle(environ: dict[str, str]) -> Path | None:
    """Return the file of certificates that this machine trusts, or None where it has none."""
    named = [environ[name] for name in CA_VARIABLES if environ.get(name)]
    return next((Path(place) for place in [*named, *CA_PLACES] if Path(place).is_file()), None)


def pip_conf(config_list: str) -> str:
    """Return the text of a host's `/etc/pip.conf`.

    An index that is a folder of this machine is left out: the host does not have the folder.

    :param config_list: what `pip config list` prints: `global.index-url='…'` from files, `:env:.index-url='…'` from
        the environment, which wins; values are Python literals, several words for several values.
    """
    settings: dict[str, str] = {}
    for section in ("global", ":env:"):
        for name, value in re.findall(rf"^{re.escape(section)}\.([\w-]+)=(.*)$", config_list, re.MULTILINE):
            words = [word for word in str(ast.literal_eval(value)).split() if not word.startswith(("/", "file:"))]
            if name in PIP_KEYS and words:
                settings[name.removeprefix("default-")] = " ".join(words)
    settings["cert"] = CA_IN_HOST
    return "[global]\n" + "".join(f"{name} = {value}\n" for name, value in sorted(settings.items()))


def apt_conf(config_dump: str) -> list[str]:
    """Return the lines of `apt-config dump` that say how to reach a mirror."""
    return [line for line in config_dump.splitlines() if APT_KEYS.match(line)]


def debian_mirror(index_targets: str, os_release: dict[str, str]) -> str:
    """Return the address of the Debian mirror this machine uses, or "" when it is not a Debian machine.

    :param index_targets: lines `ADDRESS RELEASE`, of `apt-get indextargets`.
    :param os_release: the contents of `/etc/os-release`.
    """
    if os_release.get("ID") != "debian":
        return ""
    targets = [line.split() for line in index_targets.splitlines()]
    codename = os_release.get("VERSION_CODENAME")
    # Other addresses serve security updates or are not Debian's at all: neither holds a whole release.
    return next((target[0].rstrip("/") for target in targets if len(target) == 2 and target[1] == codename), "")


def sources_list(mirror: str, release: str) -> str:
    """Return apt's sources line for `release`.

    Only the release itself: its packages stay as they are, while a mirror may have lost those of a closed
    security archive.
    """
    return f"deb {mirror} {release} main"


def _said(*argv: str) -> str:
    """Return what a program prints; "" when it is not there or fails: a machine without apt or pip has no settings."""
    if not shutil.which(argv[0]):
        return ""
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout


def read_mirror() -> str:
    """Return this machine's Debian mirror, or ""."""
    return debian_mirror(
        _said("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)"), platform.freedesktop_os_release()
    )


def read_apt_conf() -> list[str]:
    """Return this machine's settings of apt that hosts share."""
    return apt_conf(_said("apt-config", "dump"))


def host_files(release: str, apt: bool) -> dict[str, File]:
    """Return the files that let a host reach PyPI and, with `apt`, Debian, the way this machine does."""
    config_list = _said(sys.executable, "-m", "pip", "config", "list") or _said("pip3", "config", "list")
    files = {"/etc/pip.conf": File(pip_conf(config_list))}
    bundle = ca_bundle(dict(os.environ))
    if bundle:
        files[CA_IN_HOST] = File(bundle.read_text())
    if apt:
        files["/etc/apt/apt.conf.d/90controller"] = File("".join(f"{line}\n" for line in read_apt_conf()))
        mirror = read_mirror()
        if mirror:
            files["/etc/apt/sources.list"] = File(sources_list(mirror, release) + "\n")
    return files
