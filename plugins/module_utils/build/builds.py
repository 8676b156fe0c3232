# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A build on a host: detached, locked, stage by stage, with a log and a status file.

Layout of the work directory, all of it 0700 and the builder's own:
  lock                                   held together by all builds that are under way, alone by who cleans up
  downloads/, git/                       sources, kept between builds
  builds/<name>-<version>-<fp12>/        lock, hands, status.json, build.log, reserve, stamps/<stage>.json, src/, obj/,
                                         stage/, tmp/, home/
  products/<name>-<version>-<fp12>/      product.json and the archive or wheel; there whole or not at all
"""

import errno
import fcntl
import glob
import io
import json
import os
import platform
import re
import shutil
import signal
import sys
import tarfile
import time
import traceback

from ansible_collections.ascend.pytorch.plugins.module_utils.base import (
    durable,
    kernel,
    locking,
    outgoing,
    places,
    session,
    surroundings,
    trust,
)
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import ask, read_json
from ansible_collections.ascend.pytorch.plugins.module_utils.base.folders import make_folder
from ansible_collections.ascend.pytorch.plugins.module_utils.build import progress, torn
from ansible_collections.ascend.pytorch.plugins.module_utils.build import steps as recipe_steps
from ansible_collections.ascend.pytorch.plugins.module_utils.product import (
    diagnose,
    fingerprint,
    libraries,
    manifest,
    products,
    published,
    recipe,
    trees,
)
from ansible_collections.ascend.pytorch.plugins.module_utils.product import wheel as wheels
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import (
    archive,
    download,
    fetch,
    packing,
    repositories,
    unpacking,
)

TAIL_LINES = 20
# The stage whose result is packed: what it put into the staging root is looked at again when it is gone on from.
INSTALLED = "install"

# How long a look at a build waits for stages that follow one another at once, in seconds.
SETTLE_S = 1.0

# How long after its time limit a build is ended as a whole, in seconds.
GRACE_S = 5

# The lowest descriptor by which the programs of a build are marked, above what shells and makes use.
FIRST_MARK = 100

# Given up when a build fails, so that on a full disk there is room to say why.
RESERVE_BYTES = 64 * 1024


def label(order):
    # type: (Dict[str, Any]) -> str
    """Return the name that a build and its product have in the work directory."""
    return products.label(order)


def scope_name(order):
    # type: (Dict[str, Any]) -> str
    """Return the name of the unit that this process asks systemd for: no other process has that now."""
    # What systemd.unit(5) lets a name have.
    return re.sub("[^A-Za-z0-9:_.-]", "_", "ascend-pytorch-{0}-{1}.scope".format(label(order), os.getpid()))


class Place:
    """The paths of one build."""

    def __init__(self, order, name=None):
        # type: (Dict[str, Any], Optional[str]) -> None
        """
        :param order: of which only the work directory is asked where the name is given
        :param name: that of its folder
        """
        work, name = order["work_dir"], name or label(order)
        self.work = work
        self.folder = os.path.join(work, "builds", name)
        self.product = os.path.join(work, "products", name)
        self.downloads = os.path.join(work, "downloads")
        self.git = os.path.join(work, "git")
        self.lock = os.path.join(self.folder, "lock")
        # Empty: whatever works for the build has it open, and nothing else does.
        self.hands = os.path.join(self.folder, "hands")
        self.status = os.path.join(self.folder, "status.json")
        self.log = os.path.join(self.folder, "build.log")
        self.stamps = os.path.join(self.folder, "stamps")
        self.reserve = os.path.join(self.folder, "reserve")
        self.src, self.obj, self.stage, self.tmp, self.home = (
            os.path.join(self.folder, name) for name in ("src", "obj", "stage", "tmp", "home")
        )

    def own(self):
        # type: () -> Tuple[str, ...]
        """Return the folders that a build has for itself alone."""
        return self.src, self.obj, self.stage, self.tmp, self.home

    def make(self):
        # type: () -> None
        """Make the folders of a build."""
        make_work_dir(self.work)
        for folder in (self.folder, self.downloads, self.git, self.stamps) + self.own():
            if not os.path.isdir(folder):
                os.makedirs(folder)
        if not os.path.exists(self.reserve):
            with open(self.reserve, "wb") as stream:
                stream.write(b"\0" * RESERVE_BYTES)


def make_work_dir(path):
    # type: (str) -> None
    """Make the work directory, closed to others. Raises OSError where others could have put something there."""
    trust.demand(path)
    make_folder(path, 0o700)


def write_json(path, data):
    # type: (str, Any) -> None
    """Write JSON that a reader never sees half of, and that a power cut may take away."""
    durable.write(path, json.dumps(data, sort_keys=True), lasts=False)


def tail(path, lines=TAIL_LINES, most_bytes=64 * 1024):
    # type: (str, int, int) -> List[str]
    """Return the last lines of a log, as many as stand in its last bytes."""
    try:
        with open(path, "rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - most_bytes))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return []
    return text.splitlines()[-lines:]


def product(order):
    # type: (Dict[str, Any]) -> Optional[Dict[str, Any]]
    """Return {"path", "sha256", "manifest"} of the finished product in the work directory; None when there is none."""
    return products.read(Place(order).product, order["fingerprint"])


def note_use(order):
    # type: (Dict[str, Any]) -> None
    """Note that the product in the work directory, if there is one, is used now, whenever it was built: see cleaning.py."""
    try:
        os.utime(Place(order).product)
    except OSError:
        # It is not there, or another account's: then its age decides.
        pass


# --- one at a time ----------------------------------------------------------------------------------------------------


def try_lock(place):
    # type: (Place) -> Optional[int]
    """Return the descriptor of the build's lock, None when a build holds it, or somebody looks at that just now.

    It is held by the build's head alone: a free lock means that no head lives, whatever it has left running.
    """
    return _locked(place.lock)


def lock_work_dir(work_dir, alone):
    # type: (str, bool) -> Optional[int]
    """Return the descriptor of a work directory's lock.

    :param alone: None when any build holds it; otherwise hold it together with others, as soon as nobody has it alone
    """
    return _locked(os.path.join(work_dir, "lock"), waits=not alone, shared=not alone)


def has_head(place):
    # type: (Place) -> bool
    """Say whether a build is under way: its head lives, or is about to."""
    # Shared, so that of two who look neither takes the other for a head.
    lock = _locked(place.lock, shared=True)
    if lock is not None:
        os.close(lock)
    return lock is None


def _locked(path, waits=False, shared=False):
    # type: (str, bool, bool) -> Optional[int]
    """Return the descriptor of a file that is locked now, None where it cannot be; see locking.lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    has = False
    try:
        has = locking.lock(descriptor, path, waits, shared)
    finally:
        if not has:
            os.close(descriptor)
    return descriptor if has else None


