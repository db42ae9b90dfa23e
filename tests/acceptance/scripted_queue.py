"""An SQS endpoint that answers each action as the test says, and can delay answers."""

from __future__ import annotations

import json
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.acceptance.http_endpoint import Endpoint, running_endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Answer = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]

_LONGEST_WAIT = 300.0


def failure(code: str, *, status: int = 400) -> Answer:
    """An error of SQS. Its text names people and keys, as AWS's texts do."""
    text = "User: arn:aws:iam::123456789012:user/CANARY-USER is not authorized with CANARY-HANDLE"
    return lambda _: (status, {"__type": f"com.amazonaws.sqs#{code}", "message": text})


class Script:
    """The answers, and the count of requests. Any thread may use it.

    Without an entry in `answers` an action succeeds and returns nothing.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: Counter[str] = Counter()
        self.url = ""
        self._held: dict[str, threading.Event] = {}

    @property
    def queue_url(self) -> str:
        """The URL of the queue."""
        return f"{self.url}/123456789012/canvas-live-events-scripted"

    def hold(self, action: str) -> None:
        """Delay the answers of an action until `let_go`."""
        self._held[action] = threading.Event()

    def let_go(self, action: str) -> None:
        """Answer them now."""
        self._held.pop(action).set()

    def let_all_go(self) -> None:
        """Answer all calls that wait."""
        for action in list(self._held):
            self.let_go(action)

    def answer(self, action: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The status and the content of an answer."""
        self.asked[action] += 1
        held = self._held.get(action)
        if held is not None:
            held.wait(_LONGEST_WAIT)
        if action in self.answers:
            return self.answers[action](request)
        if "Entries" in request:
            return 200, {"Successful": [{"Id": entry["Id"]} for entry in request["Entries"]]}
        # A short wait, or an empty queue would be polled in a tight loop.
        threading.Event().wait(min(0.2, request.get("WaitTimeSeconds", 0)))
        return 200, {}


@contextmanager
def scripted_queue() -> Iterator[Script]:
    """An endpoint on a free port of the loopback interface, while the context lasts."""
    script = Script()

    class _Endpoint(Endpoint):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # noqa: N802 - the name that http.server calls
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            action = self.headers["X-Amz-Target"].partition(".")[2]
            status, content = script.answer(action, request)
            self.answer(status, json.dumps(content).encode(), "application/x-amz-json-1.0")

    with running_endpoint(_Endpoint) as script.url:
        try:
            yield script
        finally:
            script.let_all_go()
