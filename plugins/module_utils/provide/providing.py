# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provide a host with the products of its plan: receive what has been sent to it, and publish all of it in order.

The outcomes are by name of the product and environment.ITEM, each {"changed", "diff": {} where nothing changed, "notes",
"seconds"}, of what is removed also {"removed": [paths]}.
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


class ProvideError(Exception):
    """A product was not published, or not removed; the message says which, why and what to do."""


def provide(module, orders, arrived, environment, outcomes):
    # type: (AnsibleModule, List[Order], Dict[str, Any], Optional[Dict[str, Any]], Dict[str, Any]) -> List[str]
    """Publish the products, and return the names of those that have not arrived whole. Raises ProvideError.

    :param orders: in the order in which the products need each other
    :param arrived: by name, see receive_arrived; :param environment: the environment file as the plan has it, None for none
    :param outcomes: gets the outcome of each, also of those before the one that fails
    """
    late = []  # type: List[str]
    if module.check_mode:
        began = time.monotonic()
        outcomes.update((order.name, make_outcome(order, read_installed(order), True, began)) for order in orders)
    else:
        late = receive_arrived(orders, arrived)
        publishable = select_publishable(orders, late)
        for order in publishable:
            if order.product == "tree":
                outcomes[order.name] = publish_tree(order)
        wheels = [order for order in publishable if order.product == "wheel"]
        for _place, some in itertools.groupby(wheels, lambda order: (order.python, publishing.lock_path(order))):
            publish_wheels(module, list(some), outcomes)
    if environment and not late:
        outcomes[ITEM] = write_environment(environment, dry=module.check_mode)
    return late


# --- what is installed ------------------------------------------------------------------------------------------------


def read_installed(order):
    # type: (Order) -> Dict[str, Any]
    """Return the installed state of an order's product, as host/installed.py has it."""
    entry = {key: getattr(order, key) for key in ("name", "product", "prefix", "links", "distribution")}
    return installed.product_state(entry, order.sites)


def is_whole(order, found):
    # type: (Order, Dict[str, Any]) -> bool
    """Say whether the installed product is that of an order, and whole."""
    manifest = found["manifest"]
    return bool(manifest) and manifest["fingerprint"] == order.fingerprint and not found["damage"]


def is_complete(order, found):
    # type: (Order, Dict[str, Any]) -> bool
    """Say whether the installed product is that of an order, whole, and has its links."""
    return is_whole(order, found) and all(state == "ours" for state in found.get("links", {}).values())


def make_outcome(order, before, is_installed, began, changed=True, notes=()):
    # type: (Order, Dict[str, Any], bool, float, bool, Sequence[str]) -> Dict[str, Any]
    """Return the outcome of a product.

    :param before: see read_installed; :param is_installed: whether it is installed now, as the order has it
    :param began: when work on it began, by the monotonic clock
    """
    where = order.prefix or order.python
    diff = {
        "before": _diff_line(order.name, before["manifest"]),
        "after": _diff_line(order.name, order._asdict() if is_installed else None),
        "before_header": where,
        "after_header": where,
    }
    return {"changed": changed, "diff": diff if changed else {}, "notes": list(notes), "seconds": _seconds_since(began)}


def _diff_line(name, manifest):
    # type: (str, Optional[Dict[str, Any]]) -> str
    if manifest is None:
        return "{0}: not installed\n".format(name)
    return "{0}: {1} ({2})\n".format(name, manifest["version"], fingerprint.short(manifest["fingerprint"]))


def _seconds_since(began):
    # type: (float) -> float
    return round(time.monotonic() - began, 2)


def _already_published(order, before, began):
    # type: (Order, Dict[str, Any], float) -> Dict[str, Any]
    """Return the outcome of a product that another process has published in the meantime."""
    note = "{0}: another process has just published it to {1}, which this host shares with it".format(
        order.name, os.path.dirname(publishing.lock_path(order))
    )
    return make_outcome(order, before, True, began, changed=False, notes=[note])


# --- what is sent -----------------------------------------------------------------------------------------------------


