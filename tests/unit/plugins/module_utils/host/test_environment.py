# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment file, sourced for real by every shell there is, and where its settings come from."""

import os
import shutil
import subprocess

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.host import environment
from hypothesis import given, settings
from hypothesis import strategies as st

SHELLS = [
    shell
    for shell in (["dash"], ["bash"], ["bash", "--posix"], ["busybox", "sh"], ["zsh"], ["ksh93"], ["mksh"], ["yash"])
    if shutil.which(shell[0])
]
each_shell = pytest.mark.parametrize("shell", SHELLS, ids=" ".join)

AWKWARD = "two words, 'quotes', \"more\", $HOME `id` \\ * ; & | < > # !! \t end"
SETTINGS = {
    "prepend": {
        "LD_LIBRARY_PATH": ["/opt/Ascend/lib64", "/opt/with space/lib", "/opt/$HOME/it's/*"],
        "PYTHONPATH": ["/opt/Ascend/python/site-packages"],
        "PATH": ["/opt/Ascend/bin"],
        "CMAKE_PREFIX_PATH": [],
    },
    "set": {
        "HCCL_WHITELIST_DISABLE": "1",
        "ASCEND_GLOBAL_LOG_LEVEL": 3,
        "AWKWARD": AWKWARD,
        "EMPTY": "",
        "SEVERAL_LINES": "one\ntwo\n",
    },
    "unset": ["GOMP_CPU_AFFINITY", "NOT_THERE_AT_ALL"],
    "comment": {
        "HCCL_WHITELIST_DISABLE": "0: whitelist on\n1: off\r\x1b[31m; export INJECTED=1",
        "PATH": "\nexport INJECTED=1",
    },
}
LIBRARIES = ":".join(SETTINGS["prepend"]["LD_LIBRARY_PATH"])


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("env") / "env.sh"
    path.write_text(environment.render(SETTINGS))
    return str(path)


