# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small pure helpers for the roles' variables."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError


def release(table, version, variable, more_variable, more):
    """Return the row of a version in a table of releases.

    :param more: rows that somebody added, which count before the table's; :param more_variable: where they did so
    :raises AnsibleFilterError: there is no such row; the message names the variable and the rows that there are
    """
    # Not one table made of both: that would have all of their templates worked out, and one row is wanted.
    for rows in (more, table):
        if version in rows:
            return rows[version]
    raise AnsibleFilterError(
        "{0}: {1!r} is not a known release. Known are {2}; set {0} to one of these, or add a row to {3}".format(
            variable, str(version), ", ".join(sorted(set(table) | set(more))), more_variable
        )
    )


def gcc_sources(row, urls, prerequisite_urls, digests):
    """Return the sources of a gcc release: its own archive, and each prerequisite inside its tree.

    :param urls: folders of URLs with gcc's archive; :param prerequisite_urls: with the prerequisites
    :param digests: file name -> sha256, for archives that are not the table's own
    """

    def source(name, entry, folders, dest):
        return {
            "name": name,
            "kind": "archive",
            "file": entry["file"],
            "dest": dest,
            "urls": ["{0}/{1}".format(folder.rstrip("/"), entry["file"]) for folder in folders],
            "sha256": digests.get(entry["file"], entry["sha256"]),
        }

    return [source("gcc", row["archive"], urls, "gcc")] + [
        source(name, entry, prerequisite_urls, "gcc/" + name) for name, entry in row["prerequisites"].items()
    ]


class FilterModule:
    """The collection's filters."""

    def filters(self):
        return {"release": release, "gcc_sources": gcc_sources}
