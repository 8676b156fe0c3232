# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CANN in every layout: whole, half, closed, elsewhere and in several releases, and the environment that it wants."""

import os
import re
from pathlib import Path

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import places, trust
from ansible_collections.ascend.pytorch.plugins.module_utils.host import access, ascend_files, cann
from plain import NAME, as_plain, open_folder

CHECKOUT = Path(__file__).resolve().parents[5]
FIELD = Path(os.path.normpath(CHECKOUT / ".." / "shared" / "field"))


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A folder in place of /usr/local/Ascend, and a machine that names no other."""
    monkeypatch.setattr(cann, "_RECORD_FILES", ("~/Ascend/ascend_cann_install.info",))
    monkeypatch.setattr(cann, "_START_FILES", ("~/.bashrc",))
    for name in ("ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME"):
        monkeypatch.delenv(name, raising=False)
    made = tmp_path / "Ascend"
    made.mkdir()
    monkeypatch.setattr(cann.npus, "ASCEND_ROOT", str(made))
    return made


@pytest.fixture
def home(tmp_path):
    made = tmp_path / "home"
    made.mkdir()
    return made


def install(path, version="5.0.4", kind="toolkit", script=None, library=True, arch="x86_64"):
    """A CANN in a folder; version None leaves no record of it."""
    (path / (arch + "-linux")).mkdir(parents=True)
    if version:
        (path / "{0}-linux/ascend_{1}_install.info".format(arch, kind)).write_text(
            "package_name=Ascend-cann-{0}\nversion={1}\narch={2}\n".format(kind, version, arch)
        )
    if library:
        (path / "lib64").mkdir()
        (path / "lib64/libascendcl.so").write_text("")
    if script is not None:
        (path / "set_env.sh").write_text(script)
    return path


def toolkit(root, version="5.0.4", set_env="export ASCEND_OPP_PATH=$PWD/opp\n"):
    """A toolkit as of 5.0: one script beside the releases."""
    latest = install(root / "ascend-toolkit/latest", version)
    if set_env is not None:
        (root / "ascend-toolkit/set_env.sh").write_text(set_env)
    return latest


def found(home, named=""):
    return cann.find(str(home), named)


def brief(told):
    return [(one["path"], one["version"]) for one in told["there"]]


# --- where it stands --------------------------------------------------------------------------------------------------


def test_no_cann(root, home):
    (root / "driver").mkdir()
    (root / "driver/version.info").write_text("Version=21.0.4\n")
    assert found(home) == {"there": [], "aside": [], "closed": []}


def test_the_newest_of_several(root, home):
    toolkit(root)
    install(root / "nnae/latest", "5.0.3", "nnae")
    install(root / "cann", None)
    (root / "cann/version.cfg").write_text("runtime_running_version=[7.6.0.1.220:8.5.0]\n")
    install(root / "nnrt/latest", "9.0.0", "nnrt")
    told = found(home)["there"]
    assert [(one["kind"], one["version"], one["path"]) for one in told] == [
        ("toolkit", "8.5.0", str(root / "cann")),
        ("toolkit", "5.0.4", str(root / "ascend-toolkit/latest")),
        ("nnae", "5.0.3", str(root / "nnae/latest")),
        # A runtime alone is for inference.
        ("nnrt", "9.0.0", str(root / "nnrt/latest")),
    ]
    assert told[1]["set_env"] == str(root / "ascend-toolkit/set_env.sh") and told[2]["set_env"] is None
    assert [one["root"] for one in told] == [str(root)] * 4


def field(letter):
    """The line of the field's layouts that begins with a letter."""
    if not FIELD.is_dir():
        pytest.skip("the field's inputs are not beside this checkout")
    return re.search(r"^{0}\) (.*)$".format(letter), (FIELD / "cann_layouts.txt").read_text(), re.MULTILINE).group(1)