def source(shell, script, **variables):
    """Return (exit status, output, environment) of a script of which {dump} prints the environment at its end."""
    given_before = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    given_before.update(variables)
    mark = "--the environment--"
    dump = "/usr/bin/printf '%s' '{0}'; exec /usr/bin/env -0".format(mark)
    done = subprocess.run(
        [shutil.which(shell[0])] + shell[1:] + ["-c", script + "\n" + dump],
        env=given_before,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    said, _mark, after = done.stdout.decode("utf-8", "replace").partition(mark)
    return done.returncode, said, dict(item.partition("=")[::2] for item in after.split("\0") if item)


@each_shell
@pytest.mark.parametrize("options", ["", "set -eu", "set -u; IFS=:/", "set -e; set -f; IFS=' _'"])
@pytest.mark.parametrize("times", [1, 2])
def test_sourced(shell, options, times, file):
    script = options + "\n" + ". '{0}' || echo failed\n".format(file) * times
    status, said, after = source(
        shell,
        script,
        LD_LIBRARY_PATH="/usr/lib/mine",
        PYTHONPATH="/opt/Ascend/python/site-packages:/mine",
        GOMP_CPU_AFFINITY="0-7",
        HCCL_WHITELIST_DISABLE="0",
    )
    assert (status, said) == (0, "")
    assert after["LD_LIBRARY_PATH"] == LIBRARIES + ":/usr/lib/mine"
    assert after["PYTHONPATH"] == "/opt/Ascend/python/site-packages:/mine"
    assert after["PATH"] == "/opt/Ascend/bin:/usr/bin:/bin"
    assert "CMAKE_PREFIX_PATH" not in after
    assert after["HCCL_WHITELIST_DISABLE"] == "1"
    assert after["ASCEND_GLOBAL_LOG_LEVEL"] == "3"
    assert after["AWKWARD"] == AWKWARD
    assert after["EMPTY"] == ""
    assert after["SEVERAL_LINES"] == "one\ntwo\n"
    assert "GOMP_CPU_AFFINITY" not in after
    assert "INJECTED" not in after


@each_shell
@pytest.mark.parametrize(
    "before, behind",
    [
        (None, ""),
        ("", ""),
        (":", ""),
        (":::", ""),
        ("/a::/b", ":/a:/b"),
        (":/a", ":/a"),
        ("/a:", ":/a"),
        ("::/a b::", ":/a b"),
        ("/a:/opt/Ascend/lib64:/b", ":/a:/b"),
        ("/opt/Ascend/lib64:/opt/Ascend/lib64", ""),
        ("/opt/Ascend/lib64/:/opt/Ascend/lib", ":/opt/Ascend/lib64/:/opt/Ascend/lib"),
        ("/*:/[a]:/?", ":/*:/[a]:/?"),
        ("relative:-n:\\", ":relative:-n:\\"),
    ],
)
def test_lists_that_were_there(shell, before, behind, file):
    variables = {} if before is None else {"LD_LIBRARY_PATH": before}
    status, said, after = source(shell, "set -eu\n. '{0}'\n. '{0}'".format(file), **variables)
    assert (status, said) == (0, "")
    assert after["LD_LIBRARY_PATH"] == LIBRARIES + behind


@each_shell
def test_nothing_is_left_behind(shell, file):
    status, said, _after = source(
        shell, ". '{0}'\nset | grep -a -i '^_ascend_pytorch'\ncommand -v _ascend_pytorch_prepend\n:".format(file)
    )
    assert (status, said) == (0, "")


@each_shell
def test_within_a_function_with_arguments(shell, file):
    script = "set -eu\nf() {{ . '{0}'; [ \"$# $1\" = '2 a' ]; }}\nf a b || echo arguments lost".format(file)
    assert source(shell, script)[:2] == (0, "")


def test_an_ill_path_of_the_users_does_no_harm(file):
    for shell in SHELLS:
        status, said, after = source(shell, "PATH=; set -eu; . '{0}'".format(file))
        assert (status, said, after["PATH"]) == (0, "", "/opt/Ascend/bin")


def test_nothing_to_do_is_a_file_too(tmp_path):
    path = tmp_path / "env.sh"
    path.write_text(environment.render({}))
    for shell in SHELLS:
        assert source(shell, "set -eu; . '{0}'".format(path))[:2] == (0, "")


def test_the_text_is_the_same_each_time_and_names_the_collection():
    text = environment.render(SETTINGS)
    assert text == environment.render(SETTINGS)
    assert text.startswith("# ") and "ascend.pytorch" in text.splitlines()[0]
    assert "# 0: whitelist on\n# 1: off" in text
    assert not [char for char in text if ord(char) < 32 and char not in "\n\t"]


@pytest.mark.parametrize(
    "wrong, word",
    [
        ({"set": {"A B": "1"}}, "A B"),
        ({"set": {"X;id": "1"}}, "X;id"),
        ({"unset": ["1X"]}, "1X"),
        ({"prepend": {"LD_LIBRARY_PATH": [""]}}, "LD_LIBRARY_PATH"),
        ({"prepend": {"LD_LIBRARY_PATH": ["lib"]}}, "absolute"),
        ({"prepend": {"LD_LIBRARY_PATH": ["/a:/b"]}}, "/a:/b"),
        ({"set": {"X": "a\0b"}}, "NUL"),
        ({"set": {"X": True}}, "torch_npu_build_x"),
        ({"set": {"X": None}}, "torch_npu_build_x"),
    ],
)
def test_what_no_file_can_carry_is_refused(wrong, word):
    with pytest.raises(ValueError, match=".") as caught:
        environment.render(wrong)
    assert word in str(caught.value)
    assert environment.validate(wrong)


VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@settings(max_examples=40)
@given(st.lists(VALUES, min_size=1, max_size=8), st.lists(VALUES, max_size=8), VALUES)
def test_any_value_arrives_as_it_is(values, before, comment):
    wanted = {"V%d" % index: value for index, value in enumerate(values)}
    folders = ["/" + value.replace(":", "").replace("\n", "") for value in values]
    text = environment.render({"prepend": {"L": folders}, "set": wanted, "comment": {"V0": comment, "L": comment}})
    had = [element.replace(":", "") for element in before]
    for shell in (["dash"], ["bash"]):
        status, said, after = source(shell, "set -eu\n" + text + "\n" + text, L=":".join(had))
        assert (status, said) == (0, "")
        assert {name: after[name] for name in wanted} == wanted
        mine = list(dict.fromkeys(folders))
        assert after["L"].split(":") == mine + [element for element in had if element and element not in mine]


# --- the guide's table ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, good, bad",
    [
        ("TASK_QUEUE_ENABLE", ["0", "1", 0, 1], ["2", "", "on", "01", -1]),
        ("HCCL_WHITELIST_DISABLE", ["0", "1"], ["true"]),
        ("PTCOPY_ENABLE", ["1"], ["10"]),
        ("ASCEND_SLOG_PRINT_TO_STDOUT", ["0", "1"], ["2"]),
        ("ASCEND_GLOBAL_LOG_LEVEL", ["0", "3", "4", 4], ["5", "ERROR", "-1"]),
        ("ASCEND_GLOBAL_EVENT_ENABLE", ["0"], ["3"]),
        ("DYNAMIC_COMPILE_ENABLE", ["1"], ["x"]),
        ("COMBINED_ENABLE", ["1"], ["x"]),
        ("TRI_COMBINED_ENABLE", ["1"], ["x"]),
        ("ACL_DUMP_DATA", ["1"], ["x"]),
        ("DYNAMIC_OP", ["ADD#MUL", "ADD"], ["ADD,MUL", "#ADD", "ADD#", "", "ADD MUL", "1#2"]),
        (
            "HCCL_IF_IP",
            ["1.1.1.1", "192.168.1.10", "10.0.0.255"],
            [
                "",
                "1.1.1",
                "1.1.1.1.1",
                "256.1.1.1",
                "1.1.1.-1",
                "01.1.1.1",
                "a.b.c.d",
                "::1",
                "0.0.0.0",
                "127.0.0.1",
                "224.0.0.1",
                "255.255.255.255",
                "1.1.1.1 ",
                "1.1.1.1\n",
                "١.1.1.1",
                "1.1.1.1/24",
                "eth0",
            ],
        ),
    ],
)
def test_values_of_the_table(name, good, bad):
    for value in good:
        assert environment.validate({"set": {name: value}}) == []
    for value in bad:
        problems = environment.validate({"set": {name: value}})
        assert len(problems) == 1, value
        assert name in problems[0] and "torch_npu_build_" + name.lower() in problems[0]


