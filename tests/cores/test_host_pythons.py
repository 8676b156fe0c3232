# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on hosts, run there by the oldest Pythons and the newest: each module, in each of its states.

Every supported ansible-core runs this, by its own pytest, with those of its Pythons that HOSTS names, as far as this
machine has them. One playbook a Python builds a tree and a wheel, carries, publishes, verifies and removes them. Then come
hosts with Pythons that this ansible-core does not take, of which the playbooks must say so.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import cores
import environments
import pytest
import yaml
from checkout import AS_COLLECTION, ROOT

Json = dict[str, Any]

LINE = cores.running()
# The minor versions of hosts' Pythons by ansible-core: those that no other core runs, and the newest that is here.
HOSTS = {"2.16": (6, 7), "2.19": (8,), "2.20": (9,), "2.21": (13,)}.get(LINE, ())
# Those that this core does not take any more.
FORMER = tuple(minor for minor in (6, 7, 8) if minor < cores.core(LINE).oldest_target)
# Both plan by the same tasks: where no scenario runs, one of them shows it.
PLAYBOOKS = ("check", "site") if LINE in (cores.CORES[0].line, *cores.OLDER) else ("check",)
MODULES = {path.stem: path.read_text() for path in sorted(ROOT.glob("plugins/modules/*.py"))}
# The others run on the controller, as actions, and have nothing but their documentation here.
ON_HOSTS = sorted(name for name, text in MODULES.items() if "AnsibleModule(" in text)
LIMIT_S = 300.0

# What Python warns of in our code goes to a file, since Ansible drops what modules print there.
LISTENER = """
import os, warnings
def told(message, category, filename, lineno, file=None, line=None):
    if "ascend/pytorch" in filename:
        with open(os.environ["WARNED"], "a") as out:
            out.write("%s:%s: %s: %s\\n" % (filename, lineno, category.__name__, message))
warnings.showwarning = told
warnings.simplefilter("always")
"""


# The plan of products that are no role's.
PLANNER = """
import json

from ansible_collections.ascend.pytorch.plugins.action import plan


class ActionModule(plan.ActionModule):
    def act(self, result, task_vars):
        usual = {**plan.requests.GENERAL, "release": {}, "environment": None, "fitness": None}
        request = json.loads(json.dumps({**usual, **self._task.args.pop("request")}))
        plan.requests.make = lambda roles, source, releases: plan.requests.Request(**request)
        # Where a table tells of problems, all of the plan is in the result.
        self._task.args.update(roles=["cmake"], unfit_group="unfit")
        return super().act(result, task_vars)
"""


def interpreter(minor: int) -> Path:
    """A Python 3.`minor` of this machine; skips the test where there is none."""
    found = cores.interpreters(minor)
    if not found:
        pytest.skip(f"no Python 3.{minor} on this machine")
    return found[0]


# --- the playbook


def call(module: str, register: str, *, check: bool = False, **arguments: Any) -> Json:
    """A task that calls a module of the collection; its result is found under the name `register`."""
    task = {f"ascend.pytorch.{module}": arguments, "register": register, "check_mode": check}
    return {"name": f"Have {register}", **task, "failed_when": False}


def plan(register: str, request: str = "request") -> Json:
    """A task that plans the tree and the wheel."""
    return {"name": f"Have {register}", "planner": {"request": f"{{{{ {request} }}}}"}, "register": register}


def carry(state: str, register: str, work: str = "work", **more: Any) -> Json:
    """A task that has the module carry do its part with the tree, in a work directory that stands for a host."""
    order = "{{ planned.plan.products.tool.order"
    names = {
        "label": f"{order}.name }}}}-1.0-{order}.fingerprint[:12] }}}}",
        "fingerprint": f"{order}.fingerprint }}}}",
    }
    return call("carry", register, state=state, work_dir=f"{{{{ base }}}}/{work}", **names, **more)


TREE, WHEEL = ("{{ planned.plan.products.%s.order }}" % name for name in ("tool", "thing"))
BOTH = {"orders": [TREE, WHEEL], "full": True}
# Without that filter templates of older ansible-cores make a mapping of a text that looks like one.
METADATA = "{{ held.metadata | string }}"
CACHE = "file://{{ base }}/cache"
PIECE = "{{ base }}/pieces/ansible-tmp-1/ascend-piece"
MIRROR = "0" * 64

