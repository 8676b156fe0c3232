# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a stage, with real programs, a real git tree and a Python that only records its arguments."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.build import steps
from checkout import ROOT


@pytest.fixture
def context(tmp_path):
    for name in ("src", "obj", "stage"):
        (tmp_path / name).mkdir()
    logged = []
    made = steps.Context(
        {
            "src": str(tmp_path / "src"),
            "obj": str(tmp_path / "obj"),
            "stage": str(tmp_path / "stage"),
            "python": sys.executable,
            "python_version": "3.9",
        },
        {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        logged.append,
        lambda percent, compiled: logged.append((percent, compiled)),
        "cp39",
        "x86_64",
        ["--user"],
    )
    made.logged = logged
    return made


def sh(text, **more):
    return dict({"run": ["/bin/sh", "-c", text]}, **more)


# --- run --------------------------------------------------------------------------------------------------------------


def test_a_program_is_run_where_and_as_told(context, tmp_path):
    steps.run_step(
        sh('echo "$PWD|$A|$PATH"; cat; echo late >&2', cwd=str(tmp_path / "src"), stdin="in\n", env={"A": "b"}), context
    )
    assert context.logged[1:] == ["{0}/src|b|{1}".format(tmp_path, os.environ["PATH"]), "in", "late"]
    assert context.logged[0].startswith("$ (cd {0}/src && /bin/sh -c".format(tmp_path))
    steps.run_step(sh('pwd; [ -z "$A" ]'), context)
    assert context.logged[-1] == str(tmp_path / "obj")
    steps.run_step(sh('echo "$PATH"', path=["/a", "/b"]), context)
    assert context.logged[-1] == "/a:/b:" + os.environ["PATH"]


def test_nothing_to_read_when_nothing_is_given(context):
    steps.run_step(sh("cat"), context)


def test_progress_is_told(context):
    steps.run_step(sh("echo '[ 10%] a'; echo 'gcc -c a.c -o a.o'; echo nothing; echo '[3/4] b'"), context)
    assert [entry for entry in context.logged if isinstance(entry, tuple)] == [(10, 0), (None, 1), (75, 0)]


def test_output_that_is_no_text_and_has_foreign_line_ends(context):
    assert context.run(["printf", "a\\377b\\r\\n"]) == "a\ufffdb"


def test_a_lot_of_output_is_logged_whole_and_its_end_returned(context):
    said = context.run(["seq", "5000"]).splitlines()
    assert said[-1] == "5000" and len(said) <= 2000
    assert len(context.logged) == 5001


@pytest.mark.parametrize(
    "step, words",
    [
        (sh("exit 3"), "ended with status 3"),
        (sh("kill -9 $$"), "ended with status -9"),
        ({"run": ["/no/such/program", "x"]}, "cannot start /no/such/program in .*obj: No such file"),
        ({"run": ["true"], "cwd": "/no/such/folder"}, "/no/such/folder"),
        ({"run": ["/etc/passwd"]}, "cannot start /etc/passwd .*Permission denied"),
        (
            sh("echo cmake version 3.12.0", expect=r"cmake version 3\.12\.1"),
            "must match .* and was: cmake version 3.12.0",
        ),
        (sh("true", expect="x"), "was: nothing"),
        ({"walk": []}, "must have one of the keys"),
    ],
)
def test_what_fails_is_told(context, step, words):
    with pytest.raises(steps.StepError, match=words):
        steps.run_step(step, context)


def test_texts_of_a_file_are_replaced(context, tmp_path):
    path = tmp_path / "setup.py"
    path.write_bytes(b"version='0.1-ascend'\r\nx = '0.1-ascend'\n")
    texts = {"version='0.1-ascend'": "version='0.1+ascend'", "not there": "x"}
    for _run in range(2):
        steps.run_step({"replace": {"path": str(path), "texts": texts}}, context)
        assert path.read_bytes() == b"version='0.1+ascend'\r\nx = '0.1-ascend'\n"
    assert context.logged[0] == "{0}: 1 version='0.1-ascend', replaced by version='0.1+ascend'".format(path)
    assert context.logged[1] == "{0}: 0 not there, replaced by x".format(path)


def test_a_file_to_change_that_is_not_there_or_no_text(context, tmp_path):
    for content in (None, b"\xff"):
        if content:
            (tmp_path / "setup.py").write_bytes(content)
        with pytest.raises(steps.StepError, match="cannot change .*setup.py: .* The sources are of another version"):
            steps.run_step({"replace": {"path": str(tmp_path / "setup.py"), "texts": {"a": "b"}}}, context)


def test_what_is_expected_may_stand_in_any_line(context):
    steps.run_step(sh("echo hello; echo 7.3.0; echo bye", expect="^7.3.0$"), context)


def test_a_program_that_does_not_read_what_it_is_given(context):
    steps.run_step({"run": ["true"], "stdin": "x" * 1000000}, context)
    with pytest.raises(steps.StepError, match="status 1"):
        steps.run_step({"run": ["false"], "stdin": "x" * 1000000}, context)


# --- link -------------------------------------------------------------------------------------------------------------


def test_a_link_is_made_once(context, tmp_path):
    step = {"link": {"path": str(tmp_path / "cc"), "to": "gcc"}}
    steps.run_step(step, context)
    steps.run_step(step, context)
    assert os.readlink(str(tmp_path / "cc")) == "gcc"


# --- patch ------------------------------------------------------------------------------------------------------------

PATCH = """\
--- a/one
+++ b/one
@@ -1,3 +1,3 @@
 first
-second
+patched
 third
--- a/two
+++ b/two
@@ -1,1 +1,1 @@
-zwei
+patched
"""
# Like the vendors': without set -e, so it exits with status 0 even if patch fails.
GEN = "patch -p1 -d ../native < ../npu.patch\ncp extra ../native/\n"


def git(*argv, cwd):
    subprocess.run(
        ("git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main") + argv,
        cwd=str(cwd),
        check=True,
        stdout=subprocess.DEVNULL,
    )


@pytest.fixture
def vendor(tmp_path):
    """src/native (a git tree), src/npu.patch, src/scripts/gen.sh; returns src."""
    src = tmp_path / "src"
    (src / "native/deep").mkdir(parents=True)
    (src / "scripts").mkdir()
    (src / "native/one").write_text("first\nsecond\nthird\n")
    (src / "native/two").write_text("zwei\n")
    (src / "native/deep/old.rej").write_text("committed by them\n")
    git("init", "-q", cwd=src / "native")
    git("add", "-f", ".", cwd=src / "native")
    git("commit", "-q", "-m", "native", cwd=src / "native")
    (src / "npu.patch").write_text(PATCH)
    (src / "scripts/gen.sh").write_text(GEN)
    (src / "scripts/extra").write_text("more")
    return src


def patch(src):
    return {
        "patch": {
            "tree": str(src / "native"),
            "file": str(src / "npu.patch"),
            "run": ["sh", "gen.sh"],
            "cwd": str(src / "scripts"),
        }
    }


def tree(root):
    return {
        str(path.relative_to(root)): path.read_text()
        for path in Path(root).rglob("*")
        if path.is_file() and ".git/" not in str(path)
    }


PATCHED = {"one": "first\npatched\nthird\n", "two": "patched\n", "extra": "more", "deep/old.rej": "committed by them\n"}


def test_a_patch_that_fits(context, vendor):
    steps.run_step(patch(vendor), context)
    assert tree(vendor / "native") == PATCHED


def test_again_after_a_whole_and_after_half_a_patch(context, vendor):
    steps.run_step(patch(vendor), context)
    steps.run_step(patch(vendor), context)
    assert tree(vendor / "native") == PATCHED
    (vendor / "native/one").write_text("first\nsecond\nthird\n")
    (vendor / "native/one.rej").write_text("what a killed run left")
    (vendor / "native/built.o").write_text("stale")
    steps.run_step(patch(vendor), context)
    assert tree(vendor / "native") == PATCHED


@pytest.mark.parametrize(
    "spoil", [lambda native: (native / "two").write_text("drei\n"), lambda native: (native / "two").unlink()]
)
def test_a_patch_that_does_not_fit_changes_nothing(context, vendor, spoil):
    spoil(vendor / "native")
    git("commit", "-q", "-a", "-m", "another version", cwd=vendor / "native")
    before = tree(vendor / "native")
    with pytest.raises(
        steps.StepError,
        match="npu.patch does not fit the native sources in .*native: .*another "
        "version or incomplete.* Nothing was patched.*native ref and commit",
    ):
        steps.run_step(patch(vendor), context)
    assert tree(vendor / "native") == before
    assert not any("gen.sh" in line for line in context.logged)


def test_a_script_that_ends_well_and_leaves_rejects(context, vendor):
    (vendor / "scripts/gen.sh").write_text("mkdir -p ../native/a; echo > ../native/a/b.cpp.rej; exit 0\n")
    with pytest.raises(
        steps.StepError, match="sh gen.sh exited with status 0 but left 1 rejected patches, the first: a/b.cpp.rej"
    ):
        steps.run_step(patch(vendor), context)


def test_a_script_that_fails(context, vendor):
    (vendor / "scripts/gen.sh").write_text("exit 1\n")
    with pytest.raises(steps.StepError, match="`sh gen.sh` ended with status 1"):
        steps.run_step(patch(vendor), context)


def test_a_ref_without_the_patch(context, vendor):
    (vendor / "npu.patch").unlink()
    with pytest.raises(steps.StepError, match="npu.patch does not exist: the ref does not have the guide's layout"):
        steps.run_step(patch(vendor), context)


def test_rejects_are_looked_for_outside_git(vendor):
    (vendor / "native/.git/x.rej").write_text("")
    assert steps.find_rejects(str(vendor / "native")) == {"deep/old.rej"}


# --- pip --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def pip(context, tmp_path):
    """A Python that records its arguments and the files that it gets."""
    script = tmp_path / "python"
    script.write_text(
        '#!/bin/sh\nfor one in "$@"; do echo "$one" >> {0}/argv; done\n'
        "cat requirements.txt constraints.txt > {0}/files 2>/dev/null; exit 0\n".format(tmp_path)
    )
    script.chmod(0o755)
    context.names["python"] = str(script)
    return lambda name="argv": (tmp_path / name).read_text().splitlines() if (tmp_path / name).exists() else []


INSTALL = ["-m", "pip", "install", "--disable-pip-version-check", "--user"]


def requirements(tmp_path, text, **changes):
    (tmp_path / "src/requirements.txt").write_bytes(text.encode() if isinstance(text, str) else text)
    return {
        "requirements": dict(
            {
                "file": str(tmp_path / "src/requirements.txt"),
                "drop": ["torch", "torchvision"],
                "constraints": "torch==1.8.1",
            },
            **changes,
        )
    }


def test_prerequisites(context, pip):
    steps.run_step({"pip": ["pyyaml", "wheel"]}, context)
    assert pip() == INSTALL + ["pyyaml", "wheel"]


def test_requirements_never_bring_torch(context, pip, tmp_path):
    steps.run_step(
        requirements(
            tmp_path,
            "# needed\nnumpy\nTorch>=1.5\ntorchvision==0.6.0\n-r more.txt\ntyping\nsix  # six\n"
            "--index-url http://x\ntorch @ https://x/torch.whl\n",
        ),
        context,
    )
    assert pip() == INSTALL + ["-r", "requirements.txt", "-c", "constraints.txt"]
    assert pip("files") == ["numpy", "six", "torch==1.8.1"]
    assert context.learned["requirements"] == ["numpy", "six"]
    left_out = [line for line in context.logged if line.startswith("left out of the requirements: ")]
    assert len(left_out) == 6 and "torchvision==0.6.0" in left_out[1]


def test_constraints_are_handed_on_as_they_are_written_whatever_the_locale(tmp_path):
    (tmp_path / "requirements.txt").write_text("six\n")
    script = (
        "from ansible_collections.ascend.pytorch.plugins.module_utils.build import steps\n"
        "order = {'file': 'requirements.txt', 'drop': [], 'constraints': 'six==1  # gr\\xf6\\xdfe'}\n"
        "context = steps.Context({'obj': '.', 'python': '/bin/true', 'python_version': '3.9'}, {}, ascii, ascii)\n"
        "steps.run_step({'requirements': order}, context)\n"
    )
    # Newer Pythons use UTF-8 in the C locale by default.
    env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(ROOT / "collections")}
    subprocess.run([sys.executable, "-c", script], env=env, cwd=tmp_path, check=True)
    assert (tmp_path / "constraints.txt").read_text(encoding="utf-8") == "six==1  # größe\n"


