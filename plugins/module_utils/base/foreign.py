# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check values that came from another machine, or from a file that did, one by one.

Anyone may have written the metadata of a product, a manifest or a bundle's bundle.json, and from their values come paths,
the sizes of downloads and the names of folders. Each function returns the value that it is given, or raises ForeignValueError.
"""

import json
import re
from typing import Any, Dict, List, Optional

# The limit for a text: the longest one, the manifest of a tree of many thousand files, has a few MiB.
TEXT_LIMIT_BYTES = 64 << 20
# No product, and no file of one, is nearly as large.
SIZE_LIMIT_BYTES = 1 << 40
# PATH_MAX of Linux.
PATH_LIMIT_BYTES = 4096

_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_REPOSITORY = re.compile(r"\w[\w.+~-]*(/\w[\w.+~-]*)*")


class ForeignValueError(ValueError):
    """A value is not of the required form; the message has the value and that form."""


def _error(value: Any, wanted: str) -> ForeignValueError:
    shown = repr(value)
    return ForeignValueError("{0} is not {1}".format(shown if len(shown) <= 80 else shown[:77] + "...", wanted))


def mapping(said: Any) -> Dict[str, Any]:
    """Return the JSON object in a text, str or bytes."""
    if not isinstance(said, (str, bytes)) or len(said) > TEXT_LIMIT_BYTES:
        raise ForeignValueError("it is not a text of at most {0} MiB".format(TEXT_LIMIT_BYTES >> 20))
    try:
        # Python's parser accepts NaN and Infinity, which are not JSON.
        found = json.loads(said, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ForeignValueError("it is not JSON ({0})".format(error))
    return table(found)


def _refuse_constant(word: str) -> Any:
    raise ForeignValueError("{0} is not a number".format(word))


def table(value: Any) -> Dict[str, Any]:
    """Return a value that is a mapping; if it was JSON, its keys are text."""
    if not isinstance(value, dict):
        raise _error(value, "a mapping")
    return value


def sequence(value: Any) -> List[Any]:
    """Return a value that is a list."""
    if not isinstance(value, list):
        raise _error(value, "a list")
    return value


def text(value: Any) -> str:
    """Return a value that is text."""
    if not isinstance(value, str):
        raise _error(value, "a text")
    return value


def nonempty_text(value: Any) -> str:
    """Return a value that is text and not empty."""
    if not text(value):
        raise _error(value, "a text that is not empty")
    return str(value)


def file_name(value: Any) -> str:
    """Return the name of a file: one without folders in it, and with printable characters only."""
    if "/" in relative_path(value) or not value.isprintable():
        raise _error(value, "a file's name")
    return str(value)


def relative_path(value: Any) -> str:
    """Return a path, with / between its parts, that stays below its folder: without . or .. or empty parts."""
    parts = nonempty_text(value).split("/")
    if "\0" in value or any(part in ("", ".", "..") for part in parts):
        raise _error(value, "a path below its folder")
    try:
        # Encoded as manifests have names that are not UTF-8, so that the result does not depend on the locale.
        size = len(value.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        raise _error(value, "a path that a file can have")
    if size > PATH_LIMIT_BYTES:
        raise _error(value, "a path of at most {0} bytes".format(PATH_LIMIT_BYTES))
    return str(value)


def repository(value: Any) -> str:
    """Return the name of a repository, such as Owner/name."""
    if not _REPOSITORY.fullmatch(nonempty_text(value)):
        raise _error(value, "a repository's name")
    return str(value)


def sha256(value: Any) -> str:
    """Return a SHA-256 digest: 64 hexadecimal digits, in lower case."""
    if not _SHA256.fullmatch(nonempty_text(value)):
        raise _error(value, "a sha256")
    return str(value)


def commit(value: Any) -> str:
    """Return a git commit: 40 hexadecimal digits, in lower case."""
    if not _COMMIT.fullmatch(nonempty_text(value)):
        raise _error(value, "a git commit")
    return str(value)


def size(value: Any, most: Optional[int] = None) -> int:
    """Return a number of bytes.

    :param most: the maximum, SIZE_LIMIT_BYTES by default
    """
    limit = SIZE_LIMIT_BYTES if most is None else most
    # True is an int to Python.
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= limit:
        raise _error(value, "a number of bytes from 0 to {0}".format(limit))
    return value
