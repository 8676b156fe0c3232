# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying products: the connection copies files, and the module is the real one; interrupted, damaged, short of room."""

import contextlib
import http.server
import io
import json
import os
import shutil
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import ordering
import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils import basic
from ansible_collections.ascend.pytorch.plugins.module_utils.product import products
from ansible_collections.ascend.pytorch.plugins.modules import carry as module
from ansible_collections.ascend.pytorch.plugins.plugin_utils import carry, runs, speaking, transfer

COLLECTIONS = Path(__file__).parents[4] / "collections"
CONTENT = bytes(range(256)) * 4
PIECES = 11


def order_of(host):
    return ordering.order(version="1.0+a", fingerprint="f" * 64, work_dir=str(host))


LABEL = order_of("").label()
FILE = LABEL + ".tar.gz"
NAMED = ("name", "version", "fingerprint")


class Host:
    """A host that is a folder: an action, its connection and its shell in one."""

    def __init__(self, folder):
        self.work, self.order = folder / "work", order_of(folder / "work")
        self.entries = self.work / "products"
        self.product = self.entries / LABEL
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        self.tmpdir, self.copied, self.on_copy = None, [], lambda number: None
        self._connection = self._shell = self
        self._task = SimpleNamespace(check_mode=False)
        self.carrier = carry.Carrier(self, {})

    def make(self, content=CONTENT, **changes):
        self.product.mkdir(parents=True)
        (self.product / FILE).write_bytes(content)
        metadata = products.compose(str(self.product / FILE), {key: getattr(self.order, key) for key in NAMED})
        (self.product / "product.json").write_text(json.dumps(dict(metadata, **changes), indent=1))
        return self

    def join_path(self, *parts):
        return os.path.join(*parts)

    def _make_tmp_path(self):
        folder = self.home / f"ansible-tmp-{len(list(self.home.iterdir()))}"
        folder.mkdir()
        self.tmpdir = str(folder)

    def _is_become_unprivileged(self):
        return False

    def _remote_chmod(self, paths, mode):
        return {"rc": subprocess.run(["chmod", mode, *paths], check=False).returncode}

    def put_file(self, source, dest):
        # Not the first, empty one that only makes the file.
        if os.path.getsize(source):
            self.copied.append(os.path.getsize(source))
            self.on_copy(len(self.copied))
        try:
            shutil.copyfile(source, dest)
        except OSError as error:
            raise AnsibleError(str(error))

    fetch_file = put_file

    def _execute_module(self, module_name, module_args, task_vars):
        assert module_name == "ascend.pytorch.carry"
        arguments = dict(module_args, _ansible_check_mode=self._task.check_mode, _ansible_remote_tmp=str(self.home))
        basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
        basic._ANSIBLE_PROFILE = "legacy"
        with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
            module.main()
        return json.loads(said.getvalue())


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch, tmp_path):
    monkeypatch.setattr(carry, "PIECE_BYTES", 100)
    monkeypatch.setattr(carry.C, "DEFAULT_LOCAL_TMP", str(tmp_path))
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path / "host")


@pytest.fixture
def builder(tmp_path):
    return Host(tmp_path / "builder").make()


@pytest.fixture
def cache(tmp_path):
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


@pytest.fixture
def warnings(monkeypatch):
    said = []
    monkeypatch.setattr(speaking.display, "warning", said.append)
    return said