@pytest.mark.parametrize("text", ["", "# nothing\n", "torch==1.5.0\n", b"\xff\xfe"])
def test_no_requirements_need_no_pip(context, pip, tmp_path, text):
    steps.run_step(requirements(tmp_path, text), context)
    assert pip() == [] and context.learned["requirements"] == []


def test_pip_that_fails(context, tmp_path):
    context.names["python"] = "/bin/false"
    with pytest.raises(steps.StepError, match="`/bin/false -m pip install .*` ended with status 1"):
        steps.run_step({"pip": ["x"]}, context)


# --- wheel ------------------------------------------------------------------------------------------------------------


def make_wheel(folder, name, spoil=b"", requires=(), more=()):
    folder.mkdir(exist_ok=True)
    info = "-".join(name.split("-")[:2]) + ".dist-info/"
    files = {
        "torch.py": b"x = 1\n",
        info + "METADATA": "Metadata-Version: 2.1\nName: torch\nVersion: {0}\n{1}".format(
            name.split("-")[1], "".join("Requires-Dist: {0}\n".format(line) for line in requires)
        ).encode(),
    }
    files.update((path, b"more") for path in more)
    record = (
        "".join(
            "{0},sha256={1},{2}\n".format(
                path, base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("="), len(data)
            )
            for path, data in files.items()
        )
        + info
        + "RECORD,,\n"
    )
    with zipfile.ZipFile(str(folder / name), "w") as out:
        for path, data in list(files.items()) + [(info + "RECORD", record.encode())]:
            out.writestr(path, data + (spoil if path == "torch.py" else b""))


