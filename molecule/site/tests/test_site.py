# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide's result on every flavour of host, all of it built by the tools that the roles published."""

import json

import pytest

ENVIRONMENT = "/etc/ascend-pytorch/env.sh"


@pytest.fixture
def built(host):
    said = host.check_output(
        "cd / && . %s && python3.9 -c 'import apex, json, torch; print(json.dumps([torch.build_info(), apex.build_info(), "
        "torch.__version__]))'",
        ENVIRONMENT,
    )
    return json.loads(said)


def test_torch_and_apex_run_here(built):
    assert built[2] == "1.8.1+ascend"
    assert built[1]["torch"] == "1.8.1+ascend"


def test_torch_was_built_by_the_published_tools(built):
    torch = built[0]
    assert torch["cmake"]["executable"].startswith("/usr/local/cmake-3.12.1-")
    # The tree: the link may lead elsewhere before a build ends.
    assert torch["cxx"]["path"].startswith("/usr/local/linux_gcc7.3.0-7.3.0-")
    assert torch["compiled"]["compiled_through"] == "7.3.0"


def test_the_wheel_is_for_this_arch(host, built):
    assert built[0]["system_processor"] == host.check_output("uname -m")
    assert (host.check_output("uname -m") == "aarch64") == (host.backend.host == "aarch64")


def test_fingerprints_lead_from_product_to_product(host):
    sites = host.check_output(
        'python3.9 -c \'import glob, json, site; print(json.dumps({p.rpartition("/")[2].partition("-")[0]: '
        'json.load(open(p + "/ascend-manifest.json")) for s in site.getsitepackages() '
        'for p in glob.glob(s + "/[at]*.dist-info") if p.rpartition("/")[2].startswith(("torch-", "apex-"))}))\''
    )
    wheels = json.loads(sites)
    trees = {
        name: json.loads(host.file(prefix + "/.ascend-manifest.json").content_string)
        for name, prefix in (("cmake", "/usr/local/cmake"), ("gcc730", "/usr/local/linux_gcc7.3.0"))
    }
    assert wheels["torch"]["identity"]["built_with"] == {name: tree["fingerprint"] for name, tree in trees.items()}
    assert wheels["apex"]["identity"]["built_with"] == {
        "gcc730": trees["gcc730"]["fingerprint"],
        "torch": wheels["torch"]["fingerprint"],
    }


def test_cpu_binding_is_undone_on_the_openeuler_family_alone(host):
    text = host.file(ENVIRONMENT).content_string
    assert ("unset GOMP_CPU_AFFINITY" in text) == (host.backend.host == "openeuler")


def test_the_work_directory_is_closed_and_holds_no_sources(host):
    assert host.file("/var/lib/ascend-pytorch").mode == 0o700
    assert host.check_output("ls -d /var/lib/ascend-pytorch/builds/*/src 2>/dev/null | wc -l") == "0"
