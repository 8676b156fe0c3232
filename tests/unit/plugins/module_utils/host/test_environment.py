# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment file, sourced for real by every shell there is, and where its settings come from."""

import json
import shutil
import subprocess

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import versions
from ansible_collections.ascend.pytorch.plugins.module_utils.host import environment
from checkout import ROOT
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
    chosen, release = {"set": {"DYNAMIC_COMPILE_ENABLE": "1"}}, {"unsupported_variables": ["DYNAMIC_COMPILE_ENABLE"]}
    assert "torch_npu_build_dynamic_compile_enable" in environment.validate(chosen, release)[0]
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


# --- the releases of torch_npu ----------------------------------------------------------------------------------------


def plugin(tag, torch):
    """A row of torch_npu as recipes read it."""
    return {"version": torch, "tag": tag, "torch": {"layout": "plugin", "version": torch}, "unsupported_variables": []}


SERIES = {
    "3.0.0": plugin("v3.0.0-pytorch1.8.1", "1.8.1"),
    "5.0.0": plugin("v5.0.0-pytorch2.1.0", "2.1.0"),
    "6.0.rc2": plugin("v6.0.rc2-pytorch2.3.1", "2.3.1"),
    "6.0.rc3": plugin("v6.0.rc3-pytorch2.4.0", "2.4.0"),
    "6.0.0": plugin("v6.0.0-pytorch2.4.0", "2.4.0"),
    "7.0.0": plugin("v7.0.0-pytorch2.5.1", "2.5.1"),
    "7.1.0": plugin("v7.1.0-pytorch2.6.0", "2.6.0"),
    "7.2.0.1": plugin("v7.2.0.1-pytorch2.7.1", "2.7.1"),
    "7.3.0": plugin("v7.3.0-pytorch2.6.0", "2.6.0"),
    "7.3.1": plugin("v7.3.1-pytorch2.7.1", "2.7.1"),
    "26.0.0": plugin("v26.0.0-pytorch2.9.0", "2.9.0"),
    "26.1.0": plugin("v26.1.0-pytorch2.12.0", "2.12.0"),
    "26.2.0": plugin("v26.2.0-0day-pytorch2.13.0", "2.13.0"),
}
PATCHED = {"version": "1.5.0", "torch": {"layout": "patch"}, "unsupported_variables": []}
OF_THE_PATCH = {"PTCOPY_ENABLE": "1", "DYNAMIC_COMPILE_ENABLE": "1", "TRI_COMBINED_ENABLE": "0", "DYNAMIC_OP": "ADD"}


def problems(release, **chosen):
    return environment.validate({"set": chosen}, release)


def test_the_series_is_in_the_tag():
    assert {name: environment.series(row) for name, row in SERIES.items()} == {name: name for name in SERIES}
    for tag, series in [
        ("V7.2.0.1-pytorch2.1.0", "7.2.0.1"),
        ("v5.0.rc2.2-pytorch1.11.0", "5.0.rc2.2"),
        ("2.0.4.tr5", ""),
        ("ours", ""),
        ("", ""),
        (None, ""),
    ]:
        assert environment.series({"tag": tag}) == series
    assert environment.series({}) == ""


def test_each_row_of_torch_npu_has_a_series():
    rows = json.loads((ROOT / "roles/road/files/torch_npu.json").read_text())["releases"]
    # The others are patched trees, which end with torch 1.5.0.
    without = {row["package"] for row in rows if not environment.series(row)}
    assert without == {"1.5.0.post2", "1.5.0.post3", "1.5.0.post4"}
    for row in rows:
        versions.parse(environment.series(row) or "1")


