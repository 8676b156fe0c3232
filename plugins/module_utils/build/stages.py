# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of a build: run one after the other in the detached process; each completed stage gets a stamp."""

import json
import os
import platform
import shutil
import time

from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable, kernel, outgoing, surroundings
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import ask, read_json
from ansible_collections.ascend.pytorch.plugins.module_utils.build import (
    build_environment,
    builds,
    progress,
    results,
    torn,
)
from ansible_collections.ascend.pytorch.plugins.module_utils.build import steps as recipe_steps
from ansible_collections.ascend.pytorch.plugins.module_utils.product import (
    fingerprint,
    libraries,
    manifest,
    published,
    recipe,
)
from ansible_collections.ascend.pytorch.plugins.module_utils.product import wheel as wheels
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import download, fetch, repositories, unpacking

# The stage whose result is packed: its files are checked when a later run continues after it.
INSTALL_STAGE = "install"


def stage_plan(order):
    # type: (Order) -> List[Tuple[str, Any, str]]
    """Return (stage, its steps or sources, its fingerprint) in order; a stage's fingerprint covers those before it."""
    plan, before = [], ""
    pins = [
        [source.get("sha256") or source["commit"], source["dest"], bool(source.get("submodules"))]
        + ([source["without"]] if source.get("without") else [])
        for source in order.sources
    ]
    for stage in recipe.STAGES:
        what = pins if stage in ("fetch", "verify", "extract") else order.stages.get(stage, [])
        before = fingerprint.digest([before, stage, what])
        plan.append((stage, what, before))
    return plan