TASKS = [
    {
        "name": "Know the Python that runs modules",
        "ansible.builtin.setup": {"gather_subset": ["!all", "!min", "python"]},
        "register": "setup",
    },
    call("examine", "examined", pythons=["{{ python }}"], work_dir="{{ base }}/work"),
    call("examine", "examined_dry", check=True, pythons=["{{ python }}"], work_dir="{{ base }}/work"),
    plan("planned"),
    call("reach", "reached", sources="{{ places }}", mirrors=["file://{{ base }}/mirror"], limit_s=2),
    call("reach", "reached_dry", check=True, sources="{{ places }}", limit_s=2),
    # Building. The action calls the module as `started` and `status`, in check mode as it is called itself.
    call("build", "would_build", check=True, order=TREE),
    call("build", "mirror_wanted", order=TREE, state="mirrored", mirror=MIRROR),
    call("build", "mirror_sent", order=TREE, state="mirrored", mirror=MIRROR, archive="{{ base }}/mirror.tar.gz"),
    call("build", "begun", order=TREE, state="started"),
    call("build", "looked", order=TREE, state="status", seen=["running", "fetch"], wait_s=0.1),
    call("build", "built", order=TREE, state="finished"),
    call("build", "built_thing", order=WHEEL),
    call("build", "would_build_again", check=True, order=TREE),
    call("stop", "would_stop", check=True, work_dirs=["{{ base }}/work"]),
    call("stop", "stopped", work_dirs=["{{ base }}/work"]),
    call("clean", "would_clean", check=True, work_dirs=["{{ base }}/work"]),
    call("clean", "cleaned", work_dirs=["{{ base }}/work"]),
    # Carrying it to a second host and to a third, which are folders here.
    carry("held", "held", digest=True),
    carry("kept", "kept", place=CACHE),
    carry("looked_up", "looked_up", place=CACHE),
    carry("wanted", "wanted", work="second", metadata=METADATA),
    carry(
        "cut",
        "cut",
        sha256="{{ (held.metadata | from_json).sha256 }}",
        length="{{ (held.metadata | from_json).size }}",
        piece=PIECE,
    ),
    carry(
        "received",
        "received",
        "second",
        metadata=METADATA,
        length="{{ (held.metadata | from_json).size }}",
        piece=PIECE,
    ),
    carry("taken", "would_take", work="third", check=True, metadata=METADATA, place=CACHE),
    carry("taken", "taken", work="third", metadata=METADATA, place=CACHE),
    # Publishing, and the way back.
    call("verify", "verified_before", check=True, **BOTH),
    call("publish", "would_publish", check=True, names=["tool"]),
    call("publish", "published", names=["tool", "thing"], state="present"),
    call("verify", "verified", **BOTH),
    plan("planned_again"),
    {"name": "Damage the tree", "ansible.builtin.file": {"path": "{{ base }}/opt/tool/share/said", "state": "absent"}},
    call("verify", "verified_damage", **BOTH),
    plan("planned_to_go", "unwanted"),
    call("publish", "would_withdraw", check=True, names=["tool"], state="absent"),
    call("publish", "withdrawn", names=["tool"], state="absent"),
    call("publish", "withdrawn_thing", names=["thing"], state="absent"),
]
RESULTS = [task["register"] for task in TASKS if "register" in task]
PLAY = {
    "name": "Have modules run",
    "hosts": "h1",
    "gather_facts": False,
    "environment": {"PYTHONPATH": "{{ base }}/listener", "WARNED": "{{ base }}/warned"},
    "tasks": [
        *TASKS,
        {
            "name": "Tell what they returned",
            "ansible.builtin.copy": {
                "content": "{{ {%s} | to_json }}" % ", ".join(f"'{name}': {name}" for name in RESULTS),
                "dest": "{{ base }}/results.json",
            },
            "delegate_to": "localhost",
            "environment": {},
        },
    ],
}


def exercised() -> set[tuple[str, str, bool]]:
    """What TASKS calls: module, its state as it is given or by default, in check mode or not."""
    calls = set()
    for task in TASKS:
        for key, arguments in task.items():
            module = key.removeprefix("ascend.pytorch.")
            if module in ON_HOSTS and module != key:
                calls.add((module, arguments.get("state") or state(module).get("default", ""), task["check_mode"]))
    return calls


def state(module: str) -> Json:
    """The option `state` of a module as it is documented, empty where there is none."""
    documentation = MODULES[module].partition('DOCUMENTATION = r"""')[2].partition('"""')[0]
    return yaml.safe_load(documentation)["options"].get("state") or {}


