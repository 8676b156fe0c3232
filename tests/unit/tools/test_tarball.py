# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tarball: what is in it, what is not, that it installs with nothing else, and what is said of galaxy-importer's run."""

import json
import subprocess
import tarfile

import checkout
import pytest
import run_importer
import tarball
from checkout import BIN, ROOT, environment

URL = "https://git.example.org/ascend/pytorch"
# What a checkout that is worked in may hold. Git knows of none of it, but for the user's own inventory.
LYING = [
    "check.json",
    "check-query.json",
    "report.json",
    "report.json.4711.partial",
    "report.html",
    "report-query.json",
    "ascend-bundle/bundle.json",
    "ascend-bundle/sources/cmake-3.12.1.tar.gz",
    "site.retry",
    "playbooks/site.retry",
    "playbooks/.site.yml.swp",
    "roles/cmake/tasks/main.yml~",
    "plugins/action/fleet.py.orig",
    "plugins/action/__pycache__/fleet.cpython-313.pyc",
    "ansible.log",
    ".cache/ruff/x",
    ".venv/bin/python",
    ".ansible/tmp/x",
    "ascend-pytorch-0.0.9.tar.gz",
]
INVENTORIES = ["hosts", "hosts.ini", "inventory.yml", "inventory/hosts.yml"]


@pytest.fixture(scope="module")
def worked_in(tmp_path_factory):
    """A checkout in which things lie about."""
    folder = tmp_path_factory.mktemp("worked_in")
    tarball.copy(folder)
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    for name in LYING + INVENTORIES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("not for others")
    return folder


@pytest.fixture(scope="module")
def built(worked_in, tmp_path_factory):
    """The tarball that `ansible-galaxy collection build` makes of it."""
    return tarball.build(worked_in, tmp_path_factory.mktemp("built"))


def contents(path):
    """The files of a tarball, with what is in them."""
    with tarfile.open(path) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}


def test_what_lies_about_stays_out_and_what_is_needed_is_in(worked_in, built):
    names, there = set(contents(built)), checkout.files(worked_in)
    folders = ("plugins", "roles", "playbooks", "meta", "inventories")
    assert {name for name in there if name.split("/")[0] in folders} <= names
    assert "plugins/plugin_utils/page.html" in names
    known = {"LICENSE", "README.md", "README.zh-CN.md", "CHANGELOG.rst", "changelogs/changelog.yaml", "MANIFEST.json"}
    assert known | {"requirements/controller.txt"} <= names
    assert not names & set(LYING + INVENTORIES)
    assert names <= set(there) | {"MANIFEST.json", "FILES.json"}


def test_git_knows_what_playbooks_and_editors_leave(worked_in):
    assert not set(checkout.files(worked_in)) & set(LYING)


def test_the_tool_builds_the_same_and_names_the_repository(worked_in, built, tmp_path):
    theirs, ours = contents(built), contents(tarball.make(tmp_path, URL, worked_in))
    manifests = [json.loads(each.pop("MANIFEST.json")) for each in (theirs, ours)]
    assert ours == theirs
    assert manifests[1]["collection_info"].pop("repository") == URL
    assert manifests[0]["collection_info"].pop("repository").startswith("https://example.com/")
    assert manifests[0] == manifests[1]
    assert [path.name for path in tmp_path.iterdir()] == [built.name]


def test_without_a_repository_it_names_the_placeholder():
    assert "\nrepository: https://example.com/set-REPOSITORY-when-building\n" in (ROOT / "galaxy.yml").read_text()


@pytest.mark.parametrize("url", ["", "git@example.org:x.git", 'https://x" a', "https://x\nname: y", "https://x y"])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(ValueError, match="must be an http"):
        tarball.with_repository("repository: x\n", url)


def test_galaxy_yml_has_one_repository():
    with pytest.raises(ValueError, match="but has 0"):
        tarball.with_repository("name: x\n", URL)
    assert tarball.with_repository("a: 1\nrepository: x\nb: 2\n", URL) == f'a: 1\nrepository: "{URL}"\nb: 2\n'


def test_it_installs_without_a_network_and_its_playbooks_are_found(built, tmp_path):
    """It depends on no other collection, so that there is nothing to ask of Galaxy."""
    env = environment(
        HOME=str(tmp_path),
        ANSIBLE_CONFIG=str(tmp_path / "ansible.cfg"),
        ANSIBLE_GALAXY_SERVER="http://127.0.0.1:1",
        ANSIBLE_COLLECTIONS_PATH=str(tmp_path),
    )

    (tmp_path / "ansible.cfg").write_text("")

    def run(*argv):
        told = subprocess.run(
            [BIN / argv[0], *argv[1:]],
            cwd=tmp_path,
            env=env,
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        assert told.returncode == 0, told.stdout + told.stderr

    run("ansible-galaxy", "collection", "install", built, "-p", tmp_path)
    playbooks = [f"ascend.pytorch.{path.stem}" for path in (ROOT / "playbooks").glob("*.yml")]
    assert "ascend.pytorch.site" in playbooks
    run("ansible-playbook", "--syntax-check", "-i", "localhost,", *playbooks)


# --- galaxy-importer


def test_the_importers_own_pins_go_before_those_of_the_tools():
    pins = "# a comment\nattrs==26.1.0\nJinja2==3.1.6\nmarkdown-it-py==4.3.0\nansible-compat==1\n"
    wanted = '# words\nattrs==23.2.0\nMarkdown==3\nansible-core==2.21.5; python_version >= "3.12"\n'
    assert run_importer.constraints(pins, wanted) == pins.replace("attrs==26.1.0\n", "")


@pytest.mark.parametrize(
    ("lines", "status", "warnings", "errors"),
    [
        (["Loading role cmake", run_importer.DONE], 0, 0, 0),
        (["WARNING: roles/x.yml:1: name[casing]", run_importer.DONE], 0, 1, 0),
        (["ERROR: Error running ansible-doc", run_importer.DONE], 0, 0, 1),
        (["WARNING: playbooks/x.yml:1: internal-error: Unexpected", run_importer.DONE], 0, 0, 1),
        (["WARNING: ansible-lint not found, skipping lint of collection", run_importer.DONE], 0, 0, 1),
        (["ERROR: The import failed for the following reason: 'repository' is required"], 1, 0, 1),
        ([], 1, 0, 1),
        (["Loading role cmake"], 0, 0, 1),
    ],
)
def test_what_the_importer_says_is_judged(lines, status, warnings, errors):
    assert tuple(map(len, run_importer.outcome(lines, status))) == (warnings, errors)
