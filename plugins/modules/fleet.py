#!/usr/bin/python
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: fleet
short_description: Tell and write what was found of all hosts
version_added: "0.1.0"
description:
  - Takes what M(ascend.pytorch.plan) and M(ascend.pytorch.verify) returned for the hosts, prints it as a table, and writes
    it on the controller as JSON and, where asked for, as an HTML page that opens from disk.
  - Reads the registered variables C(__road_planned) and C(__road_verified) of each host. A host that has none, failed or was
    unreachable is told of as such.
  - With O(query), answers a question to all that is known of the hosts as well.
  - Runs on the controller and connects to no host; use it with C(run_once).
author: the ascend.pytorch authors (@ascend)
options:
  hosts:
    description:
      - Names of the hosts to tell of, in the order in which they are shown.
      - Without it nothing is told or written, and only O(query) is checked. One of the two is required.
    type: list
    elements: str
  query:
    description:
      - A JMESPath expression over what is written as JSON. What it gives is printed, and written as C(check-query.json) or
        C(report-query.json). None is evaluated when it is empty.
      - An expression that is malformed, or calls a function that does not exist, is an error before anything is told or
        written. One that fails over what the hosts said is an error after that.
      - Needs the Python library C(jmespath) on the controller.
    type: str
  dest:
    description: Folder on the controller, made when it is not there. A relative one is relative to where
      C(ansible-playbook) was started.
    type: path
    default: "."
  name:
    description: What the files are called, V(check) for C(check.json), V(report) for C(report.json) and C(report.html).
    type: str
    choices: [check, report]
    default: report
  page:
    description: Whether the HTML page is written too.
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
- name: Tell what was found, and write check.json
  ascend.pytorch.fleet:
    hosts: "{{ ansible_play_hosts_all }}"
    name: check
  run_once: true
  register: __fleet

- name: Refuse a query that cannot be evaluated, before the hosts are asked
  ascend.pytorch.fleet:
    query: values(hosts)[?npus[?health!='OK']].name
  run_once: true

- name: Tell which hosts have an NPU that is not healthy
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
  description: What O(query) gave. V(null) where nothing in the document is meant by it, of which a misspelt name is one cause.
  returned: success, when O(query) is given
  type: raw
  sample: [node003, node017]
summary:
  description: How many C(hosts), how many of each verdict (C(fit), C(warnings), C(unfit), C(unreachable), C(failed)), and
    how many are C(complete), having everything.
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