def hands(place):
    # type: (Place) -> List[int]
    """Return the programs that work for a build, this process apart, whoever their parent is by now.

    They have its TMPDIR, or the file that all of them inherit; or, of those that made an environment of their own and closed
    what they had inherited, are in its scope, or in its head's session with a current directory that is the build's.
    """
    left, own = read_json(place.status) or {}, os.getpid()
    if left.get("boot") != kernel.boot():
        # Of a run before a reboot nothing lives, and its numbers are others' by now.
        left = {}
    # As the kernel has it, which tells where links on the way lead.
    found, folder = [], os.path.realpath(place.folder)
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != own:
            try:
                if _works_for(os.path.join("/proc", name), place, folder, left):
                    found.append(int(name))
            except OSError:
                continue
    return found


def _works_for(process, place, folder, left):
    # type: (str, Place, str, Dict[str, Any]) -> bool
    """Say whether a process works for a build.

    :param process: its folder in /proc; :param folder: the build's, without links
    :param left: status of the build's last run, as far as it is of this boot
    """
    with open(os.path.join(process, "environ"), "rb") as stream:
        if b"TMPDIR=" + os.fsencode(place.tmp) in stream.read().split(b"\0"):
            return True
    with open(os.path.join(process, "stat"), encoding="utf-8", errors="replace") as stream:
        # proc(5): the third field and on; the second is the program's name in parentheses.
        state, _parent, _group, number = stream.read().rpartition(")")[2].split()[:4]
    if state in "ZX":
        # It has ended, and only its parent has not asked how.
        return False
    if os.path.join(folder, os.path.basename(place.hands)) in _opened(process):
        return True
    with open(os.path.join(process, "cgroup"), encoding="utf-8", errors="replace") as stream:
        if session.is_within(stream.read(), left.get("scope", "")):
            return True
    # Of a session that is over another may get the number: so that alone does not tell.
    where = os.readlink(os.path.join(process, "cwd")) + "/"
    return int(number) == left.get("session") and where.startswith(folder + "/")


