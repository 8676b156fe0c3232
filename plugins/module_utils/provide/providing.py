# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provide a host with the products of its plan: take in what has been brought to it, and publish all of it in order.

DONE, by name of the product and environment.ITEM, is what became of each: {"changed", "diff": {} where nothing changed, "notes",
"seconds"}, of what is taken away also {"removed": [paths]}.
"""

import itertools
import os
import time
from contextlib import contextmanager

from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable, interpreters, surroundings
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import ask, text
from ansible_collections.ascend.pytorch.plugins.module_utils.base.folders import make_folder
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds, sanity, steps
from ansible_collections.ascend.pytorch.plugins.module_utils.host import installed
from ansible_collections.ascend.pytorch.plugins.module_utils.host.environment import ITEM
from ansible_collections.ascend.pytorch.plugins.module_utils.product import (
    carrying,
    diagnose,
    entries,
    fingerprint,
    published,
)
from ansible_collections.ascend.pytorch.plugins.module_utils.product.wheel import WheelError
from ansible_collections.ascend.pytorch.plugins.module_utils.publish import installing, publishing, verifying
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import archive


class Failed(Exception):
    """A product was not published, or not taken away; the message says which, why and what to do."""


def provide(module, orders, arrived, environment, done):
    # type: (AnsibleModule, List[Order], Dict[str, Any], Optional[Dict[str, Any]], Dict[str, Any]) -> List[str]
    """Publish what has come, and return the names of what has not come whole. Raises Failed.

    :param orders: in the order in which the products need each other
    :param arrived: by name, see unarrived; :param environment: the environment file as the plan has it, None for none
    :param done: gets the DONE of each, also of those before the one that fails
    """
    late = []  # type: List[str]
    if module.check_mode:
        began = time.monotonic()
        done.update((order.name, told(order, standing(order), True, began)) for order in orders)
    else:
        late = unarrived(orders, arrived)
        coming = publishable(orders, late)
        for order in coming:
            if order.product == "tree":
                done[order.name] = publish_tree(order)
        wheels = [order for order in coming if order.product == "wheel"]
        for _place, some in itertools.groupby(wheels, lambda order: (order.python, publishing.lock_path(order))):
            publish_wheels(module, list(some), done)
    if environment and not late:
        done[ITEM] = write_environment(environment, dry=module.check_mode)
    return late


# --- what stands ------------------------------------------------------------------------------------------------------


def standing(order):
    # type: (Order) -> Dict[str, Any]
    """Return how an order's product stands now, as host/installed.py tells it."""
    entry = {key: getattr(order, key) for key in ("name", "product", "prefix", "links", "distribution")}
    return installed.product(entry, order.sites)


def is_whole(order, found):
    # type: (Order, Dict[str, Any]) -> bool
    """Say whether what stands is the product of an order, and whole."""
    manifest = found["manifest"]
    return bool(manifest) and manifest["fingerprint"] == order.fingerprint and not found["damage"]


def is_there(order, found):
    # type: (Order, Dict[str, Any]) -> bool
    """Say whether what stands is the product of an order, whole, with its links."""
    return is_whole(order, found) and all(state == "ours" for state in found.get("links", {}).values())


def told(order, before, stands, began, changed=True, notes=()):
    # type: (Order, Dict[str, Any], bool, float, bool, Sequence[str]) -> Dict[str, Any]
    """Return the DONE of a product.

    :param before: see standing; :param stands: whether it stands now, as the order has it
    :param began: when work on it began, by the monotonic clock
    """
    where = order.prefix or order.python
    diff = {
        "before": _words(order.name, before["manifest"]),
        "after": _words(order.name, order._asdict() if stands else None),
        "before_header": where,
        "after_header": where,
    }
    return {"changed": changed, "diff": diff if changed else {}, "notes": list(notes), "seconds": _since(began)}


def _words(name, manifest):
    # type: (str, Optional[Dict[str, Any]]) -> str
    if manifest is None:
        return "{0}: not installed\n".format(name)
    return "{0}: {1} ({2})\n".format(name, manifest["version"], fingerprint.short(manifest["fingerprint"]))


def _since(began):
    # type: (float) -> float
    return round(time.monotonic() - began, 2)


def _shared(order, before, began):
    # type: (Order, Dict[str, Any], float) -> Dict[str, Any]
    """Return the DONE of a product that another process has published meanwhile."""
    note = "{0}: another process has just published it to {1}, which this host shares with it".format(
        order.name, os.path.dirname(publishing.lock_path(order))
    )
    return told(order, before, True, began, changed=False, notes=[note])


