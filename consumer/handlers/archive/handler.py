"""The archive handler: every event durably in JSON lines, before its message is deleted."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consumer.errors import BatchFailure, Retry
from consumer.handlers.archive.lines import encoded, line_of, utc_text
from consumer.handlers.archive.store import ArchiveStore
from consumer.handlers.loading.options import Options
from consumer.handlers.registering.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.clock import Clock
    from consumer.handlers.loading.environment import HandlerEnvironment
    from consumer.messages import Context, Event

_BATCH = 100
_LINGER_SECONDS = 0.5
_MAX_FILE_BYTES = 128 * 1024 * 1024


def factory(name: str, options: Mapping[str, Any], environment: HandlerEnvironment) -> Registry:
    """Make the handler; leaves nothing on the disk until the first event.

    Options: directory (by default `archive` in the state directory), max_file_bytes (128 MiB),
    scrub_secrets (true). Raises ConfigurationError also where the directory can't be written.
    """
    read = Options(name, options)
    given = read.text("directory")
    max_file_bytes = read.whole_number("max_file_bytes", _MAX_FILE_BYTES, least=1)
    scrub_secrets = read.flag("scrub_secrets", default=True)
    read.end()
    directory = Path(given) if given else environment.state_directory / "archive"
    store = ArchiveStore(directory, max_file_bytes=max_file_bytes, create_parent=not given)
    if not given or os.path.lexists(directory.parent):
        store.check(environment.clock.now().date())
    else:
        # No error: it may be a mount that is still to come. So long the events stay in the queue.
        environment.warn(
            f'handler "{name}": the directory {directory.parent} does not exist; it is not '
            "created, and nothing can be archived until it is there"
        )
    archive = Archive(store, clock=environment.clock, scrub_secrets=scrub_secrets)
    registry = Registry()
    registry.add(
        archive.write,
        "*",
        name=name,
        batch=_BATCH,
        linger_seconds=_LINGER_SECONDS,
        close=archive.close,
    )
    return registry


class Archive:
    """Appends events to the files of a directory, one line each. Any thread may call.

    Args:
        scrub_secrets: take tokens and other secrets out of the URLs of a payload.
    """

    def __init__(self, store: ArchiveStore, *, clock: Clock, scrub_secrets: bool = True) -> None:
        self._store = store
        self._clock = clock
        self._scrub_secrets = scrub_secrets

    def write(self, events: Sequence[Event], _context: Context) -> None:
        """Write the events; returns when they are on the disk, so that they can be acked.

        Raises: Retry if they could not be written, all of them; BatchFailure for those that can't
        be put into a line, after the others were written.
        """
        now = self._clock.now()
        received_at = utc_text(now)
        lines: list[str] = []
        failures: dict[Event, BaseException] = {}
        try:
            new = self._store.without_written(events)
        except OSError as error:
            raise Retry(_reason(error)) from error
        for event in new:
            try:
                lines.append(line_of(event, received_at, scrub_secrets=self._scrub_secrets))
            except Exception as error:  # one event must not keep the others in the queue
                failures[event] = error
        if lines:
            try:
                self._store.append(encoded(lines), now.date())
            except OSError as error:
                raise Retry(_reason(error)) from error
        if failures:
            raise BatchFailure(failures)

    def close(self) -> None:
        """Close the file; the archive can be used again."""
        self._store.close()


def _reason(error: OSError) -> str:
    """What an operator must know to fix it: the system's words and our own path, nobody's data."""
    number = error.errno or 0
    code = errno.errorcode.get(number, "unknown")
    place = f": {error.filename}" if error.filename else ""
    return f"the archive could not be written: {os.strerror(number)} ({code}){place}"
