# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verification: a product that is whole and works has no problems; every problem has a name and a remedy."""

import base64
import hashlib
import json
import os
import time

import ordering
import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.product import diagnose, fingerprint, manifest
from ansible_collections.ascend.pytorch.plugins.module_utils.publish import verifying

MARK = "1" * 64
INFO = "torch-1.8.1+ascend.dist-info"
IDENTITY = {"version": "1.0", "stages": {"build": [{"run": ["make"]}]}}


@pytest.fixture
def tree(tmp_path):
    """Return the order of a tool that is published whole at its prefix."""
    root = tmp_path / "opt/tool-1.0-111111111111"
    (root / "bin").mkdir(parents=True)
    (root / "bin/tool").write_text("#!/bin/sh\necho tool 1.0\n")
    (root / "bin/tool").chmod(0o755)
    (root / "words").write_text("words")
    its_manifest = manifest.compose("tool", "1.0", "tree", MARK, IDENTITY, {}, "0.1.0")
    manifest.write(str(root), dict(its_manifest, files=manifest.scan(str(root))))
    (tmp_path / "opt/tool").symlink_to(root.name)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/tool").symlink_to(tmp_path / "opt/tool/bin/tool")
    return ordering.order(
        fingerprint=MARK,
        identity=IDENTITY,
        prefix=str(tmp_path / "opt/tool"),
        links=[{"path": str(tmp_path / "bin/tool"), "target": "bin/tool"}],
        env_file=str(tmp_path / "env.sh"),
        verify=[{"run": ["{prefix}/bin/tool"], "expect": "^tool {version}$"}],
    )


@pytest.fixture
def wheel(tree, tmp_path):
    """Return the order of a torch that is installed whole."""
    site = tmp_path / "site"
    its_manifest = manifest.compose("torch", "1.8.1", "wheel", MARK, IDENTITY, {}, "0.1.0")
    files = {
        "torch/__init__.py": "x = 1\n",
        INFO + "/METADATA": "Name: torch\nVersion: 1.8.1+ascend\n",
        INFO + "/" + manifest.WHEEL_NAME: json.dumps(dict(its_manifest, requirements=["numpy"])),
        "numpy-1.19.dist-info/METADATA": "Name: numpy\nVersion: 1.19\n",
    }
    rows = [INFO + "/RECORD,,"]
    for name, text in files.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        if "numpy" not in name:
            rows.append("{0},sha256={1},{2}".format(name, digest, len(text)))
    (site / INFO / "RECORD").write_text("\n".join(rows) + "\n")
    return tree._replace(
        name="torch",
        version="1.8.1",
        product="wheel",
        prefix="",
        links=[],
        python="/usr/bin/python3.9",
        sites=[str(tmp_path / "none"), str(site)],
        distribution="torch",
        requirements=["NumPy"],
        verify=[{"run": ["{python}", "-c", "import torch"], "expect": "^{version}\\S* {site}/torch/"}],
        verify_npu=[{"run": ["{python}", "-c", "add"], "expect": "2.0", "timeout_s": 600, "remedy": "look at the NPU"}],
    )


def unpacked(wheel, **changes):
    """Return the folder that a wheel was unpacked into, its site, and what prove_unpacked says about it."""
    site = wheel.sites[1]
    its_manifest = dict(
        manifest.compose("torch", "1.8.1", "wheel", MARK, IDENTITY, {}, "0.1.0"), libraries=["libopenblas.so.0"]
    )
    run = changes.pop("run")
    steps = [dict(wheel.verify[0], run=["{python}", "{env_file}"])]
    order = wheel._replace(env_text="export TO_COME=1\n", verify=steps, **changes)
    return site, verifying.prove_unpacked(order, its_manifest, site, run)


def test_a_wheel_is_imported_from_where_it_was_unpacked(wheel):
    run = answering((0, "1.8.1 {0}/torch/__init__.py".format(wheel.sites[1]), ""))
    site, wrong = unpacked(wheel, run=run)
    assert wrong == ""
    # With the planned environment.
    (argv,) = (asked[0] for asked in run.asked)
    assert argv[1].startswith(site) and open(argv[1]).read() == "export TO_COME=1\n"


