# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a tree that another host has built works on this one."""

import os
import shutil

from ansible_collections.ascend.pytorch.plugins.module_utils.build import build_environment, builds
from ansible_collections.ascend.pytorch.plugins.module_utils.build import steps as recipe_steps
from ansible_collections.ascend.pytorch.plugins.module_utils.product import recipe


def check_sanity(order, root):
    # type: (Order, str) -> None
    """Run the recipe's sanity steps on a tree of another host's build, before it is published here.

    Raises StepError with their output when it does not work on this host.

    :param root: where the tree was unpacked
    """
    paths, said = builds.paths(order), []
    folder = paths.product + ".partial-sanity"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    names = {"root": root, "obj": folder, "prefix": order.prefix, "version": order.version}
    variables = recipe.fill_placeholders(build_environment.environment(order, folder, folder, {}), names)
    context = recipe_steps.Context(names, variables, said.append, lambda _percent, _compiled: None)
    try:
        for step in order.stages.get("sanity", []):
            recipe_steps.run_step(recipe.fill_placeholders(step, names), context)
    except recipe_steps.StepError as error:
        raise recipe_steps.StepError("\n".join([str(error)] + ["  " + line for line in said[-builds.TAIL_LINES :]]))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
