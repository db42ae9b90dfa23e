"""Passes events to the program as the records that every destination gets."""

from collections.abc import Sequence

from consumer.clock import Clock
from consumer.errors import BatchFailure
from consumer.handlers.command.batch import Batches
from consumer.handlers.command.lines import Lines
from consumer.handlers.records import each_made, line_of, utc_text
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
        made, without_line = each_made(
            events, lambda event: line_of(event, received_at, scrub_secrets=self._scrub_secrets)
        )
        failures: dict[Event, BaseException] = {**without_line}
        try:
            if made:
                self._mode.handle([e for e, _ in made], [line for _, line in made], context)
        except BatchFailure as error:
            failures |= error.failures
        if failures:
            raise BatchFailure(failures)
