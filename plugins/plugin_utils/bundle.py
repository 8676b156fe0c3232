# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle: a folder with all that releases are built from, to be carried to where there is no network.

It is a mirror folder:
  <file>                           archives
  <Owner>/<name>/<commit>.bundle   git bundles of one commit each, those of submodules too
  wheels/                          what pip installs on the hosts
  products/<label>/                a build cache, where that is asked for
  bundle.json                      what belongs to it, with the digest of every file; written last
  .work/                           what a run under way needs besides; gone when that ends well
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable, foreign, locking, logins
from ansible_collections.ascend.pytorch.plugins.module_utils.base.about import VERSION
from ansible_collections.ascend.pytorch.plugins.module_utils.build import requirements_txt
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint, products
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import download, git_bundles, git_urls
from ansible_collections.ascend.pytorch.plugins.plugin_utils import runs, wheelhouse

Json = dict[str, Any]
Tell = Callable[[str], None]

MANIFEST = "bundle.json"
WORK = ".work"
WHEELS = "wheels"
PRODUCTS = "products"
FORMAT = 1
ARCHES = ("x86_64", "aarch64")
# The oldest libc that the guide's systems have: what its wheels run on, the others run too.
LIBC = "2.17"

_REMEDY = "Run playbooks/bundle.yml again where there is a network: what is whole is not fetched again"


class BundleError(Exception):
    """A bundle cannot be made or used; the message says what failed, where, and what to do."""


# --- reading ----------------------------------------------------------------------------------------------------------


def read(folder: str | Path) -> Json | None:
    """Return the manifest of a finished bundle, None when the folder has none.

    :raises BundleError: it is there and is no manifest of a bundle
    """
    return _manifest(Path(folder) / MANIFEST)


def _manifest(path: Path) -> Json | None:
    try:
        found = foreign.mapping(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, foreign.Foreign) as error:
        raise BundleError(f"{path} cannot be read ({error}). {_REMEDY}")
    if found.get("format") != FORMAT:
        raise BundleError(
            f"{path} is no manifest of format {FORMAT}: make the bundle with this version of the collection"
        )
    try:
        _admit(found)
    except foreign.Foreign as error:
        raise BundleError(f"{path} is not as this collection writes it: {error}. Do not use that bundle")
    return found


def _admit(manifest: Json) -> None:
    """Raise Foreign for what no bundle has: it came from elsewhere, and no name in it may lead out of its folder."""
    for release in foreign.listing(manifest.get("releases")):
        foreign.word(release)
    files = foreign.table(manifest.get("files"))
    for name, entry in files.items():
        foreign.relative(name)
        foreign.sha256(foreign.table(entry).get("sha256"))
        foreign.size(entry.get("size"))
    for repo, commits in foreign.table(manifest.get("repositories")).items():
        foreign.repository(repo)
        for commit, entry in foreign.table(commits).items():
            foreign.commit(commit)
            for below in foreign.listing(foreign.table(entry).get("submodules")):
                foreign.repository(foreign.table(below).get("repo"))
                foreign.commit(below.get("commit"))
                foreign.relative(below.get("path"))
                for url in foreign.listing(below.get("urls")):
                    foreign.word(url)
    for text in foreign.table(manifest.get("requirements")).values():
        foreign.text(text)
    for wheels_of in foreign.table(manifest.get("wheels")).values():
        for key in ("python", "arch", "libc", "release"):
            foreign.word(foreign.table(wheels_of).get(key))
        for line in foreign.listing(wheels_of.get("requirements")):
            foreign.word(line)
        for name in foreign.listing(wheels_of.get("files")):
            if foreign.relative(name) not in files:
                raise foreign.Foreign(f"{name!r} of its wheels is none of its files")
        for each in foreign.listing(wheels_of.get("lacking")):
            for key in ("requirement", "why", "remedy"):
                foreign.text(foreign.table(each).get(key))


def damage(folder: str | Path, name: str, entry: Json) -> str:
    """Return in words what is wrong with a file of the bundle, "" when it is as the manifest has it."""
    path = Path(folder) / name
    if not path.is_file():
        return f"{name}: missing"
    try:
        size = path.stat().st_size
        if size != entry["size"]:
            return f"{name}: {size} bytes, wanted {entry['size']}"
        found = fingerprint.file_digest(str(path))
    except OSError as error:
        return f"{name}: cannot be read ({error.strerror})"
    return "" if found == entry["sha256"] else f"{name}: sha256 is {found}, wanted {entry['sha256']}"