def test_releases_of_the_new_layout_without_a_link(root, home):
    layout = field("a")
    folder, script, record = re.match(r"(\S+)/\{(\S+),(\S+)\},", layout).groups()
    place = root / os.path.relpath(folder, "/usr/local/Ascend")
    (place / record).parent.mkdir(parents=True)
    (place / record).write_text("version=8.5.0\n")
    (place / script).write_text("export ASCEND_OPP_PATH=/opp\n")
    assert brief(found(home)) == [(str(place), "8.5.0")]
    (one,) = found(home)["there"]
    assert (one["half"], one["set_env"], one["root"], one["kind"]) == ("", str(place / script), str(root), "toolkit")


@pytest.mark.parametrize("letter", ["b", "c"])
def test_releases_of_the_old_layout_without_a_link_that_leads_there(root, home, letter):
    assert ("latest" in field(letter)) and "8.0.RC3" in field("b")
    place = install(root / "ascend-toolkit/8.0.RC3", "8.0.RC3")
    (root / "ascend-toolkit/set_env.sh").write_text(
        "export ASCEND_TOOLKIT_HOME={0}/ascend-toolkit/latest\nexport PATH=$ASCEND_TOOLKIT_HOME/bin:$PATH\n".format(
            root
        )
    )
    if letter == "c":
        (root / "ascend-toolkit/latest").symlink_to("8.0.RC2")
    told = found(home)
    assert brief(told) == [(str(place), "8.0.RC3")]
    gone = "leads to {0}/ascend-toolkit/8.0.RC2, which does not exist".format(root)
    assert told["aside"] == ([{"path": str(root / "ascend-toolkit/latest"), "problem": gone}] if letter == "c" else [])
    # The script means the link, and so nothing that is there.
    settings = cann.settings(told["there"][0], "x86_64")
    assert settings["set"]["ASCEND_HOME_PATH"] == str(place)
    assert str(place / "lib64") in settings["prepend"]["LD_LIBRARY_PATH"]


@pytest.mark.parametrize("by", ["ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME", "export", "script", "group"])
def test_elsewhere_as_the_environment_names_it(root, home, tmp_path, monkeypatch, by):
    assert "ASCEND_HOME_PATH and ASCEND_TOOLKIT_HOME name it" in field("d")
    (root / "driver").mkdir()
    (root / "driver/version.info").write_text("Version=21.0.4\n")
    place = install(tmp_path / "opt/cann9/ascend-toolkit/latest", "9.0.0", script="")
    start = home / ".bashrc"
    if by == "export":
        start.write_text('x=1\nexport ASCEND_HOME_PATH="{0}"\n'.format(place))
    elif by == "script":
        start.write_text("[ -t 0 ] && . {0}/set_env.sh\n".format(place))
    elif by == "group":
        start.write_text("# source /gone/set_env.sh\nsource {0}/set_env.sh\n".format(place.parent))
    else:
        monkeypatch.setenv(by, str(place))
    assert brief(found(home)) == [(str(place), "9.0.0")]
    settings = cann.settings(found(home)["there"][0], "x86_64")
    assert settings["set"]["ASCEND_HOME_PATH"] == str(place)


def test_scripts_of_parts_are_no_cann(root, home):
    """The start files of the vendor's images source these besides."""
    place = install(root / "cann-9.1.0", "9.1.0", script="")
    for part, record in (
        ("nnal/atb", "latest/version.info"),
        ("cann-9.1.0/share/info/ascendnpu-ir/bin", "version.info"),
    ):
        (root / part / record).parent.mkdir(parents=True)
        (root / part / record).write_text("Version=9.1.0\n")
        (root / part / "set_env.sh").write_text("")
        with (home / ".bashrc").open("a") as start:
            start.write("source {0}/set_env.sh --cxx_abi=1\n".format(root / part))
    told = found(home)
    assert brief(told) == [(str(place), "9.1.0")] and told["aside"] == []
    assert cann.named_homes(str(home)) == []


def test_where_its_record_and_the_home_say(root, home, tmp_path):
    (home / "Ascend").mkdir()
    (home / "Ascend/ascend_cann_install.info").write_text("Install_Path={0}\n".format(tmp_path / "else"))
    assert cann.roots(str(home)) == [str(tmp_path / "else"), str(root), str(home / "Ascend")]
    install(tmp_path / "else/nnae/7.0.0", "7.0.0", "nnae")
    install(home / "Ascend/cann-8.5.0", "8.5.0")
    assert brief(found(home)) == [
        (str(home / "Ascend/cann-8.5.0"), "8.5.0"),
        (str(tmp_path / "else/nnae/7.0.0"), "7.0.0"),
    ]


