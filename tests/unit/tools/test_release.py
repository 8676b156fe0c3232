# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps a release from being made, and what is left to do."""

from pathlib import Path

import pytest
import release
import yaml

ABOUT = '"""Words."""\n\nVERSION = "1.2.0"\n'


def test_a_clean_tree_is_no_problem():
    assert release.tree_problems("") == []


def test_files_that_are_not_committed_are_named():
    (problem,) = release.tree_problems(" M README.md\n?? plugins/new file.py\n")
    assert "README.md, plugins/new file.py;" in problem


def test_versions_that_agree_are_no_problem():
    assert release.version_problems("1.2.0", ABOUT, ["1.1.0", "1.2.0"]) == []


@pytest.mark.parametrize(
    ("about", "releases", "told"),
    [
        (ABOUT.replace("1.2.0", "1.1.0"), ["1.2.0"], "about.py has 1.1.0"),
        ("", ["1.2.0"], "about.py has none"),
        # The newest stands last, whatever else the changelog has.
        (ABOUT, ["1.2.0", "1.10.0"], "changelogs/changelog.yaml has 1.10.0"),
        (ABOUT, [], "changelogs/changelog.yaml has none"),
    ],
)
def test_another_version_is_told_with_its_place(about, releases, told):
    (problem,) = release.version_problems("1.2.0", about, releases)
    assert problem.startswith("galaxy.yml has version 1.2.0, but ") and told in problem


def test_changelog_is_generated_and_nothing_waits_for_it():
    assert release.changelog_problems("v1\n", "v1\n", []) == []
    assert "antsibull-changelog generate" in release.changelog_problems("v1\n", "v2\n", [])[0]
    (problem,) = release.changelog_problems("v1\n", "v1\n", ["a.yml", "b.yml"])
    assert "has a.yml, b.yml; run `antsibull-changelog release`" in problem


def test_a_released_version_is_not_released_again():
    assert release.tag_problems("1.2.0", ["v1.1.0", "v1.2.0.1", "1.2"]) == []
    assert "the tag v1.2.0 exists" in release.tag_problems("1.2.0", ["v1.1.0", "v1.2.0"])[0]


def test_what_is_left_is_what_cannot_be_undone():
    steps = release.left_to_do("1.2.0", Path("/x/ascend-pytorch-1.2.0.tar.gz"))
    assert [step for step in steps if "publish /x/ascend-pytorch-1.2.0.tar.gz" in step]
    assert steps.index(next(s for s in steps if "make test" in s)) < steps.index(
        next(s for s in steps if "v1.2.0" in s)
    )


@pytest.fixture
def checkout(monkeypatch, tmp_path):
    """The checkout as if it could be released: what the commands print is given, and the tarball is not built."""
    told = {"status": "", "tag": "v0.0.1\n"}
    monkeypatch.setattr(release, "FOLDER", tmp_path)
    monkeypatch.setattr(
        release, "output", lambda *argv, **_env: next((told[word] for word in told if word in argv), "")
    )
    monkeypatch.setattr(release, "generated_changelog", (release.ROOT / release.CHANGELOG).read_text)
    monkeypatch.setattr(release.tarball, "make", lambda folder, repository: folder / "x.tar.gz")
    monkeypatch.setattr(release, "install", lambda archive: None)
    return told


def test_it_says_what_is_left(checkout, capsys):
    assert release.main(["--repository", "https://git.example.org/x"]) == 0
    assert "1. run `make test`" in capsys.readouterr().out


def test_it_says_every_problem_at_once(checkout, capsys, monkeypatch):
    version = yaml.safe_load((release.ROOT / "galaxy.yml").read_text())["version"]
    checkout.update(status=" M x.py\n", tag=f"v0.0.1\nv{version}\n")
    monkeypatch.setattr(release, "generated_changelog", lambda: "another")

    def fail(archive):
        raise OSError("it does not install")

    monkeypatch.setattr(release, "install", fail)
    assert release.main(["--repository", "https://git.example.org/x"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    said = ["not clean: x.py", "CHANGELOG.rst is not", "the tag v", "does not install"]
    assert [words for words in said if words not in told.err] == []
