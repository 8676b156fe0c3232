#!/usr/bin/python
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: fleet
short_description: Report what was found on all hosts
version_added: "0.1.0"
description:
  - Prints what M(ascend.pytorch.plan) and M(ascend.pytorch.verify) returned for the hosts as a table, and writes it on the
    controller as JSON and, with O(page), as an HTML page that opens from disk.
  - Reads the registered variables C(__road_planned) and C(__road_verified) of each host. A host that has none, failed or was
    unreachable is reported as such.
  - With O(query), also evaluates an expression over all that is known of the hosts.
  - Runs on the controller and connects to no host; use it with C(run_once).
author: the ascend.pytorch authors (@ascend)
options:
  hosts:
    description:
      - Names of the hosts to report, in the order in which they are shown.
      - Without it nothing is reported or written, and only O(query) is checked. One of the two is required.
    type: list
    elements: str
  query:
    description:
      - A JMESPath expression over what is written as JSON. Its result is printed, and written as C(check-query.json) or
        C(report-query.json). Empty for none.
      - An expression that is malformed, or calls a function that does not exist, is an error before anything is reported or
        written. One that fails on the data of the hosts is an error after that.
      - Needs the Python library C(jmespath) on the controller.
    type: str
  dest:
    description: Folder on the controller, created when it does not exist. A relative one is relative to where
      C(ansible-playbook) was started.
    type: path
    default: "."
  name:
    description: Name of the files, V(check) for C(check.json), V(report) for C(report.json) and C(report.html).
    type: str
    choices: [check, report]
    default: report
  page:
    description: Whether to write the HTML page too.
    type: bool
    default: false
requirements:
  - jmespath >= 1.0.1, on the controller, for O(query)
attributes:
  check_mode:
    support: full
    description: In check mode the table is printed and nothing is written.
"""

EXAMPLES = r"""
- name: Report what was found, and write check.json
  ascend.pytorch.fleet:
    hosts: "{{ ansible_play_hosts_all }}"
    name: check
  run_once: true
  register: __fleet

- name: Check the query before the hosts are examined
  ascend.pytorch.fleet:
    query: values(hosts)[?npus[?health!='OK']].name
  run_once: true

- name: List the hosts that have an NPU that is not healthy
  ascend.pytorch.fleet:
    hosts: "{{ ansible_play_hosts_all }}"
    query: values(hosts)[?npus[?health!='OK']].name
  run_once: true
"""

RETURN = r"""
files:
  description: The files that were written, none in check mode.
  returned: success, when O(hosts) is given
  type: list
  elements: str
headline:
  description: The fleet's verdict in one sentence.
  returned: success
  type: str
  sample: 2 of 12 hosts are not fit
query:
  description: The result of O(query). V(null) where it matches nothing in the document, for example because of a misspelt name.
  returned: success, when O(query) is given
  type: raw
  sample: [node003, node017]
summary:
  description: How many C(hosts), how many of each verdict (C(fit), C(warnings), C(unfit), C(unreachable), C(failed)), and
    how many are C(complete), which have everything.
  returned: success
  type: dict
table:
  description: The lines that were printed.
  returned: success
  type: list
  elements: str
unfit:
  description: Names of the hosts that are unfit, unreachable or could not be examined.
  returned: success
  type: list
  elements: str
unfit_folded:
  description: The same in short.
  returned: success
  type: str
  sample: node[004-005,009]
"""