def test_of_a_folders_releases_the_one_in_use_counts(root, home):
    install(root / "ascend-toolkit/8.0.RC2", "8.0.RC2")
    install(root / "ascend-toolkit/8.0.RC3", "8.0.RC3")
    link, newer = root / "ascend-toolkit/latest", (str(root / "ascend-toolkit/8.0.RC3"), "8.0.RC3")
    assert brief(found(home))[0] == newer
    link.symlink_to("8.0.RC2")
    assert brief(found(home)) == [(str(link), "8.0.RC2"), newer]
    install(root / "cann-8.5.0", "8.5.0")
    assert brief(found(home))[0] == (str(root / "cann-8.5.0"), "8.5.0")


def test_a_home_that_the_folder_above_it_does_not_say(root, home):
    install(root / "ascend-toolkit/latest", "5.0.4", "nnae", arch="arm64")
    (one,) = found(home)["there"]
    assert (one["kind"], one["version"]) == ("nnae", "5.0.4")


# What set_env.sh of 8.5 and 9.x comes down to: it finds itself, through links, and appends and prepends.
NEWER_SCRIPT = """
home=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
export PATH=$PATH:/sbin
export PATH=$home/bin:$home/tools/profiler/bin:$PATH
export LD_LIBRARY_PATH=$home/lib64:/usr/local/Ascend/driver/lib64
export LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$home/devlib
export PYTHONPATH=$home/python/site-packages:$PYTHONPATH
export ASCEND_HOME_PATH=$home ASCEND_TOOLKIT_HOME=$home ASCEND_OPP_PATH=$home/opp
export CMAKE_PREFIX_PATH=$home/lib64/cmake
"""


@pytest.mark.parametrize("release", ["8.5.0", "9.0.0-beta.1", "9.1.0"])
@pytest.mark.parametrize("older", [False, True], ids=["alone", "beside an older one"])
def test_the_script_of_the_new_layout(root, home, release, older):
    place = install(root / "cann-{0}".format(release), release, script=NEWER_SCRIPT)
    (root / "cann").symlink_to(place.name)
    (root / "ascend-toolkit").mkdir()
    (root / "ascend-toolkit/latest").symlink_to("../cann")
    (root / "ascend-toolkit/set_env.sh").write_text("export ASCEND_HOME_PATH=/wrong\n")
    if older:
        install(root / "ascend-toolkit/8.0.RC3", "8.0.RC3")
    told = found(home)["there"]
    assert brief(found(home)) == [(str(root / "cann"), release)] + (
        [(str(root / "ascend-toolkit/8.0.RC3"), "8.0.RC3")] if older else []
    )
    assert (told[0]["set_env"], told[0]["root"]) == (str(root / "cann/set_env.sh"), str(root))
    at = str(place)
    assert cann.settings(told[0], "aarch64") == {
        "prepend": {
            "LD_LIBRARY_PATH": [at + "/lib64", "/usr/local/Ascend/driver/lib64", at + "/devlib"],
            "PYTHONPATH": [at + "/python/site-packages"],
            "PATH": [at + "/bin", at + "/tools/profiler/bin"],
            "CMAKE_PREFIX_PATH": [at + "/lib64/cmake"],
        },
        "set": {"ASCEND_HOME_PATH": at, "ASCEND_TOOLKIT_HOME": at, "ASCEND_OPP_PATH": at + "/opp"},
    }
    # Named by either script, it is the same one.
    for script in ("cann/set_env.sh", "ascend-toolkit/set_env.sh"):
        assert found(home, str(root / script))["there"][0]["version"] == release


# --- which one is named -----------------------------------------------------------------------------------------------