def test_the_misprint_and_what_the_release_does_not_know():
    assert "torch_npu_build_tri_combined_enable" in environment.validate({"set": {"RI_COMBINED_ENABLE": "1"}})[0]
    chosen = {"set": {"DYNAMIC_COMPILE_ENABLE": "1"}}
    assert "torch_npu_build_dynamic_compile_enable" in environment.validate(chosen, ["DYNAMIC_COMPILE_ENABLE"])[0]
    assert environment.validate({"set": {"ASCEND_OPP_PATH": "/anything"}}) == []
    assert environment.validate({}) == []


@given(
    st.dictionaries(
        st.one_of(st.text(), st.just("HCCL_IF_IP"), st.just("DYNAMIC_OP")),
        st.one_of(st.text(), st.integers(), st.none(), st.booleans()),
    )
)
def test_any_settings_are_judged_and_what_is_well_can_be_rendered(chosen):
    if not environment.validate({"set": chosen}):
        environment.render({"set": chosen})


# --- the vendor's script ----------------------------------------------------------------------------------------------

VENDOR = r"""
T=/opt/Ascend/latest
export LD_LIBRARY_PATH=$T/lib64:$T/lib64/plugin:$LD_LIBRARY_PATH
export LD_LIBRARY_PATH=/opt/Ascend/driver/lib64:$LD_LIBRARY_PATH
export PYTHONPATH=$T/python:$T/python:rel:$PYTHONPATH
export PATH=$T/bin:$PATH
export CMAKE_PREFIX_PATH=$T/cmake:$CMAKE_PREFIX_PATH
export ASCEND_OPP_PATH=$T/opp TOOLCHAIN_HOME=$T/toolkit KEPT=before
cd /
"""


def test_from_vendor():
    before = {"PATH": "/usr/bin:/bin", "KEPT": "before", "GONE": "x", "PYTHONPATH": "/mine"}
    status, _said, after = source(["bash"], VENDOR + "unset GONE", **before)
    assert status == 0
    found = environment.from_vendor(dict(before, HOME="/nonexistent"), after)
    assert found == {
        "prepend": {
            "LD_LIBRARY_PATH": [
                "/opt/Ascend/driver/lib64",
                "/opt/Ascend/latest/lib64",
                "/opt/Ascend/latest/lib64/plugin",
            ],
            "PYTHONPATH": ["/opt/Ascend/latest/python"],
            "PATH": ["/opt/Ascend/latest/bin"],
            "CMAKE_PREFIX_PATH": ["/opt/Ascend/latest/cmake"],
        },
        "set": {"ASCEND_OPP_PATH": "/opt/Ascend/latest/opp", "TOOLCHAIN_HOME": "/opt/Ascend/latest/toolkit"},
    }
    environment.render(found)


