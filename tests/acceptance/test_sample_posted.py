"""`consume sample --to` and `--sign`: real processes, and what they post and send."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest
from joserfc import jws as judge
from joserfc.jwk import KeySet

from consumer.events.decode import decode
from consumer.testing import make_message
from tests.processes import eventually
from tests.queues.servers import RESET, http, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.moto_queues import Moto
    from tests.processes import Consume
    from tests.queues.servers import Request

pytestmark = pytest.mark.acceptance


def names_of(tokens: Iterable[str], jwks: Path) -> list[str]:
    """The names of the events, whose signatures are verified."""
    keys = KeySet.import_key_set(json.loads(jwks.read_bytes()))
    payloads = (judge.deserialize_compact(token, keys, ["RS256"]).payload for token in tokens)
    return [decode(make_message((payload or b"").decode()))[0].name for payload in payloads]


def test_a_receiver_that_fails_now_and_then_gets_all(
    consume: Callable[..., Consume], tmp_path: Path
) -> None:
    """Signed with two keys, both published. What it did not accept comes again, byte for byte."""
    seen: set[bytes] = set()

    def answer(request: Request) -> list[Any]:
        """Every other message is refused, or cut off, the first time."""
        if request.body in seen or request.position % 2:
            seen.add(request.body)
            return [http(b"", 202)]
        seen.add(request.body)
        return [RESET] if request.connection % 2 else [http(b"", 503)]

    with serving(answer) as server:
        run = consume(
            "sample", "logged_in", "grade_change", "--count", "200", "--rate", "500/s",
            "--to", f"http://127.0.0.1:{server.port}/s3cret", "--retry-minutes", "0.001",
            "--sign", "--rotate", "--jwks", str(tmp_path / "jwks.json"),
        )  # fmt: skip
        assert run.end() == 0, run.stderr()

    assert f"200 messages were accepted by 127.0.0.1:{server.port}\n" in run.stderr()
    assert "tries that failed: " in run.stderr()
    assert "s3cret" not in run.stderr()
    tokens = {request.body.decode() for request in server.requests}
    assert len(server.requests) > 200
    assert sorted(names_of(tokens, tmp_path / "jwks.json")) == (
        ["grade_change"] * 100 + ["logged_in"] * 100
    )


def test_ctrl_c_while_all_is_refused(consume: Callable[..., Consume]) -> None:
    """Ends at once with 130, and reports what is left; no traceback."""
    with serving(lambda _: [http(b"", 503)]) as server:
        run = consume(
            "sample", "logged_in", "--count", "20", "--to", f"http://127.0.0.1:{server.port}/"
        )
        eventually(lambda: len(server.requests) == 20, "each was tried once")
        run.signal(signal.SIGINT)
        assert run.end() == 130

    first, second, third = run.stderr().splitlines()
    assert first == f"consume: note: 0 messages were accepted by 127.0.0.1:{server.port}"
    assert second == "consume: note: 20 messages were not finished"
    assert third.startswith("consume: note: tries that failed: HTTP status 503: ")


def test_signed_messages_come_into_a_queue(
    moto: Moto, consume: Callable[..., Consume], tmp_path: Path
) -> None:
    """As by way of API Gateway: the body is the token, and there are no message attributes."""
    queue = moto.queue()

    run = consume(
        "sample", "logged_in", "--count", "5", "--queue-url", queue.url, "--sign",
        "--jwks", str(tmp_path / "jwks.json"), "--key", str(tmp_path / "key.pem"),
    )  # fmt: skip

    assert run.end() == 0, run.stderr()
    messages = queue.client.receive_message(
        QueueUrl=queue.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )["Messages"]
    assert not any("MessageAttributes" in message for message in messages)
    tokens = [message["Body"] for message in messages]
    assert names_of(tokens, tmp_path / "jwks.json") == ["logged_in"] * 5
