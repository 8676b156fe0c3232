# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operating system of a host: its distribution and family, its C library, its package manager."""

import glob
import importlib.util
import os
import re
import shutil
import sys

from ansible_collections.ascend.pytorch.plugins.module_utils.base import places, versions
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import ask, text
from ansible_collections.ascend.pytorch.plugins.module_utils.host import ascend_files

# Ids of /etc/os-release (lower case) of openEuler and its descendants, where CPU binding is undone. Asked last, of systems
# that say nothing of where they come from.
OPENEULER_FAMILY = frozenset(
    (
        "openeuler euleros hce kylin kylinsec uos uniontech bclinux ctyunos cul culinux fusionos nestos cgsl newstart isoft mtos"
    ).split()
)
OS_RELEASES = ["/etc/os-release", "/usr/lib/os-release"]
# Names of other lineages, as ids and in ID_LIKE.
_OTHER_FAMILIES = frozenset(
    (
        "debian ubuntu deepin openkylin rhel centos fedora rocky almalinux ol amzn scientific cloudlinux virtuozzo miracle "
        "anolis alinux alios kos keyarchos opencloudos tencentos tlinux velinux neokylin asianux "
        "suse sles sled opensuse opensuse-leap opensuse-tumbleweed mageia photon mariner azurelinux arch alpine gentoo"
    ).split()
)
# How the same name of a system tells its lineages apart: UOS e and a, and what was built from RHEL's sources.
_EULER_PLATFORM = re.compile(r"platform:(oe|uel)[0-9]")
_OTHER_PLATFORM = re.compile(r"platform:(el|uelc|an|f|al)[0-9]")
# "22.03 (LTS-SP1)" is how openEuler writes a version; Ubuntu's says "LTS (Jammy Jellyfish)".
_EULER_VERSION = re.compile(r"\(LTS(-SP[0-9]+)?\)", re.IGNORECASE)
# Where Ansible's modules apt and dnf look for a Python that has their manager's package.
PACKAGING_PYTHONS = ("/usr/libexec/platform-python", "/usr/bin/python3")


def os_release(content, family="", others=""):
    # type: (str, str, str) -> Dict[str, Any]
    """Return {"id", "id_like", "version", "name", "openeuler_family"} from the text of os-release(5).

    :param family: what package_manager found: "Debian", "RedHat" or "" where that is not known
    :param others: names and texts of the other release files, see other_release_files
    """
    keys = ascend_files.parse_info_file(content)
    return {
        "id": keys.get("ID", "").lower(),
        "id_like": keys.get("ID_LIKE", "").lower(),
        "version": keys.get("VERSION_ID", ""),
        "name": keys.get("PRETTY_NAME", "") or keys.get("NAME", ""),
        "openeuler_family": _is_openeuler(keys, family, others),
    }


def _is_openeuler(keys, family, others):
    # type: (Dict[str, str], str, str) -> bool
    # One name may be several systems: BCLinux, Kylin and UOS descend from openEuler, from CentOS and from Debian. So what
    # a system says of itself comes first, then what it is like, and a list of names last.
    ident, platform = keys.get("ID", "").lower(), keys.get("PLATFORM_ID", "").lower()
    likes = set(re.split(r"[\s,]+", keys.get("ID_LIKE", "").lower())) - {""}
    if "euler" in " ".join(list(keys.values()) + [others]).lower() or _EULER_PLATFORM.match(platform):
        return True
    if family == "Debian" or (likes | {ident}) & _OTHER_FAMILIES or _OTHER_PLATFORM.match(platform):
        return False
    if (likes | {ident}) & OPENEULER_FAMILY or _EULER_VERSION.search(keys.get("VERSION", "")):
        return True
    # The descendants of RHEL and Fedora name them in ID_LIKE, those of openEuler mostly nobody.
    return bool(family == "RedHat" and ident and not likes)


def other_release_files(etc="/etc"):
    # type: (str) -> str
    """Return names and texts of the release files beside os-release, such as openEuler-release, which descendants keep."""
    patterns = ("*-release", "open[Ee]uler*", "system-release-cpe")
    paths = {path for pattern in patterns for path in glob.glob(os.path.join(glob.escape(etc), pattern))}
    return "\n".join(os.path.basename(path) + " " + text(path) for path in sorted(paths))


def package_manager():
    # type: () -> Tuple[str, str]
    """Return (family, package manager): ("Debian", "apt"), ("RedHat", "dnf"|"yum") or ("", "").

    Told by the tools and not by the name, since Kylin and UOS exist in both families.
    """
    if shutil.which("apt-get", path=places.SYSTEM_PATH) and shutil.which("dpkg", path=places.SYSTEM_PATH):
        return "Debian", "apt"
    for name in ("dnf", "yum"):
        if shutil.which(name, path=places.SYSTEM_PATH):
            return "RedHat", name
    return "", ""


def packaging_python(manager):
    # type: (str) -> Optional[Dict[str, Any]]
    """Return {"path", "version"} of the Python that Ansible's module of a package manager runs under; None when not known.

    The modules apt and dnf work with the manager's own Python package. Where the Python that Ansible uses has not got that,
    they start themselves again under one that has.
    """
    if manager not in ("apt", "dnf") or importlib.util.find_spec(manager):
        return {"path": sys.executable, "version": "{0}.{1}.{2}".format(*sys.version_info)}
    for path in PACKAGING_PYTHONS:
        if os.path.isfile(path):
            said = ask([path, "-E", "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"])[1]
            version = versions.find_version(said.decode("utf-8", "replace"))
            return {"path": path, "version": version} if version else None
    return None


def libc():
    # type: () -> str
    """Return the C library and its version, such as "glibc 2.31"."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError):
        return "unknown"
