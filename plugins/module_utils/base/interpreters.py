# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Examine other Pythons than the one that runs this, and their pip, with one script for each.

They run in the environment of builds, without what a login shell adds to the loader's path. If a Python does not find its
libpython there, it is run again with only the folder of that library, which builds and the environment file then use too.
"""

import glob
import json
import os
import re
import shutil

from ansible_collections.ascend.pytorch.plugins.module_utils.base import extensions, outgoing, places, surroundings
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import as_builds_see, ask

# Modules of the standard library that distributions put into packages of their own: Debian leaves only an empty distutils.
# Since Python 3.12 setuptools provides distutils.
_PACKED_APART = ("distutils.core", "ensurepip")

# Both scripts run on any Python.
_QUESTION = """
import json, os, site, sys, sysconfig
get = sysconfig.get_config_var
sites = [] if sys.prefix != getattr(sys, 'base_prefix', sys.prefix) else [site.getusersitepackages()]
library = os.path.join(get('LIBDIR') or '', get('INSTSONAME') or get('LDLIBRARY') or '')
multiarch = os.path.join(get('LIBDIR') or '', get('MULTIARCH') or '', get('INSTSONAME') or get('LDLIBRARY') or '')
said = {
    'version': '%%d.%%d.%%d' %% sys.version_info[:3],
    'tag': 'cp%%d%%d' %% sys.version_info[:2],
    'abi': 'cp' + (get('SOABI') or '').split('-')[1] if '-' in (get('SOABI') or '') else '',
    'executable': sys.executable,
    'real': os.path.realpath(sys.executable),
    'headers': os.path.isfile(os.path.join(sysconfig.get_paths()['include'], 'Python.h')),
    'shared_library': any('.so' in path and os.path.exists(path) for path in (multiarch, library)),
    'sites': sites + site.getsitepackages(),
    'user_site': site.getusersitepackages(),
    'managed': not (sys.prefix != getattr(sys, 'base_prefix', sys.prefix))
        and os.path.isfile(os.path.join(sysconfig.get_paths()['stdlib'], 'EXTERNALLY-MANAGED')),
    'venv': sys.prefix != getattr(sys, 'base_prefix', sys.prefix),
    'lacks': {}}
for name, compiled in %(compiled)r:
    try:
        __import__(compiled)
    except Exception as error:
        said['lacks'][name] = str(error)
try:
    # To import them takes longer than all the rest.
    from importlib.util import find_spec
except ImportError:
    find_spec = __import__
for name in %(packed_apart)r:
    try:
        problem = '' if find_spec(name) else 'No module named %%r' %% name
    except Exception as error:
        problem = str(error)
    if problem:
        said['lacks'][name.split('.')[0]] = problem
print(json.dumps(said))
""" % {"compiled": sorted(extensions.COMPILED.items()), "packed_apart": _PACKED_APART}

# pip runs as with `-m pip`, in the process that then reads its tags and settings: a second process would take as long again.
# The settings are as `pip config list` prints them, and so are read with the configuration file of the session.
_PIP_QUESTION = """
import io, json, os, runpy, sys
tag, abi, file = sys.argv[1:]
said = {'version': '', 'problem': '', 'platforms': [], 'settings': None}
screen, sys.stdout, sys.argv = sys.stdout, io.StringIO(), ['pip', '--version']
try:
    runpy.run_module('pip', run_name='__main__', alter_sys=True)
except SystemExit as end:
    said['problem'] = 'it ended with status %s' % end.code if end.code else ''
except BaseException as error:
    said['problem'] = '%s: %s' % (type(error).__name__, error)
words, sys.stdout = sys.stdout.getvalue().split(), screen
if words[:1] == ['pip'] and not said['problem']:
    said['version'] = words[1]
    for name in ('pip._internal.utils.compatibility_tags', 'pip._internal.pep425tags', 'pip._internal.utils.pep425tags'):
        try:
            __import__(name)
            tags = [str(tag) if not isinstance(tag, tuple) else '-'.join(tag) for tag in sys.modules[name].get_supported()]
        except Exception:
            continue
        own = tag + '-' + abi + '-'
        said['platforms'] = [each[len(own):] for each in tags if each.startswith(own)]
        break
    del os.environ['PIP_CONFIG_FILE']
    if file:
        os.environ['PIP_CONFIG_FILE'] = file
    try:
        from pip._internal.configuration import Configuration
        found = Configuration(isolated=False)
        found.load()
        said['settings'] = ['%s=%r' % item for item in sorted(found.items())]
    except Exception:
        pass
