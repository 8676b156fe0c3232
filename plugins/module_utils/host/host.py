# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host says of itself: read only, each question under a time limit, none of them fatal."""

import fcntl
import functools
import glob
import importlib.util
import os
import pwd
import re
import shutil
import socket
import struct
import sys
import time

from ansible_collections.ascend.pytorch.plugins.module_utils.base import (
    extensions,
    interpreters,
    kernel,
    places,
    session,
    trust,
    versions,
)
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import (
    as_builds_see,
    ask,
    at_once,
    last_words,
    read_json,
    text,
)
from ansible_collections.ascend.pytorch.plugins.module_utils.host import (
    access,
    ascend_files,
    cann,
    environment,
    mounts,
    needs,
    npus,
    resources,
    sharing,
)
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint, manifest, products, published
from ansible_collections.ascend.pytorch.plugins.module_utils.product import wheel as wheels

# Ids of /etc/os-release (lower case) of openEuler and its descendants, where CPU binding is undone. Asked last, of systems
# that say nothing of where they come from.
OPENEULER_FAMILY = frozenset(
    (
        "openeuler euleros hce kylin kylinsec uos uniontech bclinux ctyunos cul culinux fusionos nestos cgsl newstart isoft mtos"
    ).split()
)
_OS_RELEASES = ["/etc/os-release", "/usr/lib/os-release"]
# Names of other lineages, as ids and in ID_LIKE.
_OTHER_FAMILIES = frozenset(
    (
        "debian ubuntu deepin openkylin rhel centos fedora rocky almalinux ol amzn scientific cloudlinux virtuozzo miracle "
        "anolis alinux alios kos keyarchos opencloudos tencentos tlinux velinux neokylin asianux "
        "suse sles sled opensuse opensuse-leap opensuse-tumbleweed mageia photon mariner azurelinux arch alpine gentoo"
    ).split()
)
# How the same name of a system tells its lineages apart: UOS e and a, and what was built from RHEL's sources.
_EULER_PLATFORM = re.compile(r"platform:(oe|uel)[0-9]")
_OTHER_PLATFORM = re.compile(r"platform:(el|uelc|an|f|al)[0-9]")
# "22.03 (LTS-SP1)" is how openEuler writes a version; Ubuntu's says "LTS (Jammy Jellyfish)".
_EULER_VERSION = re.compile(r"\(LTS(-SP[0-9]+)?\)", re.IGNORECASE)


# Where Ansible's modules apt and dnf look for a Python that has their manager's package.
PACKAGING_PYTHONS = ("/usr/libexec/platform-python", "/usr/bin/python3")


# --- the machine ------------------------------------------------------------------------------------------------------


def user():
    # type: () -> Dict[str, Any]
    """Return {"uid", "name", "home"} of the account that the module runs as."""
    uid = os.geteuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return {"uid": uid, "name": name, "home": places.home()}


def login_uid(environ, uid):
    # type: (Mapping[str, str], int) -> int
    """Return the uid of the account that logged in and became this one, by what sudo(8) says of it; this one's without it."""
    said = environ.get("SUDO_UID", "")
    return int(said) if said.isdigit() else uid


def packaging_python(manager):
    # type: (str) -> Optional[Dict[str, Any]]
    """Return {"path", "version"} of the Python that Ansible's module of a package manager runs under; None when not known.

    The modules apt and dnf work with the manager's own Python package. Where the Python that Ansible uses has not got that,
    they start themselves again under one that has.
    """
    if manager not in ("apt", "dnf") or importlib.util.find_spec(manager):
        return {"path": sys.executable, "version": "{0}.{1}.{2}".format(*sys.version_info)}
    for path in PACKAGING_PYTHONS:
        if os.path.isfile(path):
            said = ask([path, "-E", "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"])[1]
            version = versions.find_version(said.decode("utf-8", "replace"))
            return {"path": path, "version": version} if version else None
    return None