# --- what comes -------------------------------------------------------------------------------------------------------


def unarrived(orders, arrived):
    # type: (List[Order], Dict[str, Any]) -> List[str]
    """Put what has been brought to the host into its work directory; return the names of what has not come whole.

    :param arrived: name -> {"metadata", "signature", "piece": path of the product's file, "length": its size}
    """
    late = []
    for order in orders:
        came = arrived.get(order.name)
        if not came:
            continue
        entry = entries.Entry(order.work_dir, order.label(), order.fingerprint)
        try:
            words = [came[key] for key in ("metadata", "signature")] + [0, came["piece"], came["length"]]
            if not carrying.receive(entry, *words)["present"]:
                late.append(order.name)
        except (entries.CarryingError, OSError):
            # It is brought again, piece by piece: then it comes after all, or what is wrong is told.
            late.append(order.name)
    return late


def publishable(orders, late):
    # type: (List[Order], Sequence[str]) -> List[Order]
    """Return the orders of which nothing is late that they need: trees need nothing, wheels all that comes before them."""
    return [
        order
        for place, order in enumerate(orders)
        if not {each.name for each in (orders[: place + 1] if order.product == "wheel" else [order])} & set(late)
    ]


def finished(order, now):
    # type: (Order, Dict[str, Any]) -> Dict[str, Any]
    """Return the finished product in the work directory; one without a file where what stands has only to be completed."""
    product = builds.finished_product(order)
    if product:
        return product
    if now["manifest"] and now["manifest"]["fingerprint"] == order.fingerprint:
        return {"path": "", "sha256": "", "manifest": now["manifest"]}
    raise Failed(
        "{0} {1} ({2}) is not in {3}/products: build it first".format(
            order.name, order.version, fingerprint.short(order.fingerprint), order.work_dir
        )
    )


@contextmanager
def _explained(name, manifest):
    # type: (str, Dict[str, Any]) -> Iterator[None]
    """Raise Failed, with what to do, for whatever keeps a product from being published.

    :param manifest: of the product
    """
    kept = "{0} was not published, what was there before still is: ".format(name)
    try:
        yield
    except steps.StepError as error:
        raise Failed(
            "{0}built on {1}, it does not work here: {2}\nMend what this host lacks, or let it build its own: set "
            "ascend_build_cache to [] for it".format(kept, manifest.get("built", {}).get("host", "another host"), error)
        )
    except (publishing.PublishError, archive.ArchiveError, WheelError, OSError) as error:
        raise Failed(kept + str(error))


def publish_tree(order):
    # type: (Order) -> Dict[str, Any]
    """Publish a tree, alone of all that share its prefix; return its DONE."""
    began, before = time.monotonic(), standing(order)
    product = finished(order, before)
    with _explained(order.name, product["manifest"]), publishing.alone(order):
        if is_there(order, standing(order)) and not is_there(order, before):
            return _shared(order, before, began)
        publishing.publish_tree(
            order, product["path"], product["sha256"], lambda root: sanity.check_sanity(order, root)
        )
    builds.note_use(order)
    return told(order, before, True, began)


def publish_wheels(module, orders, done):
    # type: (AnsibleModule, List[Order], Dict[str, Any]) -> None
    """Publish wheels for one Python, alone of all that share its site folder.

    :param done: see provide
    """
    before = {order.name: standing(order) for order in orders}
    with _explained(orders[0].name, {}), publishing.alone(orders[0]):
        began, wanted = time.monotonic(), []
        packages = interpreters.packages(orders[0].sites)
        for order in orders:
            now = standing(order)
            if is_there(order, now) and not is_there(order, before[order.name]):
                done[order.name] = _shared(order, now, began)
            else:
                wanted.append(_wheel(order, now, packages))
        if not wanted:
            return
        trouble, notes = _installed(module, wanted)
        for wheel in wanted:
            # Where pip failed some may stand all the same.
            if is_whole(wheel.order, standing(wheel.order)) and not (trouble and _lacks(wheel)):
                name = wheel.order.name
                done[name] = told(wheel.order, before[name], True, began, notes=notes)
                builds.note_use(wheel.order)
                began, notes = time.monotonic(), []
    failed = next((wheel for wheel in wanted if wheel.order.name not in done), None)
    if failed:
        with _explained(failed.order.name, failed.manifest):
            raise trouble or publishing.PublishError(
                "pip ended well, and it does not stand whole in any of {0}. Look at what else installs packages there".format(
                    ", ".join(failed.order.sites)
                )
            )


