# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command line and the list of required packages mean."""

import demo
import pytest
import simulated
from fleet.cli import main, required_packages
from fleet.flavours import FLAVOURS, Host, parse_hosts
from fleet.shell import FleetError


def test_hosts_take_their_own_user_before_the_fleets():
    hosts = parse_hosts(["a=bullseye", "b=openeuler:root"], ["a:memory=512m", "a:cann=8.0.0"], user="plain")
    assert hosts == [
        Host("a", "bullseye", "ascend", {"memory": "512m", "cann": "8.0.0"}),
        Host("b", "openeuler", "root", {}),
    ]


@pytest.mark.parametrize(
    ("hosts", "options", "told"),
    [
        (["a"], [], "NAME=FLAVOUR"),
        (["a=windows"], [], "bullseye-arm64"),
        (["a=bullseye:admin"], [], "root, plain"),
        (["a=bullseye", "a=openeuler"], [], "already given"),
        (["A_b=bullseye"], [], "host 'A_b'"),
        (["-a=bullseye"], [], "host '-a'"),
        (["a=bullseye"], ["b:memory=1g"], "a host of a"),
        (["a=bullseye"], ["a:memory=much"], "a:memory=much"),
        (["a=bullseye"], ["a:tmpfs=/work"], "a:tmpfs=/work"),
        (["a=bullseye"], ["a:tmpfs=/work:1m,exec"], "a:tmpfs"),
        (["a=bullseye"], ["a:tmpfs=/work:1m:few"], "a:tmpfs"),
        (["a=bullseye"], ["a:colour=red"], "a key of memory, cpus, tmpfs, shared, cann, chip, npu"),
        (["a=bullseye"], ["a:chip=910C"], "chip=910A|910B4|A3"),
        (["a=bullseye"], ["a:chip=A3", "a:cann=none"], "a:chip=A3: means nothing beside cann=none"),
        (["a=bullseye"], ["a:npu=dead"], "none|sick|busy|hang|crash|rubbish|-8005"),
        (["a=bullseye"], ["a:npu=-8006"], "a:npu=-8006"),
        (["a=bullseye"], ["a:nodes=mine"], "nodes=root"),
        (["a=bullseye"], ["a:driver=21.0.4"], "driver=none"),
        (["a=bullseye"], ["a:firmware=new"], "a:firmware=new"),
        (["a=bullseye"], ["a:wheels=fresh"], "wheels=stale"),
        (["a=bullseye"], ["a:npu=sick", "a:driver=none"], "a:npu=sick: means nothing beside driver=none"),
        (["a=bullseye"], ["a:cann=none", "a:wheels=stale"], "a:wheels=stale: means nothing beside cann=none"),
        (["a=bullseye"], ["a:nodes=root", "a:npu=none"], "a:nodes=root: means nothing beside npu=none"),
    ],
)
def test_wrong_arguments_are_named_with_what_they_may_be(hosts, options, told):
    with pytest.raises(FleetError, match="(?s).*") as caught:
        parse_hosts(hosts, options)
    assert told in str(caught.value)


def test_a_host_may_have_several_faults_and_be_without_several_things():
    options = ["a:npu=-8005", "a:firmware=1.78.0.0", "b:cann=none", "b:driver=none", "b:npu=none"]
    first, second = parse_hosts(["a=bullseye", "b=bullseye"], options)
    assert first.options == {"npu": "-8005", "firmware": "1.78.0.0"}
    assert second.options == {"cann": "none", "driver": "none", "npu": "none"}


def test_the_demos_hosts_are_such_that_the_fleet_takes_them():
    argv = simulated.up("demo", demo.HOSTS).argv
    hosts, options = (
        [argv[at + 1] for at, word in enumerate(argv) if word == option] for option in ("--host", "--opt")
    )
    found = parse_hosts(hosts, options)
    assert [host.name for host in found] == [host["name"] for host in demo.HOSTS]
    assert found[-1] == Host("demo4", "bookworm", "root", {"cann": "9.1.0", "chip": "910B4"})


def test_a_wrong_fleet_name_ends_with_one_line_and_touches_nothing(capsys):
    assert main(["down", "--fleet", "../x"]) == 1
    assert capsys.readouterr().err.startswith("fleet: fleet '../x'")


def test_required_packages_are_the_lines_without_comments():
    assert required_packages("# why\npodman\n\n runc  # because\n") == ["podman", "runc"]


def test_flavours_on_top_of_others_have_the_same_architecture_and_release():
    for flavour in FLAVOURS.values():
        if flavour.base:
            base = FLAVOURS[flavour.base]
            assert (flavour.arch, flavour.release, flavour.python) == (base.arch, base.release, base.python)