def os_release(content, family="", others=""):
    # type: (str, str, str) -> Dict[str, Any]
    """Return {"id", "id_like", "version", "name", "openeuler_family"} from the text of os-release(5).

    :param family: what package_manager found: "Debian", "RedHat" or "" where that is not known
    :param others: names and texts of the other release files, see other_release_files
    """
    keys = ascend_files.parse_info_file(content)
    return {
        "id": keys.get("ID", "").lower(),
        "id_like": keys.get("ID_LIKE", "").lower(),
        "version": keys.get("VERSION_ID", ""),
        "name": keys.get("PRETTY_NAME", "") or keys.get("NAME", ""),
        "openeuler_family": _is_openeuler(keys, family, others),
    }


def _is_openeuler(keys, family, others):
    # type: (Dict[str, str], str, str) -> bool
    # One name may be several systems: BCLinux, Kylin and UOS descend from openEuler, from CentOS and from Debian. So what
    # a system says of itself comes first, then what it is like, and a list of names last.
    ident, platform = keys.get("ID", "").lower(), keys.get("PLATFORM_ID", "").lower()
    likes = set(re.split(r"[\s,]+", keys.get("ID_LIKE", "").lower())) - {""}
    if "euler" in " ".join(list(keys.values()) + [others]).lower() or _EULER_PLATFORM.match(platform):
        return True
    if family == "Debian" or (likes | {ident}) & _OTHER_FAMILIES or _OTHER_PLATFORM.match(platform):
        return False
    if (likes | {ident}) & OPENEULER_FAMILY or _EULER_VERSION.search(keys.get("VERSION", "")):
        return True
    # The descendants of RHEL and Fedora name them in ID_LIKE, those of openEuler mostly nobody.
    return bool(family == "RedHat" and ident and not likes)


def other_release_files(etc="/etc"):
    # type: (str) -> str
    """Return names and texts of the release files beside os-release, such as openEuler-release, which descendants keep."""
    patterns = ("*-release", "open[Ee]uler*", "system-release-cpe")
    paths = {path for pattern in patterns for path in glob.glob(os.path.join(glob.escape(etc), pattern))}
    return "\n".join(os.path.basename(path) + " " + text(path) for path in sorted(paths))


def package_manager():
    # type: () -> Tuple[str, str]
    """Return (family, package manager): ("Debian", "apt"), ("RedHat", "dnf"|"yum") or ("", "").

    Told by the tools and not by the name, since Kylin and UOS exist in both families.
    """
    if shutil.which("apt-get", path=places.SYSTEM_PATH) and shutil.which("dpkg", path=places.SYSTEM_PATH):
        return "Debian", "apt"
    for name in ("dnf", "yum"):
        if shutil.which(name, path=places.SYSTEM_PATH):
            return "RedHat", name
    return "", ""


