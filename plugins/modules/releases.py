#!/usr/bin/python
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: releases
short_description: List the releases of torch_npu, and those that go with a host
version_added: "0.1.0"
description:
  - Prints which release of torch_npu goes with which CANN, Python, gcc and CMake, and which of them hosts can have.
  - Changes nothing on hosts. The list itself is made on the controller and connects to no host.
author: the ascend.pytorch authors (@ascend)
options:
  state:
    description:
      - V(listed) prints all releases, and for each of O(hosts) what V(chosen) returned for it.
      - V(chosen) examines the host of the task, and returns what V(auto) of C(ascend_torch_version) gives it.
    type: str
    choices: [listed, chosen]
    default: listed
  python:
    description: With V(chosen), the Python to use, by name or path. V(auto) looks for those of all releases.
    type: str
    default: auto
  venv:
    description: With V(chosen), the virtual environment whose Python counts, empty for none.
    type: str
    default: ""
  cann_path:
    description: With V(chosen), the CANN to use, by its path or its release; empty for the newest.
    type: str
    default: ""
  extra_releases:
    description: Rows that are added to the table of patched trees, as C(ascend_extra_releases) has them.
    type: dict
    default: {}
  hosts:
    description: With V(listed), the hosts to report. The result of V(chosen) for them was registered as C(__releases).
    type: list
    elements: str
    default: []
  dest:
    description: With V(listed), a file on the controller to which all of it is written as JSON, empty for none.
    type: path
    default: ""
attributes:
  check_mode:
    support: full
    description: In check mode no file is written.
"""

EXAMPLES = r"""
- name: List the releases of torch_npu
  ascend.pytorch.releases:
    dest: releases.json
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
schema:
  description: The version of the form of RV(releases) and RV(hosts).
  returned: with O(state=listed)
  type: int
collection_version:
  description: The version of the collection.
  returned: with O(state=listed)
  type: str
releases:
  description: The releases, the newest first.
  returned: with O(state=listed)
  type: list
  elements: dict
  contains:
    package:
      description: Version of the package torch_npu; of a patched tree, its name in the table.
      type: str
      sample: 2.6.0.post5
    torch:
      description: Version of torch.
      type: str
    layout:
      description: V(plugin) for a plugin of a stock torch, V(patch) for a torch that is patched.
      type: str
    tag:
      description: Tag of the plugin in its repository, which also names the release.
      type: str
      sample: v7.3.0-pytorch2.6.0
    cann:
      description: The C(minimum) and C(maximum) CANN, empty where none is known.
      type: dict
    pythons:
      description: Architecture to Pythons, the newest first.
      type: dict
      sample: {aarch64: ["3.11", "3.10"]}
    gcc:
      description: The C(minimum) gcc, and by architecture the C(maximum), empty for no limit.
      type: dict
    cmake:
      description: The same of CMake.
      type: dict
    apex:
      description: Whether there is an Apex for it.
      type: bool
    refused:
      description: Why the release can neither be built nor installed, empty where it can.
      type: str
hosts:
  description: Host to what was found there.
  returned: with O(state=listed)
  type: dict
  contains:
    status:
      description: V(examined), V(unreachable) or V(failed). An examined host also has the keys that O(state=chosen) returns.
      type: str
    message:
      description: Why it could not be examined.
      type: str
lost:
  description: The hosts that could not be examined.
  returned: with O(state=listed)
  type: list
  elements: str
headline:
  description: Whether all hosts could be examined, in one sentence.
  returned: with O(state=listed)
  type: str
  sample: "1 of 12 hosts could not be examined: node007"
file:
  description: The file that was written, empty for none.
  returned: with O(state=listed)
  type: str
table:
  description: The lines that were printed.
  returned: with O(state=listed)
  type: list
  elements: str
cann:
  description: The release of the host's CANN, empty for none.
  returned: with O(state=chosen)
  type: str
pythons:
  description: The host's Pythons that releases take, the newest first.
  returned: with O(state=chosen)
  type: list
  elements: str
arch:
  description: The host's architecture.
  returned: with O(state=chosen)
  type: str
auto:
  description: The package that V(auto) gives the host, empty for none.
  returned: with O(state=chosen)
  type: str
  sample: 2.9.0.post1
why:
  description: Why that one, or why none.
  returned: with O(state=chosen)
  type: str
others:
  description: Packages that would also go with the host, the newest first.
  returned: with O(state=chosen)
  type: list
  elements: str
"""
