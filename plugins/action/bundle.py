# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make or verify a bundle, on the controller. No host is connected to."""

from __future__ import annotations

import json
import os

from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.module_utils import fetch, logins
from ansible_collections.ascend.pytorch.plugins.plugin_utils import (
    bundle,
    here,
    ledger,
    speaking,
    variables,
    wheelhouse,
)

PLATFORM = {
    "arch": {"type": "str", "choices": list(bundle.ARCHES), "required": True},
    "python": {"type": "str", "required": True},
    "libc": {"type": "str", "default": bundle.LIBC},
}
ARGUMENTS = {
    "dest": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["present", "verified"], "default": "present"},
    "release": {"type": "dict"},
    "recipes": {"type": "list", "elements": "dict", "default": []},
    "platforms": {"type": "list", "elements": "dict", "options": PLATFORM},
    "mirrors": {"type": "list", "elements": "str", "default": []},
    "products": {"type": "str", "default": ""},
}


def summary(manifest: dict) -> dict:
    """Return what a bundle holds, in numbers."""
    return {
        "releases": manifest["releases"],
        "files": len(manifest["files"]),
        "bytes": sum(entry["size"] for entry in manifest["files"].values()),
        "lacking": [
            f"Python {entry['python']} on {entry['arch']}: {each['requirement']}: {each['why']}"
            for _key, entry in sorted(manifest["wheels"].items())
            for each in entry["lacking"]
        ],
    }


def paths(arguments: dict) -> list[str]:
    """Return what is wrong with the paths that a user gave."""
    found = [
        here.problem(
            "ascend_bundle_dest", arguments["dest"], here.OWN if arguments["state"] == "present" else here.READ
        ),
        here.problem("ascend_bundle_products", arguments["products"], here.READ),
        *(here.problem("ascend_mirrors", entry, here.READ) for entry in arguments["mirrors"] if here.is_folder(entry)),
    ]
    return [words for words in found if words]


class ActionModule(speaking.Action):
    """See the module of the same name for the options."""

    _requires_connection = False

    def act(self, result, task_vars):
        variables.refuse_undefined(self, task_vars)
        _validated, arguments = self.validate_argument_spec(
            ARGUMENTS, required_if=[("state", "present", ("release", "recipes"))]
        )
        # Plain data from here on: what came out of templates carries marks that hashing must not see.
        arguments = json.loads(json.dumps(arguments))
        known = {}
        arguments = logins.taken_out(arguments, known)
        # As it was given: an account's home is filled in in what was validated.
        wrong = paths(dict(arguments, dest=str(self._task.args["dest"])))
        if wrong:
            raise AnsibleActionFail("\n".join(wrong))
        folder = os.path.abspath(arguments["dest"])
        try:
            if arguments["state"] == "verified":
                result.update(self._verified(folder))
            else:
                result.update(self._present(folder, arguments, known))
        except (bundle.BundleError, fetch.FetchError, wheelhouse.WheelhouseError) as error:
            raise AnsibleActionFail(str(error))
        ledger.Ledger().record(ledger.CONTROLLER, ledger.BUNDLED)
        return result

    def _present(self, folder, arguments, known):
        release, recipes = arguments["release"], arguments["recipes"]
        for recipe in recipes:
            if recipe["name"] == "torch" and recipe["version"] != release["version"]:
                raise AnsibleActionFail(
                    f"the recipes are those of torch {recipe['version']}, not of {release['version']}: "
                    "torch_npu_build_version is set where the playbook cannot change it (by -e, say). Take that away, and "
                    "name the releases in ascend_bundle_releases"
                )
        folders = [here.is_folder(entry) for entry in arguments["mirrors"]]
        mirrors = [
            os.path.abspath(os.path.expanduser(entry)) if is_folder else entry
            for entry, is_folder in zip(arguments["mirrors"], folders)
        ]
        maker = bundle.Maker(
            folder,
            mirrors,
            lambda line: speaking.say(f"bundle {release['version']}: {line}"),
            speaking.warn,
            known,
        )
        chosen = (release, recipes, arguments["platforms"])
        if self._task.check_mode:
            missing = maker.lacking(*chosen)
            for words in missing:
                speaking.say(f"bundle {release['version']}: would fetch {words}")
            return {"changed": bool(missing), "missing": missing}
        manifest = maker.add(*chosen, cache=arguments["products"])
        return {"changed": maker.changed, **summary(manifest)}

    def _verified(self, folder):
        problems = bundle.verify(folder)
        if problems:
            return {
                "failed": True,
                "problems": problems,
                "msg": "\n".join(
                    [f"{folder} is not whole:", *(f"  - {words}" for words in problems)]
                    + [
                        "Where there is a network, playbooks/bundle.yml makes what is damaged anew; else carry it here again"
                    ]
                ),
            }
        others = bundle.strangers(folder)
        if others:
            speaking.warn(f"{folder} has files that do not belong to the bundle: {', '.join(others[:10])}")
        found = summary(bundle.read(folder))
        speaking.say(
            f"{folder} is whole: {found['files']} files, {found['bytes'] / 2**30:.1f} GiB, for torch "
            f"{', '.join(found['releases'])}"
        )
        return {"changed": False, "problems": [], **found}