def libc():
    # type: () -> str
    """Return the C library and its version, such as "glibc 2.31"."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError):
        return "unknown"


def disk(path, mounted, boot):
    # type: (str, List[mounts.Mount], str) -> Dict[str, Any]
    """Return what is known of a path, by its nearest parent that exists.

    {"path", "stands_at", "free_mib", "free_inodes", "writable", "noexec", "place"}: noexec is whether no program can be
    started there, and no shared library loaded (mount(8)); place names it on all hosts that have it, see sharing.place.
    free_inodes is None where the file system does not count them.

    :param mounted: see mounts.parsed; :param boot: see kernel.boot
    """
    there = path
    while not os.path.isdir(there):
        there = os.path.dirname(there) or "/"
    info, entry = os.statvfs(there), os.stat(there)
    return {
        "path": path,
        "stands_at": there,
        "free_mib": info.f_bavail * info.f_frsize // (1 << 20),
        "free_inodes": info.f_favail if info.f_files else None,
        "writable": os.access(there, os.W_OK | os.X_OK),
        "noexec": bool(info.f_flag & os.ST_NOEXEC),
        "place": sharing.place(
            os.path.realpath(there), os.path.relpath(path, there), (entry.st_dev, entry.st_ino), mounted, boot
        ),
    }


def interfaces():
    # type: () -> Dict[str, str]
    """Return the IPv4 address of each network interface that has one."""
    found = {}
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        for _number, name in socket.if_nameindex():
            try:
                # SIOCGIFADDR, linux/sockios.h; the address stands at bytes 20 to 24 of struct ifreq.
                answer = fcntl.ioctl(probe.fileno(), 0x8915, struct.pack("256s", name[:15].encode("utf-8")))
                found[name] = socket.inet_ntoa(answer[20:24])
            except OSError:
                continue
    finally:
        probe.close()
    return found


# --- its tools --------------------------------------------------------------------------------------------------------

_VERSION_OF = {
    "gcc": ["-dumpfullversion", "-dumpversion"],
    "g++": ["-dumpfullversion", "-dumpversion"],
    "cc": ["-dumpfullversion", "-dumpversion"],
    "c++": ["-dumpfullversion", "-dumpversion"],
}


def tool(path):
    # type: (str) -> Dict[str, Any]
    """Return {"path", "real", "version", "problem"} of a program; the version is what it says itself, None when it says none."""
    argv = [path] + _VERSION_OF.get(os.path.basename(path), ["--version"])
    # One that runs only by what a login shell tells the loader does not run in a build.
    status, said, problem = ask(argv, env=as_builds_see(os.environ))
    if status != 0:
        ended = "`{0}` ended with status {1}".format(" ".join(argv), status)
        said_of_it = problem or ": ".join(filter(None, [ended, last_words(said)]))
        return {"path": path, "real": os.path.realpath(path), "version": None, "problem": said_of_it}
    version = versions.find_version(said.decode("utf-8", "replace"))
    said_of_it = "does not tell its version: " + problem if problem and not version else ""
    return {"path": path, "real": os.path.realpath(path), "version": version, "problem": said_of_it}


def candidates(command, search):
    # type: (str, List[str]) -> List[str]
    """Return every program of that name in the search path, each file once."""
    found, seen = [], set()
    for folder in search:
        path = os.path.join(folder, command)
        if os.path.isfile(path) and os.access(path, os.X_OK) and os.path.realpath(path) not in seen:
            seen.add(os.path.realpath(path))
            found.append(path)
    return found


# --- what this collection put there -----------------------------------------------------------------------------------


def product(wanted, sites):
    # type: (Dict[str, Any], List[str]) -> Dict[str, Any]
    """Return how a product stands on the host.

    {"manifest": without its files | None, "version", "damage": [first ten], "occupied": words | None, "links": {..}}
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
    cards = published.cards(prefix, wanted["name"])
    trees = sorted(cards)
    # A manifest of a big tree takes its time.
    card = cards.get(os.path.realpath(prefix)) or manifest.read(prefix)
    state = {
        "manifest": None,
        "version": None,
        "damage": [],
        "prefix": prefix,
        "trees": trees,
        "occupied": published.occupied(prefix, trees),
        "links": {link["path"]: published.link_state(link["path"], prefix, link["target"]) for link in wanted["links"]},
    }  # type: Dict[str, Any]
    if card is not None and card["name"] == wanted["name"]:
        state.update(
            damage=manifest.damage(prefix, card)[:10],
            version=card["version"],
            manifest={key: value for key, value in card.items() if key != "files"},
        )
    return state


def stored(work_dir):
    # type: (str) -> Dict[str, str]
    """Return label -> fingerprint of the finished products in the work directory."""
    found = {}
    for folder in glob.glob(os.path.join(glob.escape(work_dir), "products", "*")):
        card = products.card(folder)
        if card and not products.misses(folder, card):
            found[os.path.basename(folder)] = card["manifest"]["fingerprint"]
    return found


def begun(work_dir):
    # type: (str) -> Dict[str, int]
    """Return label -> how many stages are done of each build that was begun in the work directory, and has not ended."""
    return {
        os.path.basename(folder): len(glob.glob(os.path.join(glob.escape(folder), "stamps", "*.json")))
        for folder in glob.glob(os.path.join(glob.escape(work_dir), "builds", "*"))
        if (read_json(os.path.join(folder, "status.json")) or {}).get("state") not in (None, "done")
    }


