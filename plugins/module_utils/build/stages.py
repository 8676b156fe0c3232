# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of a build, done one after the other in the detached process, and stamped."""

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
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import download, repositories, unpacking

# The stage whose result is packed: what it put into the staging root is looked at again when it is gone on from.
INSTALLED = "install"


def stage_plan(order):
    # type: (Order) -> List[Tuple[str, Any, str]]
    """Return (stage, its steps or sources, its fingerprint) in order; a stage's fingerprint covers those before it."""
    plan, before = [], ""
    pins = [
        [source.get("sha256") or source["commit"], source["dest"], bool(source.get("submodules"))]
        for source in order.sources
    ]
    for stage in recipe.STAGES:
        what = pins if stage in ("fetch", "verify", "extract") else order.stages.get(stage, [])
        before = fingerprint.digest([before, stage, what])
        plan.append((stage, what, before))
    return plan


class Build:
    """Runs the stages of one order; made and used in the detached process alone."""

    def __init__(self, order, place, log_stream, scope="", note="", known=None, passes=()):
        # type: (Order, builds.Place, Any, str, str, Optional[Dict[str, str]], Sequence[int]) -> None
        """
        :param scope: the unit of systemd's that it has to itself, "" for none
        :param note: what whoever began it should know
        :param passes: descriptors that its programs inherit
        :param known: logins, see base/logins.py: in the memory of this process alone
        """
        self.known = known or {}
        self.order = order
        self.place = place
        self.log_stream = log_stream
        self.deadline = time.monotonic() + order.timeout_s
        self.status = {
            "state": "running",
            "stage": "",
            "percent": None,
            "objects": 0,
            "jobs": order.jobs,
            "pid": os.getpid(),
            # What tells the programs of this run, when it is gone, from all others: see processes.of().
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
        # By a clock that nobody sets.
        self.told = 0.0
        # How many objects each stage compiled, for the estimates of later builds.
        self.objects = {}  # type: Dict[str, int]
        # The stage's own fingerprint, which what was spent on it is kept under, and when the long stage was first begun.
        self.mark, self.since = "", 0.0
        self.context = self.make_context(passes)

    def make_context(self, passes):
        # type: (Sequence[int]) -> recipe_steps.Context
        """Return what its steps go by: the names that are filled into them, and the environment of its programs."""
        order, place = self.order, self.place
        prefix = order.prefix
        names = {
            "src": place.src,
            "obj": place.obj,
            "stage": place.stage,
            "root": place.stage + prefix,
            "prefix": prefix,
            "jobs": str(order.jobs),
            "python": order.python,
            "python_version": order.python_version,
            "env_file": order.env_file,
            "version": order.version,
            "work": place.work,
        }
        pip = surroundings.pip_settings(order.python, os.environ, ask) if order.product == "wheel" else {}
        for words in surroundings.told(pip):
            self.log(words)
        return recipe_steps.Context(
            names,
            recipe.fill(build_environment.environment(order, place.home, place.tmp, pip), names),
            self.log,
            self.tell,
            order.python_tag,
            order.arch,
            order.pip_options,
            passes,
        )

    def log(self, line):
        # type: (str) -> None
        self.log_stream.write(outgoing.shown(line) + "\n")
        self.log_stream.flush()

    def tell(self, percent, compiled):
        # type: (Optional[int], int) -> None
        """Take note of a line's percentage, None for none, and of how many objects it compiles."""
        self.status["objects"] += compiled
        if percent is not None:
            self.status["percent"] = percent
        if time.monotonic() - self.told >= 1.0:
            self.save()
            self.note_spent()

    def note_spent(self):
        # type: () -> None
        """Note what was spent on the build stage: make goes on from a half, and the whole is what later builds learn from."""
        if self.status["stage"] == progress.LONG_STAGE:
            spent = {"seconds": self.spent_s(), "objects": self.status["objects"], "since": self.since}
            builds.write_json(self.spent_path(), dict(spent, fingerprint=self.mark, boot=kernel.boot()))

    def spent_s(self):
        # type: () -> float
        # A clock that is set back meanwhile must not make it less than nothing.
        return max(0.0, round(time.time() - self.status["stage_started"], 1))

    def spent_path(self):
        # type: () -> str
        # Not a stamp: those are counted by their ending.
        return os.path.join(self.place.stamps, progress.LONG_STAGE + ".spent")

    def spent_before(self, stage, mark):
        # type: (str, str) -> Dict[str, Any]
        """Return {"seconds", "objects"} of runs that were ended in the midst of a stage that goes on from there.

        Where there were any also "since", when the first of them began, and "boot", see kernel.boot, of the last.
        """
        spent = read_json(self.spent_path()) if stage == progress.LONG_STAGE else None
        return spent if spent and spent["fingerprint"] == mark else {"seconds": 0.0, "objects": 0}

    def drop_torn(self, before):
        # type: (Dict[str, Any]) -> None
        """Take away the objects that a former run may have left half; before is of spent_before."""
        margin_s = torn.KILLED_S if before.get("boot") == kernel.boot() else torn.REBOOTED_S
        dropped = torn.torn([self.place.src, self.place.obj], before["since"], margin_s)
        for path in dropped:
            os.unlink(path)
        if dropped:
            self.log("{0} objects that were written last may be halves: done again".format(len(dropped)))

    def save(self):
        # type: () -> None
        self.told = time.monotonic()
        builds.write_json(self.place.status, outgoing.told(**self.status))

    def run(self):
        # type: () -> None
        """Run every stage that is not stamped, then put the product in its place."""
        self.log("=== {0} on {1}, {2} jobs".format(self.order.label(), platform.node(), self.order.jobs))
        if self.status["note"]:
            self.log(self.status["note"])
        # Never closed: what it works with stays for as long as this process lives.
        for tree in self.order.trees:
            _use(tree)
        stale = False
        for stage, what, mark in stage_plan(self.order):
            stamp_path = os.path.join(self.place.stamps, stage + ".json")
            stamp = read_json(stamp_path)
            if not stale and self.is_done(stage, stamp, mark):
                self.log("=== {0}: done before".format(stage))
                self.context.learned.update(stamp["learned"])
            else:
                stale = True
                if stamp is not None:
                    os.unlink(stamp_path)
                seconds = self.perform(stage, what, mark)
                stamp = {
                    "fingerprint": mark,
                    "seconds": seconds,
                    "objects": self.status["objects"],
                    "learned": self.context.learned,
                }
                if stage == INSTALLED:
                    stamp["installed"] = durable.listing(self.place.stage)
                # A stamp that a power cut leaves, and what it speaks of not, would be believed.
                durable.sync_file_system(self.place.folder)
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
            # The stamps first: one that outlives what it speaks of would be believed.
            for folder in (self.place.stamps,) + self.place.own():
                shutil.rmtree(folder, ignore_errors=True)

    def is_done(self, stage, stamp, mark):
        # type: (str, Optional[Dict[str, Any]], str) -> bool
        """Say whether a former run did a stage, and what it installed is still as it was."""
        if stamp is None or stamp["fingerprint"] != mark:
            return False
        wrong = durable.lacking(self.place.stage, stamp.get("installed", {})) if stage == INSTALLED else []
        if wrong:
            self.log("=== {0}: {1} is not as it was installed, done again".format(stage, wrong[0]))
        return not wrong

    def perform(self, stage, what, mark):
        # type: (str, Any, str) -> float
        """Do a stage, and return the seconds that it took, with those of former runs that it goes on from."""
        self.log("=== {0}".format(stage))
        before, self.mark = self.spent_before(stage, mark), mark
        self.status.update(
            stage=stage, percent=None, objects=before["objects"], stage_started=time.time() - before["seconds"]
        )
        self.save()
        if stage == progress.LONG_STAGE:
            self.since = before.get("since", time.time())
            if "since" in before:
                self.drop_torn(before)
            self.note_spent()
        if stage in ("fetch", "verify", "extract"):
            for source in self.order.sources:
                getattr(self, "_" + stage)(source)
        else:
            # What a killed run left in these is of unknown worth; make alone can go on from a half.
            if stage in ("configure", "install"):
                self.clear(self.place.obj if stage == "configure" else self.place.stage)
            for step in what:
                recipe_steps.perform(recipe.fill(step, self.context.names), self.context)
        return self.spent_s()

    @staticmethod
    def clear(folder):
        # type: (str) -> None
        shutil.rmtree(folder)
        os.makedirs(folder)

    def _download(self, source):
        # type: (Dict[str, Any]) -> str
        return download.fetch_archive(
            source,
            self.order.mirrors,
            self.place.downloads,
            self.log,
            deadline=self.deadline,
            known=self.known,
        )

    def _fetch(self, source):
        # type: (Dict[str, Any]) -> None
        if source["kind"] == "archive":
            self._download(source)
        else:
            found = repositories.fetch_git(
                source,
                self.order.mirrors,
                self.place.git,
                os.path.join(self.place.src, source["dest"]),
                self.log,
                deadline=self.deadline,
                known=self.known,
            )
            self.context.learned.setdefault("commits", {})[source["name"]] = found

    def _verify(self, source):
        # type: (Dict[str, Any]) -> None
        # Between the fetch and now there may lie a reboot or a full disk.
        if source["kind"] == "archive":
            self._download(source)

    def _extract(self, source):
        # type: (Dict[str, Any]) -> None
        if source["kind"] == "archive":
            unpacking.unpack(self._download(source), os.path.join(self.place.src, source["dest"]))

    def pack(self):
        # type: () -> None
        """Write the manifest and put the product under products/ by a rename; the parts of a tree before the whole."""
        order, place = self.order, self.place
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
            root = place.stage + order.prefix
            its_manifest["files"] = manifest.scan(root)
            if not its_manifest["files"]:
                raise recipe_steps.StepError("the install stage put nothing into {0}".format(root))
            # Where the whole is, the build counts as done.
            for part in builds.parts(order):
                results.pack_part(part, root, its_manifest)
            results.pack_tree(order, root, its_manifest)
        else:
            staged = os.listdir(place.stage)
            if len(staged) != 1:
                raise recipe_steps.StepError(
                    "the install stage put {0} into {1}, wanted is one wheel".format(
                        ", ".join(sorted(staged)) or "nothing", place.stage
                    )
                )
            partial = results.partial_folder(order)
            its_manifest["libraries"] = libraries.of_wheel(os.path.join(place.stage, staged[0]))
            wheels.embed(
                os.path.join(place.stage, staged[0]),
                os.path.join(partial, staged[0]),
                manifest.WHEEL_NAME,
                json.dumps(its_manifest, sort_keys=True, indent=1),
            )
            results.put(order, partial, staged[0], its_manifest)


def _use(tree):
    # type: (str) -> None
    """Keep a tree that a build works with; StepError when it is gone."""
    try:
        published.use(tree)
    except OSError as error:
        raise recipe_steps.StepError(
            "{0}, which this was to be built with, is not there ({1}): run again, with what stands now".format(
                tree, error.strerror
            )
        )