# --- its input


def wheel() -> bytes:
    """A wheel of one module, as pip and its own RECORD want it."""
    info = "thing-1.0.dist-info"
    files = {
        "thing.py": b"said = 'hello'\n",
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(text).digest()).decode().rstrip('=')},{len(text)}\n"
        for name, text in files.items()
    ]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as out:
        for name, text in {**files, f"{info}/RECORD": "".join([*rows, f"{info}/RECORD,,\n"])}.items():
            out.writestr(name, text)
    return content.getvalue()


def source(base: Path, name: str, file: str, content: bytes) -> Json:
    """Put the archive of one file into the mirror; return it as a recipe has it."""
    path = base / "mirror" / f"{name}-1.0.tar.gz"
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w:gz") as out:
        info = tarfile.TarInfo(f"{name}-1.0/{file}")
        info.size = len(content)
        out.addfile(info, io.BytesIO(content))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"name": name, "kind": "archive", "file": path.name, "urls": [], "dest": name, "sha256": digest}


def recipes(base: Path) -> list[Json]:
    """A tree that says what its source says, and a wheel that is its source."""
    common = {"version": "1.0", "state": "present", "needs": [], "mem_gib_per_job": 1, "disk_gib": 0}
    script = "mkdir -p {root}/bin {root}/share; cp {src}/tool/said {root}/share; cp {obj}/tool {root}/bin"
    return [
        {
            **common,
            "name": "tool",
            "product": "tree",
            "prefix": f"{base}/opt/tool",
            "links": [{"path": f"{base}/bin/tool", "target": "bin/tool"}],
            "sources": [source(base, "tool", "said", b"hello\n")],
            "runtime": ["share/*"],
            "environment": {},
            "stages": {
                "configure": [
                    {"run": ["/bin/sh", "-c", "printf '#!/bin/sh\\ncat {prefix}/share/said\\n' > {obj}/tool"]}
                ],
                "build": [{"run": ["chmod", "755", "{obj}/tool"]}],
                "install": [{"run": ["/bin/sh", "-c", script]}, {"link": {"path": "{root}/bin/alias", "to": "tool"}}],
                "sanity": [{"run": ["/bin/sh", "-n", "{root}/bin/tool"]}],
            },
            "verify": [{"run": ["{prefix}/bin/alias"], "expect": "hello"}],
        },
        {
            **common,
            "name": "thing",
            "product": "wheel",
            "distribution": "thing",
            "requirements": [],
            "built_with": [],
            "sources": [source(base, "thing", "thing-1.0-py3-none-any.whl", wheel())],
            "environment": {},
            "stages": {"install": [{"wheel": {"dist": "{src}/thing", "name": "thing", "version": "1.0"}}]},
            "verify": [{"run": ["{python}", "-c", "import thing; print(thing.said)"], "expect": "hello"}],
        },
    ]


def request(base: Path, python: Path) -> Json:
    """What is wanted of the host, as the plan is asked."""
    return {
        "recipes": recipes(base),
        "python": str(python),
        "venv": f"{base}/venv",
        "mirrors": [f"{base}/mirror"],
        "work_dir": f"{base}/work",
        "jobs": "1",
        "timeout_s": 60,
        "install_packages": False,
        "require_cann": False,
    }


def variables(base: Path, python: Path) -> Json:
    """The variables that TASKS use."""
    place = {"kind": "archive", "file": "tool-1.0.tar.gz", "urls": []}
    return {
        "base": str(base),
        "python": str(python),
        "request": request(base, python),
        "unwanted": dict(request(base, python), recipes=[dict(recipe, state="absent") for recipe in recipes(base)]),
        # What all roles share, as it is where nobody says anything.
        "road_bundle": "",
        "road_sign_key": "",
        "road_silenced_checks": [],
        "road_toolchain_on": "all",
        "road_trusted_keys": "",
        "places": [
            dict(place, name="there", urls=[f"file://{base}/mirror/tool-1.0.tar.gz"]),
            dict(place, name="away", file="away.tar.gz", urls=[f"file://{base}/away.tar.gz"]),
            dict(place, name="deaf", file="deaf.tar.gz", urls=["http://127.0.0.1:1/deaf.tar.gz"]),
            {"name": "repository", "kind": "git", "repo": "A/b", "urls": ["ssh://git@127.0.0.1:1/b"]},
        ],
    }