class Build:
    """Runs the stages of one order; used only in the detached process."""

    def __init__(self, order, paths, log_stream, scope="", note="", known=None, inherited=()):
        # type: (Order, builds.BuildPaths, Any, str, str, Optional[Dict[str, str]], Sequence[int]) -> None
        """
        :param scope: its own scope unit of systemd, "" for none
        :param note: what the user should know, for the log
        :param inherited: descriptors that its programs inherit
        :param known: logins, see base/logins.py; only in the memory of this process
        """
        self.known = known or {}
        self.order = order
        self.paths = paths
        self.log_stream = log_stream
        self.deadline = time.monotonic() + order.timeout_s
        self.status = {
            "state": "running",
            "stage": "",
            "percent": None,
            "objects": 0,
            "jobs": order.jobs,
            "pid": os.getpid(),
            # By these the programs of this run are found after it has ended: see processes.find_processes().
            "boot": kernel.boot(),
            "session": os.getsid(0),
            "scope": scope,
            "note": note,
            "started": time.time(),
            "stage_started": time.time(),
            "host": platform.node(),
            "done": [],
            "seconds": {},
        }  # type: Dict[str, Any]
        # By the monotonic clock.
        self.last_saved = 0.0
        # How many objects each stage compiled, for the estimates of later builds.
        self.objects = {}  # type: Dict[str, int]
        # The fingerprint of the current stage, for its record of time spent, and when the long stage was first started.
        self.stage_fingerprint, self.since = "", 0.0
        self.context = self.make_context(inherited)

    def make_context(self, inherited):
        # type: (Sequence[int]) -> recipe_steps.Context
        """Return the context of its steps: the names that are filled into them, and the environment of its programs."""
        order, paths = self.order, self.paths
        prefix = order.prefix
        names = {
            "src": paths.src,
            "obj": paths.obj,
            "stage": paths.stage,
            "root": paths.stage + prefix,
            "prefix": prefix,
            "jobs": str(order.jobs),
            "python": order.python,
            "python_version": order.python_version,
            "env_file": order.env_file,
            "version": order.version,
            "work": paths.work,
        }
        pip = surroundings.pip_settings(order.python, os.environ, ask) if order.product == "wheel" else {}
        for words in surroundings.describe_settings(pip):
            self.log(words)
        return recipe_steps.Context(
            names,
            recipe.fill_placeholders(build_environment.environment(order, paths.home, paths.tmp, pip), names),
            self.log,
            self.report_progress,
            order.python_tag,
            order.arch,
            order.pip_options,
            inherited,
        )

    def log(self, line):
        # type: (str) -> None
        self.log_stream.write(outgoing.redact(line) + "\n")
        self.log_stream.flush()

    def report_progress(self, percent, compiled):
        # type: (Optional[int], int) -> None
        """Record the percentage in a line of output, None for none, and how many objects it compiles."""
        self.status["objects"] += compiled
        if percent is not None:
            self.status["percent"] = percent
        if time.monotonic() - self.last_saved >= 1.0:
            self.save()
            self.save_spent()

    def save_spent(self):
        # type: () -> None
        """Save the time spent on the build stage: make can continue it, and later builds are estimated from the total."""
        if self.status["stage"] == progress.LONG_STAGE:
            spent = {"seconds": self.spent_s(), "objects": self.status["objects"], "since": self.since}
            builds.write_json(self.spent_path(), dict(spent, fingerprint=self.stage_fingerprint, boot=kernel.boot()))

    def spent_s(self):
        # type: () -> float
        # The clock may be set back in the meantime.
        return max(0.0, round(time.time() - self.status["stage_started"], 1))

    def spent_path(self):
        # type: () -> str
        # Another ending than a stamp's, since stamps are counted by theirs.
        return os.path.join(self.paths.stamps, progress.LONG_STAGE + ".spent")

    def spent_before(self, stage, stage_fingerprint):
        # type: (str, str) -> Dict[str, Any]
        """Return {"seconds", "objects"} of runs that ended during a stage that can be continued.

        If there were any, also "since", the start of the first one, and "boot" of the last one; see kernel.boot.
        """
        spent = read_json(self.spent_path()) if stage == progress.LONG_STAGE else None
        return spent if spent and spent["fingerprint"] == stage_fingerprint else {"seconds": 0.0, "objects": 0}

    def remove_torn(self, before):
        # type: (Dict[str, Any]) -> None
        """Remove the objects that a former run may have left incomplete; before is of spent_before."""
        margin_s = torn.KILLED_MARGIN_S if before.get("boot") == kernel.boot() else torn.REBOOTED_MARGIN_S
        dropped = torn.find_torn([self.paths.src, self.paths.obj], before["since"], margin_s)
        for path in dropped:
            os.unlink(path)
        if dropped:
            self.log("{0} objects that were written last may be incomplete: they are built again".format(len(dropped)))

    def save(self):
        # type: () -> None
        self.last_saved = time.monotonic()
        builds.write_json(self.paths.status, outgoing.clean_result(**self.status))

    def run(self):
        # type: () -> None
        """Run every stage that has no stamp, then pack the product."""
        self.log("=== {0} on {1}, {2} jobs".format(self.order.label(), platform.node(), self.order.jobs))
        if self.status["note"]:
            self.log(self.status["note"])
        # Never closed: the trees are in use as long as this process lives.
        for tree in self.order.trees:
            _keep_tree(tree)
        stale = False
        for stage, what, stage_fingerprint in stage_plan(self.order):
            stamp_path = os.path.join(self.paths.stamps, stage + ".json")
            stamp = read_json(stamp_path)
            if not stale and self.is_done(stage, stamp, stage_fingerprint):
                self.log("=== {0}: done before".format(stage))
                self.context.learned.update(stamp["learned"])
            else:
                stale = True
                if stamp is not None:
                    os.unlink(stamp_path)
                seconds = self.run_stage(stage, what, stage_fingerprint)
                stamp = {
                    "fingerprint": stage_fingerprint,
                    "seconds": seconds,
                    "objects": self.status["objects"],
                    "learned": self.context.learned,
                }
                if stage == INSTALL_STAGE:
                    stamp["installed"] = durable.list_files(self.paths.stage)
                # After a power cut there must not be a stamp without the files that it stands for.
                durable.sync_file_system(self.paths.folder)
                durable.write(stamp_path, json.dumps(stamp, sort_keys=True))
            self.status["done"].append(stage)
            self.status["seconds"][stage] = stamp["seconds"]
            if stamp.get("objects"):
                self.objects[stage] = stamp["objects"]
        self.status.update(stage="pack", percent=None, objects=0, stage_started=time.time())
        self.save()
        self.pack()
        self.status["state"] = "done"
        self.save()
        if not self.order.keep:
            # The stamps first: there must not be a stamp without the files that it stands for.
            for folder in (self.paths.stamps,) + self.paths.own_folders():
                shutil.rmtree(folder, ignore_errors=True)

    def is_done(self, stage, stamp, stage_fingerprint):
        # type: (str, Optional[Dict[str, Any]], str) -> bool
        """Say whether a former run completed a stage, and its installed files are unchanged."""
        if stamp is None or stamp["fingerprint"] != stage_fingerprint:
            return False
        wrong = (
            durable.missing_or_changed(self.paths.stage, stamp.get("installed", {})) if stage == INSTALL_STAGE else []
        )
        if wrong:
            self.log("=== {0}: {1} is not as it was installed, so the stage is run again".format(stage, wrong[0]))
        return not wrong

    def run_stage(self, stage, what, stage_fingerprint):
        # type: (str, Any, str) -> float
        """Run a stage and return the seconds that it took, with those of former runs that it continues."""
        self.log("=== {0}".format(stage))
        before, self.stage_fingerprint = self.spent_before(stage, stage_fingerprint), stage_fingerprint
        self.status.update(
            stage=stage, percent=None, objects=before["objects"], stage_started=time.time() - before["seconds"]
        )
        self.save()
        if stage == progress.LONG_STAGE:
            self.since = before.get("since", time.time())
            if "since" in before:
                self.remove_torn(before)
            self.save_spent()
        if stage in ("fetch", "verify", "extract"):
            for source in self.order.sources:
                getattr(self, "_" + stage)(source)
        else:
            # A killed run may have left these incomplete; only make can continue.
            if stage in ("configure", "install"):
                self.empty_folder(self.paths.obj if stage == "configure" else self.paths.stage)
            for step in what:
                recipe_steps.run_step(recipe.fill_placeholders(step, self.context.names), self.context)
        return self.spent_s()

    @staticmethod
    def empty_folder(folder):
        # type: (str) -> None
        shutil.rmtree(folder)
        os.makedirs(folder)

    def _download(self, source):
        # type: (Dict[str, Any]) -> str
        return download.fetch_archive(
            source,
            self.order.mirrors,
            self.paths.downloads,
            self.log,
            deadline=self.deadline,
            known=self.known,
        )

    def _fetch(self, source):
        # type: (Dict[str, Any]) -> None
        if fetch.is_file(source):
            self._download(source)
        else:
            found = repositories.fetch_git(
                source,
                self.order.mirrors,
                self.paths.git,
                os.path.join(self.paths.src, source["dest"]),
                self.log,
                deadline=self.deadline,
                known=self.known,
            )
            self.context.learned.setdefault("commits", {})[source["name"]] = found

    def _verify(self, source):
        # type: (Dict[str, Any]) -> None
        # There may have been a reboot or a full disk since the fetch.
        if fetch.is_file(source):
            self._download(source)

    def _extract(self, source):
        # type: (Dict[str, Any]) -> None
        if source["kind"] == "archive":
            unpacking.unpack(self._download(source), os.path.join(self.paths.src, source["dest"]))
        elif source["kind"] == "file":
            # As it is, for the steps that install or stage it.
            unpacking.place_file(self._download(source), os.path.join(self.paths.src, source["dest"], source["file"]))

    def pack(self):
        # type: () -> None
        """Write the manifest and put the product under products/; the parts of a tree before the whole."""
        order, paths = self.order, self.paths
        its_manifest = manifest.compose(
            order.name,
            order.version,
            order.product,
            order.fingerprint,
            order.identity,
            {
                "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "host": platform.node(),
                "seconds": self.status["seconds"],
                "jobs": order.jobs,
                "objects": self.objects,
                "tools": order.tools,
            },
            order.collection_version,
        )
        for key, value in self.context.learned.items():
            its_manifest[key] = value
        if order.product == "tree":
            root = paths.stage + order.prefix
            its_manifest["files"] = manifest.scan(root)
            if not its_manifest["files"]:
                raise recipe_steps.StepError("the install stage put nothing into {0}".format(root))
            # The parts first: the build counts as done when the whole is there.
            for part in builds.part_orders(order):
                results.pack_part(part, root, its_manifest)
            results.pack_tree(order, root, its_manifest)
        else:
            staged = os.listdir(paths.stage)
            if len(staged) != 1:
                raise recipe_steps.StepError(
                    "the install stage put {0} into {1}, but must put one wheel there".format(
                        ", ".join(sorted(staged)) or "nothing", paths.stage
                    )
                )
            partial = results.make_partial_folder(order)
            its_manifest["libraries"] = libraries.needed_by_wheel(os.path.join(paths.stage, staged[0]))
            wheels.add_file(
                os.path.join(paths.stage, staged[0]),
                os.path.join(partial, staged[0]),
                manifest.WHEEL_NAME,
                json.dumps(its_manifest, sort_keys=True, indent=1),
            )
            results.put_in_place(order, partial, staged[0], its_manifest)


def _keep_tree(tree):
    # type: (str) -> None
    """Keep a tree that a build uses from being removed; StepError when it is not there."""
    try:
        published.lock_tree(tree)
    except OSError as error:
        raise recipe_steps.StepError(
            "{0}, which this is built with, is not there ({1}): run again to plan with what is installed now".format(
                tree, error.strerror
            )
        )
