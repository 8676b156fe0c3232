# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this collection has put on a host: trees and wheels, whole and damaged, and what is stored."""

import base64
import hashlib
import json

import cached
from ansible_collections.ascend.pytorch.plugins.module_utils.host import installed
from ansible_collections.ascend.pytorch.plugins.module_utils.product import manifest
from ansible_collections.ascend.pytorch.plugins.module_utils.publish import publishing
from installations import asked, tree


def test_a_tree(tmp_path):
    found = installed.product_state(asked(tmp_path), [])
    assert (found["manifest"], found["version"], found["damage"], found["occupied"]) == (None, None, [], None)
    real = tree(tmp_path)
    found = installed.product_state(asked(tmp_path), [])
    assert found["version"] == "3.12.1" and found["manifest"]["fingerprint"] == "f" * 64
    assert "files" not in found["manifest"] and found["damage"] == [] and found["occupied"] is None
    assert found["links"] == {str(tmp_path / "cmake"): "absent"} and found["prefix"] == str(tmp_path / "opt/cmake")
    publishing.swap_link(str(tmp_path / "cmake"), str(tmp_path / "opt/cmake/bin/cmake"))
    (real / "bin/cmake").unlink()
    found = installed.product_state(asked(tmp_path), [])
    assert found["damage"] == ["bin/cmake: missing"] and found["links"] == {str(tmp_path / "cmake"): "ours"}


def test_a_tree_of_another_name_and_a_foreign_folder(tmp_path):
    tree(tmp_path, name="other")
    assert installed.product_state(asked(tmp_path), [])["manifest"] is None
    (tmp_path / "opt/mine").mkdir()
    assert installed.product_state(asked(tmp_path, prefix=str(tmp_path / "opt/mine")), [])["occupied"] == "a folder"


def test_a_lot_of_damage_is_cut_short(tmp_path):
    real = tree(tmp_path)
    its_manifest = manifest.read(str(real))
    its_manifest["files"] = {str(number): {"link": "x"} for number in range(99)}
    manifest.write(str(real), its_manifest)
    assert len(installed.product_state(asked(tmp_path), [])["damage"]) == 10


def test_a_wheel(tmp_path):
    wanted = {"name": "torch", "version": "1.8.1", "product": "wheel", "distribution": "torch"}
    assert installed.product_state(wanted, [str(tmp_path)]) == {"manifest": None, "version": None, "damage": []}
    assert installed.product_state(wanted, []) == {"manifest": None, "version": None, "damage": []}
    info = tmp_path / "torch-1.8.1+ascend.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 1.8.1+ascend\n")
    (tmp_path / "torch.py").write_bytes(b"x")
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"x").digest()).decode().rstrip("=")
    (info / "RECORD").write_text("torch.py,sha256={0},1\n".format(digest))
    found = installed.product_state(wanted, [str(tmp_path)])
    assert (found["manifest"], found["version"], found["damage"]) == (None, "1.8.1+ascend", [])
    (info / manifest.WHEEL_NAME).write_text(
        json.dumps(manifest.compose("torch", "1.8.1", "wheel", "f" * 64, {}, {}, "0"))
    )
    (tmp_path / "torch.py").unlink()
    found = installed.product_state(wanted, [str(tmp_path)])
    assert found["manifest"]["fingerprint"] == "f" * 64 and found["damage"] == ["torch.py: missing"]
    assert found["site"] == str(tmp_path)


def test_what_is_stored(tmp_path):
    assert installed.stored_fingerprints(str(tmp_path)) == {}
    whole = cached.make(tmp_path / "products")
    next(cached.make(tmp_path / "products", version="3.13").glob("*.gz")).write_bytes(b"half")
    (cached.make(tmp_path / "products", version="3.14") / "product.json").write_text("{")
    (tmp_path / "products/c.partial").mkdir()
    assert installed.stored_fingerprints(str(tmp_path)) == {whole.name: "ab" * 32}
