# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages that alarm without reason."""

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.product import harmless


@pytest.mark.parametrize(
    "line",
    [
        "ERROR: torchvision 0.6.0 has requirement torch==1.5.0, but you'll have torch 1.5.0a0+1977093 which is "
        "incompatible.",
        "torchvision 0.15.1 requires torch==2.0.0, but you have torch 1.5.0+ascend.post4 which is incompatible.",
        "torchvision 0.15.1 has requirement torch==2.0.0, but you have torch 1.5.0a0.",
        "ERROR: pip's dependency resolver does not currently take into account all the packages that are installed. This "
        "behaviour is the source of the following dependency conflicts.",
    ],
)
def test_harmless(line):
    notes = harmless.harmless_messages(
        "Installing collected packages: torch\n  {0}\n{0}\nSuccessfully installed torch".format(line)
    )
    assert len(notes) == 1
    assert line in notes[0] and "harmless" in notes[0]


def test_other_complaints_are_not_called_harmless():
    assert (
        harmless.harmless_messages(
            "torchvision 0.15.1 requires numpy, which is not installed.\n"
            "apex 0.1 requires torch==2.0.0, but you have torch 1.8.1 which is incompatible.\n"
        )
        == []
    )