def verify(folder: str | Path) -> list[str]:
    """Return what is wrong with a bundle, in words, file by file; empty when it is whole. Reads every byte of it.

    :raises BundleError: it has a manifest that cannot be used
    """
    manifest = read(folder)
    if manifest is None:
        return [f"{MANIFEST}: missing, so that {folder} is no bundle, or one that was never finished"]
    return [words for words in (damage(folder, *item) for item in sorted(manifest["files"].items())) if words]


def strangers(folder: str | Path) -> list[str]:
    """Return the files in a finished bundle's folder that its manifest does not know."""
    known, found = set((read(folder) or {"files": {}})["files"]) | {MANIFEST}, []
    for above, folders, files in os.walk(folder):
        # Of this file's own work, and of a build cache's locks.
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [os.path.relpath(os.path.join(above, name), folder) for name in files]
    return sorted(set(found) - known)


def repositories(manifest: Json, source: Json) -> list[Json]:
    """Return [{"repo", "commit", "file"}] of a git source and, if it wants them, of all its submodules.

    Empty when the bundle was made without them.
    """
    needed, waiting = [], [(source["repo"], source["commit"])]
    while waiting:
        repo, commit = waiting.pop(0)
        entry = manifest["repositories"].get(repo, {}).get(commit)
        if entry is None:
            return []
        needed.append({"repo": repo, "commit": commit, "file": git_urls.bundle_name(repo, commit)})
        if source.get("submodules"):
            waiting += [(each["repo"], each["commit"]) for each in entry["submodules"]]
    return needed


def wheels(manifest: Json, python: str, arch: str) -> list[tuple[str, str]]:
    """Return (path below the bundle, sha256) of the wheels for a Python such as 3.9 and an arch, of all releases."""
    names = {
        name
        for entry in manifest["wheels"].values()
        if (entry["python"], entry["arch"]) == (python, arch)
        for name in entry["files"]
    }
    return [(name, manifest["files"][name]["sha256"]) for name in sorted(names)]


# --- what belongs in it -----------------------------------------------------------------------------------------------


def sources(recipes: list[Json]) -> list[Json]:
    """Return the sources of recipes, each once, by names of their own.

    :raises BundleError: two archives have one name and are different
    """
    found: dict[tuple[str, ...], Json] = {}
    for recipe in recipes:
        for source in recipe.get("sources", []):
            named = dict(source, name=f"{recipe['name']}: {source.get('repo') or source['file']}")
            key = ("git", source["repo"], source["commit"]) if source["kind"] == "git" else ("archive", source["file"])
            former = found.setdefault(key, named)
            if former.get("sha256") != named.get("sha256"):
                raise BundleError(
                    f"{former['name']} and {named['name']} have one name and different digests: rename one"
                )
            if named.get("submodules"):
                found[key] = dict(former, submodules=True)
    return list(found.values())


def platforms(wanted: list[Json] | None, pythons: list[str]) -> list[Json]:
    """Return the platforms, {"arch", "python", "libc"}, that a release is carried for; default all that it takes."""
    chosen = wanted or [{"arch": arch, "python": python} for arch in ARCHES for python in pythons]
    return [
        {"arch": each["arch"], "python": str(each["python"]), "libc": str(each.get("libc") or LIBC)}
        for each in chosen
        if str(each["python"]) in pythons
    ]


def outright(recipes: list[Json]) -> list[str]:
    """Return the requirements that the recipes themselves name."""
    steps = [step for recipe in recipes for steps in recipe.get("stages", {}).values() for step in steps]
    named = [recipe.get("requirements", []) for recipe in recipes] + [step["pip"] for step in steps if "pip" in step]
    return sorted({line for lines in named for line in lines})


def row_requirements(row: Json) -> list[str]:
    """Return what the packages of a release's row are for pip: that a maximum of 1.99 takes 1.99.5 too is the table's way."""
    lines = []
    for name, limits in sorted((row.get("packages") or {}).items()):
        bounds = [">=" + limits["minimum"]] if limits.get("minimum") else []
        if limits.get("maximum"):
            numbers = [int(part) for part in str(limits["maximum"]).split(".")]
            bounds.append("<" + ".".join(str(part) for part in numbers[:-1] + [numbers[-1] + 1]))
        lines.append(name + ",".join(bounds))
    return lines


