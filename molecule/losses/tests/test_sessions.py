# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The login session ends, and logind ends all of its processes: the build continues."""

import pytest
import rig

ONE = "third"
# A host of the fleet has no login sessions by itself. Root is not excluded, as is somebody's who becomes root by sudo.
STRICT = """
set -e
get() { apt-get -q -y -o Acquire::Retries=3 -o DPkg::Options::=--force-confold "$@"; }
get update > /dev/null && get install --no-install-recommends dbus dbus-user-session libpam-systemd > /dev/null
mkdir -p /etc/systemd/logind.conf.d
printf '[Login]\\nKillUserProcesses=yes\\nKillExcludeUsers=nobody\\n' > /etc/systemd/logind.conf.d/strict.conf
rm -f /etc/systemd/system/systemd-logind.service
systemctl daemon-reload && systemctl start dbus && systemctl restart systemd-logind
sed -i 's/^UsePAM no/UsePAM yes/' /etc/ssh/sshd_config && systemctl restart ssh
"""
# Logind would end after the sessions, and those only when systemd has no more patience: see below.
AS_BEFORE = """
sed -i 's/^UsePAM yes/UsePAM no/' /etc/ssh/sshd_config && systemctl restart ssh
loginctl disable-linger ascend; systemctl stop --job-mode=ignore-dependencies systemd-logind
rm -f /etc/systemd/logind.conf.d/strict.conf && ln -sf /dev/null /etc/systemd/system/systemd-logind.service
systemctl daemon-reload
"""
# Each of Ansible's tasks has a connection of its own, and so a session that ends with it.
APART = {"ANSIBLE_SSH_ARGS": "-o ControlMaster=no -o ControlPath=none"}


@pytest.fixture(scope="module")
def strict():
    """A host where logind ends the processes of a login."""

    def on(script):
        rig.shell.run(rig.inside(ONE, "sh", "-c", script))

    on(STRICT)
    yield
    on(AS_BEFORE)


def by_ssh(user, command):
    """Run a command in its own login session."""
    known = rig.inventory()["hosts"][ONE]
    argv = ["ssh", "-i", known["ansible_ssh_private_key_file"], *known["ansible_ssh_common_args"].split()]
    return rig.finish([*argv, "{0}@{1}".format(user, known["ansible_host"]), command])


@pytest.mark.parametrize("user, work", [("root", "/var/lib"), ("ascend", "/home/ascend/.local/share")])
def test_a_build_goes_on_when_the_session_that_it_was_begun_in_is_over(crew, gate, strict, user, work):
    crew.on(ONE, "loginctl enable-linger {0}".format(user) if user != "root" else "true")
    # A process that has only left its terminal is killed; otherwise this test would prove nothing.
    by_ssh(user, "setsid sleep 4711 > /dev/null 2>&1 < /dev/null & sleep 0.5")
    rig.until(lambda: not crew.on(ONE, "pgrep -f '[s]leep 4711' || true"), 30)

    run = crew.begin(["cmake"], [ONE], env=APART, ansible_user=user, ascend_mirrors=[gate.url])
    assert gate.builder() == ONE
    groups = crew.on(
        ONE,
        "cat /proc/$(sed 's/.*\"pid\": \\([0-9]*\\).*/\\1/' {0}/ascend-pytorch/builds/cmake-*/status.json)/cgroup".format(
            work
        ),
    )
    assert "/ascend-pytorch-cmake-3.12.1-" in groups and "session-" not in groups, groups
    assert ("/user.slice/" in groups) == (user != "root"), groups
    run.kill()
    # Not until logind says so: with the older cgroups a container's systemd is not told when the last process has ended.
    rig.until(lambda: not crew.on(ONE, "grep -l /session- /proc/[0-9]*/cgroup 2> /dev/null || true"), 60)
    gate.open()
    rig.until(lambda: crew.on(ONE, "ls {0}/ascend-pytorch/products/cmake-*/product.json || true".format(work)))
    crew.begin(["cmake"], [ONE], env=APART, ansible_user=user, ascend_mirrors=[gate.url]).ended()
    log = crew.on(ONE, "cat {0}/ascend-pytorch/builds/cmake-*/build.log".format(work))
    assert log.count("=== build\n") == 1 and "done before" not in log


def test_one_whose_account_does_not_linger_is_warned_of(crew, strict):
    crew.on(ONE, "loginctl disable-linger ascend")
    said = crew.begin(["cmake"], [ONE], "--check", env=APART, ansible_user="ascend").ended().words
    assert "logind ends the processes of ascend with its session" in said and "session-ends" in said
    assert "loginctl enable-linger ascend" in said