RIGHT = "torch-1.8.1+ascend-cp39-cp39-linux_x86_64.whl"
OTHERS = [
    "torch-1.8.1+ascend-cp38-cp38-linux_x86_64.whl",
    "torch-1.8.1+ascend-cp39-cp39-linux_aarch64.whl",
    "torch-1.5.0+ascend.post4-cp39-cp39-linux_x86_64.whl",
]


def wheel(tmp_path):
    return {"wheel": {"dist": str(tmp_path / "dist"), "name": "torch", "version": "1.8.1"}}


def test_the_one_right_wheel_is_staged(context, tmp_path):
    for name in OTHERS + [RIGHT]:
        make_wheel(tmp_path / "dist", name)
    steps.run_step(wheel(tmp_path), context)
    assert os.listdir(str(tmp_path / "stage")) == [RIGHT]
    assert context.logged == ["found {0}/dist/{1}".format(tmp_path, RIGHT)]


@pytest.mark.parametrize(
    "names, spoil, words",
    [
        (None, b"", "no folder of wheels"),
        (OTHERS, b"", "no wheel in .*cp38"),
        ([RIGHT, "torch-1.8.1+other-cp39-cp39-linux_x86_64.whl"], b"", "more than one wheel"),
        ([RIGHT], b"y", "damaged|torch.py"),
    ],
)
def test_no_right_wheel(context, tmp_path, names, spoil, words):
    for name in names or []:
        make_wheel(tmp_path / "dist", name, spoil)
    with pytest.raises(steps.StepError, match=words):
        steps.run_step(wheel(tmp_path), context)
    assert os.listdir(str(tmp_path / "stage")) == []


