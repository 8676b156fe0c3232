# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order: all that building, publishing and verifying one host's product takes. plan/orders.py makes it.

Between the controller and a host, and in a run's folder, it is a mapping of its fields, in JSON: order._asdict() writes it,
Order.of() reads it. Never pass the order itself: JSON would silently turn the named tuple into a list.
"""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint as fingerprints


def label(name, version, mark):
    # type: (str, str, str) -> str
    """Return the name of a product, and of its build, in the work directory and in a build cache.

    :param mark: its fingerprint
    """
    return "{0}-{1}-{2}".format(name, version, fingerprints.short(mark))


class Order(NamedTuple):
    """All that building, publishing and verifying one host's product takes. Fields not described here are as in recipe.py.

    Neither an order nor a value in it is changed in place, because orders share values: use _replace().
    """

    # --- what it is

    name: str
    version: str
    # "tree" or "wheel".
    product: str
    # "present", or "absent": to be removed.
    state: str
    # A wheel's name in pip, "" for a tree.
    distribution: str
    # sha256 of the identity, 64 hex digits.
    fingerprint: str
    # All that decides the product's bytes, see fingerprint.identity(). If the installed product is kept although the host's
    # own tools are newer now, it is that product's identity.
    identity: Dict[str, Any]

    # --- where it is installed

    # A tree's prefix, absolute; "" for a wheel.
    prefix: str
    # A tree's links outside of its prefix: [{"path": absolute, "target": path below the prefix}].
    links: List[Dict[str, str]]
    # Whether such a link may replace a file that this collection did not make, which is saved.
    replace_link: bool
    # Path of the Python that a wheel is built by and for; "" on a host without one.
    python: str
    # Its version, as "3.9", and its tag, as "cp39".
    python_version: str
    python_tag: str
    # The folders in which it finds packages; the user's own first, unless it is a virtual environment.
    sites: List[str]

    # --- how it is built

    # As in the recipe, and with "offline": true for a source that may come from the mirrors only.
    sources: List[Dict[str, Any]]
    # With the options that this host's libc requires.
    stages: Dict[str, List[Dict[str, Any]]]
    # Tried before a source's own URLs: URLs, and folders on the controller, which are sent to the host first.
    mirrors: List[str]
    # x86_64 or aarch64.
    arch: str
    # The folder on the host for builds and finished products, see build/builds.py.
    work_dir: str
    # How many jobs run at once.
    jobs: int
    # How long the build may take, in seconds.
    timeout_s: int
    # Whether the build's folders are kept after it has succeeded.
    keep: bool
    # Environment variables of its programs, including those that this host's libc and compilers require.
    environment: Dict[str, str]
    # Folders that are searched for its programs before the system's.
    path: List[str]
    # Folders that these programs, and pip, search for libraries: LD_LIBRARY_PATH.
    library_path: List[str]
    # Requirements, as lines, that pip installs before the wheel.
    requirements: List[str]
    # Those of them, and of those in the installed product's manifest, that are not installed. Empty for a tree.
    requirements_missing: List[str]
    # Options for pip about where to install and where to look, such as ["--user"].
    pip_options: List[str]
    # This collection's version, for the manifest.
    collection_version: str

    # --- how it is verified, see publish/verifying.py

    verify: List[Dict[str, Any]]
    # Path of the environment file, which its steps may read.
    env_file: str
    # Whether CANN's libraries are required. If not, an import that fails because one is missing is not a problem.
    npu_libraries: bool

    # --- what not every order has

    verify_npu: List[Dict[str, Any]] = []
    # Versions of the host's own tools that it is built with, by name, for the manifest.
    tools: Dict[str, str] = {}
    # Paths of published trees that it is built with: they are not removed during the build.
    trees: List[str] = []
    # The host's settings for pip, see surroundings.pip_settings(); None if they are not known yet.
    pip_settings: Optional[Dict[str, str]] = None
    # The further products of its build, each as the fields that differ in its order: {"part_of", "identity", "fingerprint",
    # "files"}.
    parts: List[Dict[str, Any]] = []
    # For such a part, the fingerprint of the whole; "" for a whole.
    part_of: str = ""
    # For such a part, patterns of its files, below the prefix.
    files: List[str] = []
    # The new text of the environment file, with which a wheel is tried before the file is written; "" if it does not change.
    env_text: str = ""
    # Path on the controller of the bundle that has wheels for pip; "" for none.
    bundle: str = ""
    # The bundle's wheels to use: (path below it, sha256) of each.
    wheels: List[Sequence[str]] = []
    # Of a wheel that works only with another one: the product that is installed in the same transaction; "" for none.
    installed_with: str = ""

    @classmethod
    def of(cls, found):
        # type: (Dict[str, Any]) -> Order
        """Return the order in a mapping of fields, read from JSON; unknown fields are ignored.

        Raises TypeError when a required field is missing.
        """
        return cls(**{name: found[name] for name in cls._fields if name in found})

    def label(self):
        # type: () -> str
        """Return the name of its product, see label()."""
        return label(self.name, self.version, self.fingerprint)
