"""Lands events in the table; whatever PostgreSQL answers becomes one of the kinds of errors."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

import psycopg

from consumer.clock import Clock
from consumer.errors import BatchFailure, Unavailable
from consumer.handlers.postgres import checks, schema
from consumer.handlers.postgres.connections import Connections, Session, transaction
from consumer.handlers.postgres.failures import (
    is_of_data,
    is_of_table,
    is_of_value,
    meaning_of,
    reject_of,
)
from consumer.handlers.postgres.table import Table, chunks, parameters_of
from consumer.handlers.records import each_made
from consumer.handlers.sql.rows import Row, row_of
from consumer.messages import Context, Event

T = TypeVar("T")
#: By the key of an event: why it can't be stored, or None once it has landed.
Results = dict[str, Exception | None]


class Landing:
    """Each event once, by its key. Any thread may call, several at once."""

    def __init__(
        self,
        connections: Connections,
        table: Table,
        *,
        clock: Clock,
        create: bool,
        views: bool,
        scrub_secrets: bool,
    ) -> None:
        self._connections = connections
        self._table = table
        self._clock = clock
        self._create = create
        self._views = views
        self._scrub_secrets = scrub_secrets
        self._ready = False

    def write(self, events: Sequence[Event], _context: Context) -> None:
        """Land the events; returns when they are on the server's disk.

        Raises: Unavailable if they could not land; BatchFailure if that shows after some were
        decided, and for those that can't be stored, after the others were.
        """
        now = self._clock.now()
        rows, failures = each_made(
            events, lambda event: row_of(event, now, scrub_secrets=self._scrub_secrets)
        )
        if rows:
            # All processes lock the keys in the same order, so there is no deadlock.
            rows.sort(key=lambda entry: entry[1].event_key)
            results: Results = {}
            try:
                self._run(lambda session: self._land(session, [row for _, row in rows], results))
            except Unavailable as error:
                if not results:
                    raise
                results = {row.event_key: results.get(row.event_key, error) for _, row in rows}
            failures |= {e: why for e, row in rows if (why := results[row.event_key])}
        if failures:
            raise BatchFailure(failures)

    def check(self) -> str:
        """Look whether events could land, and change nothing. Raises: Unavailable."""

        def look(session: Session) -> str:
            _check_encoding(session)
            self._refuse_faults(session)
            if self._create:
                schema.versions(session, self._table)
            return f"{self._connections.target.shown}: {checks.found(session, self._table)}"

        return self._run(look)

    def close(self) -> None:
        """Close the connections. May be called again."""
        self._connections.close()

    def _run(self, work: Callable[[Session], T]) -> T:
        try:
            return self._connections.run(work)
        except psycopg.Error as error:
            failure = error
        # Outside the except block: the text of the error, which quotes data, must not be a context.
        raise self._unavailable(failure)

    def _unavailable(self, error: psycopg.Error) -> Unavailable:
        wrong: list[str] = []
        if is_of_table(error):
            self._ready = False  # created again, if that is wanted
            with suppress(psycopg.Error):
                wrong = self._connections.run(self._faults)
        reason = "; ".join(wrong) or meaning_of(error)
        return Unavailable(f"{self._connections.target.shown}: {reason}")

    def _faults(self, session: Session) -> list[str]:
        return checks.faults(session, self._table, create=self._create)

    def _refuse_faults(self, session: Session) -> None:
        if wrong := self._faults(session):
            raise Unavailable(f"{self._connections.target.shown}: {'; '.join(wrong)}")

    def _land(self, session: Session, rows: Sequence[Row], results: Results) -> None:
        if not self._ready:
            _check_encoding(session)
            if self._create:
                schema.create(session, self._table, views=self._views)
            self._refuse_faults(session)
            self._ready = True
        self._insert(session, rows, results)

    def _insert(
        self, session: Session, rows: Sequence[Row], results: Results, *, with_jsonb: bool = True
    ) -> None:
        """Add a result for each row: it has landed, or the server refuses it.

        If the server refuses the rows, each half is tried, and so on: about twice the logarithm of
        their number for each one that it does not take.
        """
        statement = self._table.insert(with_jsonb=with_jsonb).encode()
        try:
            with transaction(session):
                for chunk in chunks(rows):
                    session.execute(statement, parameters_of(chunk))
        except psycopg.Error as error:
            if not is_of_data(error):
                raise
            refusal = error
        else:
            results |= dict.fromkeys(row.event_key for row in rows)
            return
        if len(rows) > 1:
            middle = len(rows) // 2
            self._insert(session, rows[:middle], results)
            self._insert(session, rows[middle:], results)
        elif with_jsonb and is_of_value(refusal):
            # jsonb can't hold some numbers. What refuses it for its content must not be avoided.
            self._insert(session, rows, results, with_jsonb=False)
        else:
            results[rows[0].event_key] = reject_of(refusal)


def _check_encoding(session: Session) -> None:
    encoding = session.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise Unavailable(
            f'the database "{session.info.dbname}" has the encoding {encoding}: it must be UTF8'
        )
