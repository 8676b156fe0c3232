# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wheels: find the one that a build made, check it, add a manifest to it, and find what is installed.

A wheel is a zip file named name-version[-build]-python-abi-platform.whl (PEP 427) with a folder name-version.dist-info,
whose METADATA names it and whose RECORD lists every file as "path,sha256=digest,size".
"""

import base64
import csv
import email.parser
import errno
import hashlib
import io
import os
import re
import shutil
import tempfile
import zipfile
from contextlib import contextmanager
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable, file_names
from ansible_collections.ascend.pytorch.plugins.module_utils.product import manifest as manifests
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import zips

# name-version[-build]-python-abi-platform.whl; a build number begins with a digit.
_FILENAME = re.compile(
    r"(?P<name>[^\s/-]+)-(?P<version>[^\s/-]+)(?:-(?P<build>[0-9][^\s/-]*))?"
    r"-(?P<python>[^\s/-]+)-(?P<abi>[^\s/-]+)-(?P<platform>[^\s/-]+)\.whl"
)
# RECORD lists these without a digest: RECORD cannot hold its own, nor that of a signature of itself.
_UNLISTED = ("RECORD", "RECORD.jws", "RECORD.p7s")
# More than the size of RECORD and its signatures together.
UNLISTED_BYTES = 64 << 20
# No wheel has nearly so many files; torch's have about ten thousand. Nor are METADATA, RECORD and manifest nearly as large.
MOST_ENTRIES, TEXT_BYTES = 100 * 1000, 16 << 20
_DIGESTS = ("sha256", "sha384", "sha512")


class WheelError(Exception):
    """A wheel that is missing, not the only one, or damaged."""


def normalise(name: str) -> str:
    """Return the normalised name of a distribution, the same for all its spellings (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def parse_filename(name: str) -> Dict[str, Optional[str]]:
    """Return {"name", "version", "build" (None when absent), "python", "abi", "platform"} of a wheel's file name.

    :raises WheelError: it is not a wheel's file name
    """
    found = _FILENAME.fullmatch(os.path.basename(name))
    if found is None:
        raise WheelError("{0!r} is not a wheel's file name (name-version-python-abi-platform.whl)".format(name))
    return found.groupdict()


def find_wheel(dist_dir: str, name: str, version: str, python_tag: str, arch: str) -> str:
    """Return the path of the only wheel in a folder that matches.

    :param version: exactly this, or this with a local part or a post release: 1.5.0 finds 1.5.0+ascend.post3
    :param python_tag: such as cp39; a wheel of pure Python (py3-none-any) matches too
    :param arch: such as aarch64; the wheel is for linux, any manylinux, or any platform
    :raises WheelError: none matches, or several do; the message lists all wheels in the folder
    """
    try:
        there = sorted(entry for entry in os.listdir(dist_dir) if entry.endswith(".whl"))
    except OSError as error:
        raise WheelError("the build made no folder of wheels: {0}".format(error)) from error
    fitting = [entry for entry in there if _fits(entry, name, version, python_tag, arch)]
    if len(fitting) == 1:
        return os.path.join(dist_dir, fitting[0])
    raise WheelError(
        "{0} in {1} matches {2} {3} for {4} on {5}; found: {6}".format(
            "more than one wheel" if fitting else "no wheel",
            dist_dir,
            name,
            version,
            python_tag,
            arch,
            ", ".join(there) or "none",
        )
    )


def read(path: str) -> Dict[str, Any]:
    """Return a wheel's description of itself.

    {"name", "version" (from METADATA), "build", "python", "abi", "platform" (from the file's name), "dist_info" (the
    folder in it), "metadata" ({lower-case header: value}), "requires" ([Requires-Dist...]), "manifest" (dict or None)}

    :raises WheelError: not a wheel, or one without METADATA
    """
    described = dict(parse_filename(path))
    with _open_wheel(path) as archive:
        folder, manifest = _dist_info(archive, path), None
        metadata = _metadata(_read_member(archive, path, folder + "/METADATA", "replace"))
        if folder + "/" + manifests.WHEEL_NAME in archive.namelist():
            manifest = manifests.parse(_read_member(archive, path, folder + "/" + manifests.WHEEL_NAME, "replace"))
    if not metadata.get("name") or not metadata.get("version"):
        raise WheelError("{0}: its METADATA has no Name or no Version".format(path))
    described.update(
        name=metadata["name"][0],
        version=metadata["version"][0],
        dist_info=folder,
        manifest=manifest,
        metadata={key: values[0] for key, values in metadata.items()},
        requires=metadata.get("requires-dist", []),
    )
    return described


def missing_members(path: str, names: Iterable[str]) -> List[str]:
    """Return which of the named files, and of the folders with a slash at the end of their name, are not in a wheel.

    :raises WheelError: not a wheel
    """
    with _open_wheel(path) as archive:
        files = archive.namelist()
    return [
        name
        for name in names
        if not any(each.startswith(name) if name.endswith("/") else each == name for each in files)
    ]


def recorded_size(path: str) -> int:
    """Return how many bytes a wheel may hold: the sizes in its RECORD, and UNLISTED_BYTES for that and its signatures.

    :raises WheelError: not a wheel, or one without RECORD
    """
    with _open_wheel(path) as archive:
        record = _read_member(archive, path, _dist_info(archive, path) + "/RECORD", "replace")
    return UNLISTED_BYTES + sum(int(size) for _name, _digest, size in _rows(record) if size.isdigit())


def verify(path: str) -> None:
    """Read all of a wheel and compare it with the zip's CRCs and the digests and sizes in RECORD.

    :raises WheelError: something differs; the message names the first difference
    """
    with _open_wheel(path, "{0} is damaged: {1}. Build it again") as archive:
        folder = _dist_info(archive, path)
        record = {row[0]: row for row in _rows(_read_member(archive, path, folder + "/RECORD"))}
        files = [name for name in archive.namelist() if not name.endswith("/")]
        if len(set(files)) != len(files):
            raise WheelError("{0} has a file twice".format(path))
        unlisted = tuple(folder + "/" + name for name in _UNLISTED)
        missing = sorted(set(record) - set(files) - set(unlisted))
        if missing:
            raise WheelError("{0} lacks {1}, which its RECORD lists".format(path, missing[0]))
        for name in files:
            if name in unlisted:
                continue
            if name not in record:
                raise WheelError("{0}: {1} is not listed in its RECORD".format(path, name))
            _compare(archive, path, record[name])


def add_file(path_in: str, path_out: str, name: str = manifests.WHEEL_NAME, text: str = "{}") -> None:
    """Write a copy of a wheel with one more file in its dist-info, listed in its RECORD; the rest is not recompressed.

    The copy is renamed when it is whole; path_out may be path_in. An existing file of that name is replaced, and the same
    text gives the same bytes.

    :param name: file name within the dist-info folder
    :raises WheelError: path_in is not a wheel
    :raises OSError: path_in cannot be read, or the copy cannot be written (such as on a full disk)
    """
    target = os.path.abspath(path_out)
    handle, partial = tempfile.mkstemp(prefix=".embed-", dir=os.path.dirname(target))
    os.close(handle)
    try:
        # The members' compressed bytes are kept (torch's are hundreds of MB): only the central directory, and what follows
        # the last kept member, is rewritten.
        shutil.copyfile(path_in, partial)
        with open(partial, "r+b") as stream:
            _add_file(stream, path_in, name, text.encode("utf-8"))
        os.chmod(partial, os.stat(path_in).st_mode & 0o777)
        durable.replace(partial, target)
    except Exception as error:  # as in _open_wheel()
        # In a damaged zip, zipfile seeks to an invalid offset (EINVAL); any other OSError is a fault of the system.
        if isinstance(error, WheelError) or (isinstance(error, OSError) and error.errno != errno.EINVAL):
            raise
        raise WheelError("{0} cannot be added to {1}: {2}".format(name, path_in, error)) from error
    finally:
        if os.path.lexists(partial):
            os.unlink(partial)


def installed(site_dirs: Iterable[str], name: str) -> Optional[Dict[str, Any]]:
    """Return the distribution of this name in the first of the folders that has it, None when none has.

    {"version": str|None, "dist_info": path, "site": folder, "manifest": dict|None, "installer": str|None,
    "missing": [files in RECORD that are missing or have another size]}

    Only the dist-info is read, and a damaged one raises nothing. An egg-info has no manifest and no RECORD.
    """
    for site in site_dirs:
        found = _entries(site, name)
        if found:
            # An interrupted removal leaves dist-info folders without METADATA: one with METADATA is preferred to them,
            # and any of them to an egg-info.
            best = max(
                found,
                key=lambda entry: (
                    entry.endswith(".dist-info"),
                    os.path.isfile(os.path.join(site, entry, "METADATA")),
                    entry,
                ),
            )
            return _installed(site, best)
    return None


def read_record(dist_info: str) -> List[List[str]]:
    """Return the rows [path, digest, size] of an installed distribution's RECORD, [] when it is missing or unreadable.

    Paths are relative to the folder that holds the dist-info. Compiled files (.pyc) are left out, since Python makes and
    removes them at any time.
    """
    try:
        rows = _rows(_text(dist_info, "RECORD"))
    except (csv.Error, ValueError):
        return []
    return [row for row in rows if not row[0].endswith(".pyc")]


def damage(dist_info: str, full: bool = False) -> List[str]:
    """Return what differs from an installed distribution's RECORD, as "path: what is wrong"; empty when it is whole.

    :param dist_info: path of its dist-info folder
    :param full: also compare every digest in RECORD, which reads all files; else presence and size
    """
    site = os.path.dirname(dist_info)
    rows = read_record(dist_info)
    if not rows:
        return [os.path.basename(dist_info) + "/RECORD: missing"]
    wrong = []
    for relative, digest, size in rows:
        path = os.path.join(site, file_names.to_native(relative))
        algorithm = digest.partition("=")[0]
        try:
            found = str(os.stat(path).st_size)
            if size and size != found:
                wrong.append(relative + ": size differs")
            elif full and algorithm in _DIGESTS and _digest_of(path, algorithm) != digest.rstrip("="):
                wrong.append(relative + ": content differs")
        except (FileNotFoundError, NotADirectoryError, ValueError):
            wrong.append(relative + ": missing")
        except OSError as error:
            wrong.append("{0}: cannot be read ({1})".format(relative, error.strerror))
    return wrong


def _fits(entry: str, name: str, version: str, python_tag: str, arch: str) -> bool:
    try:
        parsed = parse_filename(entry)
    except WheelError:
        return False
    pure = parsed["abi"] == "none" and "py3" in parsed["python"].split(".")
    # Some tools replace the plus of a local version by an underscore.
    wanted = re.escape(version).replace("\\+", "[+_]") + r"(\.post[0-9]+)?([+_].+)?"
    return (
        normalise(parsed["name"]) == normalise(name)
        and re.fullmatch(wanted, parsed["version"]) is not None
        and (pure or python_tag in parsed["python"].split(".") or python_tag == parsed["abi"])
        and any(
            (platform == "any" and pure) or re.fullmatch(r"(many|musl)?linux.*_" + re.escape(arch), platform)
            for platform in parsed["platform"].split(".")
        )
    )


@contextmanager
def _open_wheel(path: str, wrong: str = "{0} cannot be read: {1}") -> Iterator[zips.Zip]:
    """Open a wheel for reading. wrong: the message for a damaged one. Raises WheelError."""
    try:
        with zips.open_zip(path, MOST_ENTRIES) as archive:
            yield archive
    except WheelError:
        raise
    except zips.ArchiveError as error:
        raise WheelError(str(error)) from error
    except Exception as error:  # zipfile and the decompressors raise many kinds for a damaged file
        raise WheelError(wrong.format(path, error)) from error


def _read_member(archive: zips.Zip, path: str, name: str, errors: str = "strict") -> str:
    return zips.read_member(path, archive, name, TEXT_BYTES).decode("utf-8", errors)


def _dist_info(archive: zips.Zip, path: str) -> str:
    folders = {name.partition("/")[0] for name in archive.namelist() if "/" in name}
    found = sorted(folder for folder in folders if folder.endswith(".dist-info"))
    if len(found) != 1:
        raise WheelError("{0} has {1} dist-info folders, wanted one".format(path, len(found)))
    return found[0]


def _metadata(text: str) -> Dict[str, List[str]]:
    found = {}  # type: Dict[str, List[str]]
    for key, value in email.parser.HeaderParser().parsestr(text).items():
        found.setdefault(key.lower(), []).append(str(value).strip())
    return found


def _rows(record: str) -> List[List[str]]:
    return [(row + ["", ""])[:3] for row in csv.reader(io.StringIO(record)) if row]


def _digest_text(algorithm: str, digest: bytes) -> str:
    return "{0}={1}".format(algorithm, base64.urlsafe_b64encode(digest).decode("ascii").rstrip("="))


def _compare(archive: zips.Zip, path: str, row: List[str]) -> None:
    name, digest, size = row
    algorithm = digest.partition("=")[0]
    if algorithm not in _DIGESTS:
        raise WheelError("{0}: RECORD has no sha256 of {1}".format(path, name))
    hashed, length = hashlib.new(algorithm), 0
    with archive.open(name) as member:
        for block in iter(lambda: member.read(1 << 20), b""):
            hashed.update(block)
            length += len(block)
    if _digest_text(algorithm, hashed.digest()) != digest.rstrip("=") or (size and size != str(length)):
        raise WheelError("{0} is damaged: {1} does not match its RECORD. Build it again".format(path, name))


def _add_file(stream: Any, path: str, name: str, content: bytes) -> None:
    with zips.open_zip_to_append(path, stream, MOST_ENTRIES) as archive:
        folder = _dist_info(archive, path)
        record, added = folder + "/RECORD", folder + "/" + name
        # A signature of the former RECORD is no longer valid.
        dropped = (added,) + tuple(folder + "/" + unlisted for unlisted in _UNLISTED)
        rows = [row for row in _rows(_read_member(archive, path, record)) if row[0] not in dropped]
        when = archive.getinfo(record).date_time
        rows.append([added, _digest_text("sha256", hashlib.sha256(content).digest()), str(len(content))])
        rows.append([record, "", ""])
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        _drop_members(archive, dropped)
        for member, data in ((added, content), (record, text.getvalue().encode("utf-8"))):
            info = zipfile.ZipInfo(member, when)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o100644 << 16
            info.create_system = 3
            archive.writestr(info, data)
    # zipfile has just written the end of the archive. Bytes of the former one may follow; only since Python 3.8 does zipfile
    # cut them off itself.
    stream.truncate()


def _drop_members(archive: zips.Zip, names: Tuple[str, ...]) -> None:
    # Remove them from the central directory; those at the end of the file are overwritten.
    kept = [info for info in archive.filelist if info.filename not in names]
    behind = max([info.header_offset for info in kept] or [-1])
    tail = [info.header_offset for info in archive.filelist if info.filename in names and info.header_offset > behind]
    archive.start_dir = min(tail + [archive.start_dir])
    archive.filelist[:] = kept
    for name in names:
        archive.NameToInfo.pop(name, None)


def _entries(site: str, name: str) -> List[str]:
    # "torch-1.8.1+ascend.dist-info", "torch-1.8.1.egg-info", "torch-1.8.1-py3.9.egg-info", "torch.egg-info"
    try:
        there = os.listdir(site)
    except OSError:
        return []
    return sorted(
        entry
        for entry in there
        if entry.endswith((".dist-info", ".egg-info"))
        and normalise(entry[: -len(".dist-info" if entry.endswith(".dist-info") else ".egg-info")].partition("-")[0])
        == normalise(name)
    )


def _text(*parts: str) -> str:
    try:
        with open(os.path.join(*parts), encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def _installed(site: str, entry: str) -> Dict[str, Any]:
    path = os.path.join(site, entry)
    named = re.sub(r"-py[0-9.]+$", "", entry.rpartition(".")[0]).partition("-")[2] or None
    answer = {"version": named, "dist_info": path, "site": site, "manifest": None, "missing": [], "installer": None}
    if entry.endswith(".egg-info"):
        metadata = _text(path) if os.path.isfile(path) else _text(path, "PKG-INFO")
    else:
        metadata = _text(path, "METADATA")
        answer["installer"] = _text(path, "INSTALLER").strip() or None
        answer["manifest"] = manifests.parse(_text(path, manifests.WHEEL_NAME))
        answer["missing"] = [line.rpartition(": ")[0] for line in damage(path)]
    version = _metadata(metadata).get("version")
    if version and version[0]:
        answer["version"] = version[0]
    return answer


def _digest_of(path: str, algorithm: str) -> str:
    if not os.path.isfile(path):
        # Opening something else, such as a pipe, may block forever.
        return ""
    hashed = hashlib.new(algorithm)
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            hashed.update(block)
    return _digest_text(algorithm, hashed.digest())