def test_a_wheel_whose_libraries_are_not_there(wheel):
    run = answering(
        (1, "ImportError: libopenblas.so.0: cannot open shared object file", ""), (0, "libopenblas.so.0\n", "")
    )
    _site, wrong = unpacked(wheel, run=run)
    assert "torch 1.8.1 does not work" in wrong
    assert "The loader does not find libopenblas.so.0 on this host. Install the packages that have them" in wrong
    assert run.asked[1][0][-1] == "libopenblas.so.0"


def test_libraries_that_another_package_brings_are_not_missing(wheel):
    """torch_npu is linked to those of torch, which the loader alone does not find."""
    lib = os.path.join(wheel.sites[1], "torch", "lib")
    os.makedirs(lib, exist_ok=True)
    open(os.path.join(lib, "libopenblas.so.0"), "w").close()
    run = answering((1, "ImportError: libhccl.so", ""), (0, "libopenblas.so.0\n", ""))
    _site, wrong = unpacked(wheel, run=run)
    assert "torch 1.8.1 does not work" in wrong and "The loader does not find" not in wrong


def test_one_that_is_found_elsewhere_is_not_proven(wheel):
    # The installed one, which is to be replaced, is not the one that is tried.
    _site, wrong = unpacked(wheel, run=answering((0, "1.8.1 /usr/lib/torch/__init__.py", ""), (0, "", "")))
    assert "but its output must match" in wrong


def test_a_host_that_only_builds_waits_for_cann(wheel):
    missing = (1, "ImportError: libascendcl.so: cannot open shared object file: No such file or directory", "")
    assert unpacked(wheel, run=answering(missing), npu_libraries=False)[1] == ""
    assert unpacked(wheel, run=answering(missing, (0, "", "")), npu_libraries=True)[1] != ""


def answering(*answers):
    """A runner that returns these answers (status, output, why) in turn, and records its arguments."""
    asked, left = [], list(answers)

    def run(argv, stdin, time_limit_s):
        asked.append((argv, stdin, time_limit_s))
        return left.pop(0)

    run.asked = asked
    return run


FINE = (0, "tool 1.0\n", "")


def imported(wheel):
    return (0, "a warning\n1.8.1+ascend {0}/torch/__init__.py\n".format(os.path.realpath(wheel.sites[1])), "")


def verify(order, *answers, full=False, npu=False, npu_libraries=True, pending=False):
    return verifying.verify(order._replace(npu_libraries=npu_libraries), full, npu, answering(*answers), pending)


def problems(order, *answers, **how):
    told = verify(order, *answers, **how)
    assert told["ok"] == (not told["problems"])
    return told["problems"]


# --- whole ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("full", [False, True])
def test_a_whole_tree_that_works(tree, full):
    assert verify(tree, FINE, full=full) == {"ok": True, "problems": [], "notes": [], "said": ["tool 1.0"]}


@pytest.mark.parametrize("full", [False, True])
def test_a_whole_wheel_that_works_without_an_npu(wheel, full):
    told = verify(wheel, imported(wheel), full=full)
    assert told["ok"] and told["problems"] == []
    assert told["notes"] == ["torch 1.8.1+ascend was not tried on an NPU: this host has none"]


def test_where_there_is_an_npu_it_is_tried_too(wheel):
    run = answering(imported(wheel), (0, "2.0", ""))
    told = verifying.verify(wheel, False, True, run)
    assert told["ok"] and told["notes"] == [] and len(told["said"]) == 2
    assert run.asked == [
        (["/usr/bin/python3.9", "-c", "import torch"], "", verifying.TIME_LIMIT_S),
        (["/usr/bin/python3.9", "-c", "add"], "", 600),
    ]


# --- damaged ----------------------------------------------------------------------------------------------------------


def test_a_file_that_is_gone(tree):
    os.unlink(tree.prefix + "/words")
    assert problems(tree, FINE) == ["tool 1.0 is damaged: words: missing. Run site.yml to restore only that"]


def test_a_byte_that_differs_is_found_by_a_full_look_alone(tree):
    with open(tree.prefix + "/words", "w") as stream:
        stream.write("Words")
    assert problems(tree, FINE) == []
    assert problems(tree, FINE, full=True) == [
        "tool 1.0 is damaged: words: content differs. Delete the files that differ, then run site.yml to restore them"
    ]
    # If a plan sees one of them, all are repaired.
    os.chmod(tree.prefix + "/bin/tool", 0o700)
    assert "Delete" not in problems(tree, FINE, full=True)[0]


