# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wheels for other machines: the real pip, with a folder for an index."""

import io
import socket
import tarfile
import zipfile

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.product import wheel
from ansible_collections.ascend.pytorch.plugins.plugin_utils.wheelhouse import (
    Target,
    Wheelhouse,
    WheelhouseError,
    abi_tags,
    applicable,
    platform_tags,
    unmet_requirements,
)
from wheels import make_wheel

ARM37 = Target("3.7", "aarch64", "2.17")
X39 = Target("3.9", "x86_64", "2.17")


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that is all the index there is."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name, value in (("FIND_LINKS", str(folder)), ("NO_INDEX", "1"), ("CONFIG_FILE", "/dev/null")):
        monkeypatch.setenv("PIP_" + name, value)
    return folder


@pytest.fixture
def collect(tmp_path):
    """collect(target, *lines): (names of the wheels, what is lacking)."""

    def run(target, *lines):
        house = Wheelhouse(tmp_path / "scratch", tmp_path / "held", run.log.append)
        files, lacking = house.collect(list(lines), target)
        return [path.name for path in files], lacking

    run.log = []
    return run


def make_source(folder, name, tag="py3-none-any"):
    """A source archive whose own backend makes a wheel with a tag; needs nothing but Python."""
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    backend = f"""
import zipfile
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    file = "{name}-1.0-{tag}.whl"
    with zipfile.ZipFile(wheel_directory + "/" + file, "w") as out:
        out.writestr("{name}-1.0.dist-info/METADATA", {metadata!r})
        out.writestr("{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: {tag}\\n")
        out.writestr("{name}-1.0.dist-info/RECORD", "")
    return file
"""
    project = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    with tarfile.open(folder / f"{name}-1.0.tar.gz", "w:gz") as tar:
        for path, text in (("PKG-INFO", metadata), ("backend.py", backend), ("pyproject.toml", project)):
            info = tarfile.TarInfo(f"{name}-1.0/{path}")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))


def test_tags_of_a_target():
    assert platform_tags(ARM37) == ["manylinux_2_17_aarch64", "manylinux2014_aarch64", "linux_aarch64"]
    assert platform_tags(X39._replace(libc="2.12"))[:2] == ["manylinux_2_12_x86_64", "manylinux2010_x86_64"]
    assert "manylinux1_x86_64" in platform_tags(X39) and "manylinux_2_28_x86_64" not in platform_tags(X39)
    assert [abi_tags(python)[0] for python in ("3.7", "3.8", "3.10")] == ["cp37m", "cp38", "cp310"]


