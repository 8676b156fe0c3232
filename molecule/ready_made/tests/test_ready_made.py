# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real torch and torch_npu are installed ready-made, and imported over generated libraries of CANN."""

import shlex

import pytest
import real
import rig

HOST, VERSION, VENV = "today", "2.13.0", "/opt/torch"
# Takes the wheels apart and generates what they need of CANN, in its own place.
GENERATE = """
set -eu
mkdir -p wheels site
python3.11 -m pip download --no-deps --only-binary=:all: -d wheels torch-npu=={0}
for wheel in wheels/*.whl; do python3.11 -m zipfile -e "$wheel" site; done
cann=$(ls -d /usr/local/Ascend/cann-* | head -n 1)
python3.11 cann_stubs.py site "$cann/lib64"
# torch_npu looks for these when it is imported.
mkdir -p "$cann/runtime" "$cann/compiler" "$cann/opp"
"""


@pytest.fixture(scope="module")
def stock():
    """The wheel of a stock torch for CPUs that pip finds here; where it finds none, the tests are left out."""
    path, said = real.find_torch(VERSION, "3.11")
    if path is None:
        pytest.skip(f"left out: pip finds no torch {VERSION} here: {said[-300:]}")
    if real.is_for_cuda(path):
        pytest.skip(f"left out: the torch {VERSION} that pip finds here, {path.name}, is a build for CUDA")
    return path


@pytest.fixture(scope="module")
def host(stock):
    """The host, with what stands in for CANN's libraries."""
    for path in (rig.PROJECT / "tests/mirror/cann_stubs.py", stock):
        where = "/root/real/wheels/" if path is stock else "/root/real/"
        put = f"mkdir -p {where} && cat > {where}{shlex.quote(path.name)}"
        rig.shell.run(rig.inside(HOST, "sh", "-c", put), stdin=path.read_bytes())
    rig.shell.run(rig.inside(HOST, "sh", "-c", "cd /root/real\n" + GENERATE.format(VERSION)))
    return HOST


@pytest.fixture
def run(host, stock, tmp_path):
    """run(playbook): the rig.Run of a playbook that has ended well."""
    begun = []
    variables = {
        "ascend_torch_version": VERSION,
        "torch_npu_build_from": "wheel",
        **real.stock_variables(stock),
        "ascend_mirrors": [str(stock.parent)],
        "ascend_venv": VENV,
        # The libraries know no device.
        "ascend_require_npu": False,
    }

    def play(path, *options):
        argv = rig.playbook(path, variables, *options)
        begun.append(rig.Run(argv, rig.environment(), tmp_path / f"run{len(begun)}.log"))
        # The wheels are of 200 MB, and are packed again with their manifests.
        return begun[-1].ended(limit_s=900)

    yield play
    for each in begun:
        each.kill()


def test_both_are_installed_and_import(run):
    done = run("site.yml")
    assert f"torch_npu {VERSION}" in done.words and "torch, torch_npu: verified" in done.words, done.said[-3000:]
    code = "import torch, torch_npu; print(torch.__version__.partition('+')[0], torch_npu.__version__)"
    shown = rig.shell.run(
        rig.inside(HOST, "bash", "-euc", f'. /etc/ascend-pytorch/env.sh; cd /; exec {VENV}/bin/python -c "$0"', code)
    )
    # The vendor's package prints warnings, too.
    assert shown.splitlines()[-1] == f"{VERSION} {VERSION}"
    print(shown)


def test_a_second_run_changes_nothing_and_all_is_whole(run):
    assert run("site.yml").changed == set()
    assert run("playbooks/verify.yml").changed == set()


def test_without_the_environment_file_the_plugin_says_what_it_lacks(run, host):
    with pytest.raises(rig.shell.FleetError, match="libhccl.so"):
        rig.shell.run(rig.inside(host, "sh", "-c", f"cd / && {VENV}/bin/python -c 'import torch_npu'"))