def test_much_damage_is_counted(tree):
    its_manifest = manifest.read(tree.prefix)
    files = {"gone{0:02d}".format(number): {"link": "x"} for number in range(30)}
    manifest.write(tree.prefix, dict(its_manifest, files=files))
    told = problems(tree, FINE)[0]
    assert "gone00: missing; gone01" in told and "; and 25 more." in told


def test_a_file_of_a_wheel(wheel):
    path = os.path.join(wheel.sites[1], "torch/__init__.py")
    with open(path, "w") as stream:
        stream.write("y = 1\n")
    assert problems(wheel, imported(wheel)) == []
    assert "torch/__init__.py: content differs. Delete" in problems(wheel, imported(wheel), full=True)[0]
    os.unlink(path)
    assert problems(wheel, imported(wheel)) == [
        "torch 1.8.1+ascend is damaged: torch/__init__.py: missing. Run site.yml to restore only that"
    ]


def test_a_file_that_cannot_be_read(tree, monkeypatch):
    def refuse(*_args):
        raise PermissionError(13, "Permission denied", "/opt/tool/words")

    monkeypatch.setattr(manifest, "damage", refuse)
    assert "/opt/tool/words: cannot be read (Permission denied)" in problems(tree, FINE)[0]


def test_all_that_is_wrong_is_told_at_once(tree):
    os.unlink(tree.prefix + "/words")
    os.unlink(tree.links[0]["path"])
    told = problems(tree._replace(fingerprint="2" * 64), (1, "no\n", ""))
    assert len(told) == 4
    for text, words in zip(told, ("outdated", "damaged", "is not linked to it", "does not work")):
        assert words in text


# --- not as ordered ---------------------------------------------------------------------------------------------------


def test_what_differs_from_its_order_is_outdated_and_not_damaged(tree):
    order = tree._replace(version="1.1", fingerprint="2" * 64, identity=dict(IDENTITY, stages={}, version="1.1"))
    assert problems(order, FINE) == [
        "tool 1.0 (111111111111) is outdated: version 1.0 -> 1.1; flags of stage build changed. Run site.yml to "
        "publish 1.1 (222222222222)"
    ]
    assert "recipe changed" in problems(tree._replace(fingerprint="2" * 64), FINE)[0]


def test_what_is_not_there(tree, wheel):
    os.unlink(tree.prefix)
    told = verify(tree)
    assert told["said"] == [] and len(told["problems"]) == 1
    assert told["problems"][0].startswith("tool is not installed (no manifest at " + tree.prefix)
    assert problems(wheel._replace(sites=[]))[0].startswith(
        "torch is not installed (no manifest at /usr/bin/python3.9)"
    )


def test_what_is_there_and_not_ours(tree, wheel):
    os.unlink(tree.prefix)
    os.mkdir(tree.prefix)
    assert "is a folder that this collection did not make. Move it away, or set tool_prefix" in problems(tree)[0]
    os.unlink(os.path.join(wheel.sites[1], INFO, manifest.WHEEL_NAME))
    assert problems(wheel) == [
        "torch 1.8.1+ascend is installed, but was not made by this collection. Run site.yml to replace it"
    ]


def test_another_product_at_the_prefix(tree):
    assert "other is not installed" in problems(tree._replace(name="other"))[0]


@pytest.mark.parametrize(
    "replace, make, wrong",
    [
        (False, None, True),
        (False, "/bin/sh", False),
        (True, "/bin/sh", True),
    ],
)
def test_links(tree, replace, make, wrong):
    path = tree.links[0]["path"]
    os.unlink(path)
    if make:
        os.symlink(make, path)
    told = problems(tree._replace(replace_link=replace), FINE)
    assert bool(told) == wrong and all(path in text for text in told)


def test_a_requirement_that_somebody_removed(wheel):
    os.rename(os.path.join(wheel.sites[1], "numpy-1.19.dist-info"), os.path.join(wheel.sites[1], "gone"))
    told = problems(wheel, imported(wheel))
    assert "torch 1.8.1+ascend requires numpy, which is not installed for /usr/bin/python3.9" in told[1]