def _opened(process):
    # type: (str) -> Iterator[str]
    """Return the paths of what a process has open; asked of the kernel alone, for a file server may not answer."""
    folder = os.path.join(process, "fd")
    for name in os.listdir(folder):
        try:
            yield os.readlink(os.path.join(folder, name))
        except FileNotFoundError:
            # Closed meanwhile.
            continue


def mark_hands(place):
    # type: (Place) -> int
    """Return a descriptor for the programs of a build to inherit, by which hands() knows them."""
    descriptor = os.open(place.hands, os.O_RDONLY | os.O_CREAT, 0o600)
    try:
        # Not one of the first: those configure scripts take for themselves, and close.
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, FIRST_MARK)
    finally:
        os.close(descriptor)


def stop_hands(place, patience_s=10.0):
    # type: (Place, float) -> None
    """End the programs of a build whose head is gone or gives up; OSError when some do not end in that time."""
    until = time.monotonic() + patience_s
    while True:
        left = hands(place)
        if not left:
            return
        if time.monotonic() >= until:
            raise OSError(
                errno.EBUSY,
                "programs of a former run do not end, though killed (processes {0})".format(
                    ", ".join(str(pid) for pid in left)
                ),
            )
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        time.sleep(0.05)


# --- the stages -------------------------------------------------------------------------------------------------------


def stage_plan(order):
    # type: (Dict[str, Any]) -> List[Tuple[str, Any, str]]
    """Return (stage, its steps or sources, its fingerprint) in order; a stage's fingerprint covers those before it."""
    plan, before = [], ""
    pins = [
        [source.get("sha256") or source["commit"], source["dest"], bool(source.get("submodules"))]
        for source in order["sources"]
    ]
    for stage in recipe.STAGES:
        what = pins if stage in ("fetch", "verify", "extract") else order["stages"].get(stage, [])
        before = fingerprint.digest([before, stage, what])
        plan.append((stage, what, before))
    return plan


