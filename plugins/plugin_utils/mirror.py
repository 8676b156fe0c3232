# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mirrors that are folders on the controller: find in them what an order needs, pack it, and send it to a host.

A bundle (see bundle.py) is such a folder, with git bundles in place of bare repositories, and wheels.
"""

from __future__ import annotations

import contextlib
import os
import tarfile
import tempfile

from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint
from ansible_collections.ascend.pytorch.plugins.module_utils.product.order import Order
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import closure, fetch
from ansible_collections.ascend.pytorch.plugins.plugin_utils import bundle, runs, transfer

# What a mirror is sent as.
ARCHIVE = "mirror.tar"


def contents(folder: str, sources: list[dict]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return what a mirror holds of the sources, and messages for what is missing though it should be there.

    What it holds is (path below the folder, sha256 or commit), submodules too. A repository without the commit, or without a
    submodule, counts as missing: the next mirror is tried.
    """
    held, lacking = [], []
    manifest = _bundle_manifest(folder)
    for source in sources:
        bundled = _bundled(manifest, source) if manifest else []
        if fetch.is_file(source):
            if os.path.isfile(os.path.join(folder, source["file"])):
                held.append((source["file"], source["sha256"]))
        elif bundled:
            gone = [path for path, _commit in bundled if not os.path.isfile(os.path.join(folder, path))]
            if gone:
                lacking.append(_missing_files_message(folder, gone))
                continue
            held += bundled
        elif os.path.isdir(os.path.join(folder, source["repo"] + ".git")):
            needed = [source]
            if source.get("submodules"):
                try:
                    needed = closure.git_closure(
                        closure.bare_repositories(folder), source["repo"], source["commit"], source.get("without") or ()
                    )
                except fetch.FetchError as error:
                    lacking.append(str(error))
                    continue
            held += [(entry["repo"] + ".git", entry["commit"]) for entry in needed]
    return sorted(set(held)), lacking


def _bundle_manifest(folder: str) -> dict | None:
    """Return the manifest of the bundle that a mirror folder is, None for any other."""
    if not os.path.isfile(os.path.join(folder, "bundle.json")):
        return None
    try:
        return bundle.read(folder)
    except bundle.BundleError as error:
        raise AnsibleActionFail(str(error))


def _bundled(manifest: dict, source: dict) -> list[tuple[str, str]]:
    if fetch.is_file(source):
        return []
    return [(entry["file"], entry["commit"]) for entry in bundle.repositories(manifest, source)]


def _missing_files_message(folder: str, names: list[str]) -> str:
    return "{1} of its bundle.json is missing in {0}: verify the bundle with playbooks/bundle.yml, or make it again".format(
        folder, ", ".join(names)
    )


def find_damage(folder: str, held: list[tuple[str, str]]) -> list[str]:
    """Return what is damaged among contents of a bundle; [] for any other mirror. Reads every byte of them."""
    manifest = _bundle_manifest(folder)
    if manifest is None:
        return []
    known = [(path, manifest["files"][path]) for path, _pin in held if path in manifest["files"]]
    return [words for words in (bundle.find_damage(folder, path, entry) for path, entry in known) if words]


def wheels(folder: str, order: Order) -> list[tuple[str, str]]:
    """Return (path below the folder, sha256) of what a bundle has for pip on the host of an order; [] for trees.

    :raises AnsibleActionFail: the folder is no finished bundle, or one without wheels for the host's Python and arch, or
        they are gone
    """
    if order.product != "wheel":
        return []
    folder = os.path.abspath(os.path.expanduser(folder))
    manifest = _bundle_manifest(folder)
    if manifest is None:
        raise AnsibleActionFail(
            "ascend_bundle: {0} has no bundle.json: it is not a bundle, or was not finished. Make it with "
            "playbooks/bundle.yml".format(folder)
        )
    held = bundle.wheels(manifest, order.python_version, order.arch)
    if not held:
        raise AnsibleActionFail(
            "ascend_bundle: {0} has no wheels for Python {1} on {2}; it has them for {3}. Make it again with that in "
            "ascend_bundle_platforms, or set ascend_python to one of these".format(
                folder,
                order.python_version,
                order.arch,
                ", ".join(sorted({"{python} on {arch}".format(**entry) for entry in manifest["wheels"].values()}))
                or "none",
            )
        )
    gone = [path for path, _sha in held if not os.path.isfile(os.path.join(folder, path))]
    if gone:
        raise AnsibleActionFail("ascend_bundle: " + _missing_files_message(folder, gone))
    return held