HOLDS = ["torch/lib/libtensorpipe.so", "torch/dynamo/torchair/"]


def test_a_wheel_that_has_what_it_must_have(context, tmp_path):
    make_wheel(tmp_path / "dist", RIGHT, more=["torch/lib/libtensorpipe.so", "torch/dynamo/torchair/__init__.py"])
    step = wheel(tmp_path)
    step["wheel"]["holds"] = HOLDS
    steps.run_step(step, context)
    assert os.listdir(str(tmp_path / "stage")) == [RIGHT]


@pytest.mark.parametrize(
    "more, words",
    [
        (
            [],
            "without torch/lib/libtensorpipe.so, torch/dynamo/torchair/. .*third_party/Tensorpipe and third_party/torchair/",
        ),
        (
            ["torch/lib/libtensorpipe.so"],
            "without torch/dynamo/torchair/. Most likely the submodule third_party/torchair",
        ),
        (["torch/dynamo/torchair", "torch/lib/libtensorpipe.so2"], "libtensorpipe.so, torch/dynamo/torchair/"),
    ],
)
def test_a_wheel_that_lacks_what_a_submodule_makes(context, tmp_path, more, words):
    make_wheel(tmp_path / "dist", RIGHT, more=more)
    step = wheel(tmp_path)
    step["wheel"]["holds"] = HOLDS
    with pytest.raises(steps.StepError, match=words):
        steps.run_step(step, context)
    assert os.listdir(str(tmp_path / "stage")) == []


