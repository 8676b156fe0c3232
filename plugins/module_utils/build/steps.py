# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps that a stage of a recipe is made of, each a mapping with one of these keys:

run           [argv]: run a program; "cwd", "stdin", "env" (added), "path" (folders that are searched for programs first),
              "expect" (a regular expression its output must match), "units" (where CMake may write compile_commands.json, by which
              the progress is counted)
patch         {tree, file, run, cwd}: reset the tree, dry-run the patch, run the vendor's script, look for rejects
replace       {path, texts}: replace texts of a file, {text: what replaces it}, wherever it has them; it need not have them
pip           [requirement]: install what is missing
requirements  {file, drop, constraints}: install a requirements file without ever replacing the torch that is built
wheel         {dist, name, version}: find the right wheel, check it, stage it; "holds": files, or folders as names that end in
              a slash, that must be in it; "drop": install with it what its metadata requires, except these names;
              "limits": requirements that are added for what it requires; "refuse": names, or patterns, of which it may
              require none
pip_download  {requirement, index, name, version}: download a ready-made wheel of that version and stage it. index: URLs, of
              which "" is the index that pip is set to; "drop", "limits", "refuse" as for wheel; "to": another folder to put it into
venv          {path, wheels, requirements}: make a virtual environment with these requirements and wheels (paths or patterns)
wrap_make     {folder, jobs, tree, kept}: write a `make`, and a `ninja` where the host has one, that never run more jobs, and
              before which what was generated again in the tree as it was gets its former time; see wrapped_make.py
local_wget    {path, files}: write a `wget` that copies these files, {"url", "path"}, and downloads nothing
link          {path, to}: make a symbolic link
"""

import glob
import os
import re
import shutil
import subprocess

from ansible_collections.ascend.pytorch.plugins.module_utils.build import (
    local_wget,
    progress,
    requirements_txt,
    units,
    wheel_requirements,
    wrapped_make,
)
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint
from ansible_collections.ascend.pytorch.plugins.module_utils.product import wheel as wheels
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import repositories


class StepError(Exception):
    """A step failed: the message says what and, where it is known, what to do."""


class Context:
    """What a step uses: names to fill in, the environment, the log, and a method that runs programs.

    :param names: src, obj, stage, root, prefix, jobs, python, python_version, env_file, version, work
    :param environment: the whole environment of the programs
    :param log: called with each line that is logged
    :param report_progress: called with the percentage in a line of output, None for none, and how many objects it compiles
    :param python_tag: such as cp39, of the Python that wheels are for
    :param arch: x86_64 or aarch64
    :param pip_options: such as ["--user"]
    :param inherited: descriptors that its programs inherit
    """

    def __init__(self, names, environment, log, report_progress, python_tag="", arch="", pip_options=(), inherited=()):
        # type: (Dict[str, str], Dict[str, str], Callable[[str], None], Callable[[Optional[int], int], None], str, str, Any, Any) -> None
        self.names = names
        self.environment = environment
        self.log = log
        self.report_progress = report_progress
        self.python_tag = python_tag
        self.arch = arch
        self.pip_options = list(pip_options)
        self.inherited = tuple(inherited)
        # What steps have found out for the manifest.
        self.learned = {}  # type: Dict[str, Any]

    def run(self, argv, cwd=None, stdin=None, env=None, compiled_units=None):
        # type: (List[str], Optional[str], Optional[str], Optional[Dict[str, str]], Optional[units.Units]) -> str
        """Run a program to its end, log what it prints and return it; StepError when it fails or is not there.

        :param compiled_units: what it compiles, of which the percentage counts instead of that in its output
        """
        cwd = cwd or self.names["obj"]
        environment = dict(self.environment, **(env or {}))
        self.log("$ (cd {0} && {1})".format(cwd, " ".join(argv)))
        try:
            process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                argv,
                cwd=cwd,
                env=environment,
                stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=self.inherited,
            )
        except OSError as error:
            raise StepError("cannot start {0} in {1}: {2}".format(argv[0], cwd, error.strerror))
        if stdin is not None:
            try:
                with process.stdin:
                    process.stdin.write(stdin.encode("utf-8"))
            except BrokenPipeError:
                # It ended without reading: its output and status say why.
                pass
        said = []
        for raw in process.stdout:
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            self.log(line)
            said.append(line)
            percent, compiled = progress.parse_percent(line), progress.count_objects(line)
            known = compiled_units.percent() if compiled_units else None
            percent = percent if known is None else known
            if percent is not None or compiled:
                self.report_progress(percent, compiled)
            # A build prints a hundred megabytes; what a step expects is in the last lines.
            if len(said) > 2000:
                del said[:1000]
        process.stdout.close()
        if process.wait() != 0:
            raise StepError("`{0}` ended with status {1}".format(" ".join(argv), process.returncode))
        return "\n".join(said)


def run_step(step, context):
    # type: (Dict[str, Any], Context) -> None
    """Run one step, whose {names} are already filled in."""
    for kind, action in _ACTIONS.items():
        if kind in step:
            action(step, context)
            return
    raise StepError("a step must have one of the keys {0}: {1}".format(", ".join(sorted(_ACTIONS)), step))


def _run(step, context):
    # type: (Dict[str, Any], Context) -> None
    env = dict(step.get("env") or {})
    if step.get("path"):
        env["PATH"] = ":".join(step["path"] + [context.environment["PATH"]])
    compiled_units = units.Units(step["units"]) if step.get("units") else None
    said = context.run(step["run"], step.get("cwd"), step.get("stdin"), env, compiled_units)
    if "expect" in step and not re.search(step["expect"], said, re.MULTILINE):
        raise StepError(
            "the output of `{0}` must match {1!r} and was: {2}".format(
                " ".join(step["run"]), step["expect"], said[-400:] or "nothing"
            )
        )


def find_rejects(tree):
    # type: (str) -> Set[str]
    """Return the relative paths of patch's reject files below a tree."""
    found = set()
    for folder, names, files in os.walk(tree):
        if ".git" in names:
            names.remove(".git")
        found.update(os.path.relpath(os.path.join(folder, name), tree) for name in files if name.endswith(".rej"))
    return found