# Variable, the oldest series of SERIES that reads it, what is allowed, what is not.
OF_THE_PLUGIN = [
    ("TASK_QUEUE_ENABLE", "3.0.0", ["0", "1"], ["3", "yes", "", "01"]),
    ("HCCL_WHITELIST_DISABLE", "3.0.0", ["0", "1"], ["2"]),
    ("COMBINED_ENABLE", "3.0.0", ["0", "1"], ["2"]),
    ("ACL_DUMP_DATA", "3.0.0", ["0", "1"], ["2"]),
    ("ASCEND_SLOG_PRINT_TO_STDOUT", "3.0.0", ["0", "1"], ["2"]),
    ("ASCEND_GLOBAL_LOG_LEVEL", "3.0.0", ["0", "4"], ["5"]),
    ("ASCEND_GLOBAL_EVENT_ENABLE", "3.0.0", ["0", "1"], ["2"]),
    ("HCCL_IF_IP", "3.0.0", ["10.0.0.1"], ["127.0.0.1", "eth0"]),
    ("ASCEND_LAUNCH_BLOCKING", "5.0.0", ["0", "1"], ["2", "True"]),
    ("INF_NAN_MODE_ENABLE", "5.0.0", ["0", "1"], ["2"]),
    ("PYTORCH_NPU_ALLOC_CONF", "5.0.0", ["expandable_segments:True"], ["1", "", "expandable_segments"]),
    ("PYTORCH_ALLOC_CONF", "26.2.0", ["expandable_segments:True"], ["1"]),
    ("MULTI_STREAM_MEMORY_REUSE", "5.0.0", ["0", "1"], ["4", "-1"]),
    ("PYTORCH_NO_NPU_MEMORY_CACHING", "6.0.rc2", ["1"], ["0"]),
    (
        "CPU_AFFINITY_CONF",
        "6.0.rc2",
        [
            "0",
            "1",
            "2",
            "1,npu0:0-1,npu1:2-5,npu12:6-6",
            "1,npu_affine:1",
            "2,force:1,npu0:0-23,npu_affine:0",
            "mode:1,npu0:7,lazy_bind:0",
        ],
        ["3", "", "npu0:0-1", "1,", "1,npu0:", "1,npu100:0", "1,npu:0-1", "1,npu_affine:2", "1, npu0:0-1", "1,force:"],
    ),
    ("STREAMS_PER_DEVICE", "7.0.0", ["8", "32"], ["16"]),
    ("PER_STREAM_QUEUE", "7.3.0", ["0", "1"], ["2"]),
    ("ACL_OP_COMPILER_CACHE_MODE", "3.0.0", ["enable", "disable", "force"], ["on", "Enable"]),
    ("ACL_OP_COMPILER_CACHE_DIR", "3.0.0", ["/tmp/cache"], ["cache", "/a b", ""]),
    ("ACL_DEVICE_SYNC_TIMEOUT", "6.0.0", ["1", "2147483"], ["0", "2147484", "-1", "9" * 5000]),
    ("HCCL_SOCKET_IFNAME", "3.0.0", ["enp", "=eth0,eth1", "^docker"], ["", "eth0, eth1", "eth0,"]),
    ("HCCL_CONNECT_TIMEOUT", "3.0.0", ["120", "7200"], ["0", "1.5", "2 h"]),
    ("HCCL_EXEC_TIMEOUT", "3.0.0", ["0", "1800", "2147483647"], ["2147483648", "-1"]),
    ("HCCL_EVENT_TIMEOUT", "6.0.rc2", ["0", "2147483647"], ["2147483648", "x"]),
    ("HCCL_ASYNC_ERROR_HANDLING", "5.0.0", ["0", "1"], ["2"]),
    ("TORCH_HCCL_ASYNC_ERROR_HANDLING", "26.2.0", ["0", "1"], ["2"]),
    ("HCCL_DESYNC_DEBUG", "5.0.0", ["0", "1"], ["2"]),
    ("P2P_HCCL_BUFFSIZE", "6.0.rc2", ["0", "20"], ["20MB"]),
    ("TORCH_HCCL_ZERO_COPY", "7.0.0", ["0", "1"], ["2"]),
    ("RANK_TABLE_FILE", "6.0.rc3", ["/home/a/rank_table.json"], ["rank_table.json"]),
    ("OOM_SNAPSHOT_ENABLE", "6.0.rc3", ["0", "1", "2"], ["3"]),
    ("NPU_ASD_CONFIG", "7.1.0", ["enable:true", "enable:true,with_checksum:false"], ["true", "enable:", "a:b,"]),
    ("TORCH_NPU_LOGS", "7.0.0", ["+memory", "-all,+torch_npu.npu"], ["", "a b"]),
    ("TORCH_NPU_COMPACT_ERROR_OUTPUT", "7.1.0", ["0", "1"], ["2"]),
    ("TORCH_NPU_DISABLED_WARNING", "6.0.rc3", ["0", "1"], ["2"]),
    ("TORCH_TRANSFER_TO_NPU", "26.0.0", ["0", "1"], ["2"]),
    ("TORCH_DEVICE_BACKEND_AUTOLOAD", "7.0.0", ["0", "1"], ["2"]),
]


