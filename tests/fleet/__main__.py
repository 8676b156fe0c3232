# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entry point: `python3 <checkout>/tests/fleet …` from any directory."""

import sys
from pathlib import Path

# A directory that is run as a program is not a package; its parent on the path makes it one, whatever the cwd.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fleet.cli import main  # noqa: E402 - needs the path above

sys.exit(main(sys.argv[1:]))