def host_folder(order: Order, held: list[tuple[str, str]]) -> str:
    """Return the folder on the host that the contents are unpacked into."""
    return os.path.join(order.work_dir, "mirror", content_name(held))


def pip_options(order: Order, held: list[tuple[str, str]]) -> list[str]:
    """Return the options with which pip uses the wheels that were sent, and no index."""
    return ["--no-index", "--find-links", os.path.join(host_folder(order, held), "wheels")] if held else []


def content_name(held: list[tuple[str, str]]) -> str:
    """Return the name of the contents' folder on a host."""
    return fingerprint.short(fingerprint.digest(held))


def pack(folder: str, held: list[tuple[str, str]], archive: str) -> None:
    """Write the contents into one tar archive, not compressed again: git and the archives have done that."""
    with tarfile.open(archive, "w") as tar:
        for path in sorted({path for path, _pin in held}):
            # A mirror may be made of links; the host gets what they lead to.
            tar.add(os.path.realpath(os.path.join(folder, path)), arcname=path)


class Sender:
    """Sends to a host what a mirror folder holds. `action` is the ActionBase whose connection leads there."""

    def __init__(self, action, task_vars: dict) -> None:
        self.action, self.task_vars = action, task_vars
        self._transfer = transfer.Transfer(action)

    def send(self, order: Order, folder: str, held: list[tuple[str, str]]) -> str:
        """Have the contents on the host, sent if they are not there yet; return their folder there.

        :raises AnsibleActionFail: the copy failed, the host has no room, or what a bundle holds is damaged
        """
        with self._locked(content_name(held)):
            return self._send_if_absent(order, os.path.abspath(os.path.expanduser(folder)), held)

    @contextlib.contextmanager
    def _locked(self, mirror):
        """Hold a lock: no other worker, of any run on this controller, sends the same to the host."""
        path = runs.home() / "locks" / "mirror-{0}-{1}.lock".format(mirror, runs.file_name(self._host()))
        path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        with open(path, "a") as stream:
            with runs.end_with_run():
                runs.lock_stream(stream, waits=True)
            yield

    def _host(self):
        return self.action._task.delegate_to or self.task_vars["inventory_hostname"]

    def _send_if_absent(self, order, folder, held):
        asked = self._run_module(order, held)
        if not asked["present"]:
            # Checked before: on the host the contents are known by their name alone.
            wrong = find_damage(folder, held)
            if wrong:
                raise AnsibleActionFail(
                    "ascend_bundle: {0} is damaged: {1}. Where there is a network, playbooks/bundle.yml repairs it; else copy it "
                    "here again".format(folder, "; ".join(wrong))
                )
            # Ansible's own temporary folder: it is the user's, and a big archive would fill the system's.
            with tempfile.TemporaryDirectory(prefix="mirror-", dir=C.DEFAULT_LOCAL_TMP) as scratch:
                packed = os.path.join(scratch, ARCHIVE)
                pack(folder, held, packed)
                remote = self._copy_archive(packed)
            asked = self._run_module(order, held, archive=remote)
        return asked["folder"]

    def _run_module(self, order, held, **more):
        arguments = dict(more, order=order._asdict(), state="mirrored", mirror=content_name(held))
        answer = self.action._execute_module("ascend.pytorch.build", module_args=arguments, task_vars=self.task_vars)
        if answer.get("failed") or answer.get("unreachable"):
            raise AnsibleActionFail(answer.get("msg", "the host did not answer when it was asked for the mirror"))
        return answer

    def _copy_archive(self, archive):
        """Send an archive to the host; return its path there."""
        try:
            path = self._transfer.put(archive, ARCHIVE)
            if self._transfer.is_shared:
                self._transfer.let_in(path, "0644")
        except transfer.TransferError as error:
            raise AnsibleActionFail("the mirror could not be sent to {0}: {1}".format(self._host(), error))
        return path
