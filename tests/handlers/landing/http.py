"""A receiver of HTTP requests: it writes down what it has confirmed, before it does.

It knows requests that come again by their `webhook-id`, as receivers are advised to.
"""

from __future__ import annotations

import itertools
import json
import threading
from typing import TYPE_CHECKING, Any

from consumer.testing import make_event
from tests.handlers.http_rig import objects
from tests.handlers.landing.destination import Destination, Feature, Landed
from tests.queues.servers import Server, http

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.messages import Event
    from tests.queues.servers import Request

REFUSED = "course_refused"


class Http(Destination):
    """One event for each request, to a URL that is a secret."""

    kind = "http"
    features = frozenset({Feature.ONCE, Feature.MEBIBYTE})
    secrets = ("s3cret-path", "t0ken-of-the-receiver")

    def set_up(self) -> None:
        (self.folder / "url").touch(mode=0o600)
        (self.folder / "token").write_text("t0ken-of-the-receiver\n")
        self._ids: set[str] = set()
        self._lock = threading.Lock()
        self._requests: Iterator[int] | None = None
        self._written = self.folder / "received.jsonl"
        self._written.touch()
        self._receiver = Server(self._answer)
        url = f"http://127.0.0.1:{self._receiver.port}/s3cret-path"
        (self.folder / "url").write_text(url)

    def tear_down(self) -> None:
        self._receiver.close()

    def options(self) -> dict[str, Any]:
        return {
            "url_file": str(self.folder / "url"),
            "token_file": str(self.folder / "token"),
        }

    def landed(self) -> list[Landed]:
        lines = [json.loads(line) for line in self._written.read_text().splitlines()]
        return [Landed(line["event_key"], line["payload"]) for line in lines]

    def go_down(self) -> None:
        self._receiver.close()

    def come_back(self) -> None:
        self._receiver = Server(self._answer, port=self._receiver.port)

    def take_some(self) -> bool:
        self._requests = itertools.count(1)
        return bool(self.variant)  # without batches, a call has one event

    def bad_event(self) -> Event | None:
        return make_event(REFUSED, body={"title": "What is refused"})

    def records(self, body: bytes) -> list[dict[str, Any]]:
        """The records in a request."""
        return [json.loads(body)]

    def refusal(self, _position: int) -> bytes:
        """The answer to a request with an event that is refused, at this position."""
        return http(b"", 422)

    def _answer(self, request: Request) -> Iterator[Any]:
        records = self.records(request.body)
        if self._requests is not None and (len(records) > 2 or next(self._requests) % 3 == 0):
            yield http(b"", 413 if len(records) > 2 else 503)
            return
        names = [record["event_name"] for record in records]
        if REFUSED in names:
            yield self.refusal(names.index(REFUSED))
            return
        with self._lock:
            if self.is_new(request.headers["webhook-id"]):
                with self._written.open("a") as file:
                    file.writelines(f"{json.dumps(record)}\n" for record in records)
        yield http({"text": "Success", "code": 0})

    def is_new(self, webhook_id: str) -> bool:
        """Whether the request did not come before."""
        known = webhook_id in self._ids
        self._ids.add(webhook_id)
        return not known


class HttpBatches(Http):
    """An array of events for each request."""

    variant = "batches"
    features = frozenset({Feature.BATCH_ONCE, Feature.MEBIBYTE})

    def entry(self) -> dict[str, Any]:
        return {**super().entry(), "batch_size": 50, "linger_seconds": 0.5}

    def records(self, body: bytes) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(body)
        return found


class HttpSplunk(Http):
    """As Splunk's HTTP Event Collector takes events, and names the one that it refuses."""

    variant = "splunk"
    features = frozenset({Feature.MEBIBYTE})

    def options(self) -> dict[str, Any]:
        return {**super().options(), "preset": "splunk_hec"}

    def records(self, body: bytes) -> list[dict[str, Any]]:
        return [found["event"] for found in objects(body)]

    def is_new(self, _: str) -> bool:
        return True

    def refusal(self, position: int) -> bytes:
        return http({"code": 6, "invalid-event-number": position}, 400)
