# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree of this collection as it stands on a host, and the question about it."""

from ansible_collections.ascend.pytorch.plugins.module_utils.product import manifest


def tree(tmp_path, name="cmake"):
    real = tmp_path / "opt/cmake-3.12.1-ffffffffffff"
    (real / "bin").mkdir(parents=True)
    (real / "bin/cmake").write_text("x")
    its_manifest = manifest.compose(name, "3.12.1", "tree", "f" * 64, {"version": "3.12.1"}, {}, "0")
    manifest.write(str(real), dict(its_manifest, files=manifest.scan(str(real))))
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
