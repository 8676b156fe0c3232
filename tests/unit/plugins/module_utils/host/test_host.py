# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host says of itself: real questions to this machine, made-up hosts in folders, and programs that misbehave."""

import base64
import functools
import hashlib
import json
import os
import subprocess
import sys
import time

import cached
import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import kernel, places
from ansible_collections.ascend.pytorch.plugins.module_utils.host import host, mounts
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint, manifest
from ansible_collections.ascend.pytorch.plugins.module_utils.publish import publishing
from hypothesis import given
from hypothesis import strategies as st
from plain import as_plain, open_folder

# --- the machine ------------------------------------------------------------------------------------------------------


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
    found = host.os_release(content)
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
    assert host.os_release(content, manager, others)["openeuler_family"] is family


def test_the_other_release_files(tmp_path):
    assert host.other_release_files(str(tmp_path)) == host.other_release_files("/no/such") == ""
    (tmp_path / "nosuch-release").write_text("NoSuchOS 2.4\n")
    (tmp_path / "hosts").write_text("::1 euler\n")
    assert "euler" not in host.other_release_files(str(tmp_path)).lower()
    # A link that leads nowhere tells where the system comes from, too.
    (tmp_path / "openEuler-release").symlink_to("no-such")
    assert "openEuler-release" in host.other_release_files(str(tmp_path))


@given(st.text(), st.text())
def test_any_os_release(content, others):
    assert set(host.os_release(content, "", others)) == {"id", "id_like", "version", "name", "openeuler_family"}


def disk(path):
    return host.disk(path, mounts.parsed(host.text(mounts.MOUNTINFO)), kernel.boot())


def test_disk(tmp_path, monkeypatch):
    found = disk(str(tmp_path / "not/yet/there"))
    info = os.statvfs(str(tmp_path))
    assert (found["path"], found["stands_at"]) == (str(tmp_path / "not/yet/there"), str(tmp_path))
    assert found["writable"] and 0 < found["free_mib"] <= info.f_blocks * info.f_frsize >> 20
    assert disk("/no/such")["stands_at"] == "/"
    monkeypatch.setattr(host.os, "access", lambda path, how: how & os.W_OK == 0)
    assert not disk(str(tmp_path))["writable"]


def test_a_folder_is_known_by_one_name_wherever_it_is_seen(tmp_path):
    """As by two hosts that have it: by a link to it, and before what is to stand there does."""
    (tmp_path / "home").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "home")
    there = disk(str(tmp_path / "home" / "work"))["place"]
    assert there and there == disk(str(tmp_path / "link" / "work"))["place"]
    assert there != disk(str(tmp_path / "home"))["place"] != disk(str(tmp_path / "work"))["place"]


def test_a_disk_on_which_nothing_can_be_started(tmp_path, monkeypatch):
    assert disk("/proc/self")["noexec"] is bool(os.statvfs("/proc/self").f_flag & os.ST_NOEXEC)
    real = os.statvfs(str(tmp_path))
    for flag in (os.ST_NOEXEC, os.ST_NOEXEC | os.ST_NOSUID, 0):
        seen = os.statvfs_result(tuple(real)[:8] + (flag,) + tuple(real)[9:])
        monkeypatch.setattr(os, "statvfs", lambda path, seen=seen: seen)
        assert disk(str(tmp_path / "later/work"))["noexec"] is bool(flag & os.ST_NOEXEC)


@pytest.mark.parametrize(
    "environ, uid, login",
    [({}, 1000, 1000), ({"SUDO_UID": "1001"}, 1000, 1001), ({"SUDO_UID": "0"}, 1000, 0), ({"SUDO_UID": "x"}, 7, 7)],
)
def test_who_logged_in(environ, uid, login):
    assert host.login_uid(environ, uid) == login


