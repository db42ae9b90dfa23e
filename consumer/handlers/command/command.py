"""Passes events to the program as the records that every destination gets."""

from collections.abc import Sequence

from consumer.clock import Clock
from consumer.errors import BatchFailure
from consumer.handlers.command.batch import Batches
from consumer.handlers.command.lines import Lines
from consumer.handlers.records import line_of, utc_text
from consumer.messages import Context, Event


class Command:
    """Any thread may call it."""

    def __init__(self, mode: Batches | Lines, *, clock: Clock, scrub_secrets: bool) -> None:
        self._mode = mode
        self._clock = clock
        self._scrub_secrets = scrub_secrets

    def handle(self, events: Sequence[Event], context: Context) -> None:
        """Returns once the program has handled all of the events.

        Raises: `Unavailable`, `Retry`, or `BatchFailure`; the last also for events of which no line
        can be made, after the others were handled.
        """
        received_at = utc_text(self._clock.now())
        lines: dict[Event, str] = {}
        failures: dict[Event, BaseException] = {}
        for event in events:
            try:
                lines[event] = line_of(event, received_at, scrub_secrets=self._scrub_secrets)
            except Exception as error:  # one event must not keep the others in the queue
                failures[event] = error
        try:
            if lines:
                self._mode.handle(list(lines), list(lines.values()), context)
        except BatchFailure as error:
            failures |= error.failures
        if failures:
            raise BatchFailure(failures)
