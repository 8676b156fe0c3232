# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment of a build's programs, which is not inherited."""

import os
from pathlib import Path

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import places
from ansible_collections.ascend.pytorch.plugins.module_utils.build import build_environment, builds
from detached import ended, make_order, started

pytestmark = pytest.mark.usefixtures("nothing_hangs_or_stays")


def test_the_environment_is_made_and_not_inherited(tmp_path, monkeypatch):
    for name in os.environ:
        monkeypatch.delenv(name)
    for name in (
        "CFLAGS",
        "LD_LIBRARY_PATH",
        "PYTHONPATH",
        "CC",
        "MAKEFLAGS",
        "LD_PRELOAD",
        "HOME",
        "LANG",
        "PIP_USER",
    ):
        monkeypatch.setenv(name, "leak")
    monkeypatch.setenv("http_proxy", "passed")
    order = make_order(tmp_path)
    made = build_environment.environment(order, "/home", "/tmp", {"PIP_INDEX_URL": "passed"})
    assert "leak" not in made.values()
    assert {name for name, value in made.items() if value == "passed"} == {"http_proxy", "PIP_INDEX_URL"}
    assert made["PATH"] == places.SYSTEM_PATH and "LD_LIBRARY_PATH" not in made
    assert (made["HOME"], made["TMPDIR"], made["TZ"]) == ("/home", "/tmp", "UTC")

    compiler = {"CXX": "/g/bin/g++", "PATH": "no"}
    order = order._replace(path=["/g/bin", "/c/bin"], library_path=["/g/lib64"], environment=compiler)
    made = build_environment.environment(order, "/home", "/tmp", {})
    assert made["PATH"] == "/g/bin:/c/bin:" + places.SYSTEM_PATH
    assert (made["LD_LIBRARY_PATH"], made["CXX"]) == ("/g/lib64", "/g/bin/g++")


def test_programs_get_that_environment_with_names_filled_in(tmp_path, monkeypatch):
    monkeypatch.setenv("CFLAGS", "leak")
    order = make_order(tmp_path, environment={"WHERE": "{prefix}"})
    order.stages["configure"] = [{"run": ["env"], "env": {"HOW": "{jobs}"}}]
    started(order)
    lines = Path(ended(order)["log"]).read_text().splitlines()
    assert "WHERE=/opt/tool" in lines and "HOW=3" in lines
    assert not [line for line in lines if line.startswith("CFLAGS=")]
    assert "HOME=" + builds.paths(order).home in lines
