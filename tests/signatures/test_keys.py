"""The keys of Canvas: kept for good, asked for rarely, and never replaced by rubbish."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from consumer.config import SignedSettings
from consumer.signatures.keys import KeysError, SigningKeys
from consumer.signatures.source import KeySource, from_file, from_url, source_of
from consumer.testing import ManualClock
from tests.cases import for_each
from tests.processes import BOUND, eventually
from tests.signatures.signing import jwk, jwks, private_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_a_key_stays_after_it_was_replaced_and_after_a_restart(tmp_path: Path) -> None:
    """A message may come back from a dead-letter queue long after a rotation."""
    file = tmp_path / "state" / "signing_keys.json"
    keys = SigningKeys(file)
    assert keys.add(jwks(jwk("old"), jwk("now", private_key(2)))) == 2
    assert keys.add(jwks(jwk("now", private_key(2)), jwk("new", private_key(3)))) == 1
    again = SigningKeys(file)
    assert len(again) == 3
    assert all(again.find(kid) is not None for kid in ("old", "now", "new"))
    assert again.find("other") is None
    assert file.stat().st_mode & 0o777 == 0o600


def test_keys_that_could_not_be_kept_are_kept_later(tmp_path: Path) -> None:
    """They are known meanwhile; once the disk has room again, the next answer writes the file."""
    file = tmp_path / "state" / "signing_keys.json"
    keys = SigningKeys(file)
    (tmp_path / "state").touch()  # not a directory
    with pytest.raises(KeysError, match=r"signing_keys.json can't be written: \w+"):
        keys.add(jwks(jwk("k1")))
    assert keys.find("k1") is not None
    (tmp_path / "state").unlink()
    assert keys.add(jwks(jwk("k1"))) == 0
    assert len(SigningKeys(file)) == 1


def test_a_disk_that_hangs_holds_up_no_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys are found, also the new ones, while the file is being written."""
    disk = threading.Event()
    monkeypatch.setattr(os, "fsync", lambda _fd: disk.wait(BOUND))
    keys = SigningKeys(tmp_path / "signing_keys.json")

    def add() -> None:
        with suppress(KeysError):
            keys.add(jwks(jwk("k1")))

    adding = threading.Thread(target=add, daemon=True)
    adding.start()
    eventually(lambda: len(keys), "the key is known")
    finding = threading.Thread(target=keys.find, args=("k1",), daemon=True)
    finding.start()
    finding.join(5)
    hangs = finding.is_alive()
    disk.set()
    adding.join(BOUND)
    assert not hangs


def test_two_processes_keep_their_keys_in_one_file(tmp_path: Path) -> None:
    """The daemon and the webhook with one state directory, also when they write at once."""
    file = tmp_path / "signing_keys.json"
    daemon, webhook = SigningKeys(file), SigningKeys(file)

    def add(keys: SigningKeys, names: str) -> None:
        for n in range(50):
            keys.add(jwks(jwk(f"{names}{n}")))

    adding = [threading.Thread(target=add, args=a) for a in ((daemon, "d"), (webhook, "w"))]
    for thread in adding:
        thread.start()
    for thread in adding:
        thread.join(BOUND)
    daemon.add(jwks(jwk("last")))
    webhook.add(jwks(jwk("last")))

    assert len(SigningKeys(file)) == 101
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_a_key_that_changed_is_the_new_one() -> None:
    """The address is trusted: its answer counts."""
    keys = SigningKeys()
    keys.add(jwks(jwk("k", private_key(1))))
    before = keys.find("k").public_numbers()  # type: ignore[union-attr]
    assert keys.add(jwks(jwk("k", private_key(2)))) == 1
    assert keys.find("k").public_numbers() != before  # type: ignore[union-attr]


@for_each(
    "content",
    [
        b"", b"<html>", b"[]", b"{}", b'{"keys": {}}', b'{"keys": []}', b"\xff",
        jwks(jwk("k", use="enc")), jwks(jwk("k", alg="RS512")), jwks(jwk("k", kty="EC")),
        jwks(jwk("")), jwks(jwk("k", e="AA")), jwks(jwk("k", n="!!")), jwks(jwk("k", n="AQAB")),
        jwks(jwk("k", private_key(9, 1024))), b'{"keys": [1, null, "x", {"kid": "k"}]}',
    ],
)  # fmt: skip
def test_what_has_no_usable_key_is_refused(content: bytes) -> None:
    """It changes nothing."""
    keys = SigningKeys()
    keys.add(jwks(jwk("k0")))
    with pytest.raises(KeysError):
        keys.add(content)
    assert len(keys) == 1