def test_what_a_ready_made_wheel_requires_is_learned(context, tmp_path):
    requires = [
        "six",
        "typing-extensions>=4.8.0",
        'old==1; python_version < "3"',
        'setuptools>1; python_version >= "3"',
        'opt-einsum>=3.3; extra == "opt-einsum"',
        'nvidia-nccl-cu12==2.19; platform_system == "Linux"',
        "triton==2.2",
        "torch==1.8.1+cpu",
        "no requirement at all",
    ]
    make_wheel(tmp_path / "dist", RIGHT, requires=requires)
    step = wheel(tmp_path)
    step["wheel"]["drop"] = ["torch", "triton", "nvidia-*"]
    steps.run_step(step, context)
    assert context.learned["requirements"] == ["six", "typing-extensions>=4.8.0", "setuptools>1"]
    assert len([line for line in context.logged if line.startswith("left out of the requirements: ")]) == 3
    make_wheel(tmp_path / "dist", RIGHT)
    steps.run_step(step, context)
    assert context.learned["requirements"] == []


def test_what_is_required_is_limited_and_nothing_else(context, tmp_path):
    make_wheel(tmp_path / "dist", RIGHT, requires=["NumPy>=1.2", "six"])
    step = wheel(tmp_path)
    step["wheel"].update(drop=["torch"], limits=["numpy<1.100", "protobuf<4"])
    steps.run_step(step, context)
    assert context.learned["requirements"] == ["NumPy>=1.2", "six", "numpy<1.100"]


def test_a_build_for_cuda_is_refused(context, tmp_path):
    step = wheel(tmp_path)
    step["wheel"].update(drop=["torch"], refuse=["triton", "nvidia-*"])
    # Wheels of all architectures have the requirements of those for CUDA, with a marker.
    elsewhere = 'nvidia-nccl-cu12==2.19; platform_machine == "elsewhere"'
    make_wheel(tmp_path / "dist", RIGHT, requires=["six", elsewhere])
    steps.run_step(step, context)
    assert context.learned["requirements"] == ["six"]
    os.unlink(str(tmp_path / "stage" / RIGHT))
    make_wheel(tmp_path / "dist", RIGHT, requires=["six", "nvidia-nccl-cu12==2.19"])
    with pytest.raises(
        steps.StepError, match=r"is a build for CUDA \(it requires nvidia-nccl-cu12==2.19\).*ascend_torch_index"
    ):
        steps.run_step(step, context)
    assert os.listdir(str(tmp_path / "stage")) == []


# --- ready-made wheels ------------------------------------------------------------------------------------------------


