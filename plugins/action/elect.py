# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elect the host that builds a product for its cohort, of those whose plans this run has seen."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds
from ansible_collections.ascend.pytorch.plugins.plugin_utils import cohort, options, plans, speaking

ARGUMENTS = options.argument_spec("elect")

# After so many turns without a product a host takes the lead itself, where nobody is building.
MAX_TURNS = 3


def no_builder_message(host, order, builders):
    """Return the message for a host whose cohort has no builder."""
    return (
        "{0}: no host can build {1} {2} for {3}: no host of the group ascend_builders ({4}) in this run has the same "
        "fingerprint. Add a host of this platform to the group, include one with --limit, or fill the build cache first by a run "
        "with such a host"
    ).format(
        host,
        order.name,
        order.version,
        ", ".join(value for value in order.identity["platform"].values() if value),
        ", ".join(builders) or "empty",
    )


def given_up_message(host, order, lost):
    """Return the message for a product whose builders were lost too often."""
    return (
        "{0}: building {1} {2} was given up, since too many builders were lost: {3}. Examine these hosts and run again; "
        "ascend_takeovers is the number of builders that may be lost".format(
            host, order.name, order.version, ", ".join(lost)
        )
    )


class ActionModule(speaking.Action):
    """See the module of the same name for the options."""

    _requires_connection = False

    def act(self, result, task_vars):
        host = task_vars["inventory_hostname"]
        arguments = self.arguments(ARGUMENTS)
        order = builds.with_build_fingerprint(plans.order(host, arguments["name"]))
        result.update(changed=False, builder=host, ready=True, leads=True, busy=False)
        if not arguments["shared"]:
            return result
        label, run = order.label(), cohort.Run()
        hosts = list(task_vars.get("ansible_play_hosts") or [host])
        lost = run.lost(label)
        if len(lost) > arguments["takeovers"]:
            raise AnsibleActionFail(given_up_message(host, order, lost))

        def chosen():
            return run.elect(label, order.fingerprint, hosts)

        def settled():
            builder = chosen()
            return builder is not None and (builder.ready or builder.builder == host)

        if arguments["again"]:
            # Another host is getting ready. A task waits for one turn only, since it occupies one of the controller's forks.
            cohort.wait_for(settled, run.next_turn_s(label, host))
        elected = chosen()
        if elected is None:
            builders = [name for name in arguments["builders"] if name in hosts]
            if all(run.has_arrived(order.name, name) for name in builders):
                raise AnsibleActionFail(no_builder_message(host, order, arguments["builders"]))
            # With a free strategy a builder may not have come as far as this product yet.
            result.update(builder="", ready=False, leads=False)
            return result
        if not elected.ready and elected.builder == host and run.count_unready(label, host) > 1:
            raise AnsibleActionFail(
                "{0}: elected to build {1}, but packages are still missing after they were installed: see the output of its package "
                "manager, and run check.yml".format(host, label)
            )
        leads = elected.ready and run.claim_lead(label, host, hosts)
        if elected.ready and not leads and run.count_turn(label, host) > MAX_TURNS and not run.is_building(label):
            # Two leaders are harmless: one waits for the other. Without any, all would wait for ever.
            leads = run.take_lead(label, host)
        result.update(elected._asdict(), leads=leads)
        if lost and leads:
            result["takes_over_from"] = lost[-1]
            speaking.say("{0} takes over building {1} from {2}".format(elected.builder, order.name, lost[-1]))
        return result
