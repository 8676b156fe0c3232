# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for runs that lose hosts."""

import crew as fixtures

crew, gate, revived, serving = fixtures.crew, fixtures.gate, fixtures.revived, fixtures.serving