def _patch(step, context):
    # type: (Dict[str, Any], Context) -> None
    # The vendors' gen.sh exits 0 even when patch fails, and cannot be run twice: so the tree is reset first, the patch is
    # dry-run, and rejects are looked for afterwards.
    options = step["patch"]
    tree, patch = options["tree"], options["file"]
    if not os.path.isfile(patch):
        raise StepError(
            "{0} does not exist: the ref does not have the guide's layout. Set the adapter's ref and commit to one that "
            "has `patch/`, `scripts/gen.sh`, such as the default".format(patch)
        )
    repositories.reset_tree(tree)
    before = find_rejects(tree)
    try:
        context.run(["patch", "-p1", "--dry-run", "--force", "-d", tree, "-i", patch], cwd=tree)
    except StepError:
        raise StepError(
            "{0} does not fit the native sources in {1}: they are of another version or incomplete. Nothing was "
            "patched. Set the native ref and commit to those of the release".format(os.path.basename(patch), tree)
        )
    context.run(options["run"], cwd=options["cwd"])
    left = sorted(find_rejects(tree) - before)
    if left:
        raise StepError(
            "{0} exited with status 0 but left {1} rejected patches, the first: {2}".format(
                " ".join(options["run"]), len(left), ", ".join(left[:5])
            )
        )


def _replace(step, context):
    # type: (Dict[str, Any], Context) -> None
    path = step["replace"]["path"]
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            content = stream.read()
        for text, replacement in step["replace"]["texts"].items():
            # Another commit of a source may not need it any more.
            context.log("{0}: {1} {2}, replaced by {3}".format(path, content.count(text), text, replacement))
            content = content.replace(text, replacement)
        with open(path, "w", encoding="utf-8", newline="") as stream:
            stream.write(content)
    except (OSError, UnicodeDecodeError) as error:
        raise StepError("cannot change {0}: {1}. The sources are of another version or incomplete".format(path, error))


def _requirements(step, context):
    # type: (Dict[str, Any], Context) -> None
    options = step["requirements"]
    with open(options["file"], encoding="utf-8", errors="replace") as stream:
        text = stream.read()
    python = tuple(int(part) for part in context.names["python_version"].split("."))
    kept, dropped = requirements_txt.filter_requirements(text, options["drop"], python)
    for line, why in dropped:
        context.log("left out of the requirements: {0} ({1})".format(line, why))
    context.learned["requirements"] = kept + wheel_requirements.find_limits(kept, options.get("limits", []))
    if not kept:
        return
    for name, content in (("requirements.txt", "\n".join(kept)), ("constraints.txt", options["constraints"])):
        with open(os.path.join(context.names["obj"], name), "w", encoding="utf-8") as stream:
            stream.write(content + "\n")
    _pip_install(["-r", "requirements.txt", "-c", "constraints.txt"], context)


def _pip(step, context):
    # type: (Dict[str, Any], Context) -> None
    _pip_install(step["pip"], context)


def _pip_install(what, context):
    # type: (List[str], Context) -> None
    context.run(
        [context.names["python"], "-m", "pip", "install", "--disable-pip-version-check"] + context.pip_options + what
    )


def _pip_options_elsewhere(context):
    # type: (Context) -> List[str]
    """Return pip's options about where it looks; not where the order's Python installs, which may be the account's folder."""
    return [option for option in context.pip_options if option != "--user"]


def _wheel(step, context):
    # type: (Dict[str, Any], Context) -> None
    options = step["wheel"]
    path = _checked_wheel(options["dist"], options, context)
    shutil.copy(path, context.names["stage"])


