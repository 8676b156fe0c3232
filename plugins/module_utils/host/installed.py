# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this collection has put on a host: installed products, finished ones in the work directory, unfinished builds."""

import glob
import os

from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import read_json
from ansible_collections.ascend.pytorch.plugins.module_utils.product import manifest, products, published
from ansible_collections.ascend.pytorch.plugins.module_utils.product import wheel as wheels


def product_state(wanted, sites):
    # type: (Dict[str, Any], List[str]) -> Dict[str, Any]
    """Return what is installed of a product on the host.

    {"manifest": without its files | None, "version", "damage": [first ten], and for a wheel "site": its folder, for a tree
    "prefix", "trees": [..], "occupied": a text | None, "links": {..}}
    """
    if wanted["product"] == "wheel":
        there = wheels.installed(sites, wanted["distribution"])
        if there is None:
            return {"manifest": None, "version": None, "damage": []}
        return {
            "manifest": there["manifest"],
            "version": there["version"],
            "site": there["site"],
            "damage": ["{0}: missing".format(path) for path in there["missing"][:10]],
        }
    prefix = wanted["prefix"]
    manifests = published.manifests(prefix, wanted["name"])
    trees = sorted(manifests)
    # Not read twice: the manifest of a large tree takes long to read.
    its_manifest = manifests.get(os.path.realpath(prefix)) or manifest.read(prefix)
    state = {
        "manifest": None,
        "version": None,
        "damage": [],
        "prefix": prefix,
        "trees": trees,
        "occupied": published.occupied_by(prefix, trees),
        "links": {link["path"]: published.link_state(link["path"], prefix, link["target"]) for link in wanted["links"]},
    }  # type: Dict[str, Any]
    if its_manifest is not None and its_manifest["name"] == wanted["name"]:
        state.update(
            damage=manifest.damage(prefix, its_manifest)[:10],
            version=its_manifest["version"],
            manifest={key: value for key, value in its_manifest.items() if key != "files"},
        )
    return state


def record_files(wanted, sites):
    # type: (Dict[str, Any], List[str]) -> List[str]
    """Return the files and folders from which one sees whether a product is installed."""
    if wanted["product"] == "tree":
        return [os.path.join(wanted["prefix"], manifest.TREE_NAME)]
    patterns = [os.path.join(glob.escape(site), wanted["distribution"] + "-*.dist-info") for site in sites]
    return sites + [os.path.join(path, "METADATA") for pattern in patterns for path in glob.glob(pattern)]


def stored_fingerprints(work_dir):
    # type: (str) -> Dict[str, str]
    """Return label -> fingerprint of the finished products in the work directory."""
    found = {}
    for folder in glob.glob(os.path.join(glob.escape(work_dir), "products", "*")):
        metadata = products.metadata(folder)
        if metadata and not products.file_problems(folder, metadata):
            found[os.path.basename(folder)] = metadata["manifest"]["fingerprint"]
    return found


def unfinished_builds(work_dir):
    # type: (str) -> Dict[str, int]
    """Return label -> how many stages are done of each unfinished build in the work directory."""
    return {
        os.path.basename(folder): len(glob.glob(os.path.join(glob.escape(folder), "stamps", "*.json")))
        for folder in glob.glob(os.path.join(glob.escape(work_dir), "builds", "*"))
        if (read_json(os.path.join(folder, "status.json")) or {}).get("state") not in (None, "done")
    }
