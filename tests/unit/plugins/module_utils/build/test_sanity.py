# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sanity checks of trees that other hosts built."""

import os

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.build import sanity, steps
from detached import make_order

pytestmark = pytest.mark.usefixtures("nothing_hangs_or_stays")


def test_a_tree_from_elsewhere_is_tried_where_it_was_unpacked(tmp_path):
    root, note = tmp_path / "tree", tmp_path / "note"
    (root / "bin").mkdir(parents=True)
    (root / "bin/tool").write_text("#!/bin/sh\necho $GREETING from $0 in $TMPDIR\n")
    (root / "bin/tool").chmod(0o755)
    order = make_order(tmp_path, environment={"GREETING": "hello"})
    order.stages["sanity"] = [
        {"run": ["/bin/sh", "-c", "{root}/bin/tool > {obj}/said && cp {obj}/said " + str(note)]},
        {"run": ["{root}/bin/tool"], "expect": "^hello from {root}/bin/tool"},
    ]
    sanity.check_sanity(order, str(root))
    folder = str(tmp_path / "work/products/tool-1.0-abababababab.partial-sanity")
    assert note.read_text() == "hello from {0}/bin/tool in {1}\n".format(root, folder)
    assert not os.path.lexists(folder)

    (root / "bin/tool").write_text("#!/bin/sh\necho libz.so.1: cannot open shared object file >&2\nexit 127\n")
    with pytest.raises(steps.StepError, match="ended with status 127(.|\n)*libz.so.1: cannot open"):
        sanity.check_sanity(order, str(root))
    assert not os.path.lexists(folder)
