# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A password in every variable that takes a URL: it is used, and shown nowhere, not even with -vvv.

The playbooks on this machine, with a server that lets in whoever knows the password. Each test goes on from the last one.
"""

import subprocess

import cores
import overheard
import pytest
import servers
import yaml
from checkout import ROOT
from sites import Site

SECRET = "c4nary"
LOGIN = f"ann:{SECRET}"

# It costs minutes, and hangs on the collection more than on the ansible-core.
pytestmark = pytest.mark.skipif(
    cores.running() not in (cores.CORES[0].line, *cores.OLDER), reason="tried on the newest ansible-core and two older"
)


def taking_urls():
    """The variables of the roles that take URLs, by their names; what all roles share has other names."""
    paths = sorted(ROOT.glob("roles/*/defaults/main.yml"))
    return [name for path in paths for name in yaml.safe_load(path.read_text()) if name.endswith("_urls")]


@pytest.fixture(scope="module")
def server():
    with servers.serving() as server:
        server.login = LOGIN
        yield server


@pytest.fixture(scope="module")
def site(server, tmp_path_factory):
    with_login = server.url.replace("://", f"://{LOGIN}@")
    given = {name: [f"{with_login}/{name}"] for name in taking_urls()}
    assert len(given) >= 7, given
    # A release's row has URLs as well.
    row = {"torch": {"adapter": {"urls": [f"{with_login}/row.git"]}}}
    given.update(ascend_mirrors=[f"{with_login}/m"], ascend_build_cache=[f"{with_login}/cache"])
    given.update(ascend_extra_releases={"9.9.9": row}, cann_check_check_sources=True)
    # Else a build cache without TLS is refused.
    key = tmp_path_factory.mktemp("key") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    given.update(ascend_trusted_keys=f"{key}.pub")
    site = Site(tmp_path_factory.mktemp("logins"), **given)
    server.folder = site.folder / "served"
    server.folder.mkdir()
    (server.folder / "m").symlink_to(site.sources)
    return site


def shown(site, seen):
    """Where the secret can be read: lines that were printed, processes, and files but for the inventory."""
    printed = [line for line in site.printed.splitlines() if SECRET in line]
    return [line[:400] for line in printed] + sorted(seen) + overheard.files(site.folder, SECRET, [site.inventory])


def test_what_is_built_with_passwords_shows_none(site, server):
    with overheard.arguments(SECRET) as seen:
        status, words = site.run("-l", "here", "-vvv")
    assert status == 0 and (site.folder / "cmake" / "bin" / "cmake").exists(), words[-3000:]
    assert server.let_in > 0 and any(path.endswith("/cmake-3.12.1.tar.gz") for _way, path, _range in server.seen)
    assert any("/cache/" in path for _way, path, _range in server.seen)
    assert shown(site, seen) == []


@pytest.mark.parametrize("playbook", ["check", "report", "cache"])
def test_what_is_told_with_passwords_shows_none(site, playbook):
    """Of all products: what is planned of them, from where, and that nobody has it."""
    stands = '{"gcc730_state": "present", "torch_npu_build_state": "present", "apex_build_state": "present"}'
    limit = () if playbook == "cache" else ("-l", "here")
    with overheard.arguments(SECRET) as seen:
        _status, words = site.run(
            *limit, "-vvv", "-e", stands, "-e", f"ascend_report_dir={site.folder}", playbook=f"{playbook}.yml"
        )
    assert "here" in words, words[-3000:]
    assert shown(site, seen) == []
