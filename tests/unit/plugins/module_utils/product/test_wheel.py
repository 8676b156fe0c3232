# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wheels: names, the one that fits, damage, a manifest put in, and what is installed."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import zipfile

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.product import wheel
from hypothesis import given, settings
from hypothesis import strategies as st

MANIFEST = {"schema": 1, "name": "torch", "version": "1.8.1", "fingerprint": "f" * 64}
INFO = "torch-1.8.1+ascend.dist-info"
FILES = {
    "torch/__init__.py": b"__version__ = '1.8.1+ascend'\n",
    "torch/lib/libtorch.so": bytes(range(256)) * 40,
    INFO + "/METADATA": b"Metadata-Version: 2.1\nName: torch\nVersion: 1.8.1+ascend\nRequires-Dist: numpy\n"
    b"Requires-Dist: pyyaml (>=5)\n\nLong words.\nVersion: 9\n",
    INFO + "/WHEEL": b"Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: false\nTag: cp39-cp39-linux_x86_64\n",
}
NAME = "torch-1.8.1+ascend-cp39-cp39-linux_x86_64.whl"


def record(files, info=INFO):
    lines = [
        "{0},sha256={1},{2}".format(
            name, base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("="), len(data)
        )
        for name, data in files.items()
    ]
    return ("\n".join(lines + [info + "/RECORD,,", ""])).encode()


def make(folder, name=NAME, files=None, record_first=False, info=INFO, **changes):
    """Write a wheel; changes are members (by their last path element) that differ from what RECORD says."""
    files = dict(FILES if files is None else files)
    listed = [(info + "/RECORD", record(files, info))]
    members = listed + list(files.items()) if record_first else list(files.items()) + listed
    path = str(folder / name)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members:
            archive.writestr(
                zipfile.ZipInfo(member, (2022, 1, 2, 3, 4, 6)),
                changes.get(member.rpartition("/")[2].partition(".")[0], data),
                zipfile.ZIP_DEFLATED,
            )
    return path


@pytest.mark.parametrize(
    "name, parts",
    [
        (NAME, ("torch", "1.8.1+ascend", None, "cp39", "cp39", "linux_x86_64")),
        (
            "torch-1.5.0+ascend.post3-cp37-cp37m-linux_aarch64.whl",
            ("torch", "1.5.0+ascend.post3", None, "cp37", "cp37m", "linux_aarch64"),
        ),
        ("a_b-1-2x-py2.py3-none-any.whl", ("a_b", "1", "2x", "py2.py3", "none", "any")),
        (
            "/dist/x-1-cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
            ("x", "1", None, "cp39", "abi3", "manylinux_2_17_x86_64.manylinux2014_x86_64"),
        ),
    ],
)
def test_filename(name, parts):
    assert tuple(wheel.parse_filename(name).values()) == parts


@pytest.mark.parametrize(
    "name", ["", "torch.whl", "torch-1.8.1.tar.gz", "torch-1.8.1-cp39-cp39.whl", "a-1-b-py3-none-any.whl"]
)
def test_what_is_no_filename(name):
    with pytest.raises(wheel.WheelError, match="file name"):
        wheel.parse_filename(name)


@given(st.text())
def test_any_filename(name):
    for each in (name, name + "-1-py3-none-any.whl"):
        try:
            assert wheel.parse_filename(each)["version"]
        except wheel.WheelError:
            pass