def contents(folder):
    """What a product is; where a host has it from is no part of it."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != products.TAKEN}


def metadata_in(folder):
    return json.loads((folder / "product.json").read_text())


def broken_after(pieces):
    def on_copy(number):
        if number > pieces:
            raise AnsibleConnectionFailure("gone")

    return on_copy


def test_from_the_builder_to_the_cache_to_another_host(builder, host, cache):
    (builder.product / "product.json.sig").write_text("signed")
    assert builder.carrier.has(builder.order) and not host.carrier.has(host.order)
    builder.carrier.collect(builder.order, cache)
    assert contents(cache) == contents(builder.product)
    assert host.carrier.deliver(host.order, cache, metadata_in(cache)) is True
    assert contents(host.product) == contents(cache)
    assert [path.name for path in host.entries.iterdir() if path.is_dir()] == [LABEL]
    assert len(builder.copied) == len(host.copied) == PIECES
    assert host.carrier.deliver(host.order, cache, metadata_in(cache)) is False
    assert len(host.copied) == PIECES
    metadata = (cache / "product.json").read_bytes()
    assert builder.carrier.held(builder.order) == carry.Held(metadata, b"signed", "")


def test_what_is_no_more_than_a_piece_is_handed_over(builder, host, monkeypatch):
    metadata, size = metadata_in(builder.product), len(CONTENT)
    sent = carry.Carrier(host, {}, hands_over=True)
    # More than a piece is delivered as ever.
    assert sent.deliver(host.order, builder.product, metadata) and sent.handed_over == {} and host.product.is_dir()
    shutil.rmtree(host.work)
    monkeypatch.setattr(carry, "PIECE_BYTES", size + 1)
    host.copied.clear()
    monkeypatch.setattr(host, "_execute_module", lambda **_given: pytest.fail("the host was asked"))
    assert sent.deliver(host.order, builder.product, metadata)
    arrived = sent.handed_over["tool"]
    assert Path(arrived["piece"]).read_bytes() == CONTENT and Path(arrived["piece"]).parent == Path(host.tmpdir)
    assert (arrived["metadata"], arrived["length"]) == ((builder.product / "product.json").read_text(), size)
    assert host.copied == [size] and not host.work.exists()


def test_what_is_handed_over_together_is_no_more_than_a_piece(builder, host, monkeypatch):
    monkeypatch.setattr(carry, "PIECE_BYTES", 2 * len(CONTENT) - 1)
    sent = carry.Carrier(host, {}, hands_over=True)
    assert sent.deliver(host.order._replace(name="one"), builder.product, metadata_in(builder.product))
    assert set(sent.handed_over) == {"one"}
    assert sent.deliver(host.order, builder.product, metadata_in(builder.product))
    assert set(sent.handed_over) == {"one"} and contents(host.product) == contents(builder.product)


def test_what_is_handed_over_can_be_read_by_who_takes_it_in(builder, host, monkeypatch):
    monkeypatch.setattr(carry, "PIECE_BYTES", len(CONTENT))
    let_in = []
    monkeypatch.setattr(host, "_is_become_unprivileged", lambda: True)
    monkeypatch.setattr(host, "_fixup_perms2", let_in.append, raising=False)
    sent = carry.Carrier(host, {}, hands_over=True)
    sent.deliver(host.order, builder.product, metadata_in(builder.product))
    arrived = sent.handed_over["tool"]
    assert let_in == [[host.tmpdir]] and os.stat(arrived["piece"]).st_mode & 0o777 == 0o644


def test_what_a_host_has_not_built_it_says_of(builder, host, tmp_path, cache):
    host.carrier.deliver(host.order, builder.product, metadata_in(builder.product))
    assert (builder.carrier.held(builder.order).taken, host.carrier.held(host.order).taken) == ("", "the controller")
    # And does not hand that on: whoever takes from it has its own word for it.
    host.carrier.collect(host.order, cache)
    assert not (cache / products.TAKEN).exists()
    other = Host(tmp_path / "other")
    other.carrier.take_from(other.order, host.entries.as_uri(), metadata_in(host.product))
    assert other.carrier.held(other.order).taken == host.entries.as_uri()


def test_a_file_that_is_called_like_what_carries_it_is_no_product(builder, cache):
    (builder.product / FILE).rename(builder.product / "ascend-piece")
    metadata = dict(metadata_in(builder.product), file="ascend-piece")
    (builder.product / "product.json").write_text(json.dumps(metadata))
    with pytest.raises(carry.CarryError, match="is gone, or was damaged|not the metadata"):
        builder.carrier.collect(builder.order, cache)
    assert not builder.copied and not any(cache.iterdir())


def test_a_worker_of_a_killed_run_carries_nothing_more(builder, host, cache, monkeypatch):
    """It ends between two pieces, and the next run goes on behind them."""
    monkeypatch.setattr(os, "_exit", sys.exit)
    ways = [
        (builder, lambda: builder.carrier.collect(builder.order, cache)),
        (host, lambda: host.carrier.deliver(host.order, cache, metadata_in(cache))),
    ]
    for one, carries in ways:
        with monkeypatch.context() as patch:
            patch.setattr(runs, "is_over", lambda one=one: len(one.copied) == 3)
            with pytest.raises(SystemExit):
                carries()
        assert len(one.copied) == 3
        carries()
        assert len(one.copied) == PIECES
    assert contents(host.product) == contents(cache) == contents(builder.product)


def lying(host, state, **lies):
    """Have a host say something else of one thing."""
    honest = host._execute_module

    def said(module_name, module_args, task_vars):
        answer = honest(module_name, module_args, task_vars)
        return dict(answer, **lies) if module_args["state"] == state else answer

    host._execute_module = said
    return host


def test_pieces_stand_apart_from_what_they_are_pieces_of(builder, cache):
    seen = []
    builder.on_copy = lambda number: seen.append(sorted(path.name for path in cache.iterdir()))
    builder.carrier.collect(builder.order, cache)
    assert set(map(tuple, seen)) == {("product.json", FILE)}


def test_no_more_comes_than_the_metadata_says(builder, cache):
    """The metadata that is signed says how long the file is; a host that has more to give, gives it to nobody."""
    (builder.product / FILE).write_bytes(CONTENT * 3)
    metadata = metadata_in(builder.product)
    held = {"present": True, "metadata": json.dumps(metadata), "signature": None, "taken": ""}
    lying(lying(builder, "held", **held), "cut", length=100, failed=False)
    builder.fetch_file = lambda source, dest: Path(dest).write_bytes(b"x" * 100)
    with pytest.raises(
        carry.CarryError, match="impossible size for a product: 100 is not a number of bytes from 0 to 24"
    ):
        builder.carrier.collect(builder.order, cache)
    assert (cache / FILE).stat().st_size == 1000


@pytest.mark.parametrize("length", [-5, 10**9, "7", None, True])
def test_a_host_that_tells_impossible_lengths(builder, host, cache, length):
    with pytest.raises(carry.CarryError, match="Examine that host"):
        lying(builder, "cut", length=length).carrier.collect(builder.order, cache)
    if length != 10**9:
        with pytest.raises(carry.CarryError, match="Examine that host"):
            lying(host, "wanted", received=length).carrier.deliver(
                host.order, builder.product, metadata_in(builder.product)
            )


def test_the_metadata_of_another_product_is_not_collected(builder, cache):
    other = dict(metadata_in(builder.product), manifest={"name": "gcc730", "version": "7.3.0", "fingerprint": "e" * 64})
    other["file"] = "gcc730-7.3.0-" + "e" * 12 + ".tar.gz"
    with pytest.raises(carry.CarryError, match="not the metadata of that product"):
        lying(builder, "held", metadata=json.dumps(other)).carrier.collect(builder.order, cache)


def test_collecting_goes_on_where_it_was(builder, cache):
    builder.on_copy = broken_after(3)
    with pytest.raises(AnsibleConnectionFailure):
        builder.carrier.collect(builder.order, cache)
    builder.on_copy = lambda number: None
    carry.Carrier(builder, {}).collect(builder.order, cache)
    assert contents(cache) == contents(builder.product)
    assert len(builder.copied) == PIECES + 1


def test_delivering_goes_on_where_it_was(builder, host):
    host.on_copy = broken_after(3)
    with pytest.raises(AnsibleConnectionFailure):
        host.carrier.deliver(host.order, builder.product, metadata_in(builder.product))
    assert not host.product.exists()
    host.on_copy = lambda number: None
    assert carry.Carrier(host, {}).deliver(host.order, builder.product, metadata_in(builder.product))
    assert contents(host.product) == contents(builder.product)
    assert len(host.copied) == PIECES + 1


def test_what_arrived_wrong_is_carried_again_once(builder, host, cache):
    shutil.copy(builder.product / "product.json", cache)
    (cache / FILE).write_bytes(b"not it")
    builder.carrier.collect(builder.order, cache)
    metadata = metadata_in(cache)
    started = host.entries / f"{LABEL}.partial-{metadata['sha256'][:12]}"
    started.mkdir(parents=True)
    (started / FILE).write_bytes(b"longer than the whole " * len(CONTENT))
    host.carrier.deliver(host.order, cache, metadata)
    assert contents(cache) == contents(host.product) == contents(builder.product)


def test_what_arrived_of_another_product_is_no_part_of_this(builder, cache):
    (cache / "product.json").write_text("{}")
    (cache / FILE).write_bytes(b"other")
    builder.carrier.collect(builder.order, cache)
    assert contents(cache) == contents(builder.product) and len(builder.copied) == PIECES


def test_a_product_damaged_on_the_builder_is_set_aside_there(builder, cache):
    (builder.product / FILE).write_bytes(CONTENT[::-1])
    with pytest.raises(carry.CarryError, match="damaged and set aside. Run again"):
        builder.carrier.collect(builder.order, cache)
    assert [path.name for path in builder.entries.iterdir()] == [LABEL + ".damaged-1"]
    assert not (cache / FILE).exists()


def test_a_damaged_product_on_a_host_is_replaced(builder, host):
    host.make()
    (host.product / FILE).write_bytes(CONTENT[::-1])
    assert host.carrier.deliver(host.order, builder.product, metadata_in(builder.product))
    assert contents(host.product) == contents(builder.product)


def test_a_product_damaged_in_the_cache_reaches_no_host(builder, host):
    (builder.product / FILE).write_bytes(CONTENT[::-1])
    with pytest.raises(carry.Damaged, match="in the build cache does not match its metadata"):
        host.carrier.deliver(host.order, builder.product, metadata_in(builder.product))
    assert not host.product.exists()


def test_two_runs_deliver_to_one_host(builder, host, tmp_path):
    def other_run(number):
        if number == 3:
            assert carry.Carrier(host, {}).deliver(host.order, builder.product, metadata_in(builder.product))

    host.on_copy = other_run
    assert host.carrier.deliver(host.order, builder.product, metadata_in(builder.product))
    assert contents(host.product) == contents(builder.product)
    # Of the first run two pieces and the one that came too late; the other did the rest.
    assert len(host.copied) == PIECES + 1


@pytest.mark.parametrize("way", ["fetch_file", "put_file"])
def test_a_piece_that_is_cut_short_on_the_way(builder, host, cache, monkeypatch, way):
    def short(source, dest):
        with contextlib.suppress(IndexError):
            Path(dest).write_bytes(Path(source).read_bytes()[:-1])

    for one in (builder, host):
        monkeypatch.setattr(one, way, short)
    with pytest.raises(carry.CarryError, match="of a piece .* Run again"):
        if way == "fetch_file":
            builder.carrier.collect(builder.order, cache)
        else:
            host.carrier.deliver(host.order, builder.product, metadata_in(builder.product))


def test_no_room(builder, host, cache, monkeypatch):
    def full(path):
        return SimpleNamespace(f_bavail=1, f_frsize=1, f_blocks=1, f_bfree=1)

    monkeypatch.setattr(os, "statvfs", full)
    with pytest.raises(carry.CarryError, match="No space left.*ascend_cache=prune.*ascend_build_cache"):
        builder.carrier.collect(builder.order, cache)
    with pytest.raises(carry.CarryError, match="no space left for .*ascend_work_dir"):
        host.carrier.deliver(host.order, builder.product, metadata_in(builder.product))
    with pytest.raises(carry.CarryError, match="no space left for .*ascend_build_cache"):
        builder.carrier.keep_at(builder.order, cache.as_uri())
    assert not builder.copied and not host.copied and not any(cache.glob("tool*/"))


def test_the_temporary_folder_went_with_a_reboot(builder, host):
    host.tmpdir = str(host.home / "gone")
    assert host.carrier.deliver(host.order, builder.product, metadata_in(builder.product))


def test_a_host_whose_temporary_folder_cannot_be_written(builder, host):
    shutil.rmtree(host.home)
    host._make_tmp_path = lambda: setattr(host, "tmpdir", str(host.home))
    with pytest.raises(transfer.TransferError, match="ansible_remote_tmp"):
        host.carrier.deliver(host.order, builder.product, metadata_in(builder.product))


def test_check_mode_carries_nothing(builder, host, cache):
    builder._task.check_mode = host._task.check_mode = True
    builder.carrier.collect(builder.order, cache)
    builder.carrier.keep_at(builder.order, cache.as_uri())
    assert host.carrier.deliver(host.order, builder.product, metadata_in(builder.product)) is True
    assert host.carrier.take_from(host.order, builder.entries.as_uri(), metadata_in(builder.product)) is True
    (builder.product / FILE).write_bytes(CONTENT[::-1])
    assert not builder.carrier.has(builder.order)
    assert not list(cache.iterdir()) and not host.work.exists() and builder.product.exists()


# --- places that hosts reach


@pytest.fixture
def web(cache):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(cache)))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("by_web", [False, True])
def test_a_host_takes_from_a_place_that_another_filled(builder, host, cache, web, by_web):
    place = web if by_web else cache.as_uri()
    assert host.carrier.look_up(host.order, place, signed=True) is None
    builder.carrier.keep_at(builder.order, cache.as_uri(), b"signed")
    text, signature = host.carrier.look_up(host.order, place, signed=True)
    assert (text, signature) == ((builder.product / "product.json").read_bytes(), b"signed")
    assert host.carrier.take_from(host.order, place, json.loads(text)) is True
    assert contents(host.product) == contents(cache / LABEL)
    assert host.carrier.take_from(host.order, place, json.loads(text)) is False
    assert [path.name for path in cache.iterdir() if path.name != ".locks"] == [LABEL]
    assert (cache / LABEL).stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("by_web", [False, True])
def test_a_place_whose_file_is_damaged(builder, host, cache, web, by_web):
    place = web if by_web else cache.as_uri()
    builder.carrier.keep_at(builder.order, cache.as_uri())
    (cache / LABEL / FILE).write_bytes(CONTENT[::-1])
    metadata = json.loads(host.carrier.look_up(host.order, place, signed=True)[0])
    with pytest.raises(carry.Damaged, match="digest is .*[Ii]t"):
        host.carrier.take_from(host.order, place, metadata)
    assert not host.product.exists()
    assert (cache / (LABEL + ".damaged-1")).exists() is not by_web


@pytest.mark.parametrize("by_web", [False, True])
def test_a_place_whose_metadata_is_damaged(builder, host, cache, web, by_web, warnings):
    (cache / LABEL).mkdir()
    (cache / LABEL / "product.json").write_text("<html>")
    assert host.carrier.look_up(host.order, web if by_web else cache.as_uri(), signed=True) is None
    assert "product.json: is not the metadata of a product" in warnings[0]


def test_a_place_that_lacks_the_file(builder, host, cache, web, warnings):
    builder.carrier.keep_at(builder.order, cache.as_uri())
    (cache / LABEL / FILE).unlink()
    assert host.carrier.look_up(host.order, cache.as_uri(), signed=True) is None
    assert FILE + ": missing" in warnings[0]
    with pytest.raises(carry.Damaged, match="HTTP 404"):
        host.carrier.take_from(host.order, web, json.loads(host.carrier.look_up(host.order, web, signed=True)[0]))


def test_a_product_replaced_at_its_place_is_not_set_aside(builder, host, cache):
    builder.carrier.keep_at(builder.order, cache.as_uri())
    former = json.loads(host.carrier.look_up(host.order, cache.as_uri(), signed=True)[0])
    shutil.rmtree(cache / LABEL)
    shutil.rmtree(builder.product)
    builder.make(CONTENT[::-1]).carrier.keep_at(builder.order, cache.as_uri())
    with pytest.raises(carry.CarryError, match="replaced there in the meantime: run again"):
        host.carrier.take_from(host.order, cache.as_uri(), former)
    assert (cache / LABEL).exists()


def test_without_a_signature_nothing_is_read_but_over_tls(builder, host, cache, web):
    builder.carrier.keep_at(builder.order, cache.as_uri())
    with pytest.raises(carry.CarryError, match="http://127.0.0.1.* is read without TLS.* ascend_trusted_keys"):
        host.carrier.look_up(host.order, web, signed=False)
    # A folder that hosts see is as safe as whoever may write to it.
    assert host.carrier.look_up(host.order, cache.as_uri(), signed=False)


def test_a_place_that_does_not_answer(host, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(carry.CarryError, match="did not answer: http://127.0.0.1:9/.*ascend_build_cache") as caught:
        host.carrier.look_up(host.order, "http://user:secret@127.0.0.1:9", signed=True)
    assert "secret" not in str(caught.value)


# --- the real thing

ACTION = """
import json, os
from ansible.plugins.action import ActionBase
from ansible_collections.ascend.pytorch.plugins.module_utils.product.order import Order
from ansible_collections.ascend.pytorch.plugins.plugin_utils import carry