def test_the_one_that_is_named_counts(root, home, tmp_path):
    install(root / "ascend-toolkit/8.0.RC3", "8.0.RC3")
    older = install(root / "ascend-toolkit/8.0.RC1", "8.0.RC1.T5.0.B010")
    other = install(tmp_path / "opt/cann9/ascend-toolkit/latest", "9.0.0")
    for named in ("8.0.RC1", "8.0.rc1", "8.0.RC1.T5.0.B010", str(older), str(older) + "/"):
        assert brief(found(home, named))[0] == (str(older), "8.0.RC1.T5.0.B010"), named
    for named in (other, other.parent, other.parents[1]):
        assert brief(found(home, str(named))) == [(str(other), "9.0.0")]
    (home / "mine").symlink_to(older)
    assert brief(found(home, "~/mine")) == [(str(home / "mine"), "8.0.RC1.T5.0.B010")]
    exact = install(root / "nnae/8.0.RC1", "8.0.RC1", "nnae")
    assert brief(found(home, "8.0.RC1"))[0] == (str(exact), "8.0.RC1")


def test_one_that_is_named_and_not_there(root, home):
    place = install(root / "ascend-toolkit/8.0.RC3", "8.0.RC3")
    told = found(home, "8.0.RC1")
    assert (told["there"], told["aside"]) == ([], [{"path": str(place), "problem": "is CANN 8.0.RC3"}])
    assert found(home, "/nowhere")["there"] == []
    (home / "empty").mkdir()
    assert "is incomplete: it has neither" in found(home, str(home / "empty"))["aside"][0]["problem"]


# --- half there -------------------------------------------------------------------------------------------------------


def test_what_an_uninstalled_cann_leaves(root, home):
    (root / "ascend-toolkit/8.0.RC2/opp/vendors").mkdir(parents=True)
    told = found(home)
    assert told["there"] == [] and [each["path"] for each in told["aside"]] == [str(root / "ascend-toolkit/8.0.RC2")]
    assert "neither a version record, nor set_env.sh, nor libascendcl.so" in told["aside"][0]["problem"]


def test_halves_come_last_and_say_what_they_lack(root, home):
    install(root / "ascend-toolkit/8.0.0", None)
    install(root / "ascend-toolkit/8.0.RC3", "8.0.RC3", library=False)
    install(root / "ascend-toolkit/7.0.0", "7.0.0")
    told = found(home)["there"]
    assert [(one["version"], one["half"]) for one in told] == [
        ("7.0.0", ""),
        ("8.0.0", "it lacks a version record"),
        ("8.0.RC3", "it lacks set_env.sh and libascendcl.so"),
    ]


def test_a_cann_that_tells_nothing(root, home):
    install(root / "nnrt/latest", None)
    (one,) = found(home)["there"]
    assert one["version"] is None and one["half"] == "it lacks a version record"


@pytest.mark.parametrize("record", ["opp/version.info", "share/info/runtime/version.info", "version.info"])
def test_records_of_its_parts(root, home, record):
    path = root / "cann-x"
    install(path, None)
    (path / record).parent.mkdir(parents=True, exist_ok=True)
    (path / record).write_text("Version=8.5.0.2.220\nversion_dir=8.5.0\n")
    (root / "cann").symlink_to(path)
    assert brief(found(home)) == [(str(root / "cann"), "8.5.0")]


# --- closed -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def entered(monkeypatch):
    """As root and home, in a folder that every account may enter."""
    with open_folder() as made:
        (made / "Ascend").mkdir()
        (made / "home").mkdir()
        monkeypatch.setattr(cann, "_RECORD_FILES", ())
        monkeypatch.setattr(cann, "_START_FILES", ())
        monkeypatch.setattr(cann.npus, "ASCEND_ROOT", str(made / "Ascend"))
        yield made


@pytest.mark.parametrize("place", ["ascend-toolkit", "ascend-toolkit/latest", "."])
def test_a_cann_that_may_not_be_entered_is_not_absent(entered, place):
    root = entered / "Ascend"
    toolkit(root)
    (root / place).chmod(0)
    told = as_plain(lambda: found(entered / "home"))
    assert told["there"] == told["aside"] == []
    (shut,) = told["closed"]
    assert (shut["path"], shut["folder"]) == (os.path.normpath(str(root / place)), True)
    assert access.describe(shut, NAME).startswith("{0} exists, but {1} may not enter it (".format(shut["path"], NAME))