class Build:
    """Runs the stages of one order; made and used in the detached process alone."""

    def __init__(self, order, place, log_stream, scope="", note="", known=None, passes=()):
        # type: (Dict[str, Any], Place, Any, str, str, Optional[Dict[str, str]], Sequence[int]) -> None
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
        self.deadline = time.monotonic() + order["timeout_s"]
        self.status = {
            "state": "running",
            "stage": "",
            "percent": None,
            "objects": 0,
            "jobs": order["jobs"],
            "pid": os.getpid(),
            # What tells the programs of this run, when it is gone, from all others: see hands().
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
        prefix = order["prefix"]
        names = {
            "src": place.src,
            "obj": place.obj,
            "stage": place.stage,
            "root": place.stage + prefix,
            "prefix": prefix,
            "jobs": str(order["jobs"]),
            "python": order["python"],
            "python_version": order["python_version"],
            "env_file": order["env_file"],
            "version": order["version"],
            "work": place.work,
        }
        pip = surroundings.pip_settings(order["python"], os.environ, ask) if order["product"] == "wheel" else {}
        for words in surroundings.told(pip):
            self.log(words)
        self.context = recipe_steps.Context(
            names,
            recipe.fill(environment(order, place.home, place.tmp, pip), names),
            self.log,
            self.tell,
            order["python_tag"],
            order["arch"],
            order["pip_options"],
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
            write_json(self.spent_path(), dict(spent, fingerprint=self.mark, boot=kernel.boot()))

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
        write_json(self.place.status, outgoing.told(**self.status))

    def run(self):
        # type: () -> None
        """Run every stage that is not stamped, then put the product in its place."""
        self.log("=== {0} on {1}, {2} jobs".format(label(self.order), platform.node(), self.order["jobs"]))
        if self.status["note"]:
            self.log(self.status["note"])
        # Never closed: what it works with stays for as long as this process lives.
        for tree in self.order.get("trees", []):
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
        if not self.order["keep"]:
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
            for source in self.order["sources"]:
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
            self.order["mirrors"],
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
                self.order["mirrors"],
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
        card = manifest.compose(
            order["name"],
            order["version"],
            order["product"],
            order["fingerprint"],
            order["identity"],
            {
                "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "host": platform.node(),
                "seconds": self.status["seconds"],
                "jobs": order["jobs"],
                "objects": self.objects,
                "tools": order.get("tools", {}),
            },
            order["collection_version"],
        )
        for key, value in self.context.learned.items():
            card[key] = value
        if order["product"] == "tree":
            root = place.stage + order["prefix"]
            card["files"] = manifest.scan(root)
            if not card["files"]:
                raise recipe_steps.StepError("the install stage put nothing into {0}".format(root))
            # Where the whole is, the build counts as done.
            for part in parts(order):
                _pack_part(part, root, card)
            _pack_tree(order, root, card)
        else:
            staged = os.listdir(place.stage)
            if len(staged) != 1:
                raise recipe_steps.StepError(
                    "the install stage put {0} into {1}, wanted is one wheel".format(
                        ", ".join(sorted(staged)) or "nothing", place.stage
                    )
                )
            partial = _partial(order)
            card["libraries"] = libraries.of_wheel(os.path.join(place.stage, staged[0]))
            wheels.embed(
                os.path.join(place.stage, staged[0]),
                os.path.join(partial, staged[0]),
                manifest.WHEEL_NAME,
                json.dumps(card, sort_keys=True, indent=1),
            )
            _put(order, partial, staged[0], card)


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


# --- products ---------------------------------------------------------------------------------------------------------


def parts(order):
    # type: (Dict[str, Any]) -> List[Dict[str, Any]]
    """Return the orders of the products that come out of an order's build beside the whole."""
    return [dict(order, parts=[], **part) for part in order.get("parts", [])]


def maker(order):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    """Return an order with the fingerprint of the build that it comes out of: a part's is the whole's."""
    return dict(order, fingerprint=order.get("part_of") or order["fingerprint"])


def complete(order):
    # type: (Dict[str, Any]) -> None
    """Make out of a finished tree the parts that it lacks: it may be older than what is asked of it.

    ArchiveError or OSError when that fails.
    """
    place = Place(order)
    finished = product(order)
    if finished is None or all(product(part) is not None for part in parts(order)):
        return
    # Two runs do this one after the other, and in the second nothing is left to do.
    lock, mask = os.open(place.product, os.O_RDONLY), os.umask(0o022)
    try:
        locking.lock(lock, place.product, waits=True)
        lacking = [part for part in parts(order) if product(part) is None]
        if lacking:
            unpacked = place.product + ".partial-whole"
            trees.unpack(finished["path"], unpacked)
            for part in lacking:
                _pack_part(part, unpacked, finished["manifest"])
            shutil.rmtree(unpacked)
    finally:
        os.umask(mask)
        os.close(lock)


def _pack_part(part, root, card):
    # type: (Dict[str, Any], str, Dict[str, Any]) -> None
    """Put under products/ those files of a tree that a part has.

    :param root: the whole tree; :param card: its manifest
    """
    tree = Place(part).product + ".partial-tree"
    shutil.rmtree(tree, ignore_errors=True)
    os.makedirs(tree)
    for pattern in part["files"]:
        for path in glob.glob(os.path.join(glob.escape(root), pattern)):
            target = os.path.join(tree, os.path.relpath(path, root))
            if not os.path.isdir(os.path.dirname(target)):
                os.makedirs(os.path.dirname(target))
            shutil.copy2(path, target, follow_symlinks=False)
    own = {"fingerprint": part["fingerprint"], "identity": part["identity"], "files": manifest.scan(tree)}
    _pack_tree(part, tree, dict(card, **own))
    shutil.rmtree(tree)


def _pack_tree(order, root, card):
    # type: (Dict[str, Any], str, Dict[str, Any]) -> None
    """Put a tree under products/, its manifest in it."""
    manifest.write(root, card)
    partial, name = _partial(order), label(order) + products.TREE
    packing.pack(root, os.path.join(partial, name))
    _put(order, partial, name, card)


def _partial(order):
    # type: (Dict[str, Any]) -> str
    """Return the folder, new and empty, in which a product is made."""
    partial = Place(order).product + ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    os.makedirs(partial)
    return partial


def _put(order, partial, name, card):
    # type: (Dict[str, Any], str, str, Dict[str, Any]) -> None
    """Write what describes a finished product, and put it in its place by a rename.

    :param name: of its file in partial; :param card: its manifest
    """
    write_json(os.path.join(partial, products.CARD), products.compose(os.path.join(partial, name), card))
    place = products.taken_from(Place(maker(order)).product) if order.get("part_of") else ""
    if place:
        # A part of what was not built here was not either.
        products.mark_taken(partial, place)
    products.put(partial, Place(order).product)


def environment(order, home, temporary, pip):
    # type: (Dict[str, Any], str, str, Dict[str, str]) -> Dict[str, str]
    """Return the whole environment of a build's programs: what the recipe says, how to reach the network, no more.

    It is made, not inherited, so that the same recipe gives the same product.

    :param pip: see surroundings.pip_settings
    """
    made = surroundings.made(os.environ, home, pip)
    made.update(TZ="UTC", TMPDIR=temporary, PYTHONUNBUFFERED="1")
    made.update(order["environment"])
    made["PATH"] = ":".join(list(order["path"]) + [places.SYSTEM_PATH])
    if order["library_path"]:
        made["LD_LIBRARY_PATH"] = ":".join(order["library_path"])
    return made


def prove_sane(order, root):
    # type: (Dict[str, Any], str) -> None
    """Run the recipe's sanity steps on a tree of another host's build, before it is published here.

    StepError with what they said when it does not work on this host.

    :param root: where the tree was unpacked
    """
    place, said = Place(order), []
    folder = place.product + ".partial-sanity"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    names = {"root": root, "obj": folder, "prefix": order["prefix"], "version": order["version"]}
    variables = recipe.fill(environment(order, folder, folder, {}), names)
    context = recipe_steps.Context(names, variables, said.append, lambda _percent, _compiled: None)
    try:
        for step in order["stages"].get("sanity", []):
            recipe_steps.perform(recipe.fill(step, names), context)
    except recipe_steps.StepError as error:
        raise recipe_steps.StepError("\n".join([str(error)] + ["  " + line for line in said[-TAIL_LINES:]]))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# --- detached ---------------------------------------------------------------------------------------------------------


class Stopped(recipe_steps.StepError):
    """The build is ended from outside, and its programs are killed."""


def explain(error, place):
    # type: (BaseException, Place) -> Dict[str, Any]
    """Return {"message", "cause", "remedy"} for what ended a build."""
    if isinstance(error, Stopped):
        # What its programs said as they were ended is no cause.
        return {
            "message": str(error),
            "cause": "",
            "remedy": "run again: it goes on from the last good stage",
            "name": "",
        }
    known = diagnose.diagnose("\n".join(tail(place.log, diagnose.LAST_LINES, diagnose.LAST_BYTES) + [str(error)])) or {}
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        known = {
            "name": "disk full",
            "cause": "the disk of {0} is full".format(place.work),
            "remedy": "free some space, or set ascend_work_dir to a disk with more, and run again",
        }
    return {
        "message": str(error) or type(error).__name__,
        "cause": known.get("cause", ""),
        "remedy": known.get("remedy", ""),
        "name": known.get("name", ""),
    }


def _fail(build, place, error):
    # type: (Build, Place, Exception) -> None
    """Tell what ended a build, and end what it left running."""
    if os.path.exists(place.reserve):
        os.unlink(place.reserve)
    expected = isinstance(
        error,
        (recipe_steps.StepError, fetch.FetchError, archive.ArchiveError, wheels.WheelError, OSError, tarfile.TarError),
    )
    build.log("!!! {0}: {1}".format(build.status["stage"], error) if expected else traceback.format_exc())
    build.status.update(state="failed", error=explain(error, place))
    build.save()
    stop_hands(place)


def _live(order, place, ready, known):
    # type: (Dict[str, Any], Place, int, Optional[Dict[str, str]]) -> None
    """The life of the detached process: it must never return into the module that made it.

    :param ready: a descriptor that is closed when the build can be asked, and nothing of the module's can end it any more
    """
    os.umask(0o022)
    code = 1
    try:
        with io.open(place.log, "a", encoding="utf-8", errors="replace") as stream:
            left = session.leave(scope_name(order))
            build = Build(order, place, stream, *left, known=known, passes=[mark_hands(place)])
            # Past its time limit a build is ended as a whole, programs and all.
            signal.signal(signal.SIGALRM, lambda _signal, _frame: _out_of_time(order, place))
            signal.signal(signal.SIGTERM, lambda _signal, _frame: _stopped(place))
            # A fetch keeps to the limit itself, and can say what it was waiting for.
            signal.alarm(int(order["timeout_s"]) + GRACE_S)
            try:
                build.save()
                os.close(ready)
                build.run()
                code = 0
            except Exception as error:
                _fail(build, place, error)
    finally:
        os._exit(code)


def _stopped(place):
    # type: (Place) -> None
    # One signal is enough; another one would end what this one began.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stop_hands(place)
    raise Stopped("it was stopped, by the playbook stop or because its host went down")


def _out_of_time(order, place):
    # type: (Dict[str, Any], Place) -> None
    stop_hands(place)
    raise Stopped(
        "the build took longer than its time limit of {0} s. Raise ascend_timeout_s or the role's own _timeout_s, or give it more "
        "jobs".format(order["timeout_s"])
    )


def start(order, known=None):
    # type: (Dict[str, Any], Optional[Dict[str, str]]) -> str
    """Start the build, detached, and return "started", "resumed"; "joined" when it is under way, "done" when it stands.

    :param known: logins for the order's URLs and mirrors, see base/logins.py
    """
    if product(order) is not None:
        complete(order)
        return "done"
    place = Place(order)
    make_work_dir(place.work)
    # As long as it is held, nobody takes anything away; the head keeps it.
    using = lock_work_dir(place.work, alone=False)
    try:
        return _start(order, place, using, known)
    finally:
        os.close(using)


def _start(order, place, using, known):
    # type: (Dict[str, Any], Place, int, Optional[Dict[str, str]]) -> str
    place.make()
    lock = try_lock(place)
    while lock is None:
        if has_head(place) and (read_json(place.status) or {}).get("state") != "failed":
            return "joined"
        # It has said that it failed and is about to end, or somebody only looks at it.
        time.sleep(0.05)
        lock = try_lock(place)
    # Between the first look and the lock another run may have finished it.
    if product(order) is not None:
        os.close(lock)
        complete(order)
        return "done"
    # What a killed head left running would work on in the same folders.
    stop_hands(place)
    resumed = os.path.exists(place.status)
    if resumed:
        os.unlink(place.status)
    sys.stdout.flush()
    sys.stderr.flush()
    reads, ready = os.pipe()
    child = os.fork()
    if child:
        os.close(ready)
        os.close(lock)
        os.waitpid(child, 0)
        # The session may end with this module, and whatever has not left it.
        with os.fdopen(reads, "rb") as stream:
            stream.read()
        return "resumed" if resumed else "started"
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.chdir(place.folder)
        nothing = os.open(os.devnull, os.O_RDWR)
        log = os.open(place.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(nothing, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        for descriptor in range(3, 256):
            if descriptor not in (using, lock, ready):
                try:
                    os.close(descriptor)
                except OSError:
                    pass
        _live(order, place, ready, known)
    finally:
        # Whatever happens here, a second module must not answer in the first one's name.
        os._exit(1)


def look(order, seen=None, wait_s=0.0):
    # type: (Dict[str, Any], Any, float) -> Dict[str, Any]
    """Return how a build stands: its status with "log" and "tail"; waits up to wait_s for it to end or leave the stage seen.

    state is "running", "done", "failed", or "dead" when no process works on it any more and it never said that it ended.
    """
    place = Place(order)
    # A host that has just come up may set its clock back.
    begin = time.monotonic()
    # Each look costs more than a short stage does; what passes within that time is told together.
    settled, until = begin + min(SETTLE_S, wait_s), begin + wait_s
    while True:
        status = read_json(place.status) or {"state": "running", "stage": "", "percent": None}
        finished = product(order)
        if finished is not None:
            status["state"] = "done"
        elif status["state"] == "running" and not os.path.isdir(place.folder):
            # It was never begun here, or somebody has taken it away.
            status["state"] = "dead"
        elif status["state"] == "running":
            # It may have ended between reading its status and trying its lock.
            if not has_head(place):
                status = read_json(place.status) or status
                if status["state"] == "running":
                    status["state"] = "done" if product(order) is not None else "dead"
        now, when = [status["state"], status["stage"]], time.monotonic()
        if status["state"] != "running" or when >= until or (now != seen and when >= settled):
            status.update(log=place.log, tail=tail(place.log), seen=now, product=product(order), now=time.time())
            return status
        time.sleep(0.2)
