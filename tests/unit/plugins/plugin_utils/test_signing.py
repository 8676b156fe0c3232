# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures by the real ssh-keygen: trusted, untrusted, changed, and keys that cannot be used."""

import os
import subprocess

import pytest
from ansible_collections.ascend.pytorch.plugins.plugin_utils import signing

TEXT = b'{"file": "x"}'


@pytest.fixture
def keys(tmp_path):
    """keys(name, passphrase): make a key whose comment is name@site, and return its path."""

    def make(name, passphrase=""):
        path = tmp_path / name
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", f"{name}@site", "-f", str(path)], check=True
        )
        return str(path)

    return make


@pytest.fixture
def signed(tmp_path):
    """signed(key): the signature of TEXT."""

    def sign(key):
        signing.write(tmp_path / "product.json", signing.sign(TEXT, key))
        return (tmp_path / "product.json.sig").read_bytes()

    return sign


def public(key):
    with open(key + ".pub") as stream:
        return stream.read().strip()


def test_a_public_key_is_trusted(keys, signed):
    key = keys("ops")
    assert signing.verify(TEXT, signed(key), key + ".pub") == "ops@site"


def test_a_text_is_signed_without_a_file(keys):
    key = keys("ops")
    assert signing.verify(TEXT, signing.sign(TEXT, key), key + ".pub") == "ops@site"


def test_signed_again_by_another(keys, signed):
    signed(keys("ops"))
    other = keys("other")
    assert signing.verify(TEXT, signed(other), other + ".pub") == "other@site"


def test_allowed_signers(keys, signed, tmp_path):
    key, other = keys("ops"), keys("other")
    trusted = tmp_path / "allowed_signers"
    trusted.write_text(
        f"# ours\nother@site {public(other)}\n"
        f'!nobody@site,carol@site,dave@site namespaces="git,ascend.pytorch" {public(key)}\n'
    )
    assert signing.verify(TEXT, signed(key), str(trusted)) == "carol@site"


def test_several_public_keys_in_one_file(keys, signed, tmp_path):
    one, other = keys("one"), keys("other")
    (tmp_path / "all.pub").write_text(public(one) + "\n" + public(other) + "\n")
    assert signing.verify(TEXT, signed(other), str(tmp_path / "all.pub")) == "other@site"


@pytest.mark.parametrize("comment", ["", " *", " a b,c", ' "quoted'])
def test_any_comment_will_do(keys, signed, tmp_path, comment):
    key = keys("ops")
    (tmp_path / "odd.pub").write_text(" ".join(public(key).split()[:2]) + comment + "\n")
    name = signing.verify(TEXT, signed(key), str(tmp_path / "odd.pub"))
    assert name == {"": "nameless", " *": "-", " a b,c": "a-b-c", ' "quoted': "-quoted"}[comment]


def test_not_signed(keys):
    with pytest.raises(signing.Refused, match="not signed.*ascend_sign_key"):
        signing.verify(TEXT, None, keys("ops") + ".pub")


def test_changed_since(keys, signed):
    key = keys("ops")
    with pytest.raises(signing.Refused, match="does not fit its metadata.*changed it"):
        signing.verify(TEXT + b" ", signed(key), key + ".pub")


def test_signed_by_another(keys, signed):
    signature = signed(keys("other"))
    with pytest.raises(signing.Refused, match=r"\(SHA256:\S+\) is not one that ascend_trusted_keys .* trusts"):
        signing.verify(TEXT, signature, keys("ops") + ".pub")


@pytest.mark.parametrize("signature", [b"-----BEGIN SSH SIGNATURE-----\n", b"\0\xff", b"x" * 100000])
def test_no_signature_at_all(keys, signature):
    with pytest.raises(signing.Refused, match="does not fit"):
        signing.verify(TEXT, signature, keys("ops") + ".pub")


def test_a_signature_for_something_else(keys):
    key = keys("ops")
    made = subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-f", key, "-n", "git"], input=TEXT, capture_output=True, check=True
    ).stdout
    with pytest.raises(signing.Refused):
        signing.verify(TEXT, made, key + ".pub")


def test_a_key_that_may_sign_other_things_only(keys, signed, tmp_path):
    key = keys("ops")
    (tmp_path / "allowed").write_text(f'ops@site namespaces="git" {public(key)}\n')
    with pytest.raises(signing.Refused, match="not one that"):
        signing.verify(TEXT, signed(key), str(tmp_path / "allowed"))


def test_the_key_of_a_signature(keys, signed):
    key = keys("ops")
    signature = signed(key)
    listed = subprocess.run(["ssh-keygen", "-lf", key], capture_output=True, check=True, text=True).stdout
    assert signing.signer(TEXT, signature) == listed.split()[1]
    assert signing.signer(TEXT + b" ", signature) == "" and signing.signer(TEXT, None) == ""


# --- what cannot be used ----------------------------------------------------------------------------------------------


def test_a_key_with_a_passphrase(keys, signed):
    with pytest.raises(signing.SigningError, match="ascend_sign_key: .*ssh-add"):
        signed(keys("ops", "secret words"))


def test_a_key_that_others_can_read(keys, signed):
    key = keys("ops")
    os.chmod(key, 0o644)
    with pytest.raises(signing.SigningError, match="chmod 600"):
        signed(key)


def test_a_public_key_without_its_private_one(keys, signed, monkeypatch):
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    key = keys("ops")
    os.unlink(key)
    with pytest.raises(signing.SigningError, match="ssh-add"):
        signed(key + ".pub")


def test_no_key(signed, tmp_path):
    with pytest.raises(signing.SigningError, match="ascend_sign_key: .*none is not a file"):
        signed(str(tmp_path / "none"))


def test_a_folder_that_cannot_be_written(tmp_path):
    with pytest.raises(signing.SigningError, match="cannot be signed"):
        signing.write(tmp_path / "none" / "product.json", b"signature")


@pytest.mark.parametrize(
    "content, words", [(None, "cannot be read"), ("# nobody\n", "names no key"), ("private", "stays private")]
)
def test_trusted_keys_that_are_none(keys, tmp_path, content, words):
    path = tmp_path / "trusted"
    if content == "private":
        path = keys("ops")
    elif content:
        path.write_text(content)
    with pytest.raises(signing.SigningError, match=words) as told:
        signing.verify(TEXT, b"x", str(path))
    assert not isinstance(told.value, signing.Refused) and "allowed_signers" in str(told.value)


def test_no_ssh_keygen(keys, signed, monkeypatch, tmp_path):
    key = keys("ops")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(signing.SigningError, match="Install OpenSSH"):
        signed(key)


def test_an_old_ssh_keygen(keys, signed, monkeypatch, tmp_path):
    key = keys("ops")
    old = tmp_path / "ssh-keygen"
    old.write_text("#!/bin/sh\necho 'unknown option -- Y' >&2\nexit 1\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(signing.SigningError, match="too old .* 8.2 or newer"):
        signed(key)


def test_one_that_does_not_answer(keys, signed, monkeypatch, tmp_path):
    key = keys("ops")
    slow = tmp_path / "ssh-keygen"
    slow.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(signing, "TIME_LIMIT_S", 0.1)
    with pytest.raises(signing.SigningError, match="gave no answer"):
        signed(key)
