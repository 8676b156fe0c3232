#!/usr/bin/python
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: publish
short_description: Make a built product live on a host, or take it away
version_added: "0.1.0"
description:
  - A tree is unpacked beside its prefix, checked against its manifest, and made live by a rename and a link swap. Before
    the swap the host has the former tree whole, after it the new one whole.
  - A wheel is installed by the pip of its own Python, which removes a different version first. Before that it is installed
    into a folder of its own beside the other, and the commands that prove it are run there.
  - What this collection did not put there is never touched. Taking away leaves files that were added to a product or
    changed in it, and tells them.
author: the ascend.pytorch authors (@ascend)
options:
  name:
    description:
      - Name of a product that the host's plan, by M(ascend.pytorch.plan) earlier in the run, has an order for.
      - What the plan wants built is brought from the build cache first; where no place of it has the product, nothing is
        published, and it is RV(lacking). What the plan leaves as it is is left so.
    type: str
  order:
    description: The order of one product, in the place of O(name); it is published from the work directory.
    type: dict
  product:
    description: The finished product with C(path) and C(sha256); by default the one in the work directory.
    type: dict
  state:
    description: V(present) publishes; V(absent) takes away what the manifests say is ours, and puts back what was saved.
    type: str
    choices: [present, absent]
    default: present
  cache:
    description:
      - Places of the build cache, asked in order. C(auto) is a folder in the cache of the controller's user; a path, a folder
        on the controller; a C(file://) URL, a folder that all hosts see; an C(http://) or C(https://) URL, a server.
      - Without any, what the host has in its work directory counts.
    type: list
    elements: str
    default: []
  trusted_keys:
    description: File on the controller with the keys of which one must have signed what is taken; empty for none.
    type: str
    default: ""
  copies:
    description: How many hosts are brought a product at the same time.
    type: int
    default: 5
  built:
    description: Whether this host has just built the product.
    type: bool
    default: false
  waits:
    description: Whether a build of the product that is under way is waited for, for as long as one turn takes.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Says what would be published or removed.
  diff_mode:
    support: full
    description: Shows what stands and what would stand.
"""

EXAMPLES = r"""
- name: Publish CMake
  ascend.pytorch.publish:
    name: cmake
    cache: [auto]
"""

RETURN = r"""
lacking:
  description: The products of the host that this run has to build before they can be published.
  returned: with O(name), when O(state=present)
  type: list
  elements: str
how:
  description: How the product came, C(built) on this host, C(taken) from the build cache, or C(put in place) from what the host had.
  returned: with O(name), when it was published
  type: str
seconds:
  description: How long that took, with its build where it had to be built.
  returned: with O(name), when it was published
  type: float
notes:
  description:
    - Complaints of pip that mean no harm, each explained.
    - When something is taken away, what was put back, and what stays because it is not this collection's.
  returned: always
  type: list
  elements: str
removed:
  description: The paths that were, or in check mode would be, taken away.
  returned: when O(state=absent)
  type: list
  elements: str
"""

import os
import traceback

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ascend.pytorch.plugins.module_utils.base import interpreters, outgoing, surroundings
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import ask
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds, sanity, steps
from ansible_collections.ascend.pytorch.plugins.module_utils.host import installed
from ansible_collections.ascend.pytorch.plugins.module_utils.product import diagnose, fingerprint, published
from ansible_collections.ascend.pytorch.plugins.module_utils.publish import publishing, verifying
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import archive


def words(name, card):
    """Return what stands, in words that a diff shows."""
    if card is None:
        return "{0}: not installed\n".format(name)
    return "{0}: {1} ({2})\n".format(name, card["version"], fingerprint.short(card["fingerprint"]))


def standing(order):
    """Return the manifest of what is published now, None when there is none."""
    entry = {
        "name": order["name"],
        "product": order["product"],
        "prefix": order["prefix"],
        "links": order["links"],
        "distribution": order["distribution"],
    }
    return installed.product(entry, order["sites"])


def is_there(order, found):
    """Say whether what stands is the product of an order, whole, with its links."""
    card = found["manifest"]
    return (
        bool(card)
        and card["fingerprint"] == order["fingerprint"]
        and not found["damage"]
        and all(state == "ours" for state in found.get("links", {}).values())
    )


def main():
    """Publish one product, or take it away."""
    module = AnsibleModule(
        argument_spec={
            "order": {"type": "dict"},
            "product": {"type": "dict"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            # The action's alone.
            "name": {"type": "str"},
            "cache": {"type": "list", "elements": "str", "default": []},
            "trusted_keys": {"type": "str", "default": "", "no_log": False},
            "copies": {"type": "int", "default": 5},
            "built": {"type": "bool", "default": False},
            "waits": {"type": "bool", "default": False},
        },
        required_one_of=[["name", "order"]],
        supports_check_mode=True,
    )
    order = module.params["order"]
    before = standing(order)
    if module.params["state"] == "absent":
        withdraw(module, order, before)
    after = {"version": order["version"], "fingerprint": order["fingerprint"]}
    diff = {
        "before": words(order["name"], before["manifest"]),
        "after": words(order["name"], after),
        "before_header": order["prefix"] or order["python"],
        "after_header": order["prefix"] or order["python"],
    }
    if module.check_mode:
        module.exit_json(**outgoing.told(changed=True, diff=diff, notes=[]))
    product = module.params["product"] or builds.product(order)
    if not product and not (before["manifest"] and before["manifest"]["fingerprint"] == order["fingerprint"]):
        module.fail_json(
            **outgoing.told(
                msg="{0} {1} ({2}) is not in {3}/products: build it first".format(
                    order["name"], order["version"], fingerprint.short(order["fingerprint"]), order["work_dir"]
                )
            )
        )
    os.umask(0o022)
    module.exit_json(**outgoing.told(changed=True, diff=diff, notes=publish(module, order, product, before)))


def publish(module, order, product, before):
    """Publish a product, alone of all that share its place, and return the notes; end the module where that cannot be done.

    :param product: None where what stands has only to be completed
    """
    notes, found = [], product or {"path": "", "sha256": ""}
    try:
        with publishing.alone(order):
            now = standing(order)
            if is_there(order, now) and not is_there(order, before):
                module.exit_json(**outgoing.told(changed=False, diff={}, notes=[shared(order)]))
            if order["product"] == "tree":
                publishing.publish_tree(
                    order, found["path"], found["sha256"], lambda root: sanity.prove_sane(order, root)
                )
            else:
                notes = install_wheel(module, order, product, now)
        builds.note_use(order)
    except steps.StepError as error:
        module.fail_json(
            **outgoing.told(
                msg="{0} was not published, what was there before still is: built on {1}, it does not work here: {2}\n"
                "Mend what this host lacks, or let it build its own: set ascend_build_cache to [] for it".format(
                    order["name"], found["manifest"].get("built", {}).get("host", "another host"), error
                )
            )
        )
    except (publishing.PublishError, archive.ArchiveError, OSError) as error:
        module.fail_json(
            **outgoing.told(
                msg="{0} was not published, what was there before still is: {1}".format(order["name"], error),
                exception=traceback.format_exc(),
            )
        )
    return notes


def shared(order):
    """Return the note on a product that another process has published meanwhile."""
    return "{0}: another process has just published it to {1}, which this host shares with it".format(
        order["name"], os.path.dirname(publishing.lock_path(order))
    )


def install_wheel(module, order, product, before):
    """Install the wheel, unless it is there whole, and what it requires by the pip of its Python; return the notes."""
    sites = order["sites"]
    packages = interpreters.packages(sites)
    session = dict(os.environ)
    settings = enclose(module, order)
    card = before["manifest"]
    if card and card["fingerprint"] == order["fingerprint"] and not before["damage"]:
        product = {"path": "", "sha256": "", "manifest": card}
    wanted = order["requirements"] + list(product["manifest"].get("requirements", []))
    notes = publishing.publish_wheel(
        order,
        product["path"],
        product["sha256"],
        published.pip_missing(wanted, packages),
        lambda argv: run_pip(module, order, argv),
        lambda site: prove_sane(module, order, product["manifest"], site, session),
    )
    publishing.sweep(sites, order["distribution"])
    return notes + surroundings.told(settings)


def enclose(module, order):
    """Leave in this process' environment what pip is to go by alone, since run_command only adds to it; return its settings."""
    settings = surroundings.pip_settings(order["python"], dict(os.environ, **publishing.pip_environment(order)), ask)
    made = surroundings.made(os.environ, module.tmpdir, settings)
    os.environ.clear()
    os.environ.update(made)
    return settings


def prove_sane(module, order, card, site, session):
    """Raise StepError when a wheel does not work where it was unpacked; it is tried in the session's environment."""
    run = verifying.runner(lambda: module.tmpdir, dict(session, PYTHONPATH=site))
    wrong = verifying.prove_unpacked(order, card, site, run)
    if wrong:
        raise steps.StepError(wrong)


def run_pip(module, order, argv, done="published"):
    """Run pip outside any source tree and return what it said; fail with its last lines and the remedy."""
    status, out, err = module.run_command(argv, cwd="/", environ_update=publishing.pip_environment(order))
    if status != 0:
        known = diagnose.diagnose(out + "\n" + err) or {}
        module.fail_json(
            **outgoing.told(
                msg="{0} was not {1}: `{2}` ended with status {3}.{4}\nIts last lines:\n{5}".format(
                    order["name"],
                    done,
                    " ".join(argv),
                    status,
                    " {cause} {remedy}".format(**known) if known else "",
                    "\n".join((out + "\n" + err).strip().splitlines()[-builds.TAIL_LINES :]),
                )
            )
        )
    return out + "\n" + err


def withdrawn(module, order):
    """Take a product away, or in check mode only say what would go; return (what goes, notes)."""
    if order["product"] == "tree":
        return publishing.withdraw_tree(order, dry=module.check_mode)
    if not module.check_mode:
        enclose(module, order)
    return publishing.withdraw_wheel(
        order, lambda argv: run_pip(module, order, argv, "taken away"), dry=module.check_mode
    )


def withdraw(module, order, before):
    """Take a product away."""
    diff = {"before": words(order["name"], before["manifest"]), "after": words(order["name"], None)}
    try:
        if module.check_mode or not before["manifest"]:
            removed, notes = withdrawn(module, order)
        else:
            with publishing.alone(order):
                removed, notes = withdrawn(module, order)
                # Whoever waits for it makes another.
                os.unlink(publishing.lock_path(order))
    except (publishing.PublishError, OSError) as error:
        module.fail_json(
            **outgoing.told(
                msg="{0} was not taken away wholly: {1}. Mend that and run again: it goes on where it was".format(
                    order["name"], error
                ),
                exception=traceback.format_exc(),
            )
        )
    module.exit_json(**outgoing.told(changed=bool(removed), diff=diff, removed=removed, notes=notes))


if __name__ == "__main__":
    main()