@pytest.mark.parametrize(
    "there, wanted, found",
    [
        ([NAME], ("torch", "1.8.1", "cp39", "x86_64"), NAME),
        (
            [
                NAME,
                "torch-1.8.1+ascend-cp38-cp38-linux_x86_64.whl",
                "torch-1.8.1+ascend-cp39-cp39-linux_aarch64.whl",
                "torch-1.8.0-cp39-cp39-linux_x86_64.whl",
                "torchvision-1.8.1-cp39-cp39-linux_x86_64.whl",
                "notes.txt",
            ],
            ("Torch", "1.8.1", "cp39", "x86_64"),
            NAME,
        ),
        (
            ["torch-1.5.0+ascend.post4-cp37-cp37m-linux_aarch64.whl"],
            ("torch", "1.5.0", "cp37m", "aarch64"),
            "torch-1.5.0+ascend.post4-cp37-cp37m-linux_aarch64.whl",
        ),
        (
            ["torch-1.5.0_ascend.post4-cp37-cp37m-linux_aarch64.whl"],
            ("torch", "1.5.0+ascend.post4", "cp37", "aarch64"),
            "torch-1.5.0_ascend.post4-cp37-cp37m-linux_aarch64.whl",
        ),
        (
            ["torch_npu-2.1.0.post10-cp39-cp39-manylinux_2_17_aarch64.manylinux2014_aarch64.whl"],
            ("torch-npu", "2.1.0", "cp39", "aarch64"),
            "torch_npu-2.1.0.post10-cp39-cp39-manylinux_2_17_aarch64.manylinux2014_aarch64.whl",
        ),
        (["apex-0.1+ascend-py3-none-any.whl"], ("apex", "0.1", "cp38", "aarch64"), "apex-0.1+ascend-py3-none-any.whl"),
        (["torch-1.8.10-cp39-cp39-linux_x86_64.whl"], ("torch", "1.8.1", "cp39", "x86_64"), "no wheel"),
        (["torch-1.8.1a0+1977093-cp39-cp39-linux_x86_64.whl"], ("torch", "1.8.1", "cp39", "x86_64"), "no wheel"),
        (["torch-1x8.1-cp39-cp39-linux_x86_64.whl"], ("torch", "1.8.1", "cp39", "x86_64"), "no wheel"),
        (["torch-1.8.1-cp39-cp39-win_x86_64.whl"], ("torch", "1.8.1", "cp39", "x86_64"), "no wheel"),
        (["torch-1.8.1-cp39-cp39-any.whl"], ("torch", "1.8.1", "cp39", "x86_64"), "no wheel"),
        ([NAME, "torch-1.8.1-cp39-cp39-linux_x86_64.whl"], ("torch", "1.8.1", "cp39", "x86_64"), "more than one"),
        ([], ("torch", "1.8.1", "cp39", "x86_64"), "found: none"),
    ],
)
def test_find_wheel(there, wanted, found, tmp_path):
    for name in there:
        (tmp_path / name).write_bytes(b"")
    if found.endswith(".whl"):
        assert wheel.find_wheel(str(tmp_path), *wanted) == str(tmp_path / found)
        return
    with pytest.raises(wheel.WheelError, match=found) as caught:
        wheel.find_wheel(str(tmp_path), *wanted)
    assert all(name in str(caught.value) for name in there)


def test_find_wheel_without_a_folder(tmp_path):
    with pytest.raises(wheel.WheelError, match="no folder of wheels"):
        wheel.find_wheel(str(tmp_path / "dist"), "torch", "1.8.1", "cp39", "x86_64")


def test_read(tmp_path):
    said = wheel.read(make(tmp_path))
    assert (said["name"], said["version"], said["dist_info"]) == ("torch", "1.8.1+ascend", INFO)
    assert (said["python"], said["abi"], said["platform"], said["build"]) == ("cp39", "cp39", "linux_x86_64", None)
    assert said["requires"] == ["numpy", "pyyaml (>=5)"]
    assert said["metadata"]["metadata-version"] == "2.1"
    assert said["manifest"] is None


def test_check_of_a_whole_wheel(tmp_path):
    wheel.verify(make(tmp_path))
    wheel.verify(make(tmp_path, record_first=True))


@pytest.mark.parametrize(
    "change, word",
    [
        ({"libtorch": b"x" * 10240}, "libtorch.so"),
        ({"libtorch": b""}, "libtorch.so"),
        ({"RECORD": b""}, "not listed"),
        ({"RECORD": record(FILES).replace(b"sha256", b"md5")}, "no sha256"),
        ({"RECORD": record(dict(FILES, more=b""))}, "lacks more"),
        ({"RECORD": b"\xff\xfe"}, "damaged"),
    ],
)
def test_check_of_a_wheel_that_is_not_what_it_says(change, word, tmp_path):
    with pytest.raises(wheel.WheelError, match=word):
        wheel.verify(make(tmp_path, **change))


def test_check_sees_every_damaged_byte_of_a_member(tmp_path):
    path = make(tmp_path)
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo("torch/lib/libtorch.so").header_offset + 80
    with open(path, "r+b") as stream:
        stream.seek(at)
        byte = stream.read(1)
        stream.seek(at)
        stream.write(bytes([byte[0] ^ 0xFF]))
    with pytest.raises(wheel.WheelError, match="damaged"):
        wheel.verify(path)