def test_the_fields_closed_folder(entered):
    if not FIELD.is_dir():
        pytest.skip("the field's inputs are not beside this checkout")
    path, owner, mode = re.match(r"(\S+) (\S+) (0\d+) ", (FIELD / "unreadable.txt").read_text()).groups()
    place = entered / "Ascend" / os.path.relpath(path, "/usr/local/Ascend")
    toolkit(entered / "Ascend")
    place.chmod(int(mode, 8))
    if os.geteuid() != 0:
        pytest.skip("{0} is nobody else's here".format(owner))
    (shut,) = as_plain(lambda: found(entered / "home"))["closed"]
    assert (shut["path"], shut["mode"], shut["by_group"]) == (str(place), mode, False)
    os.chown(place, 0, 12345)
    (shut,) = as_plain(lambda: found(entered / "home"))["closed"]
    assert (shut["group"], shut["by_group"]) == ("12345", True)


def test_a_record_that_may_not_be_read_leaves_the_release_to_the_folders_name(entered):
    place = install(entered / "Ascend/ascend-toolkit/8.0.RC3", "8.0.RC3.T1")
    (place / "x86_64-linux").chmod(0)
    (one,) = as_plain(lambda: found(entered / "home"))["there"]
    assert (one["path"], one["version"], one["half"]) == (str(place), "8.0.RC3", "")
    assert [shut["path"] for shut in one["closed"]] == [str(place / "x86_64-linux")]


def test_a_closed_one_beside_one_that_is_open(entered):
    root = entered / "Ascend"
    toolkit(root)
    install(root / "cann-8.5.0", "8.5.0")
    (root / "ascend-toolkit").chmod(0)
    told = as_plain(lambda: found(entered / "home"))
    assert brief(told) == [(str(root / "cann-8.5.0"), "8.5.0")]
    assert [shut["path"] for shut in told["closed"]] == [str(root / "ascend-toolkit")]


# --- its environment --------------------------------------------------------------------------------------------------


def test_the_environment_of_its_own_script(root, home, monkeypatch):
    latest = toolkit(
        root,
        set_env=(
            "echo noise\nexport LD_LIBRARY_PATH={0}/lib64:$LD_LIBRARY_PATH\nexport PATH={0}/bin:$PATH\n"
            "export ASCEND_HOME_PATH={0}\n"
        ).format(root / "ascend-toolkit/latest"),
    )
    monkeypatch.setenv("LD_LIBRARY_PATH", "/mine")
    (one,) = found(home)["there"]
    assert one["distrusted"] == ""
    assert cann.settings(one, "x86_64") == {
        "prepend": {"LD_LIBRARY_PATH": [str(latest / "lib64")], "PATH": [str(latest / "bin")]},
        "set": {"ASCEND_HOME_PATH": str(latest)},
    }


def test_what_the_shell_complains_of_is_no_environment(root, home, monkeypatch, tmp_path):
    toolkit(root, set_env="export ASCEND_OPP_PATH=/opp\n")
    bash = tmp_path / "bin/bash"
    bash.parent.mkdir()
    bash.write_text("#!/bin/sh\nprintf 'bash: warning: X=1\\0ASCEND_HOME_PATH=/wrong\\0' >&2; exec /bin/bash \"$@\"\n")
    bash.chmod(0o755)
    monkeypatch.setenv("PATH", str(bash.parent) + ":" + os.environ["PATH"])
    monkeypatch.setattr(places, "SYSTEM_PATH", str(bash.parent) + ":" + places.SYSTEM_PATH)
    assert cann.settings(found(home)["there"][0], "x86_64")["set"] == {"ASCEND_OPP_PATH": "/opp"}


@pytest.mark.parametrize("set_env", [None, "exit 1\n", "sleep 300\n", "", "export ASCEND_HOME_PATH=/other/cann\n"])
def test_the_usual_environment_when_its_script_is_of_no_use(root, home, monkeypatch, set_env):
    latest = toolkit(root, set_env=set_env)
    (root / "driver/lib64").mkdir(parents=True)
    monkeypatch.setattr(cann, "ask", lambda argv, env, real=cann.ask: real(argv, env, 0.5))
    settings = cann.settings(found(home)["there"][0], "x86_64")
    assert settings["prepend"]["LD_LIBRARY_PATH"] == [str(root / "driver/lib64"), str(latest / "lib64")]
    assert settings["set"]["ASCEND_HOME_PATH"] == str(latest)