def receive_arrived(orders, arrived):
    # type: (List[Order], Dict[str, Any]) -> List[str]
    """Put what has been sent to the host into its work directory; return the names of what has not arrived whole.

    :param arrived: name -> {"metadata", "signature", "piece": path of the product's file, "length": its size}
    """
    late = []
    for order in orders:
        sent = arrived.get(order.name)
        if not sent:
            continue
        entry = entries.Entry(order.work_dir, order.label(), order.fingerprint)
        try:
            words = [sent[key] for key in ("metadata", "signature")] + [0, sent["piece"], sent["length"]]
            if not carrying.receive(entry, *words)["present"]:
                late.append(order.name)
        except (entries.CarryingError, OSError):
            # It is sent again in pieces, which succeeds or reports what is wrong.
            late.append(order.name)
    return late


def select_publishable(orders, late):
    # type: (List[Order], Sequence[str]) -> List[Order]
    """Return the orders whose needs have all arrived: trees need nothing, wheels all products before them."""
    return [
        order
        for place, order in enumerate(orders)
        if not {each.name for each in (orders[: place + 1] if order.product == "wheel" else [order])} & set(late)
    ]


def product_to_publish(order, now):
    # type: (Order, Dict[str, Any]) -> Dict[str, Any]
    """Return the finished product in the work directory; one without a file where the installed one only needs completing."""
    product = builds.finished_product(order)
    if product:
        return product
    if now["manifest"] and now["manifest"]["fingerprint"] == order.fingerprint:
        return {"path": "", "sha256": "", "manifest": now["manifest"]}
    raise ProvideError(
        "{0} {1} ({2}) is not in {3}/products. Build it first".format(
            order.name, order.version, fingerprint.short(order.fingerprint), order.work_dir
        )
    )


@contextmanager
def _explain_failures(name, manifest):
    # type: (str, Dict[str, Any]) -> Iterator[None]
    """Raise ProvideError, with what to do, for an error that keeps a product from being published.

    :param manifest: of the product
    """
    kept = "{0} was not published, and what was there before is unchanged: ".format(name)
    try:
        yield
    except steps.StepError as error:
        raise ProvideError(
            "{0}it was built on {1} and does not work here: {2}\nInstall what is missing on this host, or set "
            "ascend_build_cache to [] for it, so that it builds its own".format(
                kept, manifest.get("built", {}).get("host", "another host"), error
            )
        )
    except (publishing.PublishError, archive.ArchiveError, WheelError, OSError) as error:
        raise ProvideError(kept + str(error))


def publish_tree(order):
    # type: (Order) -> Dict[str, Any]
    """Publish a tree while holding the lock of its prefix; return its outcome."""
    began, before = time.monotonic(), read_installed(order)
    product = product_to_publish(order, before)
    with _explain_failures(order.name, product["manifest"]), publishing.hold_lock(order):
        if is_complete(order, read_installed(order)) and not is_complete(order, before):
            return _already_published(order, before, began)
        publishing.publish_tree(
            order, product["path"], product["sha256"], lambda root: sanity.check_sanity(order, root)
        )
    builds.note_use(order)
    return make_outcome(order, before, True, began)


def publish_wheels(module, orders, outcomes):
    # type: (AnsibleModule, List[Order], Dict[str, Any]) -> None
    """Publish wheels for one Python while holding the lock of its site folder.

    :param outcomes: see provide
    """
    before = {order.name: read_installed(order) for order in orders}
    with _explain_failures(orders[0].name, {}), publishing.hold_lock(orders[0]):
        began, wanted = time.monotonic(), []
        packages = interpreters.installed_packages(orders[0].sites)
        for order in orders:
            now = read_installed(order)
            if is_complete(order, now) and not is_complete(order, before[order.name]):
                outcomes[order.name] = _already_published(order, now, began)
            else:
                wanted.append(_make_wheel(order, now, packages))
        if not wanted:
            return
        error, notes = _install_wheels(module, wanted)
        for wheel in wanted:
            # Where pip failed, some may be installed nevertheless.
            if is_whole(wheel.order, read_installed(wheel.order)) and not (error and _missing_requirements(wheel)):
                name = wheel.order.name
                outcomes[name] = make_outcome(wheel.order, before[name], True, began, notes=notes)
                builds.note_use(wheel.order)
                began, notes = time.monotonic(), []
    failed = next((wheel for wheel in wanted if wheel.order.name not in outcomes), None)
    if failed:
        with _explain_failures(failed.order.name, failed.manifest):
            raise error or publishing.PublishError(
                "pip succeeded, but it is not whole in any of {0}. Check what else installs packages there".format(
                    ", ".join(failed.order.sites)
                )
            )


