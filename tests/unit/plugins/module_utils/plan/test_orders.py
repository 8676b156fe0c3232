# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders: which properties of a host are part of them."""

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint
from situations import CMAKE, GCC, ask, bare, decided, recipe, with_tools

# --- what the host demands --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "libc, gxx, options, flags",
    [
        ("glibc 2.17", "8.3.0", [], None),
        ("glibc 2.27", "8.3.0", [], None),
        ("glibc 2.28", "8.3.0", ["--disable-libsanitizer"], None),
        ("glibc 2.31", "10.2.1", ["--disable-libsanitizer"], None),
        ("glibc 2.36", "12.2.0", ["--disable-libsanitizer"], "-g -O2 -std=gnu++14"),
        ("glibc 2.17", "11", [], "-g -O2 -std=gnu++14"),
        ("glibc 2.17", None, [], None),
        ("", "8.3.0", [], None),
        ("musl 1.2", "8.3.0", [], None),
        ("unknown", "8.3.0", [], None),
    ],
)
def test_gcc_is_adapted_to_its_host(libc, gxx, options, flags):
    state = with_tools(bare(libc=libc), gxx=gxx)
    order = decided(ask(recipe(GCC)), state, "gcc730").order
    assert order.stages["configure"] == [{"run": ["{src}/gcc/configure"] + options + ["--disable-bootstrap"]}]
    assert order.environment.get("CXXFLAGS") == flags
    assert order.stages["install"] == GCC["stages"]["install"]


def test_the_compiler_of_a_host_is_not_its_cohort():
    def mark(**versions):
        return decided(ask(recipe(GCC)), with_tools(bare(), **versions), "gcc730").order.fingerprint

    assert mark() == mark(gxx="5.4.0") == mark(gxx="12.2.0")


def test_the_compiler_that_counts_is_the_first_that_works():
    state = with_tools(bare(libc="glibc 2.17"), gxx=[("/usr/bin", "12.2.0"), ("/opt/bin", "8.3.0")])
    assert decided(ask(recipe(GCC)), state, "gcc730").order.environment
    state.tools["g++"][0]["version"] = None
    assert not decided(ask(recipe(GCC)), state, "gcc730").order.environment


# --- the rest of an order ---------------------------------------------------------------------------------------------


def test_the_order_has_what_the_host_resolved():
    order = decided(
        ask(recipe(CMAKE), mirrors=["/m"], replace_link=True, keep_builds=True, timeout_s=7), bare(), "cmake"
    ).order
    assert order.links == [{"path": "/usr/bin/cmake", "target": "bin/cmake"}] and order.replace_link is True
    assert (order.work_dir, order.env_file) == ("/var/lib/ascend-pytorch", "/etc/ascend-pytorch/env.sh")
    assert (order.mirrors, order.keep, order.timeout_s, order.collection_version) == (
        ["/m"],
        True,
        7,
        "0.1.0",
    )
    assert order.fingerprint == fingerprint.digest(order.identity)
    assert order.path == [] and order.identity["prefix"] == "/usr/local/cmake"


@pytest.mark.parametrize("jobs, available_mib, count", [("auto", 32768, 8), ("auto", 3000, 2), ("5", 100, 5)])
def test_jobs_by_cores_and_memory(jobs, available_mib, count):
    state = bare(memory={"total_mib": 1, "available_mib": available_mib})
    assert decided(ask(recipe(CMAKE), jobs=jobs), state, "cmake").order.jobs == count
