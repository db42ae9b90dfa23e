"""Connections to PostgreSQL: reused while idle, replaced when they break; none waits for ever."""

import os
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import psycopg
from psycopg import conninfo
from psycopg.adapt import Dumper
from psycopg.pq import Format

from consumer.clock import Clock
from consumer.config.secret_file import read_secret
from consumer.handlers.postgres.table import BinaryArray

T = TypeVar("T")

#: What the connection text may override.
_DEFAULTS: Final = {
    "application_name": "canvas-live-events-consumer",
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
#: Longer than the server may take for a statement. After that it is not the statement: the server,
#: or what is before it, does not answer.
ANSWER_SECONDS: Final = 90.0
#: Settings of this transaction only, because a pooler may give the session to others. What is
#: stricter already is left alone.
_BEGIN: Final = (
    b"begin isolation level read committed;"
    b"select set_config('synchronous_commit', 'on', true)"
    b" where current_setting('synchronous_commit') = 'off';"
    b"select set_config('statement_timeout', '60s', true)"
    b" where current_setting('statement_timeout') = '0'"
)


class NoAnswerError(psycopg.OperationalError):
    """The server did not answer in time."""


class PasswordFileError(psycopg.OperationalError):
    """The password can't be read."""


class _AsText(Dumper):
    """Bytes that are the text of a parameter already."""

    def dump(self, obj: bytes) -> bytes:
        return obj


class _AsBinary(_AsText):
    """Bytes that are the binary notation of a parameter already."""

    format = Format.BINARY


class Session(psycopg.Connection[tuple[Any, ...]]):
    """A connection that waits for each answer at most `answer_seconds`; bytes are sent as text."""

    clock: Clock
    answer_seconds: float

    def wait(self, gen: Generator[Any, Any, T], *args: Any, **kwargs: Any) -> T:
        """Consume a generator of psycopg."""
        return super().wait(self._bounded(gen), *args, **kwargs)

    def _bounded(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        # psycopg sends what is ready, and at least ten times a second that nothing is.
        end = self.clock.monotonic() + self.answer_seconds
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and self.clock.monotonic() >= end:
                    raise NoAnswerError
                wanted = gen.send(ready)
        except StopIteration as stop:
            result: T = stop.value
            return result


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect to, as libpq understands it."""

    parameters: Mapping[str, Any] = field(repr=False)
    password_file: Path | None

    @classmethod
    def of(cls, connection: str | None, password_file: Path | None) -> Self:
        """Raises: `ValueError` with what the connection text must be."""
        right = (
            "libpq's URI (postgresql://USER@HOST/DATABASE) or text (host=HOST dbname=DATABASE "
            "user=USER)"
        )
        if connection is None:
            raise ValueError(right)
        try:
            parameters = conninfo.conninfo_to_dict(connection)
        except psycopg.Error:  # its text quotes the value
            raise ValueError(right) from None
        if {"password", "sslpassword"} & parameters.keys():
            raise ValueError("without a password; put that into a file, named by password_file")
        return cls(parameters, password_file)

    @property
    def shown(self) -> str:
        """For a person: the database and its host, as far as the configuration names them."""
        database, host, service = (
            str(self.parameters.get(key) or os.environ.get(variable) or "")
            for key, variable in (
                ("dbname", "PGDATABASE"), ("host", "PGHOST"), ("service", "PGSERVICE"),
            )
        )  # fmt: skip
        if service and not (database or host):
            return f"the database of the service {service}"
        named = f'the database "{database}"' if database else "the database"
        return f"{named} on {host}" if host and not host.startswith("/") else named

    def connect(self) -> Session:
        """Open a connection: `psycopg.Error`."""
        parameters = {**_DEFAULTS, **self.parameters, "client_encoding": "utf8"}
        if self.password_file is not None:
            try:
                parameters["password"] = read_secret(self.password_file)
            except (OSError, ValueError):
                raise PasswordFileError from None
        # No prepared statements: a pooler may run the next one in another session.
        session = Session.connect(autocommit=True, prepare_threshold=None, **parameters)
        session.adapters.register_dumper(bytes, _AsText)
        session.adapters.register_dumper(BinaryArray, _AsBinary)
        return session


class Connections:
    """One connection for each call that runs; any thread may call.

    Args:
        answer_seconds: how long to wait for any answer.
    """

    def __init__(
        self, target: Target, clock: Clock, *, answer_seconds: float = ANSWER_SECONDS
    ) -> None:
        self.target = target
        self._clock = clock
        self._answer_seconds = answer_seconds
        self._lock = threading.Lock()
        self._idle: list[Session] = []
        self._closed = False

    def run(self, work: Callable[[Session], T]) -> T:
        """Run it with a connection: `psycopg.Error`.

        It runs a second time if the connection was open before, and turns out to be lost: the
        server may have been restarted since. Also a commit whose answer got lost may be repeated.
        """
        session = self._take()
        if session is not None:
            try:
                return self._run(session, work)
            except psycopg.OperationalError:
                if not session.broken:
                    raise
                self._close_idle()
        return self._run(self._open(), work)

    def close(self) -> None:
        """Close all that is idle, and the others when they are returned."""
        with self._lock:
            self._closed = True
        self._close_idle()

    def _run(self, session: Session, work: Callable[[Session], T]) -> T:
        try:
            result = work(session)
        except BaseException:
            # Whatever it was, the next call must not find its remains. `broken` stays true.
            with suppress(psycopg.Error):
                session.close()
            raise
        with self._lock:
            if not self._closed:
                self._idle.append(session)
                return result
        session.close()
        return result

    def _take(self) -> Session | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _open(self) -> Session:
        session = self.target.connect()
        session.clock, session.answer_seconds = self._clock, self._answer_seconds
        return session

    def _close_idle(self) -> None:
        while session := self._take():
            with suppress(psycopg.Error):
                session.close()


@contextmanager
def transaction(session: Session) -> Iterator[None]:
    """A transaction that is on the server's disk on return: `psycopg.Error`."""
    session.execute(_BEGIN)
    try:
        yield
    except BaseException:
        with suppress(psycopg.Error):
            session.execute(b"rollback")
        raise
    session.execute(b"commit")
