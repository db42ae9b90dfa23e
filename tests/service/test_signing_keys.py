"""The keys of Canvas beside the engine: asked for at the start and when it is time."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any, cast

import pytest
import structlog

from consumer.clock import SystemClock
from consumer.config import QueueSettings, Settings, SignedSettings
from consumer.errors import ConfigurationError
from consumer.service.signing import Signing, open_signing
from consumer.signatures.keys import KEYS_FILE, SigningKeys
from consumer.signatures.source import KeySource
from consumer.testing import ManualClock, make_message
from tests.processes import BOUND, eventually
from tests.signatures.signing import jwk, jwks, private_key, signed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from consumer.clock import Clock
    from consumer.engine.status import Status

STATUS = cast("Status", None)


class Address:
    """Answers when the test lets it."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.content = jwks(jwk("k1"))
        self.asked = 0
        self.signings: list[Signing] = []

    def fetch(self) -> bytes:
        self.asked += 1
        self.may_answer.wait(BOUND)
        return self.content


@pytest.fixture(name="address")
def _address() -> Iterator[Address]:
    address = Address()
    yield address
    address.may_answer.set()
    for signing in address.signings:
        signing._background.close(BOUND)


def signing_of(address: Address, clock: Clock, keys: SigningKeys) -> Signing:
    source = KeySource(keys, address.fetch, clock=clock)
    address.signings.append(Signing(keys, source, required=True, clock=clock))
    return address.signings[-1]


def settings_of(tmp_path: Path, **signed_settings: Any) -> Settings:
    queue = QueueSettings(signed=SignedSettings(**signed_settings))
    return Settings(queue=queue, state_directory=tmp_path)


def test_the_start_waits_for_the_first_keys(address: Address) -> None:
    """As soon as there is an answer, it goes on: the first messages can be opened."""
    address.may_answer.set()
    signing = signing_of(address, SystemClock(), SigningKeys())

    signing.begin(lambda: False)

    assert b"x" == signing.unsealing.open(make_message(signed(b"x"))).body.encode()
    signing.close(0)


def test_an_address_that_hangs_holds_up_nothing(address: Address) -> None:
    """Neither the start for more than a few seconds, nor a look, nor the end."""
    clock = ManualClock()
    signing = signing_of(address, clock, SigningKeys())
    before = clock.monotonic()

    signing.begin(lambda: False)
    assert 5 <= clock.monotonic() - before < 6
    eventually(lambda: address.asked, "it is asked")
    clock.advance(100_000)
    signing.look(STATUS)
    signing.close(0)

    assert 1 == address.asked


def test_the_start_does_not_wait_where_keys_are_known_or_a_signal_came(address: Address) -> None:
    """They were kept in the state directory."""
    clock, keys = ManualClock(), SigningKeys()
    signing = signing_of(address, clock, keys)
    signing.begin(lambda: True)
    assert not clock.waits

    keys.add(jwks(jwk("k0")))
    signing = signing_of(address, clock, keys)
    signing.begin(lambda: False)
    assert not clock.waits


def test_it_asks_again_when_it_is_time(address: Address) -> None:
    """Daily, and a minute after an unknown key; never in the main thread."""
    clock, keys = ManualClock(), SigningKeys()
    address.may_answer.set()
    signing = signing_of(address, clock, keys)
    signing.begin(lambda: False)
    eventually(lambda: len(keys) == 1, "the first keys are there")

    address.content = jwks(jwk("k2", private_key(2)))
    signing.look(STATUS)
    clock.advance(86_401)
    signing.look(STATUS)

    eventually(lambda: len(keys) == 2, "the second key is there")
    assert 2 == address.asked
    signing.close(0)


def test_without_the_setting_there_is_nothing(tmp_path: Path) -> None:
    """No thread, no file, no library."""
    assert open_signing(settings_of(tmp_path), clock=ManualClock()) is None
    assert not list(tmp_path.iterdir())


def test_the_library_must_be_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says how."""
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.rsa", None)
    open_signing(settings_of(tmp_path), clock=ManualClock())

    with pytest.raises(ConfigurationError, match=r"pip install '.*\[signed\]'"):
        open_signing(settings_of(tmp_path, mode="accepted"), clock=ManualClock())


def test_a_file_of_keys_is_read_again_when_it_changed(tmp_path: Path) -> None:
    """Within a minute, without a restart; while it can't be read, the keys stay in use."""
    file, clock = tmp_path / "jwks.json", ManualClock()
    file.write_bytes(jwks(jwk("k1")))
    signing = open_signing(settings_of(tmp_path, mode="required", jwks_file=file), clock=clock)
    assert signing is not None
    signing.begin(lambda: False)
    eventually((tmp_path / KEYS_FILE).exists, "the keys are kept")

    signing._background.close(BOUND)
    for content, opened in ((b"{", 1), (jwks(jwk("k2", private_key(2))), 2)):
        file.write_bytes(content)
        clock.advance(61)
        signing._source.run_once()
        assert opened == len(signing._keys)


@pytest.mark.parametrize("content", [b"{", b"\xff", b'{"keys": 1}', b"[" * 100_000])
def test_a_damaged_file_is_set_aside(tmp_path: Path, content: bytes) -> None:
    """The daemon starts, asks for the keys again, and keeps them in a new file."""
    (tmp_path / KEYS_FILE).write_bytes(content)
    (tmp_path / "jwks.json").write_bytes(jwks(jwk("k1")))
    settings = settings_of(tmp_path, mode="required", jwks_file=tmp_path / "jwks.json")

    with structlog.testing.capture_logs() as logs:
        signing = open_signing(settings, clock=ManualClock())
    assert signing is not None
    assert signing._source.run_once()

    (aside,) = tmp_path.glob(f"{KEYS_FILE}.set-aside-*")
    assert content == aside.read_bytes()
    assert ["signing_keys_set_aside"] == [log["event"] for log in logs]
    assert 1 == len(SigningKeys(tmp_path / KEYS_FILE))


def test_a_file_that_can_not_be_read_is_left_alone(tmp_path: Path) -> None:
    """The keys are in memory then."""
    (tmp_path / KEYS_FILE).mkdir()

    with structlog.testing.capture_logs() as logs:
        signing = open_signing(settings_of(tmp_path, mode="required"), clock=ManualClock())

    assert signing is not None
    assert "signing_keys.json can't be read: Is a directory" == logs[0]["reason"]
    signing._keys.add(jwks(jwk("k1")))
    assert (tmp_path / KEYS_FILE).is_dir()