@pytest.mark.parametrize("opened", ["ascend-toolkit/set_env.sh", "ascend-toolkit", "ascend-toolkit/latest", "."])
def test_a_script_that_others_can_write_to_is_not_run(root, home, opened):
    latest = toolkit(root, set_env="touch {0}/was-run\nexport ASCEND_OPP_PATH=/x\n".format(home))
    (root / opened).chmod(0o777)
    (one,) = found(home)["there"]
    assert one["distrusted"] == "anybody may write to {0} (mode 0777)".format(os.path.normpath(str(root / opened)))
    assert cann.settings(one, "x86_64")["set"]["ASCEND_HOME_PATH"] == str(latest)
    assert not (home / "was-run").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_script_of_another_account_is_run_by_that_account_alone(entered):
    root = entered / "Ascend"
    toolkit(root, set_env="export ASCEND_OPP_PATH=/x\n")
    user = trust.pwd.getpwnam("nobody")
    for folder, _names, files in list(os.walk(root)):
        for path in [folder] + [os.path.join(folder, name) for name in files]:
            os.chown(path, user.pw_uid, user.pw_gid)
    (one,) = found(entered / "home")["there"]
    assert one["distrusted"] == "{0} belongs to nobody".format(root)
    assert "ASCEND_HOME_PATH" in cann.settings(one, "x86_64")["set"]
    (own,) = as_plain(lambda: found(entered / "home"))["there"]
    assert own["distrusted"] == "" and as_plain(lambda: cann.settings(own, "x86_64"))["set"] == {
        "ASCEND_OPP_PATH": "/x"
    }


def test_what_its_script_sources_counts_too(root, home):
    latest = toolkit(root)
    part = latest / "compiler/bin/setenv.bash"
    part.parent.mkdir(parents=True)
    part.write_text("")
    part.chmod(0o666)
    assert found(home)["there"][0]["distrusted"].startswith("anybody may write to {0} ".format(part))


def test_releases_of_the_folders_names_are_releases():
    assert cann._name_of_release("/x/8.0.RC1.T5") == "8.0.RC1.T5"
    assert cann._name_of_release("/x/cann-9.0.0-beta.1") == "9.0.0-beta.1"
    assert cann._name_of_release("/x/latest") is None and cann._name_of_release("/x/cann") is None
    assert ascend_files.release_key("8.0.RC1.T5") == ascend_files.release_key("8.0.RC1")


@pytest.mark.parametrize(
    "older, newer",
    [
        ("8.0.0.alpha001", "8.0.0.alpha002"),
        ("8.0.0.alpha002", "8.0.0"),
        ("9.0.0-beta.1", "9.0.0"),
        ("9.0.0.alpha3", "9.0.0-beta.1"),
        ("8.0.RC2", "8.0.RC2.2"),
        ("8.0.RC9", "8.0.RC10"),
        ("8.0.T5", "8.0.T63"),
        ("7.0.0", "8.0.T5"),
        ("8.0.RC1.T5.0.B010", "8.0.RC1.T5.0.B011"),
    ],
)
def test_the_newest_counts(root, home, older, newer):
    for release in (older, newer):
        install(root / "ascend-toolkit" / release, release)
    assert [version for _path, version in brief(found(home))] == [newer, older]
    # By the number that they have in common both are meant, and the one that is called just that comes first.
    assert brief(found(home, older))[0][1] == older


def test_an_installation_is_named_by_its_script_too(root, home, tmp_path):
    place = install(tmp_path / "opt/cann-8.5.0", "8.5.0")
    (place / "set_env.sh").write_text("")
    assert brief(found(home, str(place / "set_env.sh"))) == [(str(place), "8.5.0")]
    toolkit(tmp_path / "opt/other")
    script = tmp_path / "opt/other/ascend-toolkit/set_env.sh"
    assert brief(found(home, str(script))) == [(str(script.parent / "latest"), "5.0.4")]
