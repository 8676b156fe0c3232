# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real torch_npu is built from its sources, installed with its torch and imported. Each test goes on from where the last one ended."""

import os
import re
from pathlib import Path

import pytest
import real
import rig

RELEASES = [real.OLD, real.NEW]
LIMIT_S = 6 * 3600
OBJECTS = real.TREE + r" 2>/dev/null && find build -name '*.o' -printf '%T@ %p\n' 2>/dev/null | sort"
# Takes the wheels apart, and generates what torch_npu is linked to of CANN, and what it looks for when it is imported.
GENERATE = """
set -eu
cd /root/real
rm -rf site
mkdir site
for wheel in wheels/*.whl; do python3 -m zipfile -e "$wheel" site; done
cann=/usr/local/Ascend/ascend-toolkit/latest
python3 cann_stubs.py site "$cann/lib64"
mkdir -p "$cann/runtime" "$cann/compiler" "$cann/opp"
[ -e "$cann/lib64/libopapi.so" ] || cp /usr/local/lib/ascend-fleet/libempty.so "$cann/lib64/libopapi.so"
rm -rf site wheels
"""
IMPORT = ". /etc/ascend-pytorch/env.sh; cd /; exec {0}/bin/python -c 'import torch, torch_npu; print(torch.__version__, torch_npu.__version__)'"


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    """What the playbooks are given."""
    return real.inventory(tmp_path_factory.mktemp("run") / "releases.yml", RELEASES, [real.CLONES])


@pytest.fixture
def play(options, tmp_path):
    """play(playbook, ...): its rig.Run, begun."""
    begun = []

    def begin(playbook, *more):
        begun.append(real.run(playbook, tmp_path / f"run{len(begun)}.log", *options, *more))
        return begun[-1]

    yield begin
    for each in begun:
        each.kill()


def objects(host):
    return rig.finish(rig.inside(host, "bash", "-c", OBJECTS)).stdout.splitlines()


def test_a_build_that_is_stopped_goes_on(play):
    """What was compiled before stays as it is, though the vendor's script generates its code again."""
    run = play("site.yml")
    for release in RELEASES:
        # Some of the plugin's own, which come after those of its submodules.
        def compiled(release=release):
            own = [line for line in objects(release.host) if "/torch_npu.dir/" in line]
            return len(own) >= 8 or run.process.poll() is not None

        rig.until(compiled, limit_s=3600, what=lambda: "nothing was compiled:\n" + run.said[-3000:])
    assert run.process.poll() is None, run.said[-6000:]
    play("playbooks/stop.yml").ended(limit_s=120)
    run.ended(well=False, limit_s=300)
    before = {release: objects(release.host) for release in RELEASES}
    run = play("site.yml")
    for release in RELEASES:

        def more(release=release):
            return len(objects(release.host)) > len(before[release]) + 2 or run.process.poll() is not None

        rig.until(more, limit_s=3600, what=lambda: "nothing more was compiled:\n" + run.said[-3000:])
        # The last ones, which may be incomplete, were compiled again.
        lost = set(before[release]) - set(objects(release.host))
        assert len(lost) <= 4 < len(before[release]), lost
    # Both go on, detached.
    run.kill()


def test_both_are_built_and_only_cann_is_missing(play):
    # The simulated CANN has empty libraries, and not all of them.
    said = play("site.yml").ended(well=False, limit_s=LIMIT_S).said
    hosts = set(re.findall(r"^fatal: \[(\w+)\]: FAILED!", said, re.MULTILINE))
    assert hosts == {release.host for release in RELEASES}, said[-6000:]
    lacks = re.compile(r"which the CANN on this host does not have|cannot open shared object file")
    assert len(lacks.findall(said)) >= len(RELEASES), said[-6000:]


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.row["package"])
def test_with_cann_they_are_installed_and_import(play, release):
    folder = Path(os.environ["XDG_CACHE_HOME"], "ascend-pytorch", "products")
    (built,) = folder.glob(f"*/torch_npu-{release.row['version']}-*.whl")
    box = rig.container(release.host)
    rig.shell.run(rig.inside(release.host, "mkdir", "-p", "/root/real/wheels"))
    for path, to in (
        (rig.PROJECT / "tests/mirror/cann_stubs.py", ""),
        (built, "wheels/"),
        (real.stock_torch(release.row["torch"], release.python), "wheels/"),
    ):
        rig.pod.podman("cp", str(path), f"{box}:/root/real/{to}")
    print(real.ask(release.host, GENERATE))
    done = play("site.yml", "--limit", release.host).ended(limit_s=3600)
    assert f"torch_npu {release.row['package']}" in done.words and "torch, torch_npu: verified" in done.words, (
        done.said[-3000:]
    )
    shown = real.ask(release.host, IMPORT.format(real.VENV)).splitlines()[-1]
    print(shown)
    assert shown == f"{release.row['torch']}+cpu {release.row['version']}"
    if release is real.NEW:
        # This release has an Apex.
        assert "apex" in done.words
        real.ask(release.host, IMPORT.format(real.VENV).replace("import torch,", "import apex, torch,"))


def test_a_second_run_changes_nothing_and_all_is_whole(play):
    assert play("site.yml").ended(limit_s=900).changed == set()
    assert play("playbooks/verify.yml").ended(limit_s=900).changed == set()