@pytest.fixture
def index(context, tmp_path):
    """A Python whose pip takes wheels from a folder, except from the index http://none; returns its arguments, by call."""
    script = tmp_path / "python"
    script.write_text(
        '#!/bin/sh\n[ "$1" = -c ] && exec {1} "$@"\n'
        'echo "$*" >> {0}/calls\ncase "$*" in *http://none*) exit 1;; esac\n'
        "cp {0}/dist/*.whl {0}/stage\n".format(tmp_path, sys.executable)
    )
    script.chmod(0o755)
    context.names["python"] = str(script)
    return lambda: (tmp_path / "calls").read_text().splitlines()


def download(**more):
    return {"pip_download": dict({"requirement": "torch==1.8.1", "name": "torch", "version": "1.8.1"}, **more)}


DOWNLOAD = "-m pip download --disable-pip-version-check --no-deps --only-binary=:all: -d {0}/stage"


@pytest.mark.parametrize(
    "indexes, options, calls",
    [
        ([], ["--user"], [" torch==1.8.1"]),
        ([""], [], [" torch==1.8.1"]),
        (["http://a"], [], [" --index-url http://a torch==1.8.1"]),
        (
            ["http://none", ""],
            ["--user"],
            [" --index-url http://none torch==1.8.1", " torch==1.8.1"],
        ),
        (
            ["http://none"],
            ["--no-index", "--find-links", "/w", "--user"],
            [" --no-index --find-links /w torch==1.8.1"],
        ),
    ],
)
def test_a_ready_made_wheel_is_downloaded_and_its_digest_learned(context, index, tmp_path, indexes, options, calls):
    make_wheel(tmp_path / "dist", RIGHT, requires=["six", "torch==1"])
    context.pip_options = options
    steps.run_step(download(index=indexes, drop=["torch"]), context)
    assert index() == [DOWNLOAD.format(tmp_path) + call for call in calls]
    digest = hashlib.sha256((tmp_path / "dist" / RIGHT).read_bytes()).hexdigest()
    assert context.learned == {"digest": digest, "requirements": ["six"]}
    assert os.listdir(str(tmp_path / "stage")) == [RIGHT]


@pytest.mark.parametrize(
    "name, step, words",
    [
        (RIGHT, download(index=["http://none", "http://none/2"]), "--index-url http://none/2 .* ended with status 1"),
        (OTHERS[0], download(), "no wheel in .*cp38"),
        (RIGHT, download(version="1.8.2"), "matches torch 1.8.2"),
    ],
)
def test_no_ready_made_wheel(context, index, tmp_path, name, step, words):
    make_wheel(tmp_path / "dist", name)
    with pytest.raises(steps.StepError, match=words):
        steps.run_step(step, context)


# --- virtual environments, make ---------------------------------------------------------------------------------------


def venv(tmp_path, **more):
    return {"venv": dict({"path": str(tmp_path / "obj/venv")}, **more)}


@pytest.fixture
def base_python(context, tmp_path):
    """A Python with ensurepip whose venv has the same program as bin/python; returns the arguments of all, by call."""
    script = tmp_path / "python"
    script.write_text(
        "#!/bin/sh\n"
        'echo "${{0#{0}/}} $*" >> {0}/calls\n'
        'case "$*" in "-m venv"*) mkdir -p "$4/bin"; cp {0}/python "$4/bin/python"; ln -sf python "$4/bin/python3";; esac\n'.format(
            tmp_path
        )
    )
    script.chmod(0o755)
    context.names["python"] = str(script)
    return lambda: (tmp_path / "calls").read_text().splitlines()