def test_the_python_that_packages_are_installed_under(monkeypatch, program, tmp_path):
    own = {"path": sys.executable, "version": "{0}.{1}.{2}".format(*sys.version_info)}
    assert host.packaging_python("yum") == host.packaging_python("") == own
    monkeypatch.setattr(host.importlib.util, "find_spec", lambda name: name if name == "apt" else None)
    assert host.packaging_python("apt") == own
    other = program("python3", "echo a line of gone.pth >&2; echo 3.7.4")
    monkeypatch.setattr(host, "PACKAGING_PYTHONS", (str(tmp_path / "none"), other))
    assert host.packaging_python("dnf") == {"path": other, "version": "3.7.4"}
    monkeypatch.setattr(host, "PACKAGING_PYTHONS", (program("python3", "exit 1"),))
    assert host.packaging_python("dnf") is None
    monkeypatch.setattr(host, "PACKAGING_PYTHONS", ())
    assert host.packaging_python("dnf") is None


def test_interfaces():
    assert host.interfaces()["lo"] == "127.0.0.1"


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
    assert host.package_manager() == answer


def test_the_libc_of_this_machine():
    assert host.libc().startswith("glibc 2.")


def test_the_account():
    assert host.user()["uid"] == os.geteuid() and host.user()["home"].startswith("/")


def test_an_account_without_an_entry(monkeypatch):
    monkeypatch.setattr(host.os, "geteuid", lambda: 4242424)
    monkeypatch.setenv("HOME", "/somewhere")
    assert host.user() == {"uid": 4242424, "name": "4242424", "home": "/somewhere"}


# --- its tools --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, script, version",
    [
        ("cmake", "echo 'cmake version 3.12.1'", "3.12.1"),
        ("git", "echo git version 2.30.2", "2.30.2"),
        ("gcc", '[ "$1 $2" = "-dumpfullversion -dumpversion" ] && echo 10.2.1', "10.2.1"),
        ("g++", '[ "$1" = "-dumpfullversion" ] && echo 7.3.0', "7.3.0"),
        ("patch", "echo no number", None),
    ],
)
def test_the_version_a_tool_tells(program, name, script, version):
    path = program(name, script)
    assert host.tool(path) == {"path": path, "real": os.path.realpath(path), "version": version, "problem": ""}


def test_a_tools_version_is_not_read_from_its_complaints(program):
    warned = program("cmake", "echo 'libfoo.so.9.9.9: no version information' >&2; echo cmake version 3.12.1")
    assert (host.tool(warned)["version"], host.tool(warned)["problem"]) == ("3.12.1", "")
    silent = host.tool(program("g++", "echo 'wrapper 4.5.6 finds no compiler' >&2"))
    assert silent["version"] is None and silent["problem"].endswith("its version: wrapper 4.5.6 finds no compiler")
    lost = host.tool(program("gcc", "echo; echo 'gcc: libmpc.so.3: cannot open shared object file' >&2; exit 127"))
    assert lost["problem"].endswith("status 127: gcc: libmpc.so.3: cannot open shared object file")


@pytest.mark.parametrize(
    "script, problem",
    [
        ("echo 3.12.1; exit 1", "ended with status 1"),
        ("kill -SEGV $$", "ended with status -11"),
        ("sleep 300", "gave no answer"),
    ],
)
def test_a_tool_that_does_not_work(program, monkeypatch, script, problem):
    monkeypatch.setattr(host, "ask", functools.partial(host.ask, time_limit_s=0.3))
    found = host.tool(program("cmake", script))
    assert found["version"] is None and problem in found["problem"]


def test_a_tool_of_another_machine(tmp_path):
    path = tmp_path / "cmake"
    path.write_bytes(b"\x7fELF\x00\x00garbage")
    path.chmod(0o755)
    found = host.tool(str(path))
    assert found["version"] is None and found["problem"].startswith("cannot be started: ")