def place(path: str, recipe: Json) -> tuple[Json, str]:
    """Return (the source, the path in its tree) that a step's {src}/… means: the source that stands deepest above it.

    :raises BundleError: it lies in no source
    """
    below = re.sub(r"^\{src\}/", "", path)
    above = [source for source in recipe["sources"] if below.startswith(source["dest"].rstrip("/") + "/")]
    if not above:
        raise BundleError(f"{recipe['name']}: {path} lies in none of its sources: mend the recipe's step")
    source = max(above, key=lambda each: len(each["dest"]))
    return source, below[len(source["dest"].rstrip("/")) + 1 :]


# --- making -----------------------------------------------------------------------------------------------------------


class Maker:
    """Makes a bundle, release by release, or goes on with one: a file that is whole is not fetched again.

    :param folder: of the bundle; :param mirrors: asked before the sources' own URLs
    :param tell: called with each line of what is done; :param warn: with what is wrong and goes on all the same
    :param known: logins for mirrors and sources, see module_utils/base/logins.py
    """

    def __init__(
        self, folder: str | Path, mirrors: list[str], tell: Tell, warn: Tell, known: logins.Logins | None = None
    ) -> None:
        self.folder = Path(folder)
        self.work = self.folder / WORK
        self.mirrors = mirrors
        self.known = known
        self.tell = tell
        self.warn = warn
        self.changed = False
        # What was found whole in this run: files are large, and read once.
        self.sound: set[str] = set()

    def add(self, row: Json, recipes: list[Json], wanted: list[Json] | None, cache: str = "") -> Json:
        """Bring all that a release needs into the bundle, then write its manifest; return the manifest.

        :param row: the release's row of the table; :param recipes: with their variables filled in for this release
        :param wanted: platforms, None for all that the release takes
        :param cache: folder of the controller with finished products to carry too, "" for none
        :raises BundleError, fetch.FetchError, wheelhouse.WheelhouseError: what was had by then is kept
        """
        recipes = [recipe for recipe in recipes if not recipe.get("reference")]
        chosen = platforms(wanted, row["pythons"])
        with self._alone():
            before = read(self.folder)
            self.manifest = _manifest(self.work / MANIFEST) or read(self.folder) or _empty()
            for source in sources(recipes):
                if source["kind"] == "archive":
                    self._archive(source)
                else:
                    self._repositories(source)
            for platform in chosen:
                self._wheels(row, recipes, platform)
            if cache:
                self._products(Path(cache).expanduser(), recipes, {each["arch"] for each in chosen})
            self.manifest["releases"] = sorted({*self.manifest["releases"], row["version"]})
            self._forget_unused()
            if self.manifest != before or self.changed:
                self.changed = True
                self.manifest.update(made=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), collection=VERSION)
                _write(self.folder / MANIFEST, self.manifest)
            shutil.rmtree(self.work)
        return self.manifest

    def lacking(self, row: Json, recipes: list[Json], wanted: list[Json] | None) -> list[str]:
        """Return what add would have to bring, in words, as far as that is seen without fetching. Changes nothing."""
        manifest, missing = _manifest(self.work / MANIFEST) or read(self.folder) or _empty(), []
        recipes = [recipe for recipe in recipes if not recipe.get("reference")]
        for source in sources(recipes):
            if source["kind"] == "archive":
                names = [source["file"]]
            else:
                names = [each["file"] for each in repositories(manifest, source)] or [source["repo"]]
            missing += [name for name in names if name not in manifest["files"] or not (self.folder / name).is_file()]
        for platform in platforms(wanted, row["pythons"]):
            entry = manifest["wheels"].get(_key(row, platform))
            if entry is None or not all((self.folder / name).is_file() for name in entry["files"]):
                missing.append(f"wheels for Python {platform['python']} on {platform['arch']}")
        return missing

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            self.work.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.folder, os.O_RDONLY)
        except OSError as error:
            raise BundleError(
                f"{self.folder} cannot be written ({error.strerror}): set ascend_bundle_dest to a folder that can"
            )
        try:
            if not locking.lock(descriptor, str(self.folder)):
                raise BundleError(f"{self.folder} is being made by another run: wait for its end, then run again")
            yield
        except OSError as error:
            raise BundleError(
                f"{error.filename or self.folder}: {error.strerror}. Mend that, and run again: what was had is kept"
            )
        finally:
            os.close(descriptor)

    def _begin(self, words: str) -> None:
        """Tell of what is brought next, which may take an hour; begin it only for a run that is there to hear of it."""
        runs.end_if_over()
        self.tell(words)

    # What is there

    def _whole(self, name: str) -> bool:
        """Say whether a file is in the bundle as the manifest has it; one that is damaged is told of and forgotten."""
        if name in self.sound:
            return True
        entry = self.manifest["files"].get(name)
        if entry is None:
            return False
        words = damage(self.folder, name, entry)
        if words:
            self.warn(f"{self.folder}: {words}; it is made anew")
            del self.manifest["files"][name]
            with contextlib.suppress(FileNotFoundError):
                (self.folder / name).unlink()
            return False
        self.sound.add(name)
        return True

    def _had(self, name: str) -> None:
        """Take down a file that has come, so that a run that is broken off after this finds it."""
        path = self.folder / name
        self.manifest["files"][name] = {"sha256": fingerprint.file_digest(str(path)), "size": path.stat().st_size}
        self.sound.add(name)
        self.changed = True
        _write(self.work / MANIFEST, self.manifest)

    def _forget_unused(self) -> None:
        """Remove wheels that no platform asks for any more: pip would choose among them."""
        used = {name for entry in self.manifest["wheels"].values() for name in entry["files"]}
        for name in [each for each in self.manifest["files"] if each.startswith(WHEELS + "/")]:
            if name not in used:
                del self.manifest["files"][name]
                with contextlib.suppress(FileNotFoundError):
                    (self.folder / name).unlink()
                self.changed = True

    # What is fetched

    def _archive(self, source: Json) -> None:
        name = source["file"]
        known = self.manifest["files"].get(name, {}).get("sha256", source["sha256"])
        if known != source["sha256"]:
            raise BundleError(
                f"{self.folder} has another {name}, with sha256 {known}, of another release: make a bundle of its own "
                "for this one, with another ascend_bundle_dest"
            )
        if self._whole(name):
            return
        self._begin(f"fetching {name}")
        got = download.fetch_archive(source, self.mirrors, str(self.work / "downloads"), self._log, known=self.known)
        durable.move(got, str(self.folder / name))
        self._had(name)

    def _repositories(self, source: Json) -> None:
        """Bring a git source and, if it wants them, its submodules and theirs."""
        waiting = [("", source)]
        while waiting:
            path, each = waiting.pop(0)
            entry = self._repository(each)
            for below in entry["submodules"] if source.get("submodules") else []:
                there = os.path.join(path, below["path"])
                waiting.append((there, git_urls.submodule_source(source, there, below["commit"], below["urls"])))

    def _repository(self, source: Json) -> Json:
        repo, commit = source["repo"], source["commit"]
        name, known = git_urls.bundle_name(repo, commit), self.manifest["repositories"].setdefault(repo, {})
        if commit not in known or not self._whole(name):
            self._begin(f"fetching {repo} at {commit}")
            found = git_bundles.bundle_git(
                source, self.mirrors, str(self.work / "git"), str(self.folder / name), self._log, known=self.known
            )
            known[commit] = {"submodules": [dict(each, repo=_repo(each)) for each in found]}
            self._had(name)
        return known[commit]

    def _requirements(self, recipes: list[Json], python: str) -> list[str]:
        """Return the lines that the recipes' requirements files leave for a Python."""
        lines: list[str] = []
        for recipe in recipes:
            steps = [step for steps in recipe.get("stages", {}).values() for step in steps]
            patches = [step["patch"]["file"] for step in steps if "patch" in step]
            for order in (step["requirements"] for step in steps if "requirements" in step):
                text = self._requirements_file(recipe, order["file"], patches)
                version = tuple(int(part) for part in python.split("."))
                lines += requirements_txt.keep(text, order["drop"], version)[0]
        return lines

    def _requirements_file(self, recipe: Json, file: str, patches: list[str]) -> str:
        """Return a requirements file as the patch stage would leave it; kept in the manifest, since it costs to look."""
        source, path = place(file, recipe)
        fixes = [place(patch, recipe) for patch in patches]
        key = fingerprint.digest([source["commit"], path, [[fix["commit"], patch] for fix, patch in fixes]])
        if key not in self.manifest["requirements"]:
            text = self._file(source, path)
            for fix, patch in fixes:
                text = git_bundles.patched(text, path, self._file(fix, patch))
            self.manifest["requirements"][key] = text.decode("utf-8", "replace")
        return self.manifest["requirements"][key]

    def _file(self, source: Json, path: str) -> bytes:
        bundle = self.folder / git_urls.bundle_name(source["repo"], source["commit"])
        found = git_bundles.bundled_file(str(bundle), source["commit"], path)
        if found is None:
            raise BundleError(
                f"{source['repo']} has no {path} at {source['commit']}: its layout is not the release's. Set ref and commit "
                "to those of the release"
            )
        return found

    def _wheels(self, row: Json, recipes: list[Json], platform: Json) -> None:
        """Bring the wheels of a platform, unless those that were brought for the same requirements are whole."""
        named = outright(recipes) + row_requirements(row) + self._requirements(recipes, platform["python"])
        lines = sorted({*named, *wheelhouse.TOOLS})
        key, entry = _key(row, platform), self.manifest["wheels"].get(_key(row, platform))
        if entry and entry["requirements"] == lines and entry["libc"] == platform["libc"]:
            # Not all(): what is damaged is told of in one run.
            if False not in [self._whole(name) for name in entry["files"]]:
                self._tell_lacking(entry)
                return
        self._begin(f"collecting wheels for torch {row['version']}, Python {platform['python']} on {platform['arch']}")
        # What stands there is taken before the index is asked, so it has to be good.
        for name in [each for each in self.manifest["files"] if each.startswith(WHEELS + "/")]:
            self._whole(name)
        target = wheelhouse.Target(platform["python"], platform["arch"], platform["libc"])
        house = wheelhouse.Wheelhouse(self.work / "wheels" / key, self.folder / WHEELS, self._log)
        files, lacking = house.collect(lines, target)
        for path in files:
            name = f"{WHEELS}/{path.name}"
            if not self._whole(name):
                (self.folder / WHEELS).mkdir(exist_ok=True)
                durable.move(str(path), str(self.folder / name))
                self._had(name)
        entry = {
            **platform,
            "release": row["version"],
            "requirements": lines,
            "files": sorted(f"{WHEELS}/{path.name}" for path in files),
            "lacking": lacking,
        }
        self.changed = self.changed or entry != self.manifest["wheels"].get(key)
        self.manifest["wheels"][key] = entry
        _write(self.work / MANIFEST, self.manifest)
        self._tell_lacking(entry)

    def _tell_lacking(self, entry: Json) -> None:
        for each in entry["lacking"]:
            self.warn(
                f"Python {entry['python']} on {entry['arch']}: {each['requirement']}: {each['why']}. {each['remedy']}"
            )

    def _products(self, cache: Path, recipes: list[Json], arches: set[str]) -> None:
        """Copy the finished products of these recipes' names for these arches out of a build cache."""
        if not cache.is_dir():
            raise BundleError(
                f"{cache} is no folder with products: set ascend_bundle_products to a build cache's, or to ''"
            )
        names = {recipe["name"] for recipe in recipes}
        for source in sorted(cache.iterdir()):
            card = products.card(str(source)) if re.fullmatch(r".+-[0-9a-f]{12}", source.name) else None
            if card is None or card["manifest"].get("name") not in names or _arch(card) not in arches | {""}:
                continue
            there = self.folder / PRODUCTS / source.name
            held = [f"{PRODUCTS}/{source.name}/{name}" for name in products_files(source, card)]
            if False not in [self._whole(name) for name in held]:
                continue
            wrong = products.whole(str(source))
            if wrong:
                self.warn(f"{source} is not carried: {'; '.join(wrong)}")
                continue
            self._begin(f"copying {source.name}")
            partial = there.with_name(there.name + products.PARTIAL)
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            for name in held:
                shutil.copy2(source / Path(name).name, partial)
            products.put(str(partial), str(there))
            for name in held:
                self._had(name)

    def _log(self, line: str) -> None:
        # What fetching says goes to whoever looks for a reason: it is too much for a screen.
        with open(self.work / "log", "a", encoding="utf-8") as stream:
            stream.write(line + "\n")


def products_files(folder: Path, card: Json) -> list[str]:
    """Return the names of the files that a product's folder has."""
    signed = [products.SIGNATURE] if (folder / products.SIGNATURE).is_file() else []
    return [products.CARD, card["file"], *signed]


def _arch(card: Json) -> str:
    identity = card["manifest"].get("identity") or {}
    return str((identity.get("platform") or {}).get("arch", ""))


def _repo(submodule: Json) -> str:
    return git_urls.owner_and_name(submodule["urls"][0])


def _key(row: Json, platform: Json) -> str:
    return f"{row['version']}-{platform['python']}-{platform['arch']}"


def _empty() -> Json:
    return {"format": FORMAT, "releases": [], "files": {}, "repositories": {}, "requirements": {}, "wheels": {}}


def _write(path: Path, manifest: Json) -> None:
    """Write a manifest durably: whoever is stopped leaves the former one."""
    durable.write(str(path), json.dumps(manifest, sort_keys=True, indent=1) + "\n")