@pytest.mark.parametrize("name, first, good, bad", OF_THE_PLUGIN, ids=[each[0] for each in OF_THE_PLUGIN])
def test_variables_of_torch_npu_by_release(name, first, good, bad):
    variable, known = "torch_npu_build_" + name.lower(), False
    for series, release in SERIES.items():
        known = known or series == first
        if known:
            assert [value for value in good if problems(release, **{name: value})] == [], series
            for value in bad:
                told = problems(release, **{name: value})
                assert told and all(name in words and variable in words for words in told), (series, value)
        else:
            (told,) = problems(release, **{name: good[0]})
            assert "is read " in told and " on, and this release is " in told and "leave " + variable in told, series
    assert known
    # A row that does not say which series it is of is not restricted.
    assert problems(plugin("ours", ""), **{name: good[0]}) == []


@pytest.mark.parametrize(
    "name, tag, torch, is_read",
    [
        ("ASCEND_LAUNCH_BLOCKING", "v5.0.rc3-pytorch1.11.0", "1.11.0", True),
        ("ASCEND_LAUNCH_BLOCKING", "v5.0.rc2-pytorch2.0.1", "2.0.1", False),
        ("INF_NAN_MODE_ENABLE", "v5.0.rc2-pytorch1.8.1", "1.8.1", True),
        ("INF_NAN_MODE_ENABLE", "v5.0.rc1-pytorch1.11.0", "1.11.0", False),
        ("PYTORCH_NPU_ALLOC_CONF", "v5.0.rc1-pytorch1.11.0", "1.11.0", True),
        ("PYTORCH_NPU_ALLOC_CONF", "v5.0.rc2-pytorch1.8.1", "1.8.1", False),
        ("MULTI_STREAM_MEMORY_REUSE", "v5.0.rc2.1-pytorch1.11.0", "1.11.0", True),
        ("MULTI_STREAM_MEMORY_REUSE", "v5.0.rc2-pytorch2.0.1", "2.0.1", False),
        ("STREAMS_PER_DEVICE", "v6.0.0.1-pytorch2.4.0", "2.4.0", True),
        ("PYTORCH_NO_NPU_MEMORY_CACHING", "v6.0.rc2-pytorch1.11.0", "1.11.0", False),
        ("HCCL_EVENT_TIMEOUT", "v6.0.rc2.1-pytorch1.11.0", "1.11.0", False),
        ("P2P_HCCL_BUFFSIZE", "v6.0.rc2.1-pytorch1.11.0", "1.11.0", False),
        ("CPU_AFFINITY_CONF", "v6.0.rc2.1-pytorch1.11.0", "1.11.0", True),
    ],
)
def test_releases_on_both_sides_of_the_first_that_reads_a_variable(name, tag, torch, is_read):
    value = {"PYTORCH_NPU_ALLOC_CONF": "max_split_size_mb:64", "STREAMS_PER_DEVICE": "8"}.get(name, "1")
    told = problems(plugin(tag, torch), **{name: value})
    assert told == [] if is_read else len(told) == 1 and "read by" in told[0] and name in told[0]


@pytest.mark.parametrize("value, first, before", [("2", "6.0.rc1", "5.0.0"), ("3", "7.3.0", "7.2.0")])
def test_ways_to_reuse_memory_by_release(value, first, before):
    (told,) = problems(plugin("v{0}-pytorch2.1.0".format(before), "2.1.0"), MULTI_STREAM_MEMORY_REUSE=value)
    assert "only torch_npu from {0} on takes {1}".format(first, value) in told
    assert problems(plugin("v{0}-pytorch2.6.0".format(first), "2.6.0"), MULTI_STREAM_MEMORY_REUSE=value) == []