print(json.dumps(said))
"""

# pip has hundreds of files: from a slow or network disk, on a busy host, they take long to load.
_ANSWERS_S = 60.0

# What glibc's loader prints for a program that it cannot start (elf/dl-load.c).
_LOST = re.compile(r"error while loading shared libraries: ([^\s:/]+): cannot open shared object")


def find(command):
    # type: (str) -> str
    """Return the path of an interpreter, "" if it does not exist.

    :param command: a path, or a name that is looked for where builds find programs
    """
    searched = places.SYSTEM_PATH + ":" + places.expand_home("~/.local/bin")
    path = command if os.path.isabs(command) else shutil.which(command, path=searched)
    return path if path and os.path.isfile(path) else ""


def examine(command):
    # type: (str) -> Optional[Dict[str, Any]]
    """Return the properties of an interpreter, None if it does not exist.

    {"path", "version": None if it does not run, "problem": why, "library_path": the folder to put into LD_LIBRARY_PATH
    or ""}, and for one that runs also {"tag": "cp39", "abi": "cp39", "executable", "real": with all links followed,
    "headers", "shared_library", "sites": [..], "user_site", "venv", "packages": {name: version}, "lacks": {module of the
    standard library: why}, "pip": see examine_pip, here from its files, without running it}.

    :param command: see find
    """
    path = find(command)
    if not path:
        return None
    found, problem = _query(path, "", _QUESTION, "sites")
    lost = lost_library(problem)
    folder = _folder_of(lost, path) if lost else ""
    if folder:
        found, problem = _query(path, folder, _QUESTION, "sites")
    if found is None:
        return {"path": path, "version": None, "problem": problem, "library_path": ""}
    there = installed_packages(found["sites"])
    by_files = {"version": there.get("pip", ""), "problem": "" if "pip" in there else "it is not installed"}
    found.update(
        path=path,
        problem="",
        library_path=folder,
        packages=there,
        pip=dict(by_files, platforms=[], settings=None, asked=False),
    )
    return found


def examine_pip(found):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    """Run an interpreter's pip and return its properties.

    {"version", "problem": why it does not run, "platforms": of the wheels that it supports, [] if not known, "asked",
    "settings": see surroundings.pip_settings, None if they have to be read later, when they are needed}

    Importing pip takes longer than everything else in examine(). Settings with a login are not returned, since the result
    goes to the controller.

    :param found: see examine, of an interpreter that runs
    """
    said, problem = _query(
        found["path"],
        found["library_path"],
        _PIP_QUESTION,
        "platforms",
        [found["tag"], found["abi"], os.environ.get("PIP_CONFIG_FILE", "")],
    )
    said = said or {"version": "", "problem": problem, "platforms": [], "settings": None}
    if said["settings"] is not None:
        settings = surroundings.adopted_settings(said["settings"], os.environ)
        said["settings"] = None if any(outgoing.redact(value) != value for value in settings.values()) else settings
    return dict(said, asked=True)


def _query(path, library_path, question, key, arguments=()):
    # type: (str, str, str, str, Sequence[str]) -> Tuple[Optional[Dict[str, Any]], str]
    """Run a script in an interpreter and return (the mapping that it prints or None, why there is none).

    :param key: one that the script always prints
    """
    # A pip.conf must not decide whether pip runs. -I would hide the user's site; -B: this changes nothing on the host.
    surroundings = dict(as_builds_see(os.environ), PIP_CONFIG_FILE=os.devnull)
    if library_path:
        surroundings["LD_LIBRARY_PATH"] = library_path
    status, said, problem = ask([path, "-E", "-B", "-c", question] + list(arguments), surroundings, _ANSWERS_S)
    words = said.decode("utf-8", "replace").strip()
    found = _last_json(words, key) if status == 0 else None
    if found is None and status is not None:
        problem = "does not run: " + "; ".join(filter(None, [words[-200:], problem]))
    return found, problem


def _last_json(words, key):
    # type: (str, str) -> Optional[Dict[str, Any]]
    # A module that is imported at every start, such as a sitecustomize, may print something before the answer, or after it.
    for line in reversed(words.splitlines()):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and key in found:
            return found
    return None


def lost_library(problem):
    # type: (str) -> str
    """Return the name of the library that the loader did not find when it started a program, "" for another problem."""
    lost = _LOST.search(problem)
    return lost.group(1) if lost else ""


def _folder_of(library, path):
    # type: (str, str) -> str
    """Return the folder of a library that the loader did not find: the interpreter's, or one of LD_LIBRARY_PATH; else ""."""
    prefix = os.path.dirname(os.path.dirname(os.path.realpath(path)))
    folders = [os.path.join(prefix, "lib"), os.path.join(prefix, "lib64")]
    folders += [folder for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":") if os.path.isabs(folder)]
    return next((folder for folder in folders if os.path.isfile(os.path.join(folder, library))), "")


def installed_packages(sites):
    # type: (List[str]) -> Dict[str, str]
    """Return normalised name -> version of the distributions in site directories; the first one of a name counts."""
    found = {}
    for site in sites:
        for path in glob.glob(os.path.join(glob.escape(site), "*.dist-info")) + glob.glob(
            os.path.join(glob.escape(site), "*.egg-info")
        ):
            name, _dash, version = os.path.basename(path).rpartition(".")[0].partition("-")
            found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), version.partition("-")[0])
    return found
