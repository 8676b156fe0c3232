# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection sees of a simulated host and its faults: the dress laid out in a folder, and asked there."""

import functools
import json

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import ask
from ansible_collections.ascend.pytorch.plugins.module_utils.host import npus
from fleet.cards import CARDS, USUAL
from fleet.dress import devices, dress

WELL = {
    "smi": True,
    "problem": "",
    "code": None,
    "healths": ["OK", "OK"],
    "kinds": ["910", "910"],
    "pci": ["0000:61:00.0 910", "0000:da:00.0 910"],
    "nodes": ["davinci0", "davinci1", "davinci_manager", "devmm_svm", "hisi_hdc"],
    "driver": CARDS[USUAL].driver,
    "firmware": CARDS[USUAL].firmware,
    "agree": True,
}


@pytest.fixture
def seen(tmp_path, monkeypatch):
    """seen(options) -> what the collection says of a host that is dressed so, in the words of WELL."""
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(npus, "ask", functools.partial(ask.ask, time_limit_s=0.5))

    def put(path, content, mode=0o644):
        file = tmp_path / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        file.chmod(mode)

    def look(options):
        for path, file in dress("x86_64", "3.9", options).items():
            if isinstance(file.text, str) and not file.link:
                # The simulated npu-smi looks at the nodes of its host, and calls programs of this machine.
                moved = file.text.replace("/dev/", f"{tmp_path}/dev/")
                put(path, moved.replace("#!/bin/sh\n", "#!/bin/sh\nPATH=/usr/bin:/bin\n"), file.mode)
                for rule in file.text.splitlines() if "/tmpfiles.d/" in path else []:
                    if rule.startswith("f "):
                        put(rule.split()[1], rule.split()[-1] + "\n")
        for name in devices(options):
            put(f"/dev/{name}", "")
        npu, rest = npus.npus(root=str(tmp_path)), npus.driver_and_firmware(root=str(tmp_path))
        assert json.loads(json.dumps([npu, rest])) == [npu, rest]
        return {
            "smi": npu["smi"] == str(tmp_path / "usr/local/sbin/npu-smi"),
            "problem": npu["problem"],
            "code": npu["code"],
            "healths": [chip["health"] for chip in npu["chips"]],
            "kinds": [chip["kind"] for chip in npu["chips"]],
            "pci": ["{address} {name}".format(**card) for card in npu["pci"]],
            "nodes": [node["path"].rpartition("/")[2] for node in npu["nodes"]],
            "driver": (rest["driver"] or {}).get("version"),
            "firmware": (rest["firmware"] or {}).get("version"),
            "agree": rest["driver_firmware_agree"],
        }

    return look


def silent(problem, code=None):
    return {"problem": problem, "code": code, "healths": [], "kinds": []}


TODAY = {"driver": "25.5.2", "firmware": "7.8.0.6.201"}
OF_910B = {**TODAY, "kinds": ["910B"] * 2, "pci": ["0000:41:00.0 910B", "0000:c1:00.0 910B"]}
OF_A3 = {
    **TODAY,
    "healths": ["OK"] * 4,
    "kinds": ["A3"] * 4,
    "pci": ["0000:99:00.0 A3", "0000:9b:00.0 A3", "0000:9d:00.0 A3", "0000:9f:00.0 A3"],
    "nodes": ["davinci0", "davinci1", "davinci2", "davinci3", "davinci_manager", "devmm_svm", "hisi_hdc"],
}
BUSY = "dcmi model initialized failed, because the device is used. ret is -8020"
NOT_READY = "DrvMngGetConsoleLogLevel failed. (ret=4) dcmi module initialize failed. ret is -8005"
NO_NPU = {"smi": False, "healths": [], "kinds": [], "nodes": []}


@pytest.mark.parametrize(
    ("options", "differs"),
    [
        ({}, {}),
        ({"cann": "8.0.0"}, {}),
        ({"cann": "missing"}, {}),
        ({"wheels": "stale"}, {}),
        ({"npu": "sick"}, {"healths": ["OK", "Alarm"]}),
        ({"npu": "busy"}, silent(f"ended with status 1: {BUSY}", -8020)),
        ({"npu": "-8005"}, silent(f"ended with status 1: {NOT_READY}", -8005)),
        ({"npu": "hang"}, silent("gave no answer in 0 s")),
        ({"npu": "crash"}, silent("was killed by signal 11")),
        ({"npu": "rubbish"}, silent("shows no table: binary data")),
        ({"chip": "910B4", "cann": "8.2.RC1"}, OF_910B),
        ({"chip": "A3", "cann": "9.1.0"}, OF_A3),
        ({"chip": "910B4", "npu": "busy"}, {**OF_910B, **silent(f"ended with status 1: {BUSY}", -8020)}),
        ({"chip": "910B4", "firmware": "7.1.0.11.220"}, {**OF_910B, "firmware": "7.1.0.11.220", "agree": False}),
        ({"npu": "none"}, {**NO_NPU, "pci": []}),
        ({"driver": "none"}, {**NO_NPU, "driver": None, "agree": None}),
        ({"firmware": "1.78.22.4.230"}, {"firmware": "1.78.22.4.230", "agree": False}),
        ({"cann": "none"}, {**NO_NPU, "pci": [], "driver": None, "firmware": None, "agree": None}),
    ],
    ids=str,
)
def test_each_fault_is_seen_and_nothing_else_is(seen, options, differs):
    assert seen(options) == {**WELL, **differs}
