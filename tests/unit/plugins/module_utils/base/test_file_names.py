# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of files that are not ASCII, for Pythons whose locale does not know them: all hosts tell the same of the same files."""

import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile

import cores
import pytest
from checkout import ROOT

# Latin, Chinese, and bytes that are no UTF-8 at all.
NAMES = ("stra\u00dfe", "\u6607\u817e", os.fsdecode(b"old-\xe9"))
SCRIPT = """
import json, os, shutil, sys
from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint, manifest, wheel
from ansible_collections.ascend.pytorch.plugins.module_utils.publish import installing, publishing
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import packing, unpacking

folder, told = sys.argv[1], {}
for kind in ("pax", "gnu", "zip"):
    tree = folder + "/" + kind
    unpacking.unpack(folder + "/archive." + kind, tree)
    told[kind] = sorted(name.decode("latin-1") for name in os.listdir(os.fsencode(tree)))
    told[kind + " names"] = sorted(durable.list_files(tree))
    its_manifest = {"files": manifest.scan(tree)}
    told[kind + " scan"] = sorted(its_manifest["files"])
    manifest.write(tree, dict(its_manifest, schema=1, name="a", version="1", fingerprint="0" * 64))
    packing.pack(tree, folder + "/packed")
    told[kind + " packed"] = fingerprint.file_digest(folder + "/packed")
    its_manifest = manifest.read(tree)
    told[kind + " damage"] = manifest.damage(tree, its_manifest, full=True) + publishing.find_foreign_files(tree, its_manifest)
    back = tree + "-again"
    shutil.copytree(tree, back, symlinks=True)
    victim = sorted(name for name in its_manifest["files"] if "link" not in its_manifest["files"][name])[0]
    for file in os.listdir(os.fsencode(tree)):
        if file == victim.encode("utf-8", "surrogateescape"):
            os.unlink(os.path.join(os.fsencode(tree), file))
    told[kind + " lacks"] = manifest.damage(tree, its_manifest)
    publishing._repair_tree(tree, back, its_manifest)
    told[kind + " mended"] = manifest.damage(tree, its_manifest, full=True)
    publishing._delete_tree(tree, sorted(its_manifest["files"])[:1])
    told[kind + " stays"] = len(os.listdir(tree))
site = folder + "/site"
told["wheel"] = wheel.damage(site + "/thing-1.0.dist-info", full=True)
listed = [row[0] for row in wheel.read_record(site + "/thing-1.0.dist-info")]
told["beside it"] = installing._find_unlisted(site, [site + "/thing"], listed)
print(json.dumps(told, sort_keys=True))
"""


def pythons():
    """Python 3.6 to 3.8 as far as this machine has them, and the one that runs this."""
    found = {f"3.{minor}": cores.interpreters(minor)[:1] for minor in (6, 7, 8)}
    return [
        *(pytest.param(each[0], id=line) for line, each in found.items() if each),
        pytest.param(sys.executable, id="ours"),
    ]


def tar(path, form):
    """A tar with a folder of files and a link among them, in one of tar's formats."""
    members = [(f"top/{name}", b"text", "") for name in NAMES] + [("top/link", b"", NAMES[0])]
    with tarfile.open(path, "w", format=form, encoding="utf-8", errors="surrogateescape") as out:
        for name, content, link in members:
            info = tarfile.TarInfo(name)
            info.size, info.linkname, info.mtime = len(content), link, 10**9
            info.type = tarfile.SYMTYPE if link else tarfile.REGTYPE
            out.addfile(info, io.BytesIO(content))


def site_packages(folder):
    """An installed wheel, and a file beside what it has."""
    info = folder / "thing-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "thing").mkdir()
    rows = []
    for name in NAMES[:2]:
        (folder / "thing" / name).write_bytes(b"text")
        rows.append(f"thing/{name},sha256=mC2ePrmW9VnmM_TRlN7zdh2Qn1o7ZH0ahR_q1nwyydE,4\n")
    (folder / "thing" / "zus\u00e4tzlich").write_bytes(b"")
    (info / "RECORD").write_text("".join(rows), encoding="utf-8")


def tell(folder, python, locale):
    """What SCRIPT tells of the same files under a Python and a locale."""
    folder.mkdir()
    tar(folder / "archive.pax", tarfile.PAX_FORMAT)
    tar(folder / "archive.gnu", tarfile.GNU_FORMAT)
    with zipfile.ZipFile(folder / "archive.zip", "w") as out:
        for name in NAMES[:2]:
            out.writestr(zipfile.ZipInfo(f"top/{name}", (2020, 1, 1, 0, 0, 0)), b"text")
    site_packages(folder / "site")
    # Newer Pythons take UTF-8 in the C locale, unless they are told not to.
    env = {"PATH": os.environ["PATH"], "LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    env["PYTHONPATH"] = str(ROOT / "collections")
    argv = [str(python), "-c", SCRIPT, str(folder)]
    done = subprocess.run(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def wanted(tmp_path_factory):
    return tell(tmp_path_factory.mktemp("wanted") / "files", sys.executable, "C.UTF-8")


def test_names_are_as_the_archives_have_them(wanted):
    there = sorted([*(os.fsencode(name).decode("latin-1") for name in NAMES), "link"])
    assert wanted["pax"] == wanted["gnu"] == there
    assert wanted["pax names"] == wanted["pax scan"] == sorted([*NAMES, "link"])
    assert wanted["zip scan"] == sorted(NAMES[:2])
    assert [wanted[f"{kind} {what}"] for kind in ("pax", "gnu", "zip") for what in ("damage", "mended")] == [[]] * 6
    assert wanted["pax lacks"] == [f"{sorted(NAMES)[0]}: missing"] and wanted["pax stays"] == 1
    assert (wanted["wheel"], wanted["beside it"]) == ([], ["thing/zus\u00e4tzlich"])


@pytest.mark.parametrize("python", pythons())
def test_a_locale_without_such_names_tells_the_same(wanted, tmp_path, python):
    told = tell(tmp_path / "files", python, "C")
    # Only one and the same zlib packs equal trees to equal bytes.
    same = {key: value for key, value in told.items() if not key.endswith("packed") or str(python) == sys.executable}
    assert same == {key: wanted[key] for key in same}
