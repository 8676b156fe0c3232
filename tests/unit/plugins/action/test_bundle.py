# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook that makes bundles, as far as it goes without a network."""

import json

import playing
import pytest
from ansible_collections.ascend.pytorch.plugins.action import bundle as action
from ansible_collections.ascend.pytorch.plugins.module_utils.product.fingerprint import file_digest
from checkout import ROOT


@pytest.fixture
def play(tmp_path):
    """play(*options, **variables): (status, output) of the playbook, with the bundle in tmp_path / "bundle"."""

    def run(*options, **variables):
        variables = {"ascend_bundle_dest": str(tmp_path / "bundle"), **variables}
        told = playing.play(ROOT / "playbooks/bundle.yml", "-e", json.dumps(variables), *options, cwd=tmp_path)
        return told.returncode, told.stdout

    return run


def test_check_mode_names_what_each_release_needs(play, tmp_path):
    status, said = play("-C", ascend_bundle_releases=["1.5.0", "1.8.1"])
    assert status == 0, said
    for release, python in (("1.5.0", "3.7"), ("1.5.0", "3.8"), ("1.8.1", "3.9")):
        for arch in ("x86_64", "aarch64"):
            assert f"bundle {release}: would fetch wheels for Python {python} on {arch}\n" in said
    assert "bundle 1.5.0: would fetch wheels for Python 3.9" not in said
    for what in ("cmake-3.12.1.tar.gz", "gcc-7.3.0.tar.gz", "mpc-1.0.3.tar.gz", "pytorch/pytorch", "NVIDIA/apex"):
        assert f"bundle 1.8.1: would fetch {what}\n" in said
    assert not (tmp_path / "bundle").exists()


def test_releases_and_platforms_are_the_users(play):
    status, said = play(
        "-C", ascend_torch_version="1.8.1", ascend_bundle_platforms=[{"arch": "aarch64", "python": 3.9}]
    )
    assert status == 0, said
    assert "bundle 1.5.0" not in said and said.count("would fetch wheels") == 1
    # Whatever the hosts of this controller are to get.
    status, said = play("-C", torch_npu_build_version="1.8.1", ascend_bundle_releases=["1.5.0"])
    assert status == 0 and "bundle 1.5.0: would fetch" in said and "bundle 1.8.1" not in said, said
    # As it is called in the table, so that bundles of patched trees with one version differ.
    status, said = play("-C", ascend_bundle_releases=["v3.0.0-pytorch1.5.0"])
    assert status == 0 and "bundle 1.5.0.post8: would fetch" in said and "is taken as" not in said, said
    status, said = play("-C", ascend_bundle_releases=["2.5.1", "2.6.0"])
    assert status == 0 and "2.6.0 is taken as 2.6.0.post6." in " ".join(said.split()), said
    # What `auto` would be depends on hosts.
    for named in ({"ascend_bundle_releases": []}, {}, {"ascend_torch_version": "auto"}):
        status, said = play("-C", **named)
        assert status != 0 and "ascend_bundle_releases: name the torch releases" in " ".join(said.split())
    status, said = play("-C", ascend_bundle_releases=["9.9"])
    assert status != 0 and "'9.9' is not a known release" in said and "ascend_bundle_releases" in said


def test_a_bundle_is_verified(play, tmp_path):
    status, said = play(ascend_bundle_state="verified")
    assert status != 0 and "never finished" in said
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "a.tar.gz").write_bytes(b"content")
    entry = {"sha256": file_digest(str(folder / "a.tar.gz")), "size": 7}
    nothing = {key: {} for key in ("repositories", "requirements", "wheels")}
    manifest = {"format": 1, "releases": ["1.8.1"], "files": {"a.tar.gz": entry}, **nothing}
    (folder / "bundle.json").write_text(json.dumps(manifest))
    status, said = play(ascend_bundle_state="verified")
    assert status == 0 and "is whole: 1 files" in said
    (folder / "a.tar.gz").write_bytes(b"CONTENT")
    status, said = play(ascend_bundle_state="verified")
    assert status != 0 and "  - a.tar.gz: sha256 is " in said


@pytest.mark.parametrize("state, dest", [("present", "/tmp"), ("verified", "~bob/bundle")])
def test_its_folder_is_judged_before_anything_is_made(play, tmp_path, state, dest):
    status, said = play(ascend_bundle_state=state, ascend_bundle_dest=dest)
    assert status != 0 and f"ascend_bundle_dest: '{dest}' is refused: " in said, said
    assert not list(tmp_path.iterdir())


def test_paths_that_a_bundle_is_made_of():
    well = {
        "state": "present",
        "dest": "ascend-bundle",
        "products": "/srv/cache",
    }
    mirrors = ["~/m", "https://m/~bob/m"]
    assert action.path_problems(well, mirrors) == []
    # One that is there is only read.
    assert action.path_problems(dict(well, state="verified", dest="/"), []) == []
    wrong = {"state": "present", "dest": "/", "products": "~bob/cache"}
    assert [words.split(" is refused")[0] for words in action.path_problems(wrong, ["https://m", "~bob/m"])] == [
        "ascend_bundle_dest: '/'",
        "ascend_bundle_products: '~bob/cache'",
        "ascend_mirrors: '~bob/m'",
    ]


def test_of_the_plugin_it_has_the_stock_torch_of_each_platform(play):
    status, said = play(
        "-C",
        ascend_bundle_releases=["2.6.0.post5"],
        ascend_bundle_platforms=[{"arch": "aarch64", "python": "3.11"}, {"arch": "x86_64", "python": "3.10"}],
    )
    assert status == 0, said
    for what in (
        "torch-2.6.0+cpu-cp311-cp311-manylinux_2_28_aarch64.whl",
        "torch-2.6.0+cpu-cp310-cp310-linux_x86_64.whl",
        "miniz.h",
        "Ascend/pytorch",
        "cmake-3.18.4.tar.gz",
        "gcc-11.2.0.tar.xz",
    ):
        assert f"bundle 2.6.0.post5: would fetch {what}\n" in said, what
    assert "cp39" not in said and "NVIDIA/apex" not in said
