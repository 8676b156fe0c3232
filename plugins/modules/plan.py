#!/usr/bin/python
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: plan
short_description: Examine a host and plan what it needs, and why
version_added: "0.1.0"
description:
  - Checks the variables, examines the host in one module call, and works out what each recipe needs there.
  - Fails with every problem at once when the variables are wrong or the host is not fit, before anything is changed.
  - A host that needs something joins the group named by O(group).
author: the ascend.pytorch authors (@ascend)
options:
  request:
    description: What is wanted.
    type: dict
    required: true
    suboptions:
      recipes:
        description: Recipes in the order in which they are built. One with C(reference) is only looked for.
        type: list
        elements: dict
        required: true
      release:
        description: The row of the torch release, empty when none is asked for.
        type: dict
        default: {}
      python:
        description: V(auto), or the name or path of the interpreter.
        type: str
        default: auto
      venv:
        description: Path of a virtual environment, empty for none.
        type: str
        default: ""
      environment:
        description: What the environment file shall hold, with C(set), C(unset) and C(hccl_interface); none by default.
        type: dict
      needs:
        description: What must be there even when nothing is built.
        type: list
        elements: str
        default: []
      jobs:
        description: V(auto), or how many jobs a build runs.
        type: str
        default: auto
      timeout_s:
        description: The longest that one build may take, in seconds.
        type: int
        default: 43200
      mirrors:
        description: Mirrors that are tried before the sources' own URLs.
        type: list
        elements: str
        default: []
      work_dir:
        description: Where sources, builds and products stand, or V(auto).
        type: str
        default: auto
      env_file:
        description: Where the environment file stands, or V(auto).
        type: str
        default: auto
      rebuild:
        description: Whether what stands is built anew when only a tool of the host's own, or its distribution, is newer.
        type: bool
        default: false
      keep_builds:
        description: Whether sources and object files of a finished build are kept.
        type: bool
        default: false
      replace_link:
        description: Whether a link's place that something else holds may be taken; what stood there is saved.
        type: bool
        default: false
      install_packages:
        description: Whether packages may be installed.
        type: bool
        default: true
      packages_become:
        description: Whether a plain user may become root to install packages.
        type: bool
        default: false
      require_cann:
        description: Whether a host without CANN is unfit.
        type: bool
        default: true
      cann_path:
        description: The CANN that counts, by its path or its release; empty for the newest.
        type: str
        default: ""
      fitness:
        description: What a host must be besides able to build; by default that is not asked.
        type: dict
        suboptions:
          require_npu:
            description: Whether a host without a usable NPU is unfit.
            type: bool
            default: true
          run_user:
            description: The account whose access to the NPUs is judged; empty for the one that Ansible logs in as.
            type: str
            default: ""
          max_clock_skew_s:
            description: How far the host's clock may be from the controller's, in seconds.
            type: int
            default: 300
          check_sources:
            description: Whether the sources of what is to be built are asked if they answer.
            type: bool
            default: true
          packages:
            description: The Python packages that CANN's operators import, each row with C(packages), C(from) a release of CANN on.
            type: list
            elements: dict
            default: []
  silenced:
    description: Ids of the checks that are not made.
    type: list
    elements: str
    default: []
  group:
    description: The group that fit hosts with work join; empty for none.
    type: str
    default: ""
  unfit_group:
    description: The group that unfit hosts join instead of failing; when empty, they fail.
    type: str
    default: ""
  builders:
    description: Hosts of the group C(ascend_builders). Where there are any, other hosts take what those build, and no host
      takes what another has built or has.
    type: list
    elements: str
    default: []
  toolchain_on:
    description: Which hosts get the whole toolchain, V(all) or V(builders); the others get the compiler's runtime libraries.
    type: str
    choices: [all, builders]
    default: all
  cache:
    description: Places of the build cache, as M(ascend.pytorch.take) has them; without any, hosts share no builds.
    type: list
    elements: str
    default: []
  sign_key:
    description: Private key on the controller that products are signed with; empty for none. It takes O(builders).
    type: str
    default: ""
  trusted_keys:
    description: File of public keys of which one must have signed what is taken; empty to take it unsigned, over TLS alone.
    type: str
    default: ""
  bundle:
    description: Folder on the controller that M(ascend.pytorch.bundle) made, from which alone all is to come; empty for none.
    type: str
    default: ""
  promised:
    description:
      - RV(promised) of an earlier plan of the run, for check mode. What that would have put there counts as there.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: The action changes nothing on the host, with or without check mode.
"""

EXAMPLES = r"""
- name: Plan what CMake needs
  ascend.pytorch.plan:
    request:
      recipes: "{{ [__cmake_recipe] }}"
  register: __cmake_plan
"""

RETURN = r"""
plan:
  description:
    - C(products) by name, each with C(do) (nothing, publish, take or build), C(why) and the C(order) that the other modules take;
      C(packages), C(environment), C(venv) and whether there is C(work). With O(group) only what people read of it.
  returned: always
  type: dict
findings:
  description: What was noticed, each with C(id), C(severity), C(found), C(wanted), C(remedy) and C(source).
  returned: always
  type: list
  elements: dict
state:
  description: What M(ascend.pytorch.examine) returned.
  returned: without O(group)
  type: dict
promised:
  description: The tools that stand there after this plan and those before it, by name, for O(promised) of the next one.
  returned: in check mode
  type: dict
"""