def _wheel(order, now, packages):
    # type: (Order, Dict[str, Any], Dict[str, str]) -> installing.Wheel
    """Return what is to be installed of an order: where what stands is whole, nothing but what it requires."""
    if is_whole(order, now):
        product = {"path": "", "sha256": "", "manifest": now["manifest"]}
    else:
        product = finished(order, now)
    required = list(order.requirements) + list(product["manifest"].get("requirements", []))
    missing = published.pip_missing(required, packages)
    return installing.Wheel(order, product["path"], product["sha256"], product["manifest"], missing)


def _lacks(wheel):
    # type: (installing.Wheel) -> List[str]
    return published.pip_missing(wheel.requirements, interpreters.packages(wheel.order.sites))


def _installed(module, wanted):
    # type: (AnsibleModule, List[installing.Wheel]) -> Tuple[Optional[Exception], List[str]]
    """Install wheels; return what is wrong, None for nothing, and notes."""
    session = dict(os.environ)
    settings = enclose(module, wanted[0].order, asks_index=any(wheel.requirements for wheel in wanted))
    try:
        _sound, notes, trouble = installing.install(
            wanted,
            lambda argv: run_pip(module, wanted[0].order, argv),
            lambda wheel, folders: _prove_sane(module, wheel, folders, session),
        )
        return trouble, notes + settings
    except (publishing.PublishError, archive.ArchiveError, OSError) as error:
        return error, settings
    finally:
        for wheel in wanted:
            installing.sweep(wheel.order.sites, wheel.order.distribution)


def enclose(module, order, asks_index):
    # type: (AnsibleModule, Order, bool) -> List[str]
    """Leave in this process' environment what pip is to go by alone, since run_command only adds to it; return notes on that.

    :param asks_index: whether pip asks an index; else this host's settings for it do not matter
    """
    settings = order.pip_settings if asks_index else {}
    if settings is None:
        environment = dict(os.environ, **installing.pip_environment(order))
        settings = surroundings.pip_settings(order.python, environment, ask)
    made = surroundings.made(os.environ, module.tmpdir, settings)
    os.environ.clear()
    os.environ.update(made)
    return surroundings.told(settings)


def _prove_sane(module, wheel, folders, session):
    # type: (AnsibleModule, installing.Wheel, List[str], Dict[str, str]) -> None
    """Raise StepError when a wheel does not work where it was unpacked; it is tried in the session's environment."""
    run = verifying.runner(lambda: module.tmpdir, dict(session, PYTHONPATH=os.pathsep.join(folders)))
    wrong = verifying.prove_unpacked(wheel.order, wheel.manifest, folders[0], run)
    if wrong:
        raise steps.StepError(wrong)


def run_pip(module, order, argv):
    # type: (AnsibleModule, Order, List[str]) -> str
    """Run pip outside any source tree and return what it said; raise PublishError with its last lines and the remedy."""
    status, out, err = module.run_command(argv, cwd="/", environ_update=installing.pip_environment(order))
    if status != 0:
        known = diagnose.diagnose(out + "\n" + err) or {}
        raise publishing.PublishError(
            "`{0}` ended with status {1}.{2}\nIts last lines:\n{3}".format(
                " ".join(argv),
                status,
                " {cause} {remedy}".format(**known) if known else "",
                "\n".join((out + "\n" + err).strip().splitlines()[-builds.TAIL_LINES :]),
            )
        )
    return out + "\n" + err


# --- the environment file ---------------------------------------------------------------------------------------------


def write_environment(planned, dry=False):
    # type: (Dict[str, Any], bool) -> Dict[str, Any]
    """Write the environment file, and return its DONE.

    :param planned: {"path", "text", "makes": the folder that has to be made, "" for none}; :param dry: only say so
    """
    began, path = time.monotonic(), planned["path"]
    diff = {"before": text(path), "after": planned["text"], "before_header": path, "after_header": path}
    if not dry:
        try:
            if planned.get("makes"):
                # Where it is not there: the mode of one that stands is not ours to set.
                make_folder(planned["makes"], 0o755)
            durable.write(path, planned["text"], 0o644)
        except OSError as error:
            raise Failed("the environment file {0} cannot be written: {1}".format(path, error.strerror))
    return {"changed": True, "diff": diff, "notes": [], "seconds": _since(began)}
