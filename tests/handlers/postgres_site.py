"""What the tests of the postgres handler share: a database of its own, and its handlers."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from consumer.errors import BatchFailure, Unavailable
from consumer.handlers.loading.factories import HandlerEnvironment
from consumer.handlers.postgres import factory
from consumer.testing import make_context, make_event
from tests.handlers.postgres_server import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.handlers.registering.handler import Handler
    from consumer.messages import Event
    from tests.handlers.postgres_server import PostgresServer


def events_of(numbers: Sequence[int], name: str = "grade_change") -> list[Event]:
    """Different events, the same for the same numbers."""
    return [make_event(name, body={"submission_id": str(n)}, message_id=f"m{n}") for n in numbers]


class Site:
    """A database, owned by the user "canvas", and the handlers that were made for it."""

    def __init__(self, server: PostgresServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.name = "site"
        server.start()
        server.database(self.name)
        server.execute(f"alter database {self.name} owner to canvas")
        self._handlers: list[Handler] = []

    def handler(self, **options: Any) -> Handler:
        """A new one, as the administrator unless a connection is given; without views."""
        given = {"connection": self.server.uri(self.name), "views": False, **options}
        (made,) = factory("warehouse", given, HandlerEnvironment(self.folder)).handlers
        self._handlers.append(made)
        return made

    def handler_of_canvas(self, **options: Any) -> Handler:
        """A new one, as the user "canvas", with its password in a file."""
        password = self.folder / "password"
        password.write_text(PASSWORD)
        uri = self.server.uri(self.name, user="canvas")
        return self.handler(connection=uri, password_file=str(password), **options)

    def execute(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What the administrator sees."""
        return self.server.execute(statement, *parameters, database=self.name)

    def count(self) -> int:
        """How many rows there are."""
        found: int = self.execute("select count(*) from live_events")[0][0]
        return found

    def close(self) -> None:
        """Close all handlers."""
        for handler in self._handlers:
            assert handler.close is not None
            handler.close()


def land(handler: Handler, events: Sequence[Event]) -> None:
    """Call it."""
    assert handler.call_batch is not None
    handler.call_batch(events, make_context())


def refused(handler: Handler, events: Sequence[Event]) -> dict[str, str]:
    """The message ids of those that it rejects, with the reasons."""
    try:
        land(handler, events)
    except BatchFailure as failure:
        return {event.message_id: error.reason for event, error in failure.failures.items()}  # type: ignore[attr-defined]
    return {}


def unavailable(call: Callable[[], object]) -> str:
    """The reason of the `Unavailable` that it raises."""
    with pytest.raises(Unavailable) as raised:
        call()
    assert raised.value.__cause__ is raised.value.__context__ is None  # they would quote data
    return raised.value.reason


class Proxy:
    """Between the handler and the server; it can lose what the server answers."""

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        #: Answers are lost from one with this in it on, and then the connection is cut.
        self.cut_at: bytes | None = None
        #: Nothing is passed on any more, and nothing is cut.
        self.is_silent = False
        self.connections = 0
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self.connections += 1
                far = socket.create_connection(("127.0.0.1", self._server_port))
                self._sockets += [near, far]
                for source, target in ((near, far), (far, near)):
                    thread = threading.Thread(target=self._pass, args=(source, target, far))
                    self._threads.append(thread)
                    thread.start()

    def _pass(self, source: socket.socket, target: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if source is far and self.cut_at and self.cut_at in data:
                    self.cut_at = None
                    break
                if not self.is_silent:
                    target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End all connections and threads."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._sockets:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for end in self._sockets:
            end.close()
