# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small wheels for tests."""

import zipfile


def make_wheel(folder, name, version="1.0", tag="py3-none-any", requires=()):
    """Write an empty wheel that says what it requires; return its path."""
    path = folder / f"{name}-{version}-{tag}.whl"
    headers = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    with zipfile.ZipFile(path, "w") as out:
        info = f"{name}-{version}.dist-info/"
        out.writestr(info + "METADATA", "\n".join(headers + [f"Requires-Dist: {line}" for line in requires]) + "\n")
        out.writestr(info + "WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        out.writestr(info + "RECORD", "")
    return path
