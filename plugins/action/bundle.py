# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make or verify a bundle, on the controller. No host is connected to."""

from __future__ import annotations

import os

from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.module_utils.base import logins, places
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import releases as planning
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import fetch
from ansible_collections.ascend.pytorch.plugins.plugin_utils import (
    bundle,
    bundle_contents,
    bundling,
    here,
    ledger,
    options,
    recipes,
    releases,
    settings,
    speaking,
    variables,
    wheelhouse,
)

TORCH_VERSION = "ascend_torch_version"
ARGUMENTS = options.argument_spec("bundle")


def summary(manifest: dict) -> dict:
    """Return a summary of what a bundle holds."""
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


def path_problems(arguments: dict, mirrors: list[str]) -> list[str]:
    """Return what is wrong with the paths that a user gave."""
    found = [
        here.problem(
            "ascend_bundle_dest", arguments["dest"], here.OWN if arguments["state"] == "present" else here.READ
        ),
        here.problem("ascend_bundle_products", arguments["products"], here.READ),
        *(here.problem("ascend_mirrors", entry, here.READ) for entry in mirrors if here.is_folder(entry)),
    ]
    return [words for words in found if words]


class ActionModule(speaking.Action):
    """See the module of the same name for the options."""

    _requires_connection = False

    def act(self, result, task_vars):
        variables.refuse_undefined(self, task_vars)
        arguments = self.arguments(ARGUMENTS)
        present = arguments["state"] == "present"
        source = settings.Source(self, task_vars)
        mirrors = settings.Settings("torch_npu_build", source)["mirrors"] if present else []
        # The raw argument: validation has replaced ~.
        wrong = path_problems(dict(arguments, dest=str(self._task.args["dest"])), mirrors)
        if wrong:
            raise AnsibleActionFail("\n".join(wrong))
        folder = os.path.abspath(arguments["dest"])
        try:
            if present:
                result.update(self._make(folder, arguments, mirrors, source, task_vars))
            else:
                result.update(self._verify(folder))
        except (bundle.BundleError, fetch.FetchError, wheelhouse.WheelhouseError) as error:
            raise AnsibleActionFail(str(error))
        ledger.Ledger().record(ledger.CONTROLLER, ledger.BUNDLED)
        return result

    def _make(self, folder, arguments, mirrors, source, task_vars):
        tables = releases.Tables.of(source)
        versions = arguments["releases"]
        if versions is None:
            versions = [str(source.value(TORCH_VERSION))] if source.has(TORCH_VERSION) else []
        if not versions or places.AUTO in versions:
            raise AnsibleActionFail(
                "ascend_bundle_releases: name the torch releases that the bundle is for: which ones `auto` means depends on the "
                "hosts"
            )
        # All rows are looked up before anything is fetched.
        chosen = {version: tables.first(version, "ascend_bundle_releases") for version in versions}
        told = {"changed": False}
        for version, row in chosen.items():
            if version not in (row["package"], row["tag"]):
                speaking.say(
                    f"ascend_bundle_releases: {version} is taken as {row['package']}. Which one hosts get depends on their CANN: "
                    "playbooks/releases.yml lists it; name that one if it is another"
                )
            # The versions of patched trees are not unique.
            release = {**tables.release(row, None), "version": row["package"]}
            needed = [
                {"platform": platform, "recipes": self._recipes(tables, row, platform, task_vars)}
                for platform in bundle_contents.platforms(arguments["platforms"], release["pythons"])
            ]
            told = self._add_release(folder, release, needed, mirrors, arguments, told)
        return told

    def _recipes(self, tables, row, platform, task_vars):
        """Return the recipes of all products for a release of torch on a platform, whatever release the variables name."""
        source = settings.Source(self, task_vars)
        release = tables.release(row, planning.Host("", [platform["python"]], platform["arch"]))
        return [
            recipe for role in recipes.ROLES for recipe in recipes.recipes_of(settings.Settings(role, source), release)
        ]

    def _add_release(self, folder, release, needed, mirrors, arguments, former):
        """Bring into the bundle what one release needs; return the task's result.

        :param needed: [{"platform", "recipes"}]; :param former: what the result is without this release
        """
        known = {}
        release, needed, mirrors = logins.take_out([release, needed, mirrors], known)
        mirrors = [os.path.abspath(os.path.expanduser(entry)) if here.is_folder(entry) else entry for entry in mirrors]
        maker = bundling.BundleMaker(
            folder,
            mirrors,
            lambda line: speaking.say(f"bundle {release['version']}: {line}"),
            speaking.warn,
            known,
        )
        every = []
        for each in needed:
            every += [recipe for recipe in each["recipes"] if recipe not in every]
        chosen = (release, every, arguments["platforms"])
        if self._task.check_mode:
            missing = maker.missing_files(*chosen)
            for words in missing:
                speaking.say(f"bundle {release['version']}: would fetch {words}")
            missing = list(dict.fromkeys(former.get("missing", []) + missing))
            return {"changed": bool(missing), "missing": missing}
        manifest = maker.add_release(
            *chosen,
            arguments["products"],
            lambda platform: next(each["recipes"] for each in needed if each["platform"] == platform),
        )
        return {"changed": former["changed"] or maker.changed, **summary(manifest)}

    def _verify(self, folder):
        problems = bundle.verify(folder)
        if problems:
            return {
                "failed": True,
                "problems": problems,
                "msg": "\n".join(
                    [f"{folder} is damaged:", *(f"  - {words}" for words in problems)]
                    + ["Where there is a network, playbooks/bundle.yml repairs it; else copy it here again"]
                ),
            }
        others = bundle.unknown_files(folder)
        if others:
            speaking.warn(f"{folder} has files that do not belong to the bundle: {', '.join(others[:10])}")
        found = summary(bundle.read(folder))
        speaking.say(
            f"{folder} is whole: {found['files']} files, {found['bytes'] / 2**30:.1f} GiB, for torch "
            f"{', '.join(found['releases'])}"
        )
        return {"changed": False, "problems": [], **found}