def _checked_wheel(folder, options, context):
    # type: (str, Dict[str, Any], Context) -> str
    """Return the path of the one right wheel in a folder, which is whole, has what it must have, and whose needs are learned."""
    try:
        path = wheels.find_wheel(folder, options["name"], options["version"], context.python_tag, context.arch)
        wheels.verify(path)
        missing = wheels.missing_members(path, options.get("holds", []))
        requires = wheels.read(path)["requires"] if "drop" in options else []
    except wheels.WheelError as error:
        raise StepError(str(error))
    context.log("found " + path)
    if missing:
        raise StepError(wheel_requirements.describe_missing(path, missing))
    if "drop" in options:
        _learn_requirements(path, requires, options, context)
    return path


def _learn_requirements(path, requires, options, context):
    # type: (str, List[str], Dict[str, Any], Context) -> None
    """Have what a wheel requires on this host installed before it: it is installed itself without its requirements."""
    argv = [context.names["python"], "-c", wheel_requirements.QUESTION] + requires
    lines = context.run(argv).splitlines() if requires else []
    refused = wheel_requirements.select(lines, options.get("refuse", []))[1]
    if refused:
        raise StepError(
            "{0} is a build for CUDA (it requires {1}), which cannot be used beside torch_npu. Set ascend_torch_index to an index "
            "with builds for CPUs".format(path, refused[0])
        )
    kept, dropped = wheel_requirements.select(lines, options["drop"])
    for line in dropped:
        context.log("left out of the requirements: " + line)
    context.learned["requirements"] = kept + wheel_requirements.find_limits(kept, options.get("limits", []))


def _pip_download(step, context):
    # type: (Dict[str, Any], Context) -> None
    options, stage = step["pip_download"], context.names["stage"]
    folder = options.get("to", stage)
    where = _pip_options_elsewhere(context)
    # In a bundle's folder, no index is asked.
    indexes = [""] if "--no-index" in where else options.get("index") or [""]
    argv = [context.names["python"], "-m", "pip", "download", "--disable-pip-version-check", "--no-deps"]
    for number, index in enumerate(indexes):
        more = where + (["--index-url", index] if index else [])
        try:
            context.run(argv + ["--only-binary=:all:", "-d", folder] + more + [options["requirement"]])
            break
        except StepError:
            if number == len(indexes) - 1:
                raise
    path = _checked_wheel(folder, options, context)
    if folder == stage:
        context.learned["digest"] = fingerprint.file_digest(path)


def _venv(step, context):
    # type: (Dict[str, Any], Context) -> None
    options, python, version = step["venv"], context.names["python"], context.names["python_version"]
    try:
        context.run([python, "-c", "import ensurepip, venv"])
    except StepError:
        raise StepError(
            "{0} has no ensurepip, with which a virtual environment gets pip. Install the distribution's package "
            "(python{1}-venv of the Debian family), or set ascend_python to a Python that has it".format(
                python, version
            )
        )
    context.run([python, "-m", "venv", "--clear", options["path"]])
    folder = os.path.join(options["path"], "bin")
    # Build scripts call it by this name; older Pythons do not make it.
    if not os.path.lexists(os.path.join(folder, "python" + version)):
        os.symlink("python", os.path.join(folder, "python" + version))
    pip = [os.path.join(folder, "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    pip += _pip_options_elsewhere(context)
    for what in (list(options.get("requirements", [])), _expand(options.get("wheels", []))):
        if what:
            context.run(pip + what)


def _expand(patterns):
    # type: (List[str]) -> List[str]
    """Return the paths that patterns match, sorted; StepError for one that matches none. Their folders are no patterns."""
    found = []  # type: List[str]
    for pattern in patterns:
        folder, name = os.path.split(pattern)
        matches = sorted(glob.glob(os.path.join(glob.escape(folder), name)))
        if not matches:
            raise StepError("{0} does not exist: a source of the recipe must put it there".format(pattern))
        found += matches
    return found


def _wrap_make(step, context):
    # type: (Dict[str, Any], Context) -> None
    options = step["wrap_make"]
    found = {name: shutil.which(name, path=context.environment["PATH"]) for name in ("make", "ninja")}
    programs = {name: path for name, path in found.items() if path}
    if "make" not in programs:
        raise StepError("make is not installed: install the package make, or set ascend_install_packages to true")
    wrapped_make.write(options["folder"], programs, int(options["jobs"]), options["tree"], options["kept"])


def _local_wget(step, context):
    # type: (Dict[str, Any], Context) -> None
    options = step["local_wget"]
    local_wget.write(options["path"], {each["url"]: each["path"] for each in options["files"]})


def _link(step, context):
    # type: (Dict[str, Any], Context) -> None
    options = step["link"]
    if not os.path.lexists(options["path"]):
        os.symlink(options["to"], options["path"])


_ACTIONS = {
    "run": _run,
    "patch": _patch,
    "replace": _replace,
    "pip": _pip,
    "requirements": _requirements,
    "wheel": _wheel,
    "link": _link,
    "pip_download": _pip_download,
    "venv": _venv,
    "wrap_make": _wrap_make,
    "local_wget": _local_wget,
}
