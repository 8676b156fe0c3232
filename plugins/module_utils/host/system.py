# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operating system of a host: distribution, family, C library, package manager."""

import glob
import importlib.util
import os
import re
import shutil
import sys

from ansible_collections.ascend.pytorch.plugins.module_utils.base import places, versions
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import ask, text
from ansible_collections.ascend.pytorch.plugins.module_utils.host import ascend_files

# Ids in /etc/os-release (lower case) of openEuler and its derivatives, where CPU binding is undone. Used last, for systems
# that do not name what they derive from.
OPENEULER_FAMILY = frozenset(
    (
        "openeuler euleros hce kylin kylinsec uos uniontech bclinux ctyunos cul culinux fusionos nestos cgsl newstart isoft mtos"
    ).split()
)
OS_RELEASES = ["/etc/os-release", "/usr/lib/os-release"]
# Ids of other distributions, also in ID_LIKE.
_OTHER_FAMILIES = frozenset(
    (
        "debian ubuntu deepin openkylin rhel centos fedora rocky almalinux ol amzn scientific cloudlinux virtuozzo miracle "
        "anolis alinux alios kos keyarchos opencloudos tencentos tlinux velinux neokylin asianux "
        "suse sles sled opensuse opensuse-leap opensuse-tumbleweed mageia photon mariner azurelinux arch alpine gentoo"
    ).split()
)
# PLATFORM_ID distinguishes systems of the same name by origin: UOS e and a, and those built from RHEL's sources.
_EULER_PLATFORM = re.compile(r"platform:(oe|uel)[0-9]")
_OTHER_PLATFORM = re.compile(r"platform:(el|uelc|an|f|al)[0-9]")
# openEuler writes a version as "22.03 (LTS-SP1)", Ubuntu as "LTS (Jammy Jellyfish)".
_EULER_VERSION = re.compile(r"\(LTS(-SP[0-9]+)?\)", re.IGNORECASE)
# Where Ansible's modules apt and dnf look for a Python with the bindings of the package manager.
PACKAGING_PYTHONS = ("/usr/libexec/platform-python", "/usr/bin/python3")


def os_release(content, family="", others=""):
    # type: (str, str, str) -> Dict[str, Any]
    """Return {"id", "id_like", "version", "name", "openeuler_family"} from the text of os-release(5).

    :param family: from package_manager: "Debian", "RedHat", or "" if unknown
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
    # One name may mean several systems: there are BCLinux, Kylin and UOS that derive from openEuler, CentOS or Debian. So the
    # name "euler" anywhere in the release files counts first, then ID_LIKE and the platform, and the list of ids last.
    ident, platform = keys.get("ID", "").lower(), keys.get("PLATFORM_ID", "").lower()
    likes = set(re.split(r"[\s,]+", keys.get("ID_LIKE", "").lower())) - {""}
    if "euler" in " ".join(list(keys.values()) + [others]).lower() or _EULER_PLATFORM.match(platform):
        return True
    if family == "Debian" or (likes | {ident}) & _OTHER_FAMILIES or _OTHER_PLATFORM.match(platform):
        return False
    if (likes | {ident}) & OPENEULER_FAMILY or _EULER_VERSION.search(keys.get("VERSION", "")):
        return True
    # The derivatives of RHEL and Fedora name them in ID_LIKE, most of openEuler's have no ID_LIKE.
    return bool(family == "RedHat" and ident and not likes)


def other_release_files(etc="/etc"):
    # type: (str) -> str
    """Return names and texts of the release files beside os-release, such as openEuler-release, which derivatives keep."""
    patterns = ("*-release", "open[Ee]uler*", "system-release-cpe")
    paths = {path for pattern in patterns for path in glob.glob(os.path.join(glob.escape(etc), pattern))}
    return "\n".join(os.path.basename(path) + " " + text(path) for path in sorted(paths))


def package_manager():
    # type: () -> Tuple[str, str]
    """Return (family, package manager): ("Debian", "apt"), ("RedHat", "dnf"|"yum") or ("", "").

    From the programs and not the name of the system, since Kylin and UOS exist in both families.
    """
    if shutil.which("apt-get", path=places.SYSTEM_PATH) and shutil.which("dpkg", path=places.SYSTEM_PATH):
        return "Debian", "apt"
    for name in ("dnf", "yum"):
        if shutil.which(name, path=places.SYSTEM_PATH):
            return "RedHat", name
    return "", ""


def packaging_python(manager):
    # type: (str) -> Optional[Dict[str, Any]]
    """Return {"path", "version"} of the Python that Ansible's module of a package manager runs under; None if unknown.

    The modules apt and dnf need the manager's Python bindings. If the Python that Ansible uses does not have them, the
    modules start themselves again under one that has.
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