def _make_wheel(order, now, packages):
    # type: (Order, Dict[str, Any], Dict[str, str]) -> installing.Wheel
    """Return the wheel to install for an order; where it is installed and whole, only its requirements."""
    if is_whole(order, now):
        product = {"path": "", "sha256": "", "manifest": now["manifest"]}
    else:
        product = product_to_publish(order, now)
    required = list(order.requirements) + list(product["manifest"].get("requirements", []))
    missing = published.missing_requirements(required, packages)
    return installing.Wheel(order, product["path"], product["sha256"], product["manifest"], missing)


def _missing_requirements(wheel):
    # type: (installing.Wheel) -> List[str]
    return published.missing_requirements(wheel.requirements, interpreters.installed_packages(wheel.order.sites))


def _install_wheels(module, wanted):
    # type: (AnsibleModule, List[installing.Wheel]) -> Tuple[Optional[Exception], List[str]]
    """Install wheels; return the error, None for none, and notes."""
    session = dict(os.environ)
    settings = isolate_pip(module, wanted[0].order, asks_index=any(wheel.requirements for wheel in wanted))
    try:
        _sound, notes, trouble = installing.install(
            wanted,
            lambda argv: run_pip(module, wanted[0].order, argv),
            lambda wheel, folders: _check_wheel_sanity(module, wheel, folders, session),
        )
        return trouble, notes + settings
    except (publishing.PublishError, archive.ArchiveError, OSError) as error:
        return error, settings
    finally:
        for wheel in wanted:
            installing.remove_stashed(wheel.order.sites, wheel.order.distribution)


def isolate_pip(module, order, asks_index):
    # type: (AnsibleModule, Order, bool) -> List[str]
    """Reduce this process' environment to what pip needs, since run_command can only add to it; return notes on that.

    :param asks_index: whether pip uses an index; otherwise this host's settings for it do not matter
    """
    settings = order.pip_settings if asks_index else {}
    if settings is None:
        environment = dict(os.environ, **installing.pip_environment(order))
        settings = surroundings.pip_settings(order.python, environment, ask)
    made = surroundings.build_environment(os.environ, module.tmpdir, settings)
    os.environ.clear()
    os.environ.update(made)
    return surroundings.describe_settings(settings)


def _check_wheel_sanity(module, wheel, folders, session):
    # type: (AnsibleModule, installing.Wheel, List[str], Dict[str, str]) -> None
    """Raise StepError when a wheel does not work where it was unpacked, in the session's environment."""
    run = verifying.make_runner(lambda: module.tmpdir, dict(session, PYTHONPATH=os.pathsep.join(folders)))
    wrong = verifying.prove_unpacked(wheel.order, wheel.manifest, folders[0], run)
    if wrong:
        raise steps.StepError(wrong)


def run_pip(module, order, argv):
    # type: (AnsibleModule, Order, List[str]) -> str
    """Run pip outside any source tree and return its output; raise PublishError with its last lines and the remedy."""
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
    """Write the environment file, and return its outcome.

    :param planned: {"path", "text", "makes": the folder to make, "" for none}; :param dry: only return the outcome
    """
    began, path = time.monotonic(), planned["path"]
    diff = {"before": text(path), "after": planned["text"], "before_header": path, "after_header": path}
    if not dry:
        try:
            if planned.get("makes"):
                # Only where it is missing: the mode of an existing folder is not changed.
                make_folder(planned["makes"], 0o755)
            durable.write(path, planned["text"], 0o644)
        except OSError as error:
            raise ProvideError("the environment file {0} cannot be written: {1}".format(path, error.strerror))
    return {"changed": True, "diff": diff, "notes": [], "seconds": _seconds_since(began)}