def test_what_can_not_be_used_is_left_out() -> None:
    """A new kind of key beside the known ones does not break them."""
    keys = SigningKeys()
    assert keys.add(jwks(jwk("k1"), {"kty": "OKP", "kid": "k2"}, jwk("k3", use="enc"))) == 1


def test_the_number_of_keys_is_bounded() -> None:
    """Whatever the address answers, the file does not grow without end."""
    keys = SigningKeys()
    with pytest.raises(KeysError, match="more than 500"):
        keys.add(jwks(*(jwk(f"k{number}") for number in range(501))))


class Address:
    """What is asked, and what it answers."""

    def __init__(self) -> None:
        self.content = jwks(jwk("k1"))
        self.asked = 0
        self.failing = False

    def fetch(self) -> bytes:
        self.asked += 1
        if self.failing:
            raise OSError("a text with a secret: k=secret")
        return self.content


def test_the_address_is_asked_daily_and_for_an_unknown_key_once_a_minute() -> None:
    """However many unknown keys are named, strangers can't make us hammer it."""
    clock, address = ManualClock(), Address()
    source = KeySource(SigningKeys(), address.fetch, clock=clock)
    assert source.run_once()
    for _ in range(240):  # an hour of nonsense, four times a minute
        source.want()
        source.run_once()
        clock.advance(15)
    assert address.asked == 1 + 60 - 1
    source.run_once()
    asked = address.asked
    for _ in range(47):
        clock.advance(3_600)
        source.run_once()
    assert address.asked == asked + 1


def test_known_keys_stay_in_use_while_the_address_is_down() -> None:
    """It is asked again each minute, and what failed is logged without its text."""
    clock, address, keys = ManualClock(), Address(), SigningKeys()
    source = KeySource(keys, address.fetch, clock=clock)
    source.run_once()
    address.failing = True
    clock.advance(86_400)
    for _ in range(8):
        assert not source.run_once()
        clock.advance(15)
    assert address.asked == 1 + 2
    assert source.is_failing
    assert keys.find("k1") is not None
    address.failing = False
    clock.advance(60)
    assert source.run_once()
    assert not source.is_failing


class _Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, content = {
            "/jwks": (200, jwks(jwk("k1"))),
            "/large": (200, b"x" * 300_000),
            "/moved": (302, b""),
        }.get(self.path, (404, b""))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/jwks")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Server) as served:
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


def test_keys_are_got_over_http(server: str) -> None:
    """No redirect is followed, and no endless answer is read."""
    assert SigningKeys().add(from_url(f"{server}/jwks")()) == 1
    for path, reason in (("/moved", "status 302"), ("/none", "status 404"), ("/large", "larger")):
        with pytest.raises(KeysError, match=reason):
            from_url(server + path)()


@for_each("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"])
def test_an_address_that_drips_is_given_up(head: bytes) -> None:
    """Each byte comes in time, and there is no end to them, in the head or in the body."""
    ended = threading.Event()

    def drip() -> None:
        link, _ = listener.accept()
        with link, suppress(OSError):
            link.sendall(head or b"HTTP/1.1 200 OK\r\n")
            while not ended.wait(0.05):
                link.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        dripping = threading.Thread(target=drip, daemon=True)
        dripping.start()
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            from_url(f"http://127.0.0.1:{listener.getsockname()[1]}/", seconds=0.3)()
        assert time.monotonic() - began < 5
        ended.set()
        dripping.join(BOUND)


def test_a_file_is_read_again_at_once(tmp_path: Path) -> None:
    """A key that is missing may be in it by now: nothing is spared by waiting for a minute."""
    clock, keys, file = ManualClock(), SigningKeys(), tmp_path / "jwks.json"
    source = source_of(SignedSettings(jwks_file=file), keys, clock=clock)
    assert not source.run_once()
    file.write_bytes(jwks(jwk("k1")))
    clock.advance(1)
    assert source.run_once()
    file.write_bytes(jwks(jwk("k2")))
    source.want()
    clock.advance(1)
    assert source.run_once()
    assert len(keys) == 2
    clock.advance(59)
    assert not source.run_once()


def test_keys_are_read_from_a_file(tmp_path: Path) -> None:
    """For machines that can't reach the address."""
    file = tmp_path / "jwks.json"
    file.write_bytes(json.dumps({"keys": [jwk("k1")]}).encode())
    assert SigningKeys().add(from_file(file)()) == 1