@given(st.dictionaries(st.text(), st.text()), st.dictionaries(st.text(), st.text()), st.text(), st.text())
def test_from_any_vendor_a_file_can_be_made(before, after, had, has):
    found = environment.from_vendor(dict(before, PATH=had), dict(after, PATH=has))
    for folders in found["prepend"].values():
        assert folders and all(folder.startswith("/") for folder in folders) and len(set(folders)) == len(folders)
    assert not set(found["set"]) & {"PWD", "OLDPWD", "SHLVL", "_", "PATH"}


def test_layout_of_cann_8():
    top = "/usr/local/Ascend/ascend-toolkit/latest"
    driver = "/usr/local/Ascend/driver"
    tiling = top + "/opp/built-in/op_impl/ai_core/tbe/op_tiling/lib/linux/aarch64"
    libraries = [
        driver + "/lib64",
        driver + "/lib64/common",
        driver + "/lib64/driver",
        top + "/lib64",
        top + "/lib64/plugin/opskernel",
        top + "/lib64/plugin/nnengine",
        tiling,
        top + "/tools/aml/lib64",
        top + "/tools/aml/lib64/plugin",
    ]
    python = [top + "/python/site-packages", top + "/opp/built-in/op_impl/ai_core/tbe"]
    programs = [top + "/bin", top + "/compiler/ccec_compiler/bin", top + "/tools/ccec_compiler/bin"]
    there = set(libraries + python + programs + [top, top + "/opp", top + "/toolkit"])
    assert environment.cann_layout(top + "/", driver, "aarch64", there.__contains__) == {
        "prepend": {"LD_LIBRARY_PATH": libraries, "PYTHONPATH": python, "PATH": programs},
        "set": {
            "ASCEND_TOOLKIT_HOME": top,
            "ASCEND_HOME_PATH": top,
            "ASCEND_AICPU_PATH": top,
            "ASCEND_OPP_PATH": top + "/opp",
            "TOOLCHAIN_HOME": top + "/toolkit",
        },
    }


def test_layout_of_cann_5():
    top = "/root/Ascend/nnae/latest"
    plugin = top + "/fwkacllib/lib64/plugin/opskernel"
    there = {
        top,
        top + "/fwkacllib/lib64",
        plugin + "/libfe.so",
        plugin + "/libge_local_engine.so",
        top + "/atc/bin",
        top + "/fwkacllib/python/site-packages",
        top + "/fwkacllib/ccec_compiler/bin",
        top + "/opp",
    }
    found = environment.cann_layout(top, "/nowhere", "x86_64", there.__contains__)
    assert found["prepend"] == {
        "LD_LIBRARY_PATH": [top + "/fwkacllib/lib64"],
        "PYTHONPATH": [top + "/fwkacllib/python/site-packages"],
        "PATH": [top + "/fwkacllib/ccec_compiler/bin", top + "/atc/bin"],
    }
    assert found["set"]["OPTION_EXEC_EXTERN_PLUGIN_PATH"] == plugin + "/libfe.so:" + plugin + "/libge_local_engine.so"
    assert found["set"]["ASCEND_OPP_PATH"] == top + "/opp"
    assert "TOOLCHAIN_HOME" not in found["set"]


def test_layout_of_nothing():
    assert environment.cann_layout("/a", "/b", "x86_64", os.path.lexists) == {"prepend": {}, "set": {}}


def test_merge():
    merged = environment.merge(
        {"prepend": {"PATH": ["/gcc", "/a"]}, "set": {"A": "1", "B": "1"}, "comment": {"A": "first"}},
        {},
        {"prepend": {"PATH": ["/b", "/a"], "LD_LIBRARY_PATH": ["/l"]}, "set": {"B": "2"}, "unset": ["A", "C", "C"]},
        {"set": {"C": "3"}, "comment": {"A": "second"}},
    )
    assert merged == {
        "prepend": {"PATH": ["/gcc", "/a", "/b"], "LD_LIBRARY_PATH": ["/l"]},
        "set": {"B": "2", "C": "3"},
        "unset": ["A"],
        "comment": {"A": "second"},
    }
    assert environment.merge() == {"prepend": {}, "set": {}, "unset": [], "comment": {}}


def test_a_file_tells_whether_it_is_as_it_was_written():
    for each in ({}, {"set": {"A": "é\n# sha256 of the lines below: x"}, "prepend": {"PATH": ["/a"]}}):
        text = environment.render(each)
        assert environment.is_as_written(text)
        assert not environment.is_as_written(text + "export B=1\n")
        assert not environment.is_as_written(text.replace("# Env", "# env", 1))
        assert not environment.is_as_written(text.replace("\n", "\r\n"))
    assert not environment.is_as_written("") and not environment.is_as_written("export A=1\n")