def test_candidates(program, tmp_path):
    one, two = program("cmake", "", "a"), program("cmake", "", "b")
    (tmp_path / "c").mkdir()
    (tmp_path / "c/cmake").symlink_to(one)
    (tmp_path / "d/cmake").mkdir(parents=True)
    (tmp_path / "e").mkdir()
    (tmp_path / "e/cmake").write_text("not executable")
    (tmp_path / "f").mkdir()
    (tmp_path / "f/cmake").symlink_to("nowhere")
    search = [str(tmp_path / name) for name in "fedcba"] + ["/no/such"]
    # Each file once, by the name that comes first.
    assert host.candidates("cmake", search) == [str(tmp_path / "c/cmake"), two]


# --- what this collection put there -----------------------------------------------------------------------------------


def tree(tmp_path, name="cmake"):
    real = tmp_path / "opt/cmake-3.12.1-ffffffffffff"
    (real / "bin").mkdir(parents=True)
    (real / "bin/cmake").write_text("x")
    card = manifest.compose(name, "3.12.1", "tree", "f" * 64, {"version": "3.12.1"}, {}, "0")
    manifest.write(str(real), dict(card, files=manifest.scan(str(real))))
    (tmp_path / "opt/cmake").symlink_to(real.name)
    return real


def asked(tmp_path, **changes):
    return dict(
        {
            "name": "cmake",
            "version": "3.12.1",
            "product": "tree",
            "prefix": str(tmp_path / "opt/cmake"),
            "links": [{"path": str(tmp_path / "cmake"), "target": "bin/cmake"}],
        },
        **changes,
    )


def test_a_tree(tmp_path):
    found = host.product(asked(tmp_path), [])
    assert (found["manifest"], found["version"], found["damage"], found["occupied"]) == (None, None, [], None)
    real = tree(tmp_path)
    found = host.product(asked(tmp_path), [])
    assert found["version"] == "3.12.1" and found["manifest"]["fingerprint"] == "f" * 64
    assert "files" not in found["manifest"] and found["damage"] == [] and found["occupied"] is None
    assert found["links"] == {str(tmp_path / "cmake"): "absent"} and found["prefix"] == str(tmp_path / "opt/cmake")
    publishing.swap_link(str(tmp_path / "cmake"), str(tmp_path / "opt/cmake/bin/cmake"))
    (real / "bin/cmake").unlink()
    found = host.product(asked(tmp_path), [])
    assert found["damage"] == ["bin/cmake: missing"] and found["links"] == {str(tmp_path / "cmake"): "ours"}


def test_a_tree_of_another_name_and_a_foreign_folder(tmp_path):
    tree(tmp_path, name="other")
    assert host.product(asked(tmp_path), [])["manifest"] is None
    (tmp_path / "opt/mine").mkdir()
    assert host.product(asked(tmp_path, prefix=str(tmp_path / "opt/mine")), [])["occupied"] == "a folder"


def test_a_lot_of_damage_is_cut_short(tmp_path):
    real = tree(tmp_path)
    card = manifest.read(str(real))
    card["files"] = {str(number): {"link": "x"} for number in range(99)}
    manifest.write(str(real), card)
    assert len(host.product(asked(tmp_path), [])["damage"]) == 10


def test_a_wheel(tmp_path):
    wanted = {"name": "torch", "version": "1.8.1", "product": "wheel", "distribution": "torch"}
    assert host.product(wanted, [str(tmp_path)]) == {"manifest": None, "version": None, "damage": []}
    assert host.product(wanted, []) == {"manifest": None, "version": None, "damage": []}
    info = tmp_path / "torch-1.8.1+ascend.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 1.8.1+ascend\n")
    (tmp_path / "torch.py").write_bytes(b"x")
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"x").digest()).decode().rstrip("=")
    (info / "RECORD").write_text("torch.py,sha256={0},1\n".format(digest))
    found = host.product(wanted, [str(tmp_path)])
    assert (found["manifest"], found["version"], found["damage"]) == (None, "1.8.1+ascend", [])
    (info / manifest.WHEEL_NAME).write_text(
        json.dumps(manifest.compose("torch", "1.8.1", "wheel", "f" * 64, {}, {}, "0"))
    )
    (tmp_path / "torch.py").unlink()
    found = host.product(wanted, [str(tmp_path)])
    assert found["manifest"]["fingerprint"] == "f" * 64 and found["damage"] == ["torch.py: missing"]
    assert found["site"] == str(tmp_path)


