# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run knows of a host since it was examined, for the plans that come later in the run.

The plays of the guide plan all products of a host, and then each when its turn comes. What the run itself has changed in
between it knows, and notes here: what was begun, built, taken and published. What it cannot tell, such as the packages that
pip has brought along, makes it forget the host, which is then examined anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.ascend.pytorch.plugins.module_utils.ask import read_json
from ansible_collections.ascend.pytorch.plugins.plugin_utils import runs

Json = dict[str, Any]


def answers(asked: Json, question: Json) -> bool:
    """Say whether what a host has answered to one question answers another, both as plan.question makes them."""
    known = {entry["name"]: entry for entry in asked["products"]}
    compared = set(question) - {"products", "tools", "needs"}
    if not question["pythons"]:
        # Who builds no wheels has no use for a Python, nor for the environment that it is started in.
        compared -= {"pythons", "venv", "env_file", "cann_path"}
    if not question["run_user"]:
        # Nobody's access to the NPUs is asked about.
        compared.remove("run_user")
    return (
        all(_is_part(entry, known.get(entry["name"])) for entry in question["products"])
        and all(set(question[key]) <= set(asked[key]) for key in ("tools", "needs"))
        and all(asked[key] == question[key] for key in compared)
    )


def _is_part(entry: Json, of: Json | None) -> bool:
    """Say whether what is asked of a product was asked: of whichever version, where that is empty."""
    if of is None or any(link not in of["links"] for link in entry["links"]):
        return False
    compared = set(entry) - ({"links"} if entry["version"] else {"links", "version"})
    return all(of[key] == entry[key] for key in compared)


def part(state: Json, question: Json) -> Json:
    """Return of a host's state what was asked."""
    names = [entry["name"] for entry in question["products"]]
    return dict(
        state,
        products={name: state["products"][name] for name in names},
        tools={name: state["tools"][name] for name in question["tools"]},
        missing_needs=[need for need in state["missing_needs"] if need in question["needs"]],
    )


class Examined:
    """What this run knows of one host. Its own worker writes it, and those that build on it for others."""

    def __init__(self, host: str, folder: Path | None = None) -> None:
        """
        :param folder: the run's folder, by default that of the run that this process works for
        """
        self._path = (folder or runs.folder()) / "examined" / f"{runs.file_name(host)}.json"

    def recall(self, question: Json) -> Json | None:
        """Return the state of the host as far as it is asked; None where the host has to be examined for that."""
        known = read_json(str(self._path))
        if not known or not answers(known["question"], question):
            return None
        return part(known["state"], question)

    def keep(self, question: Json, state: Json) -> None:
        """Keep what an examination told."""
        runs.write(self._path, json.dumps({"question": question, "state": state}))

    def stands(self, product: str, how: Json) -> None:
        """Note how a product stands now, as host.product tells it."""
        self._note("products", product, how)

    def begins(self, label: str) -> None:
        """Note that a build was begun on the host; see builds.label."""
        self._note("begun", label, 0)

    def has(self, label: str, fingerprint: str) -> None:
        """Note that the host has a finished product in its work directory."""
        self._note("stored", label, fingerprint)

    def _note(self, of: str, name: str, value: Any) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with open(self._path.with_suffix(".lock"), "w") as stream:
            runs.locked(stream, waits=True)
            known = read_json(str(self._path))
            if known:
                known["state"][of][name] = value
                self.keep(**known)

    def forget(self) -> None:
        """Have the host examined anew when it is asked for next."""
        self._path.unlink(missing_ok=True)
