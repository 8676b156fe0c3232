# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a bundle: missing files are fetched, collected or copied, and the manifest is written last."""

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

from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable, locking, logins
from ansible_collections.ascend.pytorch.plugins.module_utils.base.about import VERSION
from ansible_collections.ascend.pytorch.plugins.module_utils.build import requirements_txt, wheel_requirements
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint, products
from ansible_collections.ascend.pytorch.plugins.module_utils.product import wheel as wheel_files
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import download, fetch, git_bundles, git_urls
from ansible_collections.ascend.pytorch.plugins.plugin_utils import bundle, releases, runs, wheelhouse
from ansible_collections.ascend.pytorch.plugins.plugin_utils import bundle_contents as contents

Json = dict[str, Any]
Tell = Callable[[str], None]

WORK = ".work"


class BundleMaker:
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
        self.whole_files: set[str] = set()

    def add_release(
        self,
        row: Json,
        recipes: list[Json],
        wanted: list[Json] | None,
        cache: str = "",
        recipes_for: Callable[[Json], list[Json]] | None = None,
    ) -> Json:
        """Bring all that a release needs into the bundle, then write its manifest; return the manifest.

        :param row: the release's row of the table; :param recipes: with their variables filled in for this release
        :param wanted: platforms, None for all that the release takes
        :param cache: folder of the controller with finished products to carry too, "" for none
        :param recipes_for: returns the recipes that are for a platform; None where all of them are for each
        :raises bundle.BundleError, fetch.FetchError, wheelhouse.WheelhouseError: what was had by then is kept
        """
        recipes = [recipe for recipe in recipes if not recipe.get("reference")]
        chosen = contents.platforms(wanted, row["pythons"])
        theirs = recipes_for or (lambda _platform: recipes)
        with self._locked():
            before = bundle.read(self.folder)
            self.manifest = (
                bundle.read_manifest(self.work / bundle.MANIFEST) or bundle.read(self.folder) or _empty_manifest()
            )
            for source in contents.sources(recipes):
                if fetch.is_file(source):
                    self._add_archive(source)
                else:
                    self._add_repositories(source)
            for platform in chosen:
                self._add_wheels(row, theirs(platform), platform)
            if cache:
                self._add_products(Path(cache).expanduser(), recipes, {each["arch"] for each in chosen})
            self.manifest["releases"] = sorted({*self.manifest["releases"], row["version"]})
            self._remove_unused_wheels()
            if self.manifest != before or self.changed:
                self.changed = True
                self.manifest.update(made=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), collection=VERSION)
                _write_manifest(self.folder / bundle.MANIFEST, self.manifest)
            shutil.rmtree(self.work)
        return self.manifest

    def missing_files(self, row: Json, recipes: list[Json], wanted: list[Json] | None) -> list[str]:
        """Return what add would have to bring, in words, as far as that is seen without fetching. Changes nothing."""
        manifest, missing = (
            bundle.read_manifest(self.work / bundle.MANIFEST) or bundle.read(self.folder) or _empty_manifest(),
            [],
        )
        recipes = [recipe for recipe in recipes if not recipe.get("reference")]
        for source in contents.sources(recipes):
            if fetch.is_file(source):
                names = [source["file"]]
            else:
                names = [each["file"] for each in bundle.repositories(manifest, source)] or [source["repo"]]
            missing += [name for name in names if name not in manifest["files"] or not (self.folder / name).is_file()]
        for platform in contents.platforms(wanted, row["pythons"]):
            entry = manifest["wheels"].get(_wheels_key(row, platform))
            if entry is None or not all((self.folder / name).is_file() for name in entry["files"]):
                missing.append(f"wheels for Python {platform['python']} on {platform['arch']}")
        return missing

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.work.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.folder, os.O_RDONLY)
        except OSError as error:
            raise bundle.BundleError(
                f"{self.folder} cannot be written ({error.strerror}): set ascend_bundle_dest to a folder that can"
            )
        try:
            if not locking.lock(descriptor, str(self.folder)):
                raise bundle.BundleError(
                    f"{self.folder} is locked by another run that makes it: wait for its end, then run again"
                )
            yield
        except locking.LocksUnsupported as error:
            raise bundle.BundleError(f"{error}, or set ascend_bundle_dest to a folder of a file system that has them")
        except OSError as error:
            raise bundle.BundleError(
                f"{error.filename or self.folder}: {error.strerror}. Correct that, and run again: what was fetched is kept"
            )
        finally:
            os.close(descriptor)

    def _announce(self, words: str) -> None:
        """Tell of what is brought next, which may take an hour; begin it only for a run that is there to hear of it."""
        runs.end_if_over()
        self.tell(words)

    # What is there

    def _is_whole(self, name: str) -> bool:
        """Say whether a file is in the bundle as the manifest has it; one that is damaged is told of and forgotten."""
        if name in self.whole_files:
            return True
        entry = self.manifest["files"].get(name)
        if entry is None:
            return False
        words = bundle.find_damage(self.folder, name, entry)
        if words:
            self.warn(f"{self.folder}: {words}; it is fetched again")
            del self.manifest["files"][name]
            with contextlib.suppress(FileNotFoundError):
                (self.folder / name).unlink()
            return False
        self.whole_files.add(name)
        return True

    def _record(self, name: str) -> None:
        """Take down a file that has come, so that a run that is broken off after this finds it."""
        path = self.folder / name
        self.manifest["files"][name] = {"sha256": fingerprint.file_digest(str(path)), "size": path.stat().st_size}
        self.whole_files.add(name)
        self.changed = True
        _write_manifest(self.work / bundle.MANIFEST, self.manifest)

    def _remove_unused_wheels(self) -> None:
        """Remove wheels that no platform asks for any more: pip would choose among them."""
        used = {name for entry in self.manifest["wheels"].values() for name in entry["files"]}
        for name in [each for each in self.manifest["files"] if each.startswith(bundle.WHEELS + "/")]:
            if name not in used:
                del self.manifest["files"][name]
                with contextlib.suppress(FileNotFoundError):
                    (self.folder / name).unlink()
                self.changed = True

    # What is fetched

    def _add_archive(self, source: Json) -> None:
        name = source["file"]
        known = self.manifest["files"].get(name, {}).get("sha256", source["sha256"])
        if known != source["sha256"]:
            raise bundle.BundleError(
                f"{self.folder} has a different {name}, with sha256 {known}, for another release: make a separate bundle for "
                "this release, with another ascend_bundle_dest"
            )
        if self._is_whole(name):
            return
        self._announce(f"fetching {name}")
        got = download.fetch_archive(source, self.mirrors, str(self.work / "downloads"), self._log, known=self.known)
        durable.replace(got, str(self.folder / name))
        self._record(name)

    def _add_repositories(self, source: Json) -> None:
        """Bring a git source and, if it wants them, its submodules and theirs."""
        waiting = [("", source)]
        while waiting:
            path, each = waiting.pop(0)
            entry = self._add_repository(each)
            for below in entry["submodules"] if source.get("submodules") else []:
                there = os.path.join(path, below["path"])
                if git_urls.is_left_out(there, source.get("without") or ()):
                    continue
                waiting.append((there, git_urls.submodule_source(source, there, below["commit"], below["urls"])))

    def _add_repository(self, source: Json) -> Json:
        repo, commit = source["repo"], source["commit"]
        name, known = git_urls.bundle_name(repo, commit), self.manifest["repositories"].setdefault(repo, {})
        if commit not in known or not self._is_whole(name):
            self._announce(f"fetching {repo} at {commit}")
            found = git_bundles.write_bundle(
                source, self.mirrors, str(self.work / "git"), str(self.folder / name), self._log, known=self.known
            )
            known[commit] = {"submodules": [dict(each, repo=_repo(each)) for each in found]}
            self._record(name)
        return known[commit]

    def _requirements(self, recipes: list[Json], python: str) -> list[str]:
        """Return the lines that the recipes' requirements files leave for a Python."""
        lines: list[str] = []
        for recipe in recipes:
            steps = [step for steps in recipe.get("stages", {}).values() for step in steps]
            patches = [step["patch"]["file"] for step in steps if "patch" in step]
            for asked in (step["requirements"] for step in steps if "requirements" in step):
                text = self._requirements_file(recipe, asked["file"], patches)
                version = tuple(int(part) for part in python.split("."))
                lines += requirements_txt.filter_requirements(text, asked["drop"], version)[0]
        return lines

    def _wheel_requirements(self, recipes: list[Json], platform: Json) -> list[str]:
        """Return what the recipes' wheels for a platform require there; these wheels stand in the bundle already."""
        lines: list[str] = []
        target = wheelhouse.Target(platform["python"], platform["arch"], platform["libc"])
        for source, drop in contents.wheel_sources(recipes, platform):
            try:
                requires = wheel_files.read(str(self.folder / source["file"]))["requires"]
            except wheel_files.WheelError as error:
                raise bundle.BundleError(f"{error}: correct the URL and the sha256 of {source['file']}")
            lines += wheel_requirements.partition(wheelhouse.applicable(requires, target), drop)[0]
        return lines

    def _requirements_file(self, recipe: Json, file: str, patches: list[str]) -> str:
        """Return a requirements file as the patch stage would leave it; kept in the manifest, since it costs to look."""
        source, path = contents.locate(file, recipe)
        fixes = [contents.locate(patch, recipe) for patch in patches]
        key = fingerprint.digest([source["commit"], path, [[fix["commit"], patch] for fix, patch in fixes]])
        if key not in self.manifest["requirements"]:
            text = self._bundled_file(source, path)
            for fix, patch in fixes:
                text = git_bundles.patch_file(text, path, self._bundled_file(fix, patch))
            self.manifest["requirements"][key] = text.decode("utf-8", "replace")
        return self.manifest["requirements"][key]

    def _bundled_file(self, source: Json, path: str) -> bytes:
        packed = self.folder / git_urls.bundle_name(source["repo"], source["commit"])
        found = git_bundles.read_bundled_file(str(packed), source["commit"], path)
        if found is None:
            raise bundle.BundleError(
                f"{source['repo']} has no {path} at commit {source['commit']}, which the release needs. Set ref and commit to "
                "those of the release"
            )
        return found

    def _add_wheels(self, row: Json, recipes: list[Json], platform: Json) -> None:
        """Bring the wheels of a platform, unless those that were brought for the same requirements are whole."""
        named = (
            contents.named_requirements(recipes)
            + releases.package_requirements(row)
            + self._requirements(recipes, platform["python"])
            + self._wheel_requirements(recipes, platform)
        )
        alone = contents.downloaded_wheels(recipes)
        ours = {*named, *wheelhouse.BUILD_TOOLS}
        # Another index may have another wheel of that name.
        lines = sorted({*ours, *(" ".join(filter(None, [line, *indexes])) for line, indexes in alone)})
        key, entry = _wheels_key(row, platform), self.manifest["wheels"].get(_wheels_key(row, platform))
        if entry and entry["requirements"] == lines and entry["libc"] == platform["libc"]:
            # Not all(): what is damaged is told of in one run.
            if False not in [self._is_whole(name) for name in entry["files"]]:
                self._warn_lacking(entry)
                return
        self._announce(
            f"collecting wheels for torch {row['version']}, Python {platform['python']} on {platform['arch']}"
        )
        # What stands there is taken before the index is asked, so it has to be good.
        for name in [each for each in self.manifest["files"] if each.startswith(bundle.WHEELS + "/")]:
            self._is_whole(name)
        target = wheelhouse.Target(platform["python"], platform["arch"], platform["libc"])
        house = wheelhouse.Wheelhouse(self.work / "wheels" / key, self.folder / bundle.WHEELS, self._log)
        files, lacking = house.collect(sorted(ours), target, alone)
        for path in files:
            name = f"{bundle.WHEELS}/{path.name}"
            if not self._is_whole(name):
                (self.folder / bundle.WHEELS).mkdir(exist_ok=True)
                durable.replace(str(path), str(self.folder / name))
                self._record(name)
        entry = {
            **platform,
            "release": row["version"],
            "requirements": lines,
            "files": sorted(f"{bundle.WHEELS}/{path.name}" for path in files),
            "lacking": lacking,
        }
        self.changed = self.changed or entry != self.manifest["wheels"].get(key)
        self.manifest["wheels"][key] = entry
        _write_manifest(self.work / bundle.MANIFEST, self.manifest)
        self._warn_lacking(entry)

    def _warn_lacking(self, entry: Json) -> None:
        for each in entry["lacking"]:
            self.warn(
                f"Python {entry['python']} on {entry['arch']}: {each['requirement']}: {each['why']}. {each['remedy']}"
            )

    def _add_products(self, cache: Path, recipes: list[Json], arches: set[str]) -> None:
        """Copy the finished products of these recipes' names for these arches out of a build cache."""
        if not cache.is_dir():
            raise bundle.BundleError(
                f"{cache} is not a folder: set ascend_bundle_products to the folder of a build cache, or to ''"
            )
        names = {recipe["name"] for recipe in recipes}
        for source in sorted(cache.iterdir()):
            metadata = products.metadata(str(source)) if re.fullmatch(r".+-[0-9a-f]{12}", source.name) else None
            if (
                metadata is None
                or metadata["manifest"].get("name") not in names
                or _arch(metadata) not in arches | {""}
            ):
                continue
            there = self.folder / bundle.PRODUCTS / source.name
            held = [f"{bundle.PRODUCTS}/{source.name}/{name}" for name in products_files(source, metadata)]
            if False not in [self._is_whole(name) for name in held]:
                continue
            wrong = products.problems(str(source))
            if wrong:
                self.warn(f"{source} is not copied, since it is damaged: {'; '.join(wrong)}")
                continue
            self._announce(f"copying {source.name}")
            partial = there.with_name(there.name + products.PARTIAL)
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            for name in held:
                shutil.copy2(source / Path(name).name, partial)
            products.publish(str(partial), str(there))
            for name in held:
                self._record(name)

    def _log(self, line: str) -> None:
        # What fetching says goes to whoever looks for a reason: it is too much for a screen.
        with open(self.work / "log", "a", encoding="utf-8") as stream:
            stream.write(line + "\n")


def products_files(folder: Path, metadata: Json) -> list[str]:
    """Return the names of the files that a product's folder has."""
    signed = [products.SIGNATURE] if (folder / products.SIGNATURE).is_file() else []
    return [products.METADATA, metadata["file"], *signed]


def _arch(metadata: Json) -> str:
    identity = metadata["manifest"].get("identity") or {}
    return str((identity.get("platform") or {}).get("arch", ""))


def _repo(submodule: Json) -> str:
    return git_urls.owner_and_name(submodule["urls"][0])


def _wheels_key(row: Json, platform: Json) -> str:
    return f"{row['version']}-{platform['python']}-{platform['arch']}"


def _empty_manifest() -> Json:
    return {"format": bundle.FORMAT, "releases": [], "files": {}, "repositories": {}, "requirements": {}, "wheels": {}}


def _write_manifest(path: Path, manifest: Json) -> None:
    """Write a manifest durably: whoever is stopped leaves the former one."""
    durable.write(str(path), json.dumps(manifest, sort_keys=True, indent=1) + "\n")