def test_what_shall_be_absent(tree):
    gone = tree._replace(state="absent")
    assert problems(gone) == ["tool 1.0 is installed and shall be absent. Run site.yml to remove it"]
    os.unlink(tree.prefix)
    assert problems(gone) == []


def test_what_a_run_is_about_to_mend_is_a_note(tree):
    os.unlink(tree.prefix + "/words")
    told = verify(tree, pending=True)
    assert told["ok"] and "words: missing" in told["notes"][0] and told["said"] == []


def test_what_no_run_will_mend_is_a_problem_though_one_is_about_to(tree):
    assert "does not work" in problems(tree, (1, "no", ""), pending=True)[0]


# --- does not work ----------------------------------------------------------------------------------------------------


def test_an_import_that_fails(wheel):
    told = problems(wheel, (1, "Traceback\nValueError: words\n", ""))[0]
    assert told.startswith(
        "torch 1.8.1+ascend does not work: `/usr/bin/python3.9 -c 'import torch'` ended with status 1 and said:\n"
        "    Traceback\n    ValueError: words\n"
    )
    assert "ascend_verify_full" in told
    assert "All its files are as they were built" in problems(wheel, (1, "no", ""), full=True)[0]
    os.unlink(os.path.join(wheel.sites[1], "torch/__init__.py"))
    assert problems(wheel, (1, "no", ""))[1].endswith("\nRepair the damage first")


def test_a_known_failure_has_its_own_remedy(wheel):
    told = problems(wheel, (1, "ModuleNotFoundError: No module named 'yaml'", ""))[0]
    assert "pyyaml" in told and "ascend_verify_full" not in told


def test_another_torch_stands_before_it(wheel):
    told = problems(wheel, (0, "1.8.1 /root/.local/lib/torch/__init__.py", ""))[0]
    assert "but its output must match `^1\\.8\\.1\\S* " in told and "/root/.local/lib" in told


def test_a_hanging_import(wheel):
    told = problems(wheel, (None, "", "gave no answer in 120 s"))[0]
    assert "`/usr/bin/python3.9 -c 'import torch'` gave no answer in 120 s and said nothing" in told


def test_only_the_last_lines_are_told(tree):
    said = "\n".join("line {0}.".format(number) for number in range(50))
    told = problems(tree, (1, said, ""))[0]
    assert "line 49." in told and "line 40." in told and "line 39." not in told


def test_the_first_failure_ends_the_proof_of_a_product(wheel):
    run = answering((1, "no", ""))
    told = verifying.verify(wheel, False, True, run)
    assert len(run.asked) == 1 and len(told["problems"]) == 1


def test_an_npu_that_does_not_add(wheel):
    told = verify(wheel, imported(wheel), (1, "RuntimeError: Permission denied", ""), npu=True)
    assert len(told["problems"]) == 1 and told["problems"][0].endswith("\nlook at the NPU")


LACKS_CANN = "ImportError: libhccl.so: cannot open shared object file: No such file or directory"


def test_diagnose_knows_a_library_of_canns():
    assert diagnose.diagnose(LACKS_CANN)["name"] == verifying.CANN_LIBRARY_MISSING


def test_without_cann_an_import_is_a_problem_or_a_note(wheel):
    assert "libhccl.so belongs to CANN" in problems(wheel, (1, LACKS_CANN, ""))[0]
    told = verify(wheel, (1, LACKS_CANN, ""), npu_libraries=False)
    assert told["ok"] and "needs CANN to work: libhccl.so" in told["notes"][0]
    # A missing library that is not CANN's is always a problem.
    assert problems(wheel, (1, LACKS_CANN.replace("hccl", "openblas"), ""), npu_libraries=False)


WRAPS = (
    "\n\nThe above exception was the direct cause of the following exception:\n\nTraceback (most recent call last):\n"
)
NOT_LOADED = (
    "RuntimeError: Failed to load the backend extension: torch_npu. You can disable extension auto-loading with "
    "TORCH_DEVICE_BACKEND_AUTOLOAD=0."
)


@pytest.mark.parametrize("said", [LACKS_CANN + WRAPS + NOT_LOADED, NOT_LOADED])
def test_torch_that_loads_torch_npu_without_cann(wheel, said):
    assert problems(wheel, (1, said, ""))
    told = verify(wheel, (1, said, ""), npu_libraries=False)
    assert told["ok"] and "needs CANN to work: " in told["notes"][0]