@settings(max_examples=150)
@given(st.data())
def test_any_damage_is_a_wheel_error(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    path = make(folder)
    with open(path, "rb") as stream:
        content = bytearray(stream.read())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    for at, byte in data.draw(st.lists(st.tuples(st.integers(0, len(content)), st.integers(0, 255)), max_size=5)):
        content[at : at + 1] = bytes([byte])
    with open(path, "wb") as stream:
        stream.write(content)
    for act in (wheel.verify, wheel.read, lambda path: wheel.add_file(path, path + ".out", text="x")):
        try:
            act(path)
        except wheel.WheelError:
            pass
    assert not [name for name in os.listdir(str(folder)) if name.startswith(".embed")]


# --- the manifest -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("record_first", [False, True])
def test_embed(record_first, tmp_path):
    source = make(tmp_path, record_first=record_first)
    os.chmod(source, 0o640)
    (tmp_path / "out").mkdir()
    target = str(tmp_path / "out" / NAME)
    with open(source, "rb") as stream:
        before = stream.read()
    wheel.add_file(source, target, text=json.dumps(MANIFEST))
    with open(source, "rb") as stream:
        assert stream.read() == before
    assert os.stat(target).st_mode & 0o777 == 0o640
    wheel.verify(target)
    assert wheel.read(target)["manifest"] == MANIFEST
    with zipfile.ZipFile(target) as archive, zipfile.ZipFile(source) as former:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(set(names)) == len(names)
        assert sorted(names) == sorted(former.namelist() + [INFO + "/ascend-manifest.json"])
        assert names[-1] == INFO + "/RECORD"
        assert archive.read(INFO + "/RECORD").count(INFO.encode() + b"/RECORD") == 1
        # Nothing was compressed anew.
        for info in former.infolist():
            if not info.filename.endswith("RECORD"):
                assert archive.getinfo(info.filename).header_offset == info.header_offset
    assert os.listdir(str(tmp_path / "out")) == [NAME]


@pytest.mark.parametrize("record_first", [False, True])
def test_embed_again_replaces(record_first, tmp_path):
    path = make(tmp_path, record_first=record_first)
    longer = dict(MANIFEST, files=[hashlib.sha256(b"%d" % number).hexdigest() for number in range(99)])
    wheel.add_file(path, path, "ascend-manifest.json", json.dumps(longer))
    wheel.add_file(path, path, "ascend-manifest.json", json.dumps(MANIFEST))
    with open(path, "rb") as stream:
        once = stream.read()
    wheel.add_file(path, path, "ascend-manifest.json", json.dumps(MANIFEST))
    with open(path, "rb") as stream:
        assert stream.read() == once
    wheel.verify(path)
    assert wheel.read(path)["manifest"] == MANIFEST


def test_embed_drops_a_signature_that_is_no_longer_true(tmp_path):
    path = make(tmp_path, files=FILES)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(INFO + "/RECORD.jws", "{}")
    wheel.verify(path)
    wheel.add_file(path, path, text="{}")
    wheel.verify(path)
    with zipfile.ZipFile(path) as archive:
        assert INFO + "/RECORD.jws" not in archive.namelist()


def test_embed_that_cannot_be_done_leaves_nothing(tmp_path):
    (tmp_path / "no.whl").write_bytes(b"no zip")
    with pytest.raises(wheel.WheelError):
        wheel.add_file(str(tmp_path / "no.whl"), str(tmp_path / "out.whl"), text="x")
    with pytest.raises(OSError):
        wheel.add_file(str(tmp_path / "absent.whl"), str(tmp_path / "out.whl"), text="x")
    assert os.listdir(str(tmp_path)) == ["no.whl"]


def test_pip_takes_what_embed_made(tmp_path):
    info = "ascend_probe-1.0+ascend.dist-info"
    files = {
        "ascend_probe.py": b"x = 1\n",
        info + "/METADATA": b"Metadata-Version: 2.1\nName: ascend-probe\nVersion: 1.0+ascend\n",
        info + "/WHEEL": b"Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    path = make(tmp_path, "ascend_probe-1.0+ascend-py3-none-any.whl", files, info=info)
    wheel.add_file(path, path, text=json.dumps(MANIFEST))
    site = str(tmp_path / "site")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "--quiet",
            "--no-index",
            "--no-deps",
            "--target",
            site,
            path,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    found = wheel.installed(["/nonexistent", site], "Ascend.Probe")
    assert found == {
        "version": "1.0+ascend",
        "dist_info": os.path.join(site, info),
        "site": site,
        "manifest": MANIFEST,
        "missing": [],
        "installer": "pip",
    }
    with open(os.path.join(site, "ascend_probe.py"), "a") as stream:
        stream.write("y = 2\n")
    os.unlink(os.path.join(site, info, "WHEEL"))
    assert sorted(wheel.installed([site], "ascend_probe")["missing"]) == [info + "/WHEEL", "ascend_probe.py"]


# --- installed --------------------------------------------------------------------------------------------------------


def lay(site, files):
    for name, text in files.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_nothing_installed(tmp_path):
    lay(
        tmp_path,
        {
            "torchvision-0.6.0.dist-info/METADATA": "Name: torchvision\nVersion: 0.6.0\n",
            "torch/__init__.py": "",
            "~orch-1.8.1.dist-info/METADATA": "Name: torch\nVersion: 1.8.1\n",
        },
    )
    assert wheel.installed([str(tmp_path), str(tmp_path / "absent"), ""], "torch") is None


def test_broken_dist_info(tmp_path):
    lay(tmp_path, {"torch-1.8.1+ascend.dist-info/ascend-manifest.json": "{not json"})
    found = wheel.installed([str(tmp_path)], "torch")
    assert (found["version"], found["manifest"], found["installer"]) == ("1.8.1+ascend", None, None)
    assert found["missing"] == ["torch-1.8.1+ascend.dist-info/RECORD"]


def test_a_whole_dist_info_goes_before_leftovers_and_the_first_folder_before_the_second(tmp_path):
    first, second = tmp_path / "1", tmp_path / "2"
    lay(
        first,
        {
            "torch-1.5.0.dist-info/METADATA": "Name: torch\nVersion: 1.5.0\n",
            "torch-1.8.1.dist-info/INSTALLER": "pip\n",
            "torch-1.9.0.egg-info": "Name: torch\nVersion: 1.9.0\n",
        },
    )
    lay(second, {"torch-2.0.dist-info/METADATA": "Name: torch\nVersion: 2.0\n"})
    found = wheel.installed([str(first), str(second)], "torch")
    assert (found["version"], found["site"]) == ("1.5.0", str(first))


@pytest.mark.parametrize(
    "files, version",
    [
        ({"torch-1.8.1.egg-info": "Metadata-Version: 1.1\nName: torch\nVersion: 1.8.1+own\n"}, "1.8.1+own"),
        ({"torch-1.8.1-py3.9.egg-info/PKG-INFO": "Name: torch\n"}, "1.8.1"),
        ({"torch.egg-info/PKG-INFO": "Name: torch\nVersion: 1.8.0a0\n"}, "1.8.0a0"),
        ({"torch.egg-info/PKG-INFO": ""}, None),
    ],
)
def test_egg_info(files, version, tmp_path):
    lay(tmp_path, files)
    found = wheel.installed([str(tmp_path)], "torch")
    assert (found["version"], found["manifest"], found["missing"], found["installer"]) == (version, None, [], None)


def test_record_names_outside_the_site_and_compiled_files(tmp_path):
    site = tmp_path / "lib" / "site-packages"
    lay(tmp_path, {"bin/convert": "12345"})
    lay(
        site,
        {
            "torch-1.dist-info/RECORD": "../../bin/convert,sha256=x,5\n../../bin/gone,,\ntorch/__pycache__/a.pyc,,\n"
            '"torch/a, b.py",sha256=x,0\n/dev/null,,\n',
            "torch/a, b.py": "",
        },
    )
    assert wheel.installed([str(site)], "torch")["missing"] == ["../../bin/gone"]


@settings(max_examples=60)
@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_any_dist_info_is_told_without_an_error(tmp_path_factory, metadata, listed):
    site = tmp_path_factory.mktemp("site")
    lay(
        site,
        {
            "torch-1.dist-info/METADATA": metadata,
            "torch-1.dist-info/RECORD": listed,
            "torch-1.dist-info/ascend-manifest.json": metadata,
        },
    )
    found = wheel.installed([str(site)], "torch")
    assert found["version"] and isinstance(found["missing"], list)


# --- damage -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def whole(tmp_path):
    """The dist-info of a whole torch."""
    files = {name: data for name, data in FILES.items() if not name.endswith("WHEEL")}
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    (tmp_path / INFO / "RECORD").write_bytes(record(files))
    return str(tmp_path / INFO)


def remove(path):
    path.unlink()


def grow(path):
    path.write_bytes(path.read_bytes() + b"x")


def change(path):
    path.write_bytes(path.read_bytes()[::-1])


def replace(path):
    path.unlink()
    path.mkdir()


def block(path):
    path.unlink()
    os.mkfifo(str(path))


@pytest.mark.parametrize(
    "spoil, quick, full",
    [
        (None, [], []),
        (remove, ["missing"], ["missing"]),
        (grow, ["size differs"], ["size differs"]),
        (change, [], ["content differs"]),
        (replace, ["size differs"], ["size differs"]),
        (block, ["size differs"], ["size differs"]),
    ],
)
def test_damage_of_what_is_installed(whole, tmp_path, spoil, quick, full):
    if spoil:
        spoil(tmp_path / "torch/lib/libtorch.so")
    assert wheel.damage(whole) == ["torch/lib/libtorch.so: " + word for word in quick]
    assert wheel.damage(whole, full=True) == ["torch/lib/libtorch.so: " + word for word in full]


def test_a_record_without_sizes_and_with_other_digests(whole, tmp_path):
    digest = base64.urlsafe_b64encode(hashlib.sha512(b"abc").digest()).decode()
    (tmp_path / INFO / "RECORD").write_text("a,sha512={0},\nb,md5=x,\nc,,\n".format(digest))
    for name in "abc":
        (tmp_path / name).write_bytes(b"abc")
    assert wheel.damage(whole, full=True) == []
    (tmp_path / "a").write_bytes(b"abd")
    (tmp_path / "b").unlink()
    os.mkfifo(str(tmp_path / "b"))
    assert wheel.damage(whole, full=True) == ["a: content differs"]


def test_what_is_below_a_file_is_missing(whole, tmp_path):
    (tmp_path / INFO / "RECORD").write_text("a/b,,\n")
    (tmp_path / "a").write_bytes(b"")
    assert wheel.damage(whole) == ["a/b: missing"]


def test_a_dist_info_without_a_record(whole, tmp_path):
    (tmp_path / INFO / "RECORD").unlink()
    assert wheel.read_record(whole) == [] and wheel.damage(whole, full=True) == [INFO + "/RECORD: missing"]


@pytest.mark.parametrize("member", ["METADATA", "RECORD", wheel.manifests.WHEEL_NAME])
def test_what_a_wheel_says_of_itself_is_not_read_without_end(tmp_path, monkeypatch, member):
    monkeypatch.setattr(wheel, "TEXT_BYTES", 1000)
    files = dict(FILES, **{INFO + "/" + wheel.manifests.WHEEL_NAME: b"{}"})
    path = make(tmp_path, files=files, **{member.partition(".")[0]: b" " * 1001})
    words = "holds more than the 1000 bytes of .*/" + member
    functions = [wheel.read]
    if member == "RECORD":
        functions = [wheel.recorded_size, wheel.verify, lambda one: wheel.add_file(one, one)]
    for function in functions:
        with pytest.raises(wheel.WheelError, match=words):
            function(path)


def test_a_wheel_of_too_many_files_is_refused(tmp_path, monkeypatch):
    path = make(tmp_path)
    before = open(path, "rb").read()
    monkeypatch.setattr(wheel, "MOST_ENTRIES", len(FILES))
    functions = (wheel.read, wheel.recorded_size, wheel.verify, lambda one: wheel.add_file(one, one))
    for function in functions:
        with pytest.raises(wheel.WheelError, match="holds more than the {0} entries".format(len(FILES))):
            function(path)
    assert open(path, "rb").read() == before
    monkeypatch.setattr(wheel, "MOST_ENTRIES", len(FILES) + 1)
    for function in functions:
        function(path)