class ActionModule(ActionBase):

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        carry.PIECE_BYTES = 300
        carrier, asked = carry.Carrier(self, task_vars), json.loads(json.dumps(self._task.args))
        carrier.collect(Order.of(asked["source"]), asked["folder"])
        with open(os.path.join(asked["folder"], "product.json")) as stream:
            metadata = json.load(stream)
        return dict(result, changed=carrier.deliver(Order.of(asked["dest"]), asked["folder"], metadata))
"""


def test_in_a_run_of_ansible(builder, host, cache, tmp_path):
    (tmp_path / "action_plugins").mkdir()
    (tmp_path / "action_plugins/carry_through.py").write_text(ACTION)
    task = {"carry_through": {"source": builder.order._asdict(), "dest": host.order._asdict(), "folder": str(cache)}}
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [task]}
    (tmp_path / "ansible.cfg").touch()
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    environment = dict(
        os.environ,
        ANSIBLE_COLLECTIONS_PATH=str(COLLECTIONS),
        ANSIBLE_LOCAL_TEMP=str(tmp_path / "local"),
        ANSIBLE_REMOTE_TEMP=str(tmp_path / "remote"),
        ANSIBLE_CONFIG=str(tmp_path / "ansible.cfg"),
    )
    done = subprocess.run(
        ["ansible-playbook", "-i", "localhost,", "-e", "ansible_python_interpreter={{ ansible_playbook_python }}", "play.yml"],
        cwd=tmp_path, env=environment, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0 and "changed=1" in done.stdout, done.stdout + done.stderr
    assert contents(host.product) == contents(cache) == contents(builder.product)
    assert not list(tmp_path.glob("*/ansible-tmp-*"))
