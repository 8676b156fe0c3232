# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Surroundings: what a host tells its tools elsewhere decides nothing, but where pip gets packages from."""

import os
import subprocess
import sys

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import surroundings
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import ask

# Of each kind one.
LEAKS = (
    "CFLAGS LDFLAGS CC CXX CPATH LIBRARY_PATH LD_LIBRARY_PATH LD_PRELOAD COMPILER_PATH GCC_EXEC_PREFIX CMAKE_PREFIX_PATH "
    "CMAKE_GENERATOR MAKEFLAGS PYTHONPATH PYTHONHOME PYTHONUSERBASE GIT_CONFIG_GLOBAL XDG_CONFIG_HOME PIP_USER PIP_TARGET "
    "PIP_PREFIX PIP_REQUIRE_VIRTUALENV PIP_CONFIG_FILE HOME LANG"
).split()


def test_nothing_leaks():
    session = dict.fromkeys(LEAKS, "leak")
    session.update(dict.fromkeys(surroundings.NETWORK | surroundings.ACCOUNT, "passed"))
    made = surroundings.build_environment(session, "/build/home", {"PIP_INDEX_URL": "https://x"})
    assert "leak" not in made.values()
    assert {name for name, value in made.items() if value == "passed"} == surroundings.NETWORK | surroundings.ACCOUNT
    assert (made["HOME"], made["PIP_CONFIG_FILE"], made["PIP_INDEX_URL"]) == ("/build/home", "/dev/null", "https://x")


@pytest.mark.parametrize("uid, told", [(0, False), (1001, True)])
def test_what_a_plain_user_has_installed_counts_and_root_is_told_nothing(monkeypatch, uid, told):
    # With it set Debian's Python installs to where it does not import from.
    monkeypatch.setattr(surroundings.os, "geteuid", lambda: uid)
    assert ("PYTHONUSERBASE" in surroundings.build_environment({}, "/build/home", {})) == told


CONFIG = """\
:env:.index-url='https://env/simple'
:env:.user='1'
global.extra-index-url='\\nhttps://a\\nhttps://b'
global.index-url='https://global/simple'
global.target='/opt/elsewhere'
install.index-url='https://install/simple'
install.no_index='true'
install.user='true'
download.index-url='https://download'
"""


def answering(status, said):
    return lambda argv, env: (status, said.encode(), "")


def test_of_pip_only_where_packages_come_from():
    found = surroundings.pip_settings("/p", {}, answering(0, CONFIG))
    assert found == {
        "PIP_INDEX_URL": "https://env/simple",
        "PIP_EXTRA_INDEX_URL": "https://a https://b",
        "PIP_NO_INDEX": "true",
    }


@pytest.mark.parametrize("status", [0, 1, None])
def test_a_pip_that_does_not_tell(status):
    session = {"PIP_INDEX_URL": "https://x", "PIP_USER": "1", "PIPX_HOME": "/x"}
    assert surroundings.pip_settings("/p", session, answering(status, "")) == {"PIP_INDEX_URL": "https://x"}


def test_what_is_taken_over_is_told_without_passwords():
    assert surroundings.describe_settings({}) == []
    (words,) = surroundings.describe_settings({"PIP_INDEX_URL": "https://joe:secret@x/simple", "PIP_NO_INDEX": "true"})
    assert "index-url https://" in words and "x/simple, no-index true" in words and "secret" not in words


def test_the_real_pip_of_an_account_with_settings_of_its_own(tmp_path):
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this Python has no pip")
    (tmp_path / ".config/pip").mkdir(parents=True)
    (tmp_path / ".config/pip/pip.conf").write_text(
        "[install]\nuser = true\nrequire-virtualenv = true\n[global]\nindex-url = https://mine/simple\n"
    )
    session = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    found = surroundings.pip_settings(sys.executable, session, ask)
    # This machine's own settings may name a certificate.
    assert found["PIP_INDEX_URL"] == "https://mine/simple"
    assert not {"PIP_USER", "PIP_REQUIRE_VIRTUALENV"} & set(found)
    made = surroundings.build_environment(session, str(tmp_path / "none"), found)
    said = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], env=made, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    assert "user" not in said and "require" not in said and "https://mine/simple" in said