def play(base: Path, playbook: Path, hosts: dict[str, Path], *options: str) -> subprocess.CompletedProcess:
    """Run a playbook with this core on hosts that are this machine, each with a Python; what they write is below `base`."""
    controller = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    here = {
        name: dict(controller, ansible_python_interpreter=str(python), ascend_work_dir=f"{base}/work")
        for name, python in hosts.items()
    }
    inventory = {"ascend": {"hosts": here}, "ungrouped": {"hosts": {"localhost": controller}}}
    (base / "hosts.yml").write_text(json.dumps(inventory))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(base),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
        "ANSIBLE_LOCAL_TEMP": str(base / "tmp"),
        "ANSIBLE_REMOTE_TEMP": str(base / "tmp"),
        "ANSIBLE_NOCOLOR": "1",
    }
    argv = [Path(sys.executable).with_name("ansible-playbook"), "-i", "hosts.yml", *options, playbook]
    return subprocess.run(
        argv,
        cwd=base,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )


# --- hosts whose Python is taken


def test_every_module_that_runs_on_hosts_is_called_in_each_of_its_states():
    wanted = {(module, each) for module in ON_HOSTS for each in state(module).get("choices") or [""]}
    calls = exercised()
    assert {(module, each) for module, each, _check in calls} == wanted
    assert {module for module, _state, check in calls if check} == set(ON_HOSTS)


class Called:
    """What the modules returned that a host's Python ran, by the name of the result, and what the run left."""

    def __init__(self, base: Path, minor: int) -> None:
        self.base = base
        python = interpreter(minor)
        argv = [python, "-c", "import platform; print(platform.python_version())"]
        done = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True)
        self.python, self.version = python, done.stdout.strip()
        (base / "listener").mkdir()
        (base / "listener/sitecustomize.py").write_text(LISTENER)
        (base / "pieces/ansible-tmp-1").mkdir(parents=True)
        (base / "pieces/ansible-tmp-1/ascend-piece").touch()
        (base / "bin").mkdir()
        environments.make(python, base / "venv")
        (base / "variables.json").write_text(json.dumps(variables(base, python)))
        with tarfile.open(base / "mirror.tar.gz", "w:gz") as out:
            out.add(base / "mirror", ".")
        (base / "play.yml").write_text(json.dumps([PLAY]))
        (base / "action_plugins").mkdir()
        (base / "action_plugins/planner.py").write_text(PLANNER)
        told = play(base, base / "play.yml", {"h1": python}, "-e", "@variables.json")
        self.printed = told.stdout
        assert told.returncode == 0, told.stdout
        self.results = json.loads((base / "results.json").read_text())

    def __getitem__(self, name: str) -> Json:
        return self.results[name]


@pytest.fixture(scope="module", params=HOSTS or [None], ids=lambda minor: f"python3.{minor}" if minor else "none")
def called(request, tmp_path_factory):
    if request.param is None:
        pytest.skip(f"the Pythons that ansible-core {LINE} takes run with others")
    return Called(tmp_path_factory.mktemp("host"), request.param)


def test_all_of_it_ends_well_but_what_is_to_fail(called):
    # `failed_when` takes the word away; what tells of a failure then is what is said of it.
    said = {name: result["msg"] for name, result in called.results.items() if result.get("msg")}
    assert set(said) == {"verified_damage"}, said
    assert not [name for name, result in called.results.items() if result.get("skipped")]


def test_that_python_ran_the_modules(called):
    ran = called["setup"]["ansible_facts"]["ansible_python"]["version"]
    assert f"{ran['major']}.{ran['minor']}.{ran['micro']}" == called.version


def test_python_warns_of_nothing_in_our_code(called):
    warned = called.base / "warned"
    assert not warned.exists(), warned.read_text()
    assert not {name for name, result in called.results.items() if result.get("deprecations")}
    assert "DEPRECATION" not in called.printed


def test_examine(called):
    for name in ("examined", "examined_dry"):
        found = called[name]["state"]
        assert found["pythons"][str(called.python)]["version"] == called.version
        assert found["work_dir"] == f"{called.base}/work"


def test_plan_and_reach(called):
    products = called["planned"]["plan"]["products"]
    assert {name: entry["do"] for name, entry in products.items()} == {"tool": "build", "thing": "build"}
    assert {name: entry["do"] for name, entry in called["planned_again"]["plan"]["products"].items()} == {
        "tool": "nothing",
        "thing": "nothing",
    }
    assert set(called["reached"]["unanswered"]) == {"away", "deaf", "repository"}
    assert "refused" in str(called["reached_dry"]["unanswered"]["deaf"])