@pytest.mark.parametrize(
    "key, tag, torch, first",
    [
        ("pin_memory_expandable_segments:True", "v7.3.1-pytorch2.6.0", "2.6.0", "2.7"),
        ("pinned_use_background_threads:True", "v26.1.0-pytorch2.7.1", "2.7.1", "2.8"),
        ("large_segment_size_mb:64", "v26.1.0-pytorch2.10.0", "2.10.0", "2.11"),
    ],
)
def test_keys_of_the_allocator_by_torch(key, tag, torch, first):
    (told,) = problems(plugin(tag, torch), PYTORCH_NPU_ALLOC_CONF=key)
    assert "from torch {0} on, and this release is for torch {1}".format(first, torch) in told


def test_segments_that_expand_stand_alone():
    both = "max_split_size_mb:64, expandable_segments:True"
    (told,) = problems(SERIES["26.1.0"], PYTORCH_NPU_ALLOC_CONF=both)
    assert "expandable_segments:True ends every program beside max_split_size_mb" in told
    assert problems(SERIES["26.1.0"], PYTORCH_NPU_ALLOC_CONF=both.replace("True", "False")) == []
    assert problems(SERIES["5.0.0"], PYTORCH_NPU_ALLOC_CONF=both) == []


def test_each_variable_is_tested():
    assert {each[0] for each in OF_THE_PLUGIN} | set(OF_THE_PATCH) == set(environment.VARIABLES)


@pytest.mark.parametrize("name, value", OF_THE_PATCH.items())
def test_variables_of_the_patched_trees_are_refused_for_torch_npu(name, value):
    assert problems(PATCHED, **{name: value}) == []
    for release in SERIES.values():
        (told,) = problems(release, **{name: value})
        assert "patched torch" in told and "no release of the plugin torch_npu" in told
        assert told.endswith("leave torch_npu_build_{0} unset".format(name.lower()))


def test_variables_of_torch_npu_are_refused_for_the_patched_trees():
    shared = {"TASK_QUEUE_ENABLE", "COMBINED_ENABLE", "ACL_DUMP_DATA", "HCCL_WHITELIST_DISABLE", "HCCL_IF_IP"}
    shared |= {"ASCEND_SLOG_PRINT_TO_STDOUT", "ASCEND_GLOBAL_LOG_LEVEL", "ASCEND_GLOBAL_EVENT_ENABLE"}
    for name, _first, good, _bad in OF_THE_PLUGIN:
        told = problems(PATCHED, **{name: good[0]})
        assert bool(told) == (name not in shared)
        assert all("for the plugin torch_npu" in words for words in told)


def test_a_value_that_only_newer_releases_take():
    assert [name for name, row in SERIES.items() if problems(row, TASK_QUEUE_ENABLE="2")] == [
        "3.0.0",
        "5.0.0",
        "6.0.rc2",
    ]
    (told,) = problems(SERIES["5.0.0"], TASK_QUEUE_ENABLE="2")
    assert "from 6.0.rc3 on" in told and "torch_npu_build_task_queue_enable" in told
    assert len(problems(PATCHED, TASK_QUEUE_ENABLE="2")) == 1


@pytest.mark.parametrize("name", ["HCCL_ASYNC_ERROR_HANDLING", "HCCL_DESYNC_DEBUG"])
def test_one_torch_may_lack_what_the_others_of_its_series_read(name):
    (told,) = problems(plugin("v5.0.0-pytorch2.0.1", "2.0.1"), **{name: "1"})
    assert "is not read by the torch_npu for torch 2.0.1" in told


def test_loading_by_itself_is_of_torch_not_of_the_series():
    (told,) = problems(plugin("v7.0.0-pytorch2.1.0", "2.1.0"), TORCH_DEVICE_BACKEND_AUTOLOAD="0")
    assert "from torch 2.5 on, and this release is for torch 2.1.0" in told


