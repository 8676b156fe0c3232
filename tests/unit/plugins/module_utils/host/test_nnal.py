# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nnal beside a CANN: where it is looked for, for which torch, and the environment that it needs."""

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.host import environment, nnal
from ansible_collections.ascend.pytorch.plugins.plugin_utils import settings
from role_variables import settings as variables

# Asks no Python, and prints something, as the vendor's does.
SCRIPT = """
abi=unknown
for each in "$@"; do case "$each" in --cxx_abi=*) abi=${each#*=} ;; esac; done
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/latest/atb"; pwd)
echo "abi $abi"
export ATB_HOME_PATH=$here/cxx_abi_$abi
export LD_LIBRARY_PATH=$ATB_HOME_PATH/lib:$ATB_HOME_PATH/examples:$LD_LIBRARY_PATH
export PATH=$ATB_HOME_PATH/bin:$PATH
export ATB_WORKSPACE_MEM_ALLOC_ALG_TYPE=1 ATB_SHARE_MEMORY_NAME_SUFFIX=""
"""


def release(torch, layout="plugin"):
    return {"torch": {"layout": layout, "version": torch}}


@pytest.fixture
def root(tmp_path):
    made = tmp_path / "Ascend"
    (made / "cann-8.5.0").mkdir(parents=True)
    return made


def install(root, script=SCRIPT, abis=(0, 1)):
    atb = root / "nnal/atb"
    for abi in abis:
        (atb / "latest/atb/cxx_abi_{0}/lib".format(abi)).mkdir(parents=True)
    atb.mkdir(parents=True, exist_ok=True)
    (atb / "set_env.sh").write_text(script)
    return atb


def beside(root, abi=1):
    return nnal.find({"root": str(root), "path": str(root / "cann-8.5.0")}, abi)


@pytest.mark.parametrize(
    "torch, x86_64, aarch64",
    [("1.11.0", 0, 0), ("2.1.0", 0, 0), ("2.5.1", 0, 0), ("2.6.0", 0, 1), ("2.7.1", 1, 1), ("2.13.0", 1, 1)],
)
def test_the_abi_is_that_of_stock_torch(torch, x86_64, aarch64):
    assert nnal.question("auto", release(torch)) == {"x86_64": x86_64, "aarch64": aarch64}


def test_for_whom_it_is_looked_for():
    assert nnal.question("auto", release("1.8.1", "patch")) == {}
    assert nnal.question("auto", {}) == {} and nnal.question("auto", {"version": "1.8.1"}) == {}
    assert nnal.question("true", release("1.8.1", "patch")) == {"x86_64": 0, "aarch64": 0}
    assert nnal.question("false", release("2.7.1")) == {}
    assert nnal.question("auto", release("ours")) == {"x86_64": 0, "aarch64": 0}


@pytest.mark.parametrize("said, value", [("auto", "auto"), (True, "true"), (False, "false"), ("true", "true")])
def test_the_variable_takes_booleans(said, value):
    assert variables("torch_npu_build", torch_npu_build_nnal=said)["nnal"] == value
    assert tuple(settings.OPTIONS["torch_npu_build"]["torch_npu_build_nnal"]["choices"]) == nnal.WANTED


def test_where_it_is(root, tmp_path):
    assert beside(root) is None
    atb = install(root)
    found = {"path": str(atb), "set_env": str(atb / "set_env.sh"), "cxx_abi": 1, "distrusted": ""}
    assert beside(root) == found
    # CANN is named by a link from elsewhere.
    (tmp_path / "mine").symlink_to(root / "cann-8.5.0")
    assert nnal.find({"root": str(tmp_path), "path": str(tmp_path / "mine")}, 1) == found


@pytest.mark.parametrize("abi", [0, 1])
def test_its_script_sets_the_environment(root, abi):
    home = "{0}/latest/atb/cxx_abi_{1}".format(install(root), abi)
    told = nnal.settings(beside(root, abi))
    assert told == {
        "prepend": {"LD_LIBRARY_PATH": [home + "/lib", home + "/examples"], "PATH": [home + "/bin"]},
        "set": {
            "ATB_HOME_PATH": home,
            "ATB_SHARE_MEMORY_NAME_SUFFIX": "",
            "ATB_WORKSPACE_MEM_ALLOC_ALG_TYPE": "1",
        },
    }
    assert "export ATB_SHARE_MEMORY_NAME_SUFFIX=''" in environment.render(told)


@pytest.mark.parametrize("script", ["exit 1\n", "", "export ATB_HOME_PATH=/gone/cxx_abi_1\n"])
def test_the_usual_layout_if_its_script_is_of_no_use(root, script):
    home = "{0}/latest/atb/cxx_abi_1".format(install(root, script))
    assert nnal.settings(beside(root)) == {
        "prepend": {"LD_LIBRARY_PATH": [home + "/lib"]},
        "set": {"ATB_HOME_PATH": home},
    }


@pytest.mark.parametrize("opened", ["nnal/atb", "nnal/atb/set_env.sh", "nnal/atb/latest/atb/set_env.sh"])
def test_a_script_that_others_can_write_to_is_not_run(root, opened):
    atb = install(root, "touch {0}/was-run\n".format(root))
    (atb / "latest/atb/set_env.sh").write_text("")
    (root / opened).chmod(0o777)
    found = beside(root)
    assert found["distrusted"].startswith("anybody may write to {0} ".format(root / opened))
    assert nnal.settings(found)["set"] == {"ATB_HOME_PATH": "{0}/latest/atb/cxx_abi_1".format(atb)}
    assert not (root / "was-run").exists()


def test_one_without_the_abi_of_torch(root):
    install(root, abis=[1])
    assert nnal.settings(beside(root, 0)) == {}
