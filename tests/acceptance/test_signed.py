"""The real command reads signed messages: forgeries, rotations, outages of the keys' address."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from consumer.signatures.keys import KEYS_FILE, SigningKeys
from tests.acceptance.conftest import archived, written
from tests.acceptance.http_endpoint import Endpoint, running_endpoint
from tests.moto_queues import numbered
from tests.processes import eventually
from tests.signatures.signing import jwk, jwks, private_key, signed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.moto_queues import Moto
    from tests.processes import Consume

QUICK = {"CONSUMER_ENGINE__RETRY_BASE_SECONDS": "0.1", "CONSUMER_ENGINE__RETRY_MAX_SECONDS": "0.1"}


class Published:
    """What the address of the keys answers; None: it is down."""

    content: bytes | None = jwks(jwk("k1"))
    url = ""


@pytest.fixture(name="published")
def _published() -> Iterator[Published]:
    published = Published()

    class Handler(Endpoint):
        def do_GET(self) -> None:  # noqa: N802 - the name of http.server
            self.answer(503 if published.content is None else 200, published.content or b"")

    with running_endpoint(Handler) as url:
        published.url = f"{url}/jwks"
        yield published


def environ(published: Published, mode: str) -> dict[str, str]:
    return {
        "CONSUMER_QUEUE__SIGNED__MODE": mode,
        "CONSUMER_QUEUE__SIGNED__JWKS_URL": published.url,
        **QUICK,
    }


def numbers(folder: Path) -> list[int]:
    """The numbers of the archived events."""
    lines = archived(folder / "state" / "archive")
    return sorted(int(line["payload"]["body"]["submission_id"]) for line in lines)


def until_archived(folder: Path, count: int) -> None:
    directory = folder / "state" / "archive"
    eventually(lambda: written(directory) >= count, f"{count} events are archived")


def test_signed_and_plain_events_are_read_and_a_forged_one_is_left_to_the_dead_letters(
    moto: Moto, consume: Callable[..., Consume], published: Published, tmp_path: Path
) -> None:
    """The archive has the bytes that were signed; the dead-letter queue the forged message."""
    queue, dead = moto.with_dead_letters(max_receive_count=1)
    odd = numbered(1).replace(": ", " :  ").replace("{", '{"d": 1.50, "d":"\\u00e9é", ', 1)
    forged = signed(numbered(3).encode(), key=private_key(3))
    queue.send([signed(odd.encode()), numbered(2), forged, f' "{signed(numbered(4).encode())}"\n'])

    run = consume("--queue-url", queue.url, **environ(published, "accepted"))
    until_archived(tmp_path, 3)
    eventually(lambda: dead.counts() == (1, 0), "the forged one is a dead letter")
    run.signal(signal.SIGTERM)

    assert 0 == run.end()
    assert [forged] == dead.take_all()
    assert [1, 2, 4] == numbers(tmp_path)
    files = [path.read_bytes() for path in (tmp_path / "state" / "archive").rglob("*.jsonl")]
    assert odd.encode() in b"".join(files)
    (refused,) = run.log("signature_refused")
    assert "whose signature is wrong" in refused["reason"]
    assert 1 == sum(line.get("signature_refused", 0) for line in run.log("summary"))
    assert not run.log("undecodable")
    assert forged[:50] not in run.stderr()


def test_an_old_key_is_known_after_a_restart_while_the_address_is_down(
    moto: Moto, consume: Callable[..., Consume], published: Published, tmp_path: Path
) -> None:
    """A message may come back from a dead-letter queue long after its key was replaced."""
    queue, new = moto.queue(), private_key(2)
    old = [signed(numbered(number).encode()) for number in (1, 2, 4)]
    rotated = [signed(numbered(number).encode(), "k2", new) for number in (3, 5)]

    for content, bodies in (
        (published.content, old[:1]),
        (jwks(jwk("k2", new)), [old[1], rotated[0]]),
        (None, [old[2], rotated[1]]),
    ):
        published.content = content
        queue.send(bodies)
        run = consume("--queue-url", queue.url, "--drain", **environ(published, "required"))
        assert 0 == run.end()

    assert [1, 2, 3, 4, 5] == numbers(tmp_path)
    assert "the address answers with HTTP status 503" == run.log("signing_keys_failed")[0]["reason"]
    assert not run.log("signing_key_unknown")


def test_an_unknown_key_keeps_its_message_and_a_rotation_is_noticed(
    moto: Moto, consume: Callable[..., Consume], published: Published, tmp_path: Path
) -> None:
    """Without any key the daemon starts all the same; with the new key, its messages are read."""
    queue = moto.queue()
    published.content = None
    new = private_key(2)
    queue.send([signed(numbered(1).encode(), "k2", new)])
    first = consume("--queue-url", queue.url, **environ(published, "required"))
    first.until("signing_keys_failed")
    first.until("ready")
    waits = first.until("signing_key_unknown")
    eventually(lambda: queue.counts() == (0, 1), "it is hidden, for later")
    first.signal(signal.SIGTERM)
    assert 0 == first.end()
    assert 75 == waits["next_attempt_seconds"]
    assert (0, 1) == queue.counts()

    (tmp_path / "state" / KEYS_FILE).write_text("damaged")
    published.content = jwks(jwk("k1"), jwk("k2", new))
    queue.send([numbered(3), signed(numbered(2).encode(), "k2", new)])
    second = consume(
        "--queue-url", queue.url, "--log-level", "debug", **environ(published, "required")
    )
    until_archived(tmp_path, 1)
    refused = second.until("signature_refused")
    second.signal(signal.SIGTERM)

    assert 0 == second.end()
    assert [2] == numbers(tmp_path)
    assert "not signed, and queue.signed requires it" in refused["reason"]
    assert {"new": 2, "known": 2}.items() <= second.log("signing_keys")[0].items()
    assert second.log("signing_keys_set_aside")
    assert 2 == len(SigningKeys(tmp_path / "state" / KEYS_FILE))
