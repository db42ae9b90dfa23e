"""The preset for Splunk's HTTP Event Collector: what it gets, and what its answers mean."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from consumer.errors import Unavailable
from consumer.testing import make_event
from tests.cases import for_each
from tests.handlers.http_rig import numbered, objects, rig
from tests.queues.servers import http

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.queues.servers import Request

SPLUNK: dict[str, Any] = {"preset": "splunk_hec", "token": "5plunk-t0ken"}
OK = http({"text": "Success", "code": 0})


def test_events_are_sent_as_splunk_wants_them() -> None:
    """Several for each request, each with its time and what is configured; to the usual path."""
    events = [*numbered(2), make_event(time=None)]
    where: dict[str, Any] = {"index": "canvas", "sourcetype": "canvas:live", "host": 'h"1'}
    for path in ("", "/"):
        with rig(lambda _: [OK], path=path, **SPLUNK, **where) as there:
            assert there.reasons(*events) == ["ack"] * 3

    (request,) = there.server.requests
    assert request.line == "POST /services/collector/event HTTP/1.1"
    assert request.headers["authorization"] == "Splunk 5plunk-t0ken"
    first, _, last = objects(request.body)
    record = first.pop("event")
    assert first == {"time": 1709294400.0, "source": "canvas-live-events", **where}
    assert (events[0].key, events[0].name) == (record["event_key"], record["event_name"])
    assert record["payload"] == events[0].payload
    assert "time" not in last
    assert there.handler.batch == 100


def test_what_is_not_configured_is_left_to_the_token() -> None:
    """And another path is used as it is."""
    with rig(lambda _: [OK], path="/raw/x", **SPLUNK, source="s") as there:
        there.land(make_event())

    (request,) = there.server.requests
    assert request.line == "POST /raw/x HTTP/1.1"
    assert set(objects(request.body)[0]) == {"time", "source", "event"}


@for_each(
    "status, code, found",
    [
        (403, 1, "retry HOST answered 403: the token is disabled (code 1)"),
        (401, 2, "retry HOST answered 401: the token is missing (code 2)"),
        (401, 3, "retry HOST answered 401: the token is not sent as Splunk wants it"),
        (403, 4, "retry HOST answered 403: the token is wrong (code 4)"),
        (400, 7, "retry HOST answered 400: the token does not allow this index; correct the index"),
        (503, 9, "retry HOST answered 503: Splunk is busy (code 9)"),
        (400, 10, "retry HOST answered 400: the token wants acknowledgment by the indexer"),
        (500, 8, "retry HOST answered 500"),
        (400, 6, "reject HOST refused it with 400 (code 6)"),
        (400, 12, "reject HOST refused it with 400 (code 12)"),
        (400, 13, "reject HOST refused it with 400 (code 13)"),
        (400, 99, "retry HOST answered 400 (code 99)"),
        (400, 14, "retry HOST answered 400 (code 14)"),
        (400, 16, "retry HOST answered 400 (code 16)"),
        (400, 21, "retry HOST answered 400: the token is wrong (code 21)"),
        (400, 22, "retry HOST answered 400: the token is disabled (code 22)"),
        (413, 27, "reject HOST refused it with 413"),
        (400, None, "reject HOST refused it with 400"),
        (200, 9, "retry HOST answered 200, but not as Splunk does: correct the url"),
        (404, None, "retry HOST answered 404: there is nothing at the path of the url"),
        (503, 23, "retry HOST answered 503"),
    ],
)
def test_what_its_answers_mean(status: int, code: int | None, found: str) -> None:
    """A wrong token or index pauses the handler: it is the fault of no event."""
    with rig(lambda _: [http({"text": "s3cret", "code": code}, status)], **SPLUNK) as there:
        (reason,) = there.reasons(make_event())

    assert reason.startswith(found)
    assert "s3cret" not in reason


def test_an_answer_that_is_not_splunks_is_read_as_http() -> None:
    """As of a proxy in front of it."""
    for content in (b"<html>", b"[1]", b"[" * 100_000, b'{"code": "x"}'):
        with rig(lambda _, c=content: [http(c, 503)], **SPLUNK) as there:  # type: ignore[misc]
            (ran,) = there.land(make_event())
        assert isinstance(ran.errors["chat"], Unavailable)
        assert ran.reason.endswith("answered 503")


def test_a_200_of_something_else_takes_no_event() -> None:
    """Of a login page or a load balancer: all events would be lost at a wrong URL."""
    for content in (
        b"<html>Log in</html>", b"", b"OK", b"[]", b'{"ok": true}', b'{"code": null}',
        b'{"code": false}', b'{"code": "0"}', b'{"error": "busy"}',
    ):  # fmt: skip
        with rig(lambda _, c=content: [http(c)], **SPLUNK) as there:  # type: ignore[misc]
            (reason,) = there.reasons(make_event())
        assert reason == "retry HOST answered 200, but not as Splunk does: correct the url"


def test_busy_with_a_time_is_waited_for() -> None:
    """As the rules of HTTP have it."""
    with rig(lambda _: [http({"code": 9}, 503, Retry_After="11")], **SPLUNK) as there:
        (ran,) = there.land(make_event())
    error = ran.errors["chat"]
    assert isinstance(error, Unavailable)
    assert error.after == 11.0


def test_the_event_that_splunk_names_is_rejected_alone() -> None:
    """With three requests: all, the one that it names, the others."""

    def answer(request: Request) -> Iterator[Any]:
        numbers = [found["event"]["payload"]["body"]["number"] for found in objects(request.body)]
        if 42 in numbers:
            refusal = {"text": "Invalid data format", "code": 6}
            yield http({**refusal, "invalid-event-number": numbers.index(42)}, 400)
        else:
            yield OK

    with rig(answer, **SPLUNK) as there:
        ran = there.land(*numbered(100))

    assert [n for n, result in enumerate(ran) if result.verdict != "ack"] == [42]
    assert re.search(r"refused it with 400 \(code 6\)$", ran[42].reason)
    assert len(there.server.requests) == 3