def test_modules_where_the_run_was_started_are_not_run(index, collect, tmp_path, monkeypatch):
    """`python -m pip` would run them; what pip's settings say of this folder holds nevertheless."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pip.py").write_text("raise SystemExit('the pip of a stranger')")
    monkeypatch.setenv("PIP_FIND_LINKS", "index")
    make_wheel(index, "plain", "1.0")
    assert collect(X39, "plain") == (["plain-1.0-py3-none-any.whl"], [])


def test_markers_are_the_targets():
    lines = ["a; python_version < '3.8'", "b; platform_machine == 'x86_64'", "c[x]>=1", "d; sys_platform == 'win32'"]
    assert applicable(lines, ARM37) == ["a", "c[x]>=1"]
    assert applicable(lines, X39) == ["b", "c[x]>=1"]


def test_the_wheel_for_the_platform_is_chosen(index, collect):
    for tag in ("cp37-cp37m-manylinux2014_aarch64", "cp37-cp37m-manylinux2014_x86_64", "cp39-cp39-manylinux1_x86_64"):
        make_wheel(index, "one", tag=tag)
    make_wheel(index, "one", version="2.0", tag="cp39-cp39-manylinux_2_28_x86_64")
    assert collect(ARM37, "one") == (["one-1.0-cp37-cp37m-manylinux2014_aarch64.whl"], [])
    assert collect(X39, "one") == (["one-1.0-cp39-cp39-manylinux1_x86_64.whl"], []), (
        "the newer one asks for a newer libc"
    )


def test_what_only_the_target_requires_comes_too(index, collect):
    """The Python that runs pip is newer than these markers ask for."""
    make_wheel(index, "top", requires=["middle; python_version < '3.8'", "none; extra == 'x'"])
    make_wheel(index, "middle", requires=["leaf[more]>=1; platform_machine == 'aarch64'"])
    make_wheel(index, "leaf", requires=["extra1; extra == 'more' and python_version < '3.8'"])
    make_wheel(index, "extra1")
    assert collect(ARM37, "top")[0] == [f"{name}-1.0-py3-none-any.whl" for name in ("extra1", "leaf", "middle", "top")]
    assert collect(X39, "top")[0] == ["top-1.0-py3-none-any.whl"]


def test_what_an_index_gives_is_read_with_care(tmp_path):
    """pip looks at it as well, but not at how much it is."""
    path = make_wheel(tmp_path, "one", requires=["two"])
    assert unmet_requirements([path], ["one"], X39) == ["two"]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("one-1.0.dist-info/METADATA", bytes(wheel.TEXT_BYTES + 1))
    with pytest.raises(WheelhouseError, match="not a wheel: .* holds more than the .*: .*the index that serves it"):
        unmet_requirements([path], ["one"], X39)


def test_a_pure_source_becomes_a_wheel(index, collect):
    make_source(index, "pure")
    make_wheel(index, "top", requires=["pure"])
    assert collect(ARM37, "top") == (["pure-1.0-py3-none-any.whl", "top-1.0-py3-none-any.whl"], [])


def test_what_has_no_wheel_is_told_and_the_rest_comes(index, collect):
    make_source(index, "compiled", tag="cp311-cp311-linux_x86_64")
    make_wheel(index, "top", requires=["nowhere>=2"])
    make_wheel(index, "good")
    names, lacking = collect(ARM37, "compiled", "good", "top", "absent==3")
    assert names == ["good-1.0-py3-none-any.whl"]
    told = {each["requirement"]: each for each in lacking}
    assert sorted(told) == ["absent==3", "compiled", "top"]
    assert "nowhere>=2" in told["top"]["why"] and "no wheel for this platform" in told["compiled"]["why"]
    assert all("pip wheel" in each["remedy"] for each in lacking)


def test_what_cannot_stand_together_is_told(index, collect):
    for version in ("1.0", "2.0"):
        make_wheel(index, "base", version=version)
    make_wheel(index, "old", requires=["base<2"])
    make_wheel(index, "new", requires=["base>=2"])
    names, lacking = collect(X39, "old", "new")
    assert names == [] and sorted(each["requirement"] for each in lacking) == ["new", "old"]
    assert "all together do not" in lacking[0]["why"]


def test_an_index_that_gives_no_answer_is_no_lack(index, collect, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{taken.getsockname()[1]}/simple")
        with pytest.raises(WheelhouseError, match="PIP_INDEX_URL"):
            collect(X39, "anything")


def test_what_is_collected_alone_brings_nothing_below_it(index, tmp_path):
    make_wheel(index, "plugin", requires=["torch==1.0+cpu"])
    make_wheel(index, "plain")
    house = Wheelhouse(tmp_path / "scratch", tmp_path / "held", lambda line: None)
    files, lacking = house.collect(["plain"], X39, [("plugin==1.0", [""]), ("absent==3", [""])])
    assert [path.name for path in files] == ["plain-1.0-py3-none-any.whl", "plugin-1.0-py3-none-any.whl"]
    assert [(each["requirement"], each["why"]) for each in lacking] == [
        ("absent==3", "there is no wheel for this platform")
    ]


def test_what_is_collected_alone_comes_from_its_indexes_in_turn_and_may_need_a_newer_libc(index, tmp_path, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    folders = []
    for number, name in enumerate(("empty", "own", "pip")):
        folder = tmp_path / name / "plugin"
        folder.mkdir(parents=True)
        wheel = f"plugin-1.0-{number}-cp39-cp39-manylinux_2_28_x86_64.whl"
        if number:
            make_wheel(folder, "plugin", tag="cp39-cp39-manylinux_2_28_x86_64")
            (folder / "plugin-1.0-cp39-cp39-manylinux_2_28_x86_64.whl").rename(folder / wheel)
        (folder / "index.html").write_text(f'<a href="{wheel}">{wheel}</a>' if number else "")
        folders.append(folder.parent.as_uri())
    monkeypatch.setenv("PIP_INDEX_URL", folders[2])
    for asked, number in ((folders[:2], 1), ([folders[0], ""], 2)):
        house = Wheelhouse(tmp_path / "scratch", tmp_path / "held", lambda line: None)
        files, lacking = house.collect([], X39, [("plugin==1.0", asked)])
        assert ([path.name.split("-")[2] for path in files], lacking) == ([str(number)], [])
