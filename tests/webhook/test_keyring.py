"""Keys for the event loop: asked for when they are missing, at most once a minute."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from consumer.signatures.keys import SigningKeys
from consumer.signatures.source import KeySource
from consumer.testing import ManualClock
from consumer.webhook.keyring import Keyring, KeysDownError
from tests.signatures.signing import jwk, jwks

if TYPE_CHECKING:
    from collections.abc import Callable


class Source:
    """What the address answers: bytes, or an error."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer: bytes | Exception = jwks(jwk("k1"))

    def fetch(self) -> bytes:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def asked(source: Source, keyring: Keyring, kids: list[str]) -> list[Any]:
    """What `find` answers for each: True for a key, None, or the name of an error."""
    found: list[Any] = []
    for kid in kids:
        try:
            found.append(await keyring.find(kid) is not None)
        except KeysDownError:
            found.append("down")
    return found


def with_keyring(
    source: Source, play: Callable[[Keyring, ManualClock], Any], *, known: bool = False
) -> Any:
    """Run `play` in a loop with a keyring that has asked for the first time."""
    clock, keys = ManualClock(), SigningKeys()
    if known:
        keys.add(jwks(jwk("k1")))

    async def run() -> Any:
        loop = asyncio.get_running_loop()
        keyring = Keyring(keys, KeySource(keys, source.fetch, clock=clock), clock=clock)
        with closing(keyring):
            keyring.start(loop.call_soon_threadsafe)
            return await play(keyring, clock)

    return asyncio.run(run())


def test_an_unknown_key_is_asked_for_once() -> None:
    """The first post waits for the start; others learn at once that the address lacks the key."""
    source = Source()

    async def play(keyring: Keyring, _: ManualClock) -> Any:
        return await asked(source, keyring, ["k1", "k2", "k3"])

    assert with_keyring(source, play) == [True, False, False]
    assert source.asked == 1


def test_after_a_minute_it_is_asked_again() -> None:
    """And a key that was published meanwhile is found by the post that needs it."""
    source = Source()

    async def play(keyring: Keyring, clock: ManualClock) -> Any:
        before = await asked(source, keyring, ["k1", "k2"])
        source.answer = jwks(jwk("k2"))
        clock.advance(61)
        return before, await asked(source, keyring, ["k2", "k1"])

    assert with_keyring(source, play) == ([True, False], [True, True])
    assert source.asked == 2


def test_an_address_that_is_down_says_nothing_about_a_key() -> None:
    """Known keys stay in use; others are neither accepted nor refused."""
    source = Source()
    source.answer = OSError("down")

    async def play(keyring: Keyring, _: ManualClock) -> Any:
        return await asked(source, keyring, ["k1", "k2", "k2"])

    assert with_keyring(source, play, known=True) == [True, "down", "down"]
    assert source.asked == 1


@pytest.mark.parametrize("count", [80])
def test_few_posts_wait_at_a_time(count: int) -> None:
    """The others get 503 at once, so that Canvas comes again."""
    source = Source()

    async def play(_: Keyring, clock: ManualClock) -> Any:
        keys = SigningKeys()
        idle = Keyring(keys, KeySource(keys, source.fetch, clock=clock), clock=clock)
        tasks = [asyncio.create_task(asked(source, idle, ["k9"])) for _ in range(count)]
        done, waiting = await asyncio.wait(tasks, timeout=0.1)
        for task in waiting:
            task.cancel()
        return len(done), len(waiting)

    assert with_keyring(source, play) == (count - 64, 64)