@pytest.mark.parametrize(
    "key, first, good, bad",
    [
        ("max_split_size_mb", "5.0.0", ["21", "64"], ["20", "0", "-1", "64MB", ""]),
        ("garbage_collection_threshold", "5.0.0", ["0.8", ".5", "0.05"], ["0", "0.0", "1", "1.0", "2"]),
        ("expandable_segments", "5.0.0", ["True", "False"], ["true", "1", ""]),
        ("base_addr_aligned_kb", "6.0.rc3", ["0", "16"], ["17", "-1"]),
        ("page_size", "7.0.0", ["1g"], ["2m", "1G"]),
        ("segment_size_mb", "7.2.0.1", ["20", "512"], ["19", "513"]),
        ("roundup_power2_divisions", "7.3.0", ["4", "[256:1,512:2,>:8]"], ["", "[256:1", "x", "3", "[256:3]"]),
        ("multi_stream_lazy_reclaim", "26.0.0", ["True"], ["1"]),
        ("pinned_use_background_threads", "26.0.0", ["True"], ["1"]),
        ("pin_memory_expandable_segments", "7.3.1", ["False"], ["1"]),
        ("pinned_mem_register", "26.0.0", ["True"], ["1"]),
        ("large_segment_size_mb", "26.1.0", ["512"], ["20", "x"]),
    ],
)
def test_keys_of_the_allocator_by_release(key, first, good, bad):
    known = False
    for series, release in list(SERIES.items())[1:]:
        known = known or series == first
        for value in good + bad:
            told = problems(release, PYTORCH_NPU_ALLOC_CONF="{0}:{1},expandable_segments:False".format(key, value))
            if known and value in good:
                assert told == [], series
                continue
            assert len(told) == 1 and key in told[0] and "change torch_npu_build_pytorch_npu_alloc_conf" in told[0]
            words = "torch_npu has {0} from {1} on, and this release is of {2}".format(key, first, series)
            assert (words in told[0]) == (not known)
    assert known


def test_what_the_allocator_does_not_have():
    told = problems(SERIES["26.1.0"], PYTORCH_NPU_ALLOC_CONF="max_split_size:64,,backend:x")
    assert len(told) == 3 and all("there is no " in words and "max_split_size_mb" in words for words in told)


def test_values_that_do_not_go_together():
    (told,) = problems(
        SERIES["26.2.0"],
        PYTORCH_ALLOC_CONF="expandable_segments:True",
        PYTORCH_NPU_ALLOC_CONF="expandable_segments:True",
    )
    assert "both set" in told and "torch_npu_build_pytorch_npu_alloc_conf" in told
    for wait, event, wrong in [("1800", "1800", True), ("1800", "1801", False), ("1800", "0", False), ("x", "1", True)]:
        assert bool(problems(SERIES["7.3.0"], HCCL_EXEC_TIMEOUT=wait, HCCL_EVENT_TIMEOUT=event)) == wrong
    assert problems(SERIES["7.3.0"], HCCL_EXEC_TIMEOUT="1800") == []


DEFAULTS = {
    "TASK_QUEUE_ENABLE": "auto",
    "HCCL_WHITELIST_DISABLE": "auto",
    "PTCOPY_ENABLE": "auto",
    "ASCEND_SLOG_PRINT_TO_STDOUT": "auto",
    "ASCEND_GLOBAL_LOG_LEVEL": "auto",
    "ASCEND_GLOBAL_EVENT_ENABLE": "auto",
    "COMBINED_ENABLE": "",
}


def test_the_guides_values_are_for_the_patched_trees():
    assert environment.resolve(DEFAULTS, PATCHED) == {
        "TASK_QUEUE_ENABLE": "1",
        "HCCL_WHITELIST_DISABLE": "1",
        "PTCOPY_ENABLE": "1",
        "ASCEND_SLOG_PRINT_TO_STDOUT": "0",
        "ASCEND_GLOBAL_LOG_LEVEL": "3",
        "ASCEND_GLOBAL_EVENT_ENABLE": "0",
    }
    lacking = dict(PATCHED, unsupported_variables=["PTCOPY_ENABLE"])
    assert "PTCOPY_ENABLE" not in environment.resolve(DEFAULTS, lacking)
    for release in SERIES.values():
        assert environment.resolve(DEFAULTS, release) == {}


def test_what_the_user_says_counts_in_both():
    said = {"TASK_QUEUE_ENABLE": 0, "PTCOPY_ENABLE": "1", "HCCL_IF_IP": "auto", "PER_STREAM_QUEUE": ""}
    wanted = {"TASK_QUEUE_ENABLE": "0", "PTCOPY_ENABLE": "1", "HCCL_IF_IP": "auto"}
    for release in (PATCHED, SERIES["7.3.0"]):
        assert environment.resolve(said, release) == wanted
        assert [words for words in environment.validate({"set": wanted}, release) if "HCCL_IF_IP" in words]


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
