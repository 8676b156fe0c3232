# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print what was found on all hosts as one table, and write it on the controller. No host is connected to."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone

from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable
from ansible_collections.ascend.pytorch.plugins.module_utils.base.about import VERSION
from ansible_collections.ascend.pytorch.plugins.plugin_utils import (
    fleet,
    here,
    ledger,
    options,
    page,
    query,
    speaking,
    variables,
)
from ansible_collections.ascend.pytorch.plugins.plugin_utils.plain import plain

ARGUMENTS = options.argument_spec("fleet")
# The variables that the playbooks register; see plan.yml and verify.yml of the role road.
REGISTERED = {"planned": "__road_planned", "verified": "__road_verified"}
# The keys that are used; the result of a failed task also holds objects of Ansible.
KEYS = ("plan", "findings", "state", "products", "unreachable", "skipped", "msg", "module_stdout", "module_stderr")


class ActionModule(speaking.Action):
    """See the module of the same name for the options."""

    _requires_connection = False

    def act(self, result, task_vars):
        # Problems of a host's own variables are in the table.
        variables.refuse_undefined(self, task_vars, ["ascend_query", "ascend_report_dir"])
        arguments = self.arguments(ARGUMENTS, required_one_of=[["hosts", "query"]])
        # The raw argument: validation has replaced ~.
        wrong = here.problem("ascend_report_dir", str(self._task.args.get("dest") or ""), here.BESIDE)
        if wrong:
            raise AnsibleActionFail(wrong)
        expression = arguments["query"] or ""
        try:
            if expression:
                query.check(expression)
        except query.QueryError as error:
            raise AnsibleActionFail(str(error))
        if arguments["hosts"] is None:
            return result
        when = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        document = fleet.document(self._results(arguments["hosts"], task_vars["hostvars"]), when, VERSION)
        table = fleet.table(document, speaking.terminal_columns())
        speaking.say("\n".join(table))

        files, answer, problem = self._write_report(document, arguments, expression)
        self._record(document)
        if problem:
            where = f". The report was written: {', '.join(files)}" if files else ""
            return {"failed": True, "msg": problem + where}
        result.update(
            changed=bool(files),
            files=files,
            summary=fleet.summary(document),
            headline=fleet.headline(document),
            unfit=fleet.unfit_hosts(document),
            unfit_folded=fleet.fold(fleet.unfit_hosts(document)),
            table=table,
        )
        if answer:
            result["query"] = json.loads(answer)
        return result

    def _write_report(self, document, arguments, expression):
        """Write the document, its page and the answer to a query; return (paths, answer, what is wrong with the query)."""
        dest = os.path.abspath(arguments["dest"])
        texts = {arguments["name"] + ".json": json.dumps(document, indent=1, allow_nan=False) + "\n"}
        if arguments["page"]:
            texts[arguments["name"] + ".html"] = page.render(document)
        answer, problem = "", ""
        try:
            if expression:
                # The document as whoever reads the file has it.
                answer = query.evaluate(expression, json.loads(texts[arguments["name"] + ".json"]))
                texts[arguments["name"] + "-query.json"] = answer + "\n"
        except query.QueryError as error:
            # Reported after the document is written, which took all hosts to make.
            problem = str(error)
        if answer:
            speaking.say("\n" + answer)
        files = []
        if not self._task.check_mode:
            try:
                os.makedirs(dest, exist_ok=True)
                for name, text in texts.items():
                    files.append(os.path.join(dest, name))
                    durable.write(files[-1], text, concurrent=True)
            except OSError as error:
                raise AnsibleActionFail(
                    f"{error.filename or dest} cannot be written on the controller: {error.strerror}. Set "
                    "ascend_report_dir to a folder that can be written"
                )
            speaking.say("\n".join(["", *(f"Written: {path}" for path in files)]))
        return files, answer, problem

    @staticmethod
    def _record(document):
        """Record which hosts are in the table, and which of them as unreachable or failed."""
        noted = ledger.Ledger()
        for host, known in document["hosts"].items():
            noted.record(host, ledger.TOLD)
            if known["status"] in (fleet.UNREACHABLE, fleet.FAILED):
                noted.record(host, ledger.LOST)

    def _results(self, hosts, hostvars):
        """Return host -> what was registered for it, as plain data; None for what never ran."""
        results = {}
        for host in hosts:
            if host not in hostvars:
                raise AnsibleActionFail(f"hosts: {host!r} is not in the inventory")
            # Raw: results hold no templates, and templating takes seconds for many hosts.
            known = hostvars.raw_get(host)
            results[host] = {part: _plain(known.get(name)) for part, name in REGISTERED.items()}
        return results


def _plain(result):
    """Return a registered result without the marks that Ansible's strings carry, None where there is none."""
    return plain({key: result[key] for key in KEYS if key in result}) if result else None