@pytest.mark.parametrize(
    "cause",
    ["ValueError: something else", "ImportError: /site/torch_npu/lib/libtorch_npu.so: undefined symbol: _ZN5torch1x"],
)
def test_torch_that_cannot_load_torch_npu_for_another_reason(wheel, cause):
    assert problems(wheel, (1, cause + WRAPS + NOT_LOADED, ""), npu_libraries=False)


# --- the environment file ---------------------------------------------------------------------------------------------


def test_the_environment_file(tmp_path):
    path = tmp_path / "env.sh"
    planned = {"path": str(path), "text": "export A=1\r\n", "do": "publish", "why": []}
    assert "not there. Run site.yml" in verifying.environment_problems(planned)[0]
    path.write_bytes(b"export A=2\n")
    assert str(path) + ": differs" in verifying.environment_problems(planned)[0]
    path.write_bytes(b"export A=1\r\n")
    assert verifying.environment_problems(planned) == []
    path.unlink()
    path.mkdir()
    assert "cannot be read: Is a directory" in verifying.environment_problems(planned)[0]


@pytest.mark.parametrize("planned", [None, {"path": "/x", "text": "", "do": "nothing"}, {"path": "/x", "do": "remove"}])
def test_an_environment_file_that_nothing_is_asked_of(planned):
    assert verifying.environment_problems(planned) == []


# --- how commands are run ---------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path):
    (tmp_path / "empty").mkdir()
    return verifying.make_runner(lambda: str(tmp_path / "empty"), dict(os.environ, HOME="/h"))


def test_a_command_is_run_in_its_folder_with_input_and_environment(run, tmp_path):
    status, said, why = run(["sh", "-c", 'pwd; cat; echo; echo "$HOME $1"', "sh", "a 'b' $c"], "in 'put' $x %s\n", 10)
    assert (status, why) == (0, "")
    assert said == "{0}\nin 'put' $x %s\n\n/h a 'b' $c\n".format(tmp_path / "empty")


def test_statuses(run):
    assert run(["sh", "-c", "exit 7"], "", 10)[0] == 7
    assert run(["/no/such/program"], "", 10)[0] == 127
    status, said, _why = run(["sh", "-c", "kill -SEGV $$"], "", 10)
    assert status == 139 and "Segmentation fault" in said


def test_a_command_that_hangs_costs_its_limit(run):
    began = time.monotonic()
    status, _said, why = run(["sh", "-c", "sleep 300 & wait"], "", 0.5)
    assert status is None and "gave no answer" in why and time.monotonic() - began < 60


def test_an_import_leaves_no_traces(run, tmp_path):
    (tmp_path / "probe.py").write_text("x = 1\n")
    code = "import sys; sys.path.insert(0, {0!r}); import probe; print(probe.x)".format(str(tmp_path))
    assert run(["python3", "-c", code], "", 60)[:2] == (0, "1\n")
    assert not (tmp_path / "__pycache__").exists()
    assert run(["sh", "-c", "echo $ASCEND_PROCESS_LOG_PATH"], "", 10)[1].strip() == str(tmp_path / "empty")


# --- altogether -------------------------------------------------------------------------------------------------------


def test_a_real_run_of_a_real_tree(tree, run):
    assert verifying.verify(tree, True, False, run) == {
        "ok": True,
        "problems": [],
        "notes": [],
        "said": ["tool 1.0"],
    }


def test_the_message():
    assert verifying.format_problems(["a\nb"]) == "1 problem with what is installed:\n  - a\n    b"
    assert verifying.format_problems(["a", "b"]).startswith("2 problems with what is installed:\n  - a\n  - b")


def test_steps_for_npus_do_not_enter_the_fingerprint():
    recipe = {"name": "torch", "version": "1", "product": "wheel", "sources": [], "stages": {}}
    platform = {"arch": "x", "libc": "y"}
    steps = {"verify": [{"run": ["x"]}], "verify_npu": [{"run": ["y"]}]}
    assert fingerprint.identity(dict(recipe, **steps), platform, {}) == fingerprint.identity(recipe, platform, {})