TORCH = {"name": "torch", "version": "1.8.1", "product": "wheel", "distribution": "torch", "prefix": "", "links": []}


@pytest.mark.parametrize(
    "wanted, there, asked_for",
    [
        ([TORCH], "1.8.1", False),
        ([TORCH], "1.5.0", True),
        ([TORCH], "damaged", True),
        ([TORCH], "", True),
        # Which products there are is not known yet.
        ([], "", True),
    ],
)
def test_pip_is_asked_only_when_it_may_have_to_install_something(tmp_path, monkeypatch, wanted, there, asked_for):
    if there:
        info = tmp_path / "torch.dist-info"
        info.mkdir()
        version = "1.5.0" if there == "1.5.0" else "1.8.1"
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: {0}\n".format(version))
        (info / "RECORD").write_text(
            "torch.py,sha256=AAAA,1\n" if there == "damaged" else "torch.dist-info/METADATA,,\n"
        )
        card = manifest.compose("torch", version, "wheel", "f" * 64, {}, {}, "0")
        (info / manifest.WHEEL_NAME).write_text(json.dumps(card))
    told = host.interpreters.examine(sys.executable)
    monkeypatch.setattr(host.interpreters, "examine", lambda _name: dict(told, sites=[str(tmp_path)]))
    state = host.examine(
        {
            "products": wanted,
            "tools": [],
            "needs": [],
            "pythons": ["python3"],
            "venv": "",
            "work_dir": str(tmp_path / "work"),
            "env_file": str(tmp_path / "env.sh"),
        }
    )
    # Only pip itself knows which wheels it takes.
    assert bool(state["pythons"]["python3"]["pip"]["platforms"]) == asked_for


def test_what_is_stored(tmp_path):
    assert host.stored(str(tmp_path)) == {}
    whole = cached.make(tmp_path / "products")
    next(cached.make(tmp_path / "products", version="3.13").glob("*.gz")).write_bytes(b"half")
    (cached.make(tmp_path / "products", version="3.14") / "product.json").write_text("{")
    (tmp_path / "products/c.partial").mkdir()
    assert host.stored(str(tmp_path)) == {whole.name: "ab" * 32}


# --- all of it --------------------------------------------------------------------------------------------------------


def everything(root):
    return {
        str(path): (path.lstat().st_mtime_ns, path.lstat().st_mode, path.lstat().st_size)
        for path in [root] + sorted(root.rglob("*"))
    }


