# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's gcc archive, made to install without the documentation that Debian takes out of it.

undocumented.py IN.tar.xz OUT.tar

The rule s-tm-texi of gcc/Makefile.in compares what is compiled with a chapter that is not there, and `make install`
fails. Here it compares nothing. All else is copied as it is, so that the same archive comes out every time.
"""

import io
import sys
import tarfile


def without_rule(makefile: bytes) -> bytes:
    """Return gcc/Makefile.in with a rule s-tm-texi that has nothing to do."""
    start = makefile.index(b"\ns-tm-texi: build/genhooks") + 1
    return makefile[:start] + b"s-tm-texi:\n\t$(STAMP) s-tm-texi" + makefile[makefile.index(b"\n\n", start) :]


def main(source: str, target: str) -> None:
    """Copy the archive, with that one file changed."""
    with tarfile.open(source, "r|xz") as old, tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as new:
        for member in old:
            content = old.extractfile(member) if member.isreg() else None
            if content and member.name.endswith("/gcc/Makefile.in"):
                changed = without_rule(content.read())
                member.size, content = len(changed), io.BytesIO(changed)
            new.addfile(member, content)


if __name__ == "__main__":
    main(*sys.argv[1:])
