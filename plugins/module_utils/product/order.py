# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order: what one host's product is built, published and verified by. plan/orders.py makes it; here is what it says.

Between the controller and a host, and in a run's folder, it is a mapping of its fields, in JSON: order._asdict() goes out, and
Order.of() is what comes in. Never the order itself: a named tuple would be a list there, without a word.
"""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint as fingerprints


def label(name, version, mark):
    # type: (str, str, str) -> str
    """Return the name that a product, and its build, has in the work directory and in a build cache.

    :param mark: its fingerprint
    """
    return "{0}-{1}-{2}".format(name, version, fingerprints.short(mark))


class Order(NamedTuple):
    """What one host's product is built, published and verified by. Where nothing else is said, it is as in the recipe, see recipe.py.

    Neither it nor what is in it is changed in place, for orders share that: what differs is made by _replace().
    """

    # --- what it is

    name: str
    version: str
    # "tree" or "wheel".
    product: str
    # "present", or "absent": to be taken away.
    state: str
    # A wheel's name for pip, "" for a tree.
    distribution: str
    # sha256 of the identity, 64 hex digits.
    fingerprint: str
    # All that decides the product's bytes, see fingerprint.identity(). Where what stands stays, though tools of the host's own
    # have become newer since, it is that of what stands.
    identity: Dict[str, Any]

    # --- where it stands

    # A tree's, absolute; "" for a wheel.
    prefix: str
    # A tree's links outside of its prefix: [{"path": absolute, "target": path below the prefix}].
    links: List[Dict[str, str]]
    # Whether such a link may take the place of something foreign, which is saved.
    replace_link: bool
    # Path of the Python that a wheel is for and built by; "" on a host without one.
    python: str
    # Its version, as "3.9", and its tag, as "cp39".
    python_version: str
    python_tag: str
    # The folders that it finds packages in: where it is no virtual environment, the user's own first.
    sites: List[str]

    # --- how it is made

    # A source has "offline": true besides where it is to come out of the mirrors alone.
    sources: List[Dict[str, Any]]
    # With the options that this host's libc demands.
    stages: Dict[str, List[Dict[str, Any]]]
    # Where sources are looked for before their own URLs: URLs, and folders of the controller, which are sent to the host first.
    mirrors: List[str]
    # x86_64 or aarch64.
    arch: str
    # The folder on the host for builds and finished products, see build/builds.py.
    work_dir: str
    # How many jobs run at once.
    jobs: int
    # How long the build may take, in seconds.
    timeout_s: int
    # Whether the build's own folders stay after it has ended well.
    keep: bool
    # Variables of its programs, those too that this host's libc and compilers demand.
    environment: Dict[str, str]
    # Folders that its programs are looked for in before the system's.
    path: List[str]
    # Folders that they, and pip, find libraries in: LD_LIBRARY_PATH.
    library_path: List[str]
    # Lines that pip installs before the wheel.
    requirements: List[str]
    # Which of them, and of those that the manifest of what stands has, are not installed. Empty for a tree.
    requirements_missing: List[str]
    # What pip is told besides of where to install, and where to look: ["--user"], say.
    pip_options: List[str]
    # This collection's, for the manifest.
    collection_version: str

    # --- how it is proven, see publish/verifying.py

    verify: List[Dict[str, Any]]
    # Path of the environment file, which its steps may read.
    env_file: str
    # Whether CANN's libraries have to be there: else it is no problem that an import fails for want of one.
    npu_libraries: bool

    # --- what not every order has

    verify_npu: List[Dict[str, Any]] = []
    # Versions of the host's own tools that it is built with, by name, for the manifest.
    tools: Dict[str, str] = {}
    # Paths of published trees that it is built with: they are not cleared away meanwhile.
    trees: List[str] = []
    # The host's settings for pip, see surroundings.pip_settings(); None where pip has still to be asked.
    pip_settings: Optional[Dict[str, str]] = None
    # What is different in the orders of those products that come out of its build besides: {"part_of", "identity",
    # "fingerprint", "files"} of each.
    parts: List[Dict[str, Any]] = []
    # Of such a part the fingerprint of the whole; "" for a whole.
    part_of: str = ""
    # Of such a part patterns of its files, below the prefix.
    files: List[str] = []
    # The environment file that is to come, which a wheel is tried with before that is written; "" where it stays as it is.
    env_text: str = ""
    # Path on the controller of the bundle that has wheels for pip; "" for none.
    bundle: str = ""
    # Which of its wheels: (path below it, sha256) of each.
    wheels: List[Sequence[str]] = []

    @classmethod
    def of(cls, found):
        # type: (Dict[str, Any]) -> Order
        """Return the order that a mapping of fields is, out of JSON; what is unknown there is left out.

        TypeError where one lacks what every order has.
        """
        return cls(**{name: found[name] for name in cls._fields if name in found})

    def label(self):
        # type: () -> str
        """Return the name of its product, see label()."""
        return label(self.name, self.version, self.fingerprint)