@pytest.mark.parametrize("uid", [0, 1000])
def test_examining_tells_all_and_changes_nothing(tmp_path, monkeypatch, program, uid):
    home = tmp_path / "home"
    (home / ".config/ascend-pytorch").mkdir(parents=True)
    (home / ".config/ascend-pytorch/env.sh").write_text("# env\n")
    program("cmake", "echo cmake version 3.20.0", "home/.local/bin")
    tree(tmp_path)
    monkeypatch.setattr(host, "user", lambda: {"uid": uid, "name": "u", "home": str(home)})
    monkeypatch.setenv("HOME", str(home))
    before = everything(tmp_path)
    umask = os.umask(0o027)
    try:
        state = host.examine(
            {
                "products": [
                    asked(tmp_path, links=[{"path": "auto", "target": "bin/cmake"}, {"path": "", "target": "x"}]),
                    {"name": "gcc730", "version": "7.3.0", "product": "tree", "prefix": "auto", "links": []},
                    {
                        "name": "torch",
                        "version": "1.8.1",
                        "product": "wheel",
                        "prefix": "",
                        "links": [],
                        "distribution": "torch",
                    },
                ],
                "tools": ["cmake", "no-such-tool"],
                "needs": ["make"],
                "pythons": ["python9.9", sys.executable],
                "venv": "~/venv",
                "work_dir": "auto",
                "env_file": "auto",
            }
        )
    finally:
        assert os.umask(umask) == 0o027
    assert everything(tmp_path) == before

    assert json.loads(json.dumps(state)) == state
    own = str(home / ".local")
    assert set(state["session"]) == {"ends", "lingers"}
    assert state["umask"] == "0027" and state["cores"] >= 1 and abs(state["clock"] - time.time()) < 60
    assert state["arch"] == os.uname().machine and state["interfaces"]["lo"] == "127.0.0.1"
    assert (state["python"], state["pythons"]["python9.9"]) == (sys.executable, None)
    assert (state["venv"], state["venv_python"]) == (str(home / "venv"), None)
    assert state["products"]["cmake"]["version"] == "3.12.1"
    assert list(state["products"]["cmake"]["links"]) == [own + "/bin/cmake" if uid else "/usr/bin/cmake"]
    assert state["products"]["gcc730"]["prefix"] == (own if uid else "/usr/local") + "/linux_gcc7.3.0"
    assert state["tools"]["no-such-tool"] == []
    assert {
        "path": own + "/bin/cmake",
        "real": os.path.realpath(own + "/bin/cmake"),
        "version": "3.20.0",
        "problem": "",
    } in state["tools"]["cmake"]
    env_file = state["env_file"]
    if uid:
        assert state["work_dir"] == own + "/share/ascend-pytorch"
        assert env_file["sha256"] == fingerprint.file_digest(env_file["path"]) and env_file["path"].startswith(
            str(home)
        )
    else:
        assert state["work_dir"] == "/var/lib/ascend-pytorch" and env_file["path"] == "/etc/ascend-pytorch/env.sh"
    for folder in (state["work_dir"], os.path.dirname(env_file["path"]), str(tmp_path / "opt")):
        assert state["disk"][folder]["free_mib"] >= 0


def test_an_environment_whose_own_python_is_wanted_is_asked_twice(tmp_path):
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    own = str(venv / "bin" / "python")
    question = {"products": [], "tools": [], "needs": [], "pythons": [own], "venv": str(venv)}
    state = host.examine(dict(question, work_dir="auto", env_file="auto", run_user=""))
    assert state["python"] == own
    assert state["venv_python"]["version"] == state["pythons"][own]["version"] == "%d.%d.%d" % sys.version_info[:3]


def test_what_may_not_be_read_is_not_taken_for_absent(monkeypatch):
    with open_folder() as root:
        env_file, prefix = root / "env.sh", root / "cmake"
        env_file.write_text("# env\n")
        (prefix / "bin").mkdir(parents=True)
        (prefix / manifest.TREE_NAME).write_text("{}")
        own = root / "py/bin/python3"
        own.parent.mkdir(parents=True)
        own.symlink_to(sys.executable)
        for path in (env_file, prefix, root / "py"):
            path.chmod(0)
        question = {
            "products": [asked(root, prefix=str(prefix), links=[])],
            "tools": [],
            "needs": [],
            "pythons": [str(own)],
            "venv": "",
            "work_dir": str(root / "work"),
            "env_file": str(env_file),
        }
        state = as_plain(lambda: host.examine(question))
        assert state["env_file"]["sha256"] is None
        assert {str(path) for path in (env_file, prefix, root / "py")} <= {shut["path"] for shut in state["closed"]}


def test_cann_that_the_account_for_torch_may_not_enter(tmp_path):
    (tmp_path / "cann").mkdir(mode=0o700)
    there = {"path": str(tmp_path / "cann")}
    assert host._closed_to("", there) == host._closed_to("root", there) == host._closed_to("nobody", None) == []
    assert host._closed_to("no-such-user", there) == []
    (shut,) = host._closed_to("nobody", there)
    assert shut["user"] == "nobody" and shut["folder"]