def test_build(called):
    assert called["would_build"]["changed"] and not called["would_build_again"]["changed"]
    assert not called["mirror_wanted"]["present"]
    assert called["mirror_sent"]["present"] and (called.base / "work/mirror" / MIRROR / "tool-1.0.tar.gz").is_file()
    assert called["begun"]["how"] == "started"
    assert called["looked"]["status"]["state"] in ("running", "done")
    for name in ("built", "built_thing"):
        assert called[name]["status"]["state"] == "done", called[name]
        assert Path(called[name]["product"]["path"]).is_file()


def test_stop_and_clean(called):
    assert [called[name]["stopped"] for name in ("would_stop", "stopped")] == [[], []]
    assert [called[name]["removed"] for name in ("would_clean", "cleaned")] == [[], []]


def test_carry(called):
    held, base = called["held"], called.base
    assert held["present"] and called["kept"]["changed"]
    assert called["looked_up"]["metadata"] == held["metadata"] and called["looked_up"]["wrong"] == ""
    assert (called["wanted"]["present"], called["wanted"]["received"]) == (False, 0)
    assert called["cut"]["length"] == json.loads(held["metadata"])["size"] > 0
    assert called["received"]["present"] and not called["received"]["damaged"]
    assert called["would_take"]["changed"] and called["taken"]["changed"]
    [label] = [path.name for path in (base / "cache").iterdir() if path.name.startswith("tool-1.0-")]
    file = json.loads(held["metadata"])["file"]
    contents = {(base / work / label / file).read_bytes() for work in ("work/products", "cache", "third/products")}
    contents.add((base / "second/products" / label / file).read_bytes())
    assert len(contents) == 1


def test_publish_and_verify(called):
    assert called["would_publish"]["changed"] and called["published"]["changed"]
    assert {name: done["how"] for name, done in called["published"]["products"].items()} == {
        "tool": "put in place",
        "thing": "put in place",
    }
    # In check mode what is not there yet is no problem.
    assert called["verified_before"]["problems"] == [] and called["verified_before"]["notes"]
    assert called["verified"]["problems"] == []
    assert called["verified"]["products"]["tool"]["said"] == ["hello"]
    assert called["verified"]["products"]["thing"]["ok"]
    assert "share/said" in str(called["verified_damage"]["products"]["tool"]["problems"])
    assert called["verified_damage"]["products"]["thing"]["ok"]


def test_take_away(called):
    opt, base = f"{called.base}/opt/tool", called.base
    assert (
        opt in called["would_withdraw"]["removed"]
        and called["would_withdraw"]["removed"] == called["withdrawn"]["removed"]
    )
    assert not any((base / "opt").iterdir()) and not any((base / "bin").iterdir())
    assert called["withdrawn_thing"]["changed"] and not list(base.glob("venv/lib/python3*/site-packages/thing*"))


# --- hosts whose Python is not taken any more


@pytest.fixture(scope="module")
def outdated():
    """Hosts of Pythons that this core does not take."""
    if not FORMER:
        pytest.skip(f"there is no Python that ansible-core {LINE} does not take and another does")
    hosts = {f"h3{minor}": found[0] for minor in FORMER if (found := cores.interpreters(minor))}
    if not hosts:
        pytest.skip(f"no Python older than 3.{cores.core(LINE).oldest_target} on this machine")
    return hosts


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_a_python_that_is_not_taken_is_told_by_name_with_the_remedy(outdated, tmp_path, name):
    told = play(tmp_path, AS_COLLECTION / f"playbooks/{name}.yml", outdated)
    # Tables, boxes and quotes break lines where there is room.
    words = " ".join(told.stdout.split())
    assert told.returncode != 0, told.stdout
    for host, python in outdated.items():
        minor = int(host.removeprefix("h3"))
        last = next(core.line for core in cores.CORES if core.oldest_target <= minor)
        assert f"{host}: its Python {python} is 3.{minor}." in words, told.stdout
        assert f"the last that supports 3.{minor}" in words and f"run ansible-core {last}" in words, told.stdout
    assert f"hosts need 3.{cores.core(LINE).oldest_target} or newer. Set ansible_python_interpreter" in words
    assert "deserialization" not in words and "SyntaxError" not in words and "MODULE FAILURE" not in words
    assert not (tmp_path / "work").exists()
