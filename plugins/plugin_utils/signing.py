# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures of products: ssh-keygen's own (`ssh-keygen -Y`, OpenSSH 8.2 or newer), so that no other tool is needed."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ansible import constants as C
from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable

# With it a signature that was made for something else, such as a git commit, is refused.
NAMESPACE = "ascend.pytorch"
TIME_LIMIT_S = 60.0

_KEY = re.compile(r"(?:ssh|ecdsa|sk)-\S+\s+AAAA\S+")


class SigningError(Exception):
    """Signing or verifying could not be done; the message says what failed and what to do."""


class Refused(SigningError):
    """A product is not signed, or not by somebody who is trusted."""


def sign(text: bytes, key: str) -> bytes:
    """Return the signature of a text, as it is to stand in a .sig file.

    :param key: a private key without a passphrase, or a public one whose private one ssh-agent holds
    :raises SigningError: there is no such key, or ssh-keygen cannot use it
    """
    key = os.path.expanduser(key)
    if not os.path.isfile(key):
        raise SigningError(
            f"ascend_sign_key: {key} is not a file on the controller; name the key to sign products with"
        )
    status, signature, said = _keygen(["sign", "-f", key, "-n", NAMESPACE], text)
    if status:
        raise SigningError(f"ascend_sign_key: nothing can be signed with {key}: {said}. {_remedy(said)}")
    return signature


def write(path: str | os.PathLike[str], signature: bytes) -> None:
    """Write <path>.sig, a signature of that file, by a rename.

    :raises SigningError: it cannot be written
    """
    path = os.fspath(path)
    try:
        durable.write(path + ".sig", signature)
    except OSError as error:
        raise SigningError(f"{path} cannot be signed: {error}. Free some space, or see who may write there")


def _remedy(said: str) -> str:
    if "passphrase" in said:
        return "Load it into ssh-agent (ssh-add), or name a key without a passphrase"
    if "UNPROTECTED" in said:
        return "Let nobody else read it (chmod 600)"
    if "agent" in said or "No private key" in said:
        return "Name a private key, or load the private one into ssh-agent (ssh-add)"
    return "Name a private key as `ssh-keygen -t ed25519` makes them"


def verify(text: bytes, signature: bytes | None, trusted: str) -> str:
    """Return the name of the trusted signer of a text.

    :param signature: the content of its .sig file, None where there is none
    :param trusted: an allowed_signers file as ssh-keygen(1) describes it, or public keys as in a .pub file; a key's
        comment is its signer's name
    :raises Refused: not signed, changed since, or signed by another
    :raises SigningError: the trusted keys or ssh-keygen cannot be used
    """
    signers = _signers(trusted)
    if not signature:
        raise Refused(
            f"it is not signed, and ascend_trusted_keys ({trusted}) asks for a signature. Sign what is built by setting "
            "ascend_sign_key, or have it built again"
        )
    with _files(signature, signers.encode()) as (signed, allowed):
        status, names, said = _keygen(["find-principals", "-s", signed, "-f", allowed])
        for name in re.split(r"[\n,]", names.decode("utf-8", "replace").strip()) if status == 0 else []:
            argv = ["verify", "-f", allowed, "-I", name, "-n", NAMESPACE, "-s", signed]
            # A name with ! is one that a line of allowed signers excludes.
            if name and not name.startswith("!"):
                status, _out, said = _keygen(argv, text)
                if status == 0:
                    return name
    by = signer(text, signature)
    raise Refused(
        f"its signature ({by}) is not one that ascend_trusted_keys ({trusted}) trusts: {said}. Trust that key if it is "
        "yours, or have the product built again"
        if by
        else f"its signature does not fit its metadata: {said}. Somebody has changed it; have the product built again"
    )


def signer(text: bytes, signature: bytes | None) -> str:
    """Return the digest of the key that signed a text, as "SHA256:…", whoever's it is; "" for no fitting signature.

    :raises SigningError: ssh-keygen cannot be used
    """
    if not signature:
        return ""
    with _files(signature) as (signed,):
        status, out, said = _keygen(["check-novalidate", "-n", NAMESPACE, "-s", signed], text)
    key = re.search(r"SHA256:\S+", out.decode("utf-8", "replace") + said)
    return key[0] if status == 0 and key else ""


@contextlib.contextmanager
def _files(*contents: bytes) -> Iterator[list[str]]:
    """Hold contents in files, since ssh-keygen takes one of them alone from a pipe."""
    try:
        with contextlib.ExitStack() as stack:
            paths = []
            for content in contents:
                stream = stack.enter_context(tempfile.NamedTemporaryFile(dir=C.DEFAULT_LOCAL_TMP))
                stream.write(content)
                stream.flush()
                paths.append(stream.name)
            yield paths
    except OSError as error:
        raise SigningError(
            f"{C.DEFAULT_LOCAL_TMP} on the controller cannot be written: {error.strerror}. Free some space there"
        )


def _signers(trusted: str) -> str:
    """Return the lines of an allowed_signers file; lines that are bare public keys become such."""
    trusted = os.path.expanduser(trusted)
    try:
        text = Path(trusted).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise SigningError(
            f"ascend_trusted_keys: {trusted} cannot be read on the controller: {error.strerror}. Name an allowed_signers "
            "file of ssh-keygen, or a public key (.pub)"
        )
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines or "PRIVATE KEY" in text:
        what = "is a private key, and stays private" if lines else "names no key"
        raise SigningError(
            f"ascend_trusted_keys: {trusted} {what}. Name an allowed_signers file of ssh-keygen, or a public key (.pub)"
        )
    return "".join(_signer_line(line) + "\n" for line in lines)


def _signer_line(line: str) -> str:
    key = _KEY.match(line)
    if not key:
        return line
    # Characters that would be a pattern, a list or more fields.
    name = re.sub(r"[\s,*?!\"#]+", "-", line[key.end() :].strip()) or "nameless"
    return f'{name} namespaces="{NAMESPACE}" {key[0]}'


def _keygen(argv: list[str], text: bytes = b"") -> tuple[int, bytes, str]:
    """Run `ssh-keygen -Y` and return its status, what it printed, and its complaint in one line."""
    # It must ask nobody: neither here, which is why it gets a session without a terminal, nor by a window.
    env = {
        name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_ASKPASS")
    }
    env.update(LC_ALL="C", SSH_ASKPASS_REQUIRE="never")
    try:
        done = subprocess.run(
            ["ssh-keygen", "-Y", *argv],
            input=text,
            capture_output=True,
            env=env,
            start_new_session=True,
            timeout=TIME_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SigningError(
            f"`ssh-keygen -Y {argv[0]}` gave no answer in {TIME_LIMIT_S:.0f} s. Does ssh-agent, or a security key, wait for you?"
        )
    except OSError as error:
        raise SigningError(
            f"ssh-keygen cannot be started on the controller: {error.strerror}. Install OpenSSH's client (8.2 or newer)"
        )
    said = " ".join(done.stderr.decode("utf-8", "replace").split())
    if done.returncode and re.search(r"unknown option|illegal option|Unsupported operation", said):
        raise SigningError(
            f"ssh-keygen on the controller is too old for signatures: {said[:100]}. Install OpenSSH 8.2 or newer"
        )
    # Without its banner's frame, and without what it says before it has done anything.
    return (
        done.returncode,
        done.stdout,
        re.sub(r"@@+|Signing data on standard input|Enter passphrase:", "", said).strip(),
    )
