# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List, verify or prune the build cache on the controller. No host is connected to."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.plugin_utils import (
    cache_list,
    cache_places,
    here,
    keyring,
    ledger,
    options,
    signing,
    speaking,
    store,
    variables,
)

ARGUMENTS = options.argument_spec("cache")


def problem(entry: dict[str, Any]) -> str:
    """Say what is wrong with an entry of the cache, "" for nothing."""
    return "; ".join([*entry["wrong"], *([entry["untrusted"]] if entry["untrusted"] else [])])


def headline(state: str, entries: list[dict[str, Any]], removed: list[dict[str, Any]], dry: bool) -> str:
    """Return what was found, or done, in one sentence."""
    if state == "pruned":
        size = cache_list.format_size(sum(entry["size"] for entry in removed))
        verb = "would be" if dry else "was" if len(removed) == 1 else "were"
        return f"{_count(len(removed))} {verb} removed, {size}"
    # What is half there, or was set aside before, is no product.
    standing = [entry for entry in entries if entry["status"] == "whole" or problem(entry)]
    size = cache_list.format_size(sum(entry["size"] for entry in entries))
    wrong = [entry for entry in standing if problem(entry)]
    words = f"{_count(len(standing))}, {size}"
    if wrong:
        return f"{words}; {len(wrong)} of them cannot be used"
    return words + (", all whole" if state == "verified" and standing else "")


def _count(number: int) -> str:
    return "1 product" if number == 1 else f"{number} products"


class ActionModule(speaking.Action):
    """See the module of the same name for the options."""

    _requires_connection = False

    def act(self, result, task_vars):
        variables.refuse_undefined(self, task_vars)
        arguments = self.arguments(ARGUMENTS)
        self._refuse_options(arguments)
        state, dry = arguments["state"], self._task.check_mode
        entries, removed, lines, elsewhere = self._look_at_places(arguments)
        if len(lines) == len(elsewhere):
            raise AnsibleActionFail(
                "\n".join(
                    ["there is no build cache to look at: ascend_build_cache has no folder of the controller", *lines]
                )
            )
        ledger.Ledger().record(ledger.CONTROLLER, ledger.CACHED)
        told = headline(state, entries, removed, dry)
        wrong = [f"{entry['label']}: {problem(entry)}" for entry in entries if problem(entry)]
        speaking.say("\n".join([*lines, "", told]).lstrip("\n"))
        set_aside = (
            state == "verified"
            and not dry
            and any(entry["status"] == "damaged" and entry["wrong"] for entry in entries)
        )
        result.update(
            changed=bool(removed) or set_aside,
            entries=entries,
            removed=removed,
            elsewhere=elsewhere,
            headline=told,
            table=lines,
        )
        if state == "verified" and wrong:
            remedy = "Damaged products are not used any more; the next run builds them again."
            result.update(failed=True, msg="\n".join([f"{told}:", *wrong, remedy]))
        return result

    def _refuse_options(self, arguments):
        """Raise AnsibleActionFail for invalid options, before anything is looked at."""
        if arguments["keep_days"] < 0 or arguments["keep_last"] < 0:
            raise AnsibleActionFail(
                "keep_days and keep_last cannot be negative; with 0 and 0 every product that is not being read is removed"
            )
        # The raw argument: validation has replaced ~.
        keys = str(self._task.args.get("trusted_keys") or "")
        wrong = here.cache_problems(arguments["cache"]) + [here.problem("ascend_trusted_keys", keys, here.READ)]
        if any(wrong):
            raise AnsibleActionFail("\n".join(filter(None, wrong)))

    def _look_at_places(self, arguments):
        """Return the entries of all folders, those that were removed, lines that tell of them, and the places elsewhere."""
        state, dry = arguments["state"], self._task.check_mode
        entries, removed, lines, elsewhere = [], [], [], []
        try:
            for place in cache_places.resolve_places(keyring.split(arguments["cache"])[0]):
                if cache_places.kind(place) != cache_places.FOLDER:
                    elsewhere.append(place)
                    lines.append(f"{place}: not looked at, since it is not a folder of the controller")
                    continue
                found, gone = self._look_at_folder(store.Store(place, speaking.warn), state, arguments, dry)
                entries += found
                removed += gone
                table = cache_list.table(gone if state == "pruned" else found, speaking.terminal_columns() - 2)
                lines += [f"{place}:", *("  " + line for line in table)]
        except (store.StoreError, signing.SigningError) as error:
            raise AnsibleActionFail(str(error))
        return entries, removed, lines, elsewhere

    @staticmethod
    def _look_at_folder(cache, state, arguments, dry):
        """Return the entries of a folder, and those that were removed."""
        trusted = arguments["trusted_keys"]
        if state == "verified":
            return cache.verify(trusted, dry), []
        gone = cache.prune(arguments["keep_days"], arguments["keep_last"], dry) if state == "pruned" else []
        return cache.entries(trusted if state == "listed" else ""), gone