# --- all of it --------------------------------------------------------------------------------------------------------


def examine(question):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    """Return the whole state of the host that a plan is made from.

    :param question: products, tools (names of commands), needs, pythons (commands), venv, work_dir, env_file, run_user,
        cann_path
    """
    who = user()
    arch = os.uname().machine
    family, manager = package_manager()
    work_dir = places.resolve(question["work_dir"], "work_dir", who)
    env_file = places.resolve(question["env_file"], "env_file", who)
    wanted = [_resolved(entry, who) for entry in question["products"]]
    prefixes = [entry["prefix"] for entry in wanted if entry["product"] == "tree"]
    search = (
        places.SYSTEM_PATH.split(":")
        + [os.path.join(who["home"], ".local/bin")]
        + [os.path.join(prefix, "bin") for prefix in prefixes]
    )
    venv = question.get("venv") or ""
    venv = who["home"] + venv[1:] if venv.startswith("~/") else venv
    programs = {name: candidates(name, search) for name in question["tools"]}
    run_user = question.get("run_user") or ""
    installations = cann.find(who["home"], question.get("cann_path") or "")
    counts = next(iter(installations["there"]), None)

    # Each of these waits for other programs; a host with a hanging one is not kept waiting for them one by one.
    asked = {
        ("npu", ""): lambda: npus.npus(run_user),
        ("packaging", ""): lambda: packaging_python(manager),
    }  # type: Dict[Tuple[str, str], Callable[[], Any]]
    if counts:
        asked["cann", ""] = lambda: cann.settings(counts, arch)
    if venv:
        asked["venv", ""] = lambda: interpreters.examine(os.path.join(venv, "bin", "python"))
    for name in filter(interpreters.find, question["pythons"]):
        asked["python", name] = functools.partial(interpreters.examine, name)
    for path in sorted({path for paths in programs.values() for path in paths}):
        asked["tool", path] = functools.partial(tool, path)
    told = at_once(asked)
    pythons = {name: told.get(("python", name)) for name in question["pythons"]}
    venv_python = told.get(("venv", ""))
    chosen = next((name for name in question["pythons"] if (pythons[name] or {}).get("version")), None)

    def sites(entry):
        # type: (Dict[str, Any]) -> List[str]
        interpreter = venv_python if venv else pythons.get(entry.get("python") or chosen or "")
        return (interpreter or {}).get("sites") or []

    products = {entry["name"]: product(entry, sites(entry)) for entry in wanted}
    mounted, boot = mounts.parsed(text(mounts.MOUNTINFO)), kernel.boot()
    # An environment that is to be made gets a pip like that of the Python that makes it.
    python = venv_python or pythons.get(chosen or "")
    if python and python["version"] and (question.get("pip") or _needs_pip(wanted, products)):
        python["pip"] = interpreters.pip(python)
    return dict(
        npus.driver_and_firmware(),
        user=who,
        login_uid=login_uid(os.environ, who["uid"]),
        packaging_python=told["packaging", ""],
        os=dict(
            os_release(next(filter(None, map(text, _OS_RELEASES)), ""), family, other_release_files()),
            family=family,
            package_manager=manager,
        ),
        arch=arch,
        libc=libc(),
        cores=resources.cores(len(os.sched_getaffinity(0)), text),
        memory=resources.memory(text),
        clock=time.time(),
        umask="%04o" % _umask(),
        session=session.examine(str(who["name"])),
        work_dir=work_dir,
        work_dir_objection=trust.objection(work_dir, os.geteuid()),
        env_file={
            "path": env_file,
            "sha256": _digest(env_file),
            "ours": environment.is_as_written(text(env_file)),
        },
        disk={
            path: disk(path, mounted, boot)
            for path in [work_dir, os.path.dirname(env_file)]
            + [os.path.dirname(prefix) for prefix in prefixes]
            + _sites_of_wheels(who, venv, pythons.get(chosen or ""))
        },
        tools={name: [told["tool", path] for path in paths] for name, paths in programs.items()},
        missing_needs=needs.missing(question["needs"], lambda name: shutil.which(name, path=":".join(search))),
        own_python={"path": sys.executable, "lacks": extensions.lacks()},
        pythons=pythons,
        python=chosen,
        venv=venv,
        venv_python=venv_python,
        cann=installations["there"],
        cann_aside=installations["aside"],
        cann_closed=installations["closed"] + _closed_to(run_user, counts),
        closed_records=access.all_closed(npus.records() + cann.record_files(who["home"])),
        closed=access.all_closed(
            _OS_RELEASES
            + [env_file]
            + ([os.path.join(venv, "bin", "python")] if venv else [])
            + [name for name in question["pythons"] if os.path.isabs(name)]
            + [path for entry in wanted for path in _cards(entry, sites(entry))]
        ),
        cann_environment=told.get(("cann", ""), {}),
        npu=told["npu", ""],
        interfaces=interfaces(),
        products=products,
        stored=stored(work_dir),
        begun=begun(work_dir),
    )