def test_a_virtual_environment_has_the_stock_wheel_and_nothing_outside_of_it_changes(context, base_python, tmp_path):
    context.pip_options = ["--user", "--no-index", "--find-links", "/wheels"]
    (tmp_path / "src/[stock]").mkdir()
    for name in ("b.whl", "a.whl"):
        (tmp_path / "src/[stock]" / name).write_text("")
    step = venv(tmp_path, wheels=[str(tmp_path / "src/[stock]/*.whl")], requirements=["pyyaml", "wheel"])
    steps.run_step(step, context)
    pip = "obj/venv/bin/python -m pip install --disable-pip-version-check --no-index --find-links /wheels "
    assert base_python() == [
        "python -c import ensurepip, venv",
        "python -m venv --clear {0}/obj/venv".format(tmp_path),
        pip + "pyyaml wheel",
        pip + "{0}/src/[stock]/a.whl {0}/src/[stock]/b.whl".format(tmp_path),
    ]
    assert os.path.samefile(str(tmp_path / "obj/venv/bin/python3.9"), str(tmp_path / "obj/venv/bin/python"))
    steps.run_step(sh("command -v python3.9", path=[str(tmp_path / "obj/venv/bin")]), context)
    assert context.logged[-1] == "{0}/obj/venv/bin/python3.9".format(tmp_path)


def test_a_virtual_environment_without_wheels_and_one_whose_wheel_is_gone(context, base_python, tmp_path):
    steps.run_step(venv(tmp_path), context)
    assert len(base_python()) == 2
    with pytest.raises(steps.StepError, match="gone.whl does not exist: a source of the recipe"):
        steps.run_step(venv(tmp_path, wheels=[str(tmp_path / "gone.whl")]), context)


def test_a_python_without_ensurepip(context, tmp_path):
    context.names["python"] = "/bin/false"
    with pytest.raises(steps.StepError, match="/bin/false has no ensurepip.*python3.9-venv of the Debian family"):
        steps.run_step(venv(tmp_path), context)


def wrapping(tmp_path, jobs):
    where = {
        "folder": str(tmp_path / "obj/bin"),
        "tree": str(tmp_path / "the tree"),
        "kept": str(tmp_path / "obj/kept"),
    }
    return {"wrap_make": dict(where, jobs=str(jobs))}


@pytest.mark.parametrize(
    "given, called",
    [
        ("-j 192 install", "-j3 install"),
        ("-j192", "-j3"),
        ("all --jobs=192 V=1", "all -j3 V=1"),
        ("--jobs 192 -k", "-j3 -k"),
        ("-j", "-j3"),
        ("-j install", "-j3 install"),
        ("--jobs", "-j3"),
        ("-C build -f jobs.mk", "-C build -f jobs.mk"),
        ("", ""),
        ("-j 8 -j 9 x", "-j3 -j3 x"),
    ],
)
def test_make_is_held_to_the_jobs(context, tmp_path, given, called):
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b/make").write_text('#!/bin/sh\necho "called: $*"; exit 3\n')
    (tmp_path / "a b/make").chmod(0o755)
    context.environment["PATH"] = "{0}/a b:{1}".format(tmp_path, os.environ["PATH"])
    steps.run_step(wrapping(tmp_path, 3), context)
    with pytest.raises(steps.StepError, match="status 3"):
        steps.run_step({"run": ["make"] + given.split(), "path": [str(tmp_path / "obj/bin")]}, context)
    assert context.logged[-1] == ("called: " + called)


def test_arguments_of_make_stay_as_they_are(context, tmp_path):
    (tmp_path / "make").write_text('#!/bin/sh\nfor one in "$@"; do echo "<$one>"; done\n')
    (tmp_path / "make").chmod(0o755)
    context.environment["PATH"] = "{0}:{1}".format(tmp_path, os.environ["PATH"])
    steps.run_step(wrapping(tmp_path, 2), context)
    steps.run_step({"run": [str(tmp_path / "obj/bin/make"), "A=b  c", "-j4", "$x *"]}, context)
    assert context.logged[-3:] == ["<A=b  c>", "<-j2>", "<$x *>"]


def test_ninja_is_held_to_the_jobs_where_there_is_one(context, tmp_path):
    for name in ("make", "ninja"):
        (tmp_path / name).write_text('#!/bin/sh\necho "{0}: $*"\n'.format(name))
        (tmp_path / name).chmod(0o755)
        context.environment["PATH"] = "{0}:/usr/bin:/bin".format(tmp_path)
    steps.run_step(wrapping(tmp_path, 2), context)
    steps.run_step({"run": ["ninja", "-j", "192"], "path": [str(tmp_path / "obj/bin")]}, context)
    assert context.logged[-1] == "ninja: -j2"


