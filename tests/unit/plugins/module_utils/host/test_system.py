# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operating system of a host: told by made-up release files, and by this machine."""

import sys

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import places
from ansible_collections.ascend.pytorch.plugins.module_utils.host import system
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    "content, ident, version, family",
    [
        (
            'PRETTY_NAME="Debian GNU/Linux 11 (bullseye)"\nNAME="Debian GNU/Linux"\nVERSION_ID="11"\nID=debian\n',
            "debian",
            "11",
            False,
        ),
        ('NAME="openEuler"\nVERSION="22.03 LTS"\nID="openEuler"\nVERSION_ID="22.03"\n', "openeuler", "22.03", True),
        ('NAME="UOS Server"\nID="uos"\nVERSION_ID=20\n', "uos", "20", True),
        ('NAME="UOS"\nID=UOS\nVERSION_ID=20\n', "uos", "20", True),
        ('NAME="Kylin Linux Advanced Server"\nID="kylin"\nVERSION_ID="V10"\n', "kylin", "V10", True),
        ('NAME="EulerOS"\nID="euleros"\nID_LIKE="rhel fedora centos"\nVERSION_ID="2.0"\n', "euleros", "2.0", True),
        ('ID=mine\nID_LIKE="fedora openEuler"\n', "mine", "", True),
        ('ID=ubuntu\nID_LIKE=debian\nVERSION_ID="20.04"\n', "ubuntu", "20.04", False),
        ('ID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="7"\n', "centos", "7", False),
        ("", "", "", False),
        ("\x00=;;\n=\nID\n", "", "", False),
    ],
)
def test_os_release(content, ident, version, family):
    found = system.os_release(content)
    assert (found["id"], found["version"], found["openeuler_family"]) == (ident, version, family)


def release(**keys):
    return "".join('{0}="{1}"\n'.format(*pair) for pair in keys.items())


@pytest.mark.parametrize(
    "content, manager, others, family",
    [
        # Its version is written as openEuler writes it; its id stands in no list.
        (release(NAME="NoSuchOS", VERSION="2.4 (LTS-SP2)", ID="nosuch", VERSION_ID="2.4"), "", "", True),
        (release(NAME="NoSuchOS", VERSION="2.4", ID="nosuch"), "", "", False),
        # Nothing but the package manager, or a release file that was left where it was.
        (release(NAME="NoSuchOS", VERSION="2.4", ID="nosuch"), "RedHat", "", True),
        (release(NAME="NoSuchOS", VERSION="2.4", ID="nosuch"), "Debian", "", False),
        (
            release(NAME="NoSuchOS", ID="nosuch", ID_LIKE="rhel"),
            "RedHat",
            "openEuler-release openEuler release 20.03",
            True,
        ),
        (release(NAME="NoSuchOS", ID="nosuch", ID_LIKE="rhel"), "RedHat", "redhat-release NoSuchOS release 2", False),
        (release(NAME="NoSuchOS", ID="nosuch", CPE_NAME="cpe:/o:openEuler:openEuler:2"), "", "", True),
        (release(ID="nosuch", ID_LIKE="kylin,thing"), "", "", True),
        ("", "RedHat", "euleros-release EulerOS release 2.0 (SP8)", True),
        ("", "RedHat", "", False),
        # One name, several systems.
        (release(NAME="Some Enterprise Linux For Euler", ID="bclinux", VERSION_ID="21.10"), "RedHat", "", True),
        (
            release(NAME="Some Enterprise Linux", ID="bclinux", ID_LIKE="rhel fedora", VERSION_ID="7.6"),
            "RedHat",
            "",
            False,
        ),
        (release(ID="uos", PLATFORM_ID="platform:uel20"), "RedHat", "", True),
        (release(ID="uos", PLATFORM_ID="platform:uelc20"), "RedHat", "", False),
        (release(ID="uos"), "Debian", "", False),
        (release(ID="kylin", VERSION_ID="V10"), "RedHat", "", True),
        (release(ID="kylin", ID_LIKE="debian", VERSION_ID="V10"), "Debian", "", False),
        # An apt on openEuler manages nothing.
        (release(ID="openEuler", VERSION="22.03 (LTS)"), "Debian", "", True),
        # Others whose package manager is dnf, and which are like nobody.
        (release(ID="fedora", PLATFORM_ID="platform:f39"), "RedHat", "", False),
        (release(ID="nosuch", PLATFORM_ID="platform:el8"), "RedHat", "", False),
        (release(ID="tencentos", ID_LIKE="rhel fedora centos"), "RedHat", "", False),
        (release(ID="ubuntu", VERSION="22.04.3 LTS (Jammy Jellyfish)", ID_LIKE="debian"), "Debian", "", False),
        # The listed ones, by their id alone.
        *((release(ID=name), "", "", True) for name in ("culinux", "CTyunOS", "hce", "fusionos", "kylinsec")),
    ],
)
def test_who_descends_from_openeuler(content, manager, others, family):
    assert system.os_release(content, manager, others)["openeuler_family"] is family


def test_the_other_release_files(tmp_path):
    assert system.other_release_files(str(tmp_path)) == system.other_release_files("/no/such") == ""
    (tmp_path / "nosuch-release").write_text("NoSuchOS 2.4\n")
    (tmp_path / "hosts").write_text("::1 euler\n")
    assert "euler" not in system.other_release_files(str(tmp_path)).lower()
    # A link that leads nowhere tells where the system comes from, too.
    (tmp_path / "openEuler-release").symlink_to("no-such")
    assert "openEuler-release" in system.other_release_files(str(tmp_path))


@given(st.text(), st.text())
def test_any_os_release(content, others):
    assert set(system.os_release(content, "", others)) == {"id", "id_like", "version", "name", "openeuler_family"}


def test_the_python_that_packages_are_installed_under(monkeypatch, program, tmp_path):
    own = {"path": sys.executable, "version": "{0}.{1}.{2}".format(*sys.version_info)}
    assert system.packaging_python("yum") == system.packaging_python("") == own
    monkeypatch.setattr(system.importlib.util, "find_spec", lambda name: name if name == "apt" else None)
    assert system.packaging_python("apt") == own
    other = program("python3", "echo a line of gone.pth >&2; echo 3.7.4")
    monkeypatch.setattr(system, "PACKAGING_PYTHONS", (str(tmp_path / "none"), other))
    assert system.packaging_python("dnf") == {"path": other, "version": "3.7.4"}
    monkeypatch.setattr(system, "PACKAGING_PYTHONS", (program("python3", "exit 1"),))
    assert system.packaging_python("dnf") is None
    monkeypatch.setattr(system, "PACKAGING_PYTHONS", ())
    assert system.packaging_python("dnf") is None


@pytest.mark.parametrize(
    "there, answer",
    [
        (["apt-get", "dpkg"], ("Debian", "apt")),
        (["dnf", "yum"], ("RedHat", "dnf")),
        (["yum"], ("RedHat", "yum")),
        # openEuler has a dpkg that manages nothing.
        (["dnf", "dpkg"], ("RedHat", "dnf")),
        ([], ("", "")),
    ],
)
def test_the_package_manager(program, tmp_path, monkeypatch, there, answer):
    for name in there:
        program(name, "")
    monkeypatch.setattr(places, "SYSTEM_PATH", str(tmp_path / "bin"))
    assert system.package_manager() == answer


def test_the_libc_of_this_machine():
    assert system.libc().startswith("glibc 2.")