def _needs_pip(wanted, products):
    # type: (List[Dict[str, Any]], Dict[str, Dict[str, Any]]) -> bool
    """Say whether pip may have to install something: a wheel that does not stand in its version, or nobody knows yet what.

    To ask it takes longer than all else that is looked at, which hosts that have everything are to be spared. One that stands
    in its version may be another one than is wanted, which is not known here: see plan.asks_pip.
    """
    stands = [
        bool(there["manifest"]) and there["manifest"]["version"] == entry["version"] and not there["damage"]
        for entry, there in ((entry, products[entry["name"]]) for entry in wanted)
        if entry["product"] == "wheel"
    ]
    return not wanted or not all(stands)


def _sites_of_wheels(who, venv, python):
    # type: (Dict[str, Any], str, Optional[Dict[str, Any]]) -> List[str]
    """Return the folders that wheels go below, so far as those are not the Python's own."""
    if venv:
        return [venv]
    return [python["user_site"]] if python and who["uid"] else []


def _resolved(entry, who):
    # type: (Dict[str, Any], Dict[str, Any]) -> Dict[str, Any]
    """Return what is asked of a product, with the paths that `auto` and `~` stand for."""
    if entry["product"] != "tree":
        return entry
    return dict(
        entry,
        prefix=places.resolve(entry["prefix"], entry["name"], who, entry["version"]),
        links=[
            dict(link, path=places.resolve(link["path"], "link", who))
            for link in entry.get("links") or []
            if link["path"]
        ],
    )


def _closed_to(run_user, installation):
    # type: (str, Optional[Dict[str, Any]]) -> List[Dict[str, Any]]
    """Return what keeps the account that will run torch out of a CANN that this one may enter, with its name as "user"."""
    account = access.of_user(run_user) if run_user else (None, [])
    # Of an account that is not known here the checks of NPUs tell.
    shut = access.closed(installation["path"], account) if installation and account[0] is not None else None
    return [dict(shut, user=run_user)] if shut else []


def _cards(wanted, sites):
    # type: (Dict[str, Any], List[str]) -> List[str]
    """Return where it is written whether a product is there."""
    if wanted["product"] == "tree":
        return [os.path.join(wanted["prefix"], manifest.TREE_NAME)]
    patterns = [os.path.join(glob.escape(site), wanted["distribution"] + "-*.dist-info") for site in sites]
    return sites + [os.path.join(path, "METADATA") for pattern in patterns for path in glob.glob(pattern)]


def _digest(path):
    # type: (str) -> Optional[str]
    return fingerprint.file_digest(path) if os.path.isfile(path) and os.access(path, os.R_OK) else None


def _umask():
    # type: () -> int
    now = os.umask(0o077)
    os.umask(now)
    return now