# A script as those of torch_npu are: generate code, run CMake's make.
GENERATING = """
set -eu
mkdir -p "a b" build .git
for name in same.h changed.h; do echo "$name" > "a b/$name"; done
echo "$1" >> "a b/changed.h"
echo "$1" > .git/index
make -f ../Makefile
"""
MAKEFILE = """
all: build/same.o build/changed.o
build/%.o: a\\ b/%.h
\t@echo "compiled $*"; cat "$<" > $@
"""


def test_a_build_that_generates_its_code_again_compiles_what_has_changed(context, tmp_path):
    tree = tmp_path / "the tree"
    tree.mkdir()
    (tmp_path / "Makefile").write_text(MAKEFILE)
    steps.run_step(wrapping(tmp_path, 2), context)
    compiled = []
    for content in ("one", "one", "two", "two", "one"):
        begun = len(context.logged)
        script = {
            "run": ["bash", "-c", GENERATING, "-", content],
            "cwd": str(tree),
            "path": [str(tmp_path / "obj/bin")],
        }
        steps.run_step(script, context)
        compiled.append([line.split()[1] for line in context.logged[begun:] if line.startswith("compiled")])
    assert compiled == [["same", "changed"], [], ["changed"], [], ["changed"]]
    assert (tree / "build/changed.o").read_text() == "changed.h\none\n"
    # Only what is generated is kept.
    assert sorted(path.name for path in (tmp_path / "obj/kept").rglob("*.*")) == ["changed.h", "same.h"]


def test_a_file_that_cannot_be_remembered_is_compiled_again(context, tmp_path):
    """An older copy must not vouch for what was compiled since."""
    (tmp_path / "the tree").mkdir()
    (tmp_path / "Makefile").write_text(MAKEFILE)
    steps.run_step(wrapping(tmp_path, 2), context)
    tools = tmp_path / "broken"
    tools.mkdir()
    (tools / "cp").write_text("#!/bin/sh\nexit 1\n")
    (tools / "cp").chmod(0o755)
    made = []
    for content, first in (("one", []), ("two", [str(tools)]), ("one", [])):
        script = {"run": ["bash", "-c", GENERATING, "-", content], "cwd": str(tmp_path / "the tree")}
        steps.run_step(dict(script, path=[str(tmp_path / "obj/bin"), *first]), context)
        made.append((tmp_path / "the tree/build/changed.o").read_text().split()[1])
    assert made == ["one", "two", "one"]


def test_without_make(context, tmp_path):
    context.environment["PATH"] = str(tmp_path)
    with pytest.raises(steps.StepError, match="make is not installed"):
        steps.run_step(wrapping(tmp_path, 3), context)


def test_what_was_learned_can_be_kept(context):
    assert json.dumps(context.learned) == "{}"


def test_what_a_build_downloads_comes_from_its_sources(context, tmp_path):
    (tmp_path / "miniz.h").write_text("header")
    program = str(tmp_path / "obj/bin/wget")
    files = [{"url": "https://host/raw/it's/miniz.h", "path": str(tmp_path / "miniz.h")}]
    steps.run_step({"local_wget": {"path": program, "files": files}}, context)
    target = str(tmp_path / "target.h")
    for argv in (
        [files[0]["url"], "--no-check-certificate", "-O", target],
        ["-O", target, files[0]["url"]],
    ):
        subprocess.run([program, *argv], check=True)
        assert open(target).read() == "header"
        os.unlink(target)
    subprocess.run([program, files[0]["url"]], check=True, cwd=str(tmp_path / "obj"))
    assert (tmp_path / "obj/miniz.h").read_text() == "header"
    other = subprocess.run([program, "https://host/other.h", "-O", target], stderr=subprocess.PIPE, check=False)
    assert other.returncode == 4 and b"is not a source of this build" in other.stderr and not os.path.exists(target)
