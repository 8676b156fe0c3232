# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with an execution environment, from what ansible-builder made and said."""

import execution_environment as ee
import pytest

NAME = "ascend-pytorch-1.0.0.tar.gz"


def test_comments_are_no_requirements():
    assert ee.requirements("# words\n\njmespath>=1\n  # more\ngit [platform:rpm]\n") == [
        "jmespath>=1",
        "git [platform:rpm]",
    ]


def test_what_the_collection_needs_is_found():
    found = ["jmespath>=1  # from collection ascend.pytorch", "git  # from collection ascend.pytorch,other.one"]
    assert ee.missing("python", ["jmespath>=1"], found) == []
    assert ee.missing("system", ["git", "curl"], found) == ["ansible-builder does not find the system requirement curl"]


def test_what_another_needs_is_not_ours():
    assert len(ee.missing("python", ["jmespath>=1"], ["jmespath>=1  # from collection user"])) == 1


@pytest.fixture
def context(tmp_path):
    """A context that installs the tarball."""
    (tmp_path / "_build").mkdir()
    (tmp_path / "Containerfile").write_text("FROM x\nRUN ansible-galaxy collection install -r requirements.yml\n")
    (tmp_path / "_build" / "requirements.yml").write_text(f"collections:\n- name: {NAME}\n  type: file\n")
    (tmp_path / "_build" / NAME).touch()
    return tmp_path


def test_context_installs_the_tarball(context):
    assert ee.context_problems(context, NAME) == []


def test_context_without_the_tarball_is_told(context):
    (context / "_build" / NAME).unlink()
    assert NAME in ee.context_problems(context, NAME)[0]


def test_context_that_asks_for_another_is_told(context):
    (context / "_build" / "requirements.yml").write_text("collections:\n- name: ascend.pytorch\n")
    assert "ascend.pytorch" in ee.context_problems(context, NAME)[0]


def test_context_that_installs_nothing_is_told(context):
    (context / "Containerfile").write_text("FROM x\n# RUN ansible-galaxy collection install\n")
    assert ee.context_problems(context, NAME) == ["the Containerfile installs no collection"]


def test_context_that_was_not_made_is_told(tmp_path):
    assert "not complete" in ee.context_problems(tmp_path, NAME)[0]


def test_a_builder_that_fails_is_told_with_what_it_said(tmp_path):
    builder = tmp_path / "ansible-builder"
    builder.write_text("#!/bin/sh\necho no such version >&2\nexit 1\n")
    builder.chmod(0o755)
    (problem,) = ee.problems(builder, tmp_path / NAME, tmp_path)
    assert "no such version" in problem
