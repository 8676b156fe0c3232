# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ansible-core that is older than those that are tested, or newer, gets one warning; the tested ones get none.

Ansible itself gives it, by meta/runtime.yml. Every supported ansible-core runs this, by its own pytest.
"""

from __future__ import annotations

import re

import pytest
from ansible.release import __version__

WARNING = re.compile(r"\[WARNING\]: Collection ascend.pytorch does not support Ansible\s+version\s+([\w.]+)")
# Of several hosts, each with a process of its own, that all come to load the collection.
PLAY = """
- hosts: here
  gather_facts: false
  tasks:
    - ascend.pytorch.cache: {cache: ["{{ out }}"]}
    - ascend.pytorch.cache: {cache: ["{{ out }}"]}
"""


def warned(playground, version: str) -> list[str]:
    """Run the play on an ansible-core that calls itself that; return the versions that warnings name."""
    ground = playground("versions")
    lie = f"import ansible.release\nansible.__version__ = ansible.release.__version__ = {version!r}\n"
    (ground.folder / "sitecustomize.py").write_text(lie)
    status = ground.run(PLAY, env={"PYTHONPATH": str(ground.folder)})
    assert status == 0, ground.printed
    return WARNING.findall(ground.printed)


def test_tested_core_gets_no_warning(playground):
    assert warned(playground, __version__) == []


@pytest.mark.parametrize("version", ["2.15.0", "2.99.0", "2.22.0.dev0"])
def test_other_core_gets_one_warning(playground, version):
    assert warned(playground, version) == [version]
