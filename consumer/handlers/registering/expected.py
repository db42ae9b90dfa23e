"""Which events a handler takes, by the models that it names; others are kept from its code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.errors import BatchFailure, ConfigurationError, Retry
from consumer.handlers.registering import models

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from consumer.messages import Context, Event, Format


class UnexpectedEventError(Retry, TypeError):
    """Raised in place of a call: the handler says that it takes another type of event.

    A retry, so that its reason is told in the log; it quotes nothing that came with the event.
    """


@dataclass(frozen=True, slots=True)
class Expected:
    """The formats in which a handler takes each event. Any thread may ask it."""

    handler: str
    #: By the name of the event.
    formats: Mapping[str, frozenset[Format]]
    #: In which it takes every other event that it is registered for.
    others: frozenset[Format]

    def check(self, event: Event) -> None:
        """Raise UnexpectedEventError for an event that the handler does not take."""
        if event.format not in self.formats.get(event.name, self.others):
            raise UnexpectedEventError(self._sentence(event.name, event.format))

    def check_format(self, only: Format | None, matches: Callable[[str, Format], bool]) -> None:
        """Refuse a restriction to a format in which one of the events would never be taken.

        Raises ConfigurationError.
        """
        for name, formats in self.formats.items():
            if only is not None and only not in formats and matches(name, only):
                path = models.path_for(name, only)
                remedy = f"register {path}" if path else "leave the format out"
                raise ConfigurationError(
                    f"handler {self.handler!r} takes {name} in {_format(formats)} format only, "
                    f'which format="{only}" leaves out: {remedy}'
                )

    def guard(self, call: Callable[[Event, Context], None]) -> Callable[[Event, Context], None]:
        """The call, but only for an event that is expected."""
        check = self.check

        def guarded(event: Event, context: Context) -> None:
            check(event)
            call(event, context)

        return guarded

    def guard_batch(
        self, call: Callable[[Sequence[Event], Context], None]
    ) -> Callable[[Sequence[Event], Context], None]:
        """The call for many: what is not expected fails, the rest is handed over."""

        def guarded(events: Sequence[Event], context: Context) -> None:
            failures = self._unexpected(events)
            if not failures:
                call(events, context)
                return
            rest = [event for event in events if event not in failures]
            try:
                if rest:
                    call(rest, context)
            except BatchFailure as failure:
                # One that names no event does not say which succeeded: then none has.
                failures |= failure.failures or dict.fromkeys(rest, failure)
            except BaseException as error:
                failures |= dict.fromkeys(rest, error)
            raise BatchFailure(failures)

        return guarded

    def guard_predicate(self, when: Callable[[Event], object]) -> Callable[[Event], object]:
        """The predicate, which reads the event as the function does."""
        check = self.check

        def guarded(event: Event) -> object:
            check(event)
            return when(event)

        return guarded

    def _unexpected(self, events: Sequence[Event]) -> dict[Event, BaseException]:
        failures: dict[Event, BaseException] = {}
        for event in events:
            try:
                self.check(event)
            except UnexpectedEventError as error:
                failures[event] = error
        return failures

    def _sentence(self, name: str, came: Format) -> str:
        formats = self.formats.get(name, self.others)
        label = f"handler {self.handler!r}"
        if not formats:  # the name came from outside: it is not repeated
            return (
                f"{label} takes {listed(list(self.formats))}, and got an event of another name: "
                "register it for names instead of a glob, or annotate its parameter as Event"
            )
        kept = _format(formats)
        path = models.path_for(name, came)
        register = f"register {path}, too, or " if path and name in self.formats else ""
        return (
            f"{label} takes {name if name in self.formats else 'events'} in {kept} format, and the "
            f'event came as {came.capitalize()}: {register}say format="{kept.lower()}" to leave '
            "such events out"
        )


def listed(names: Sequence[str]) -> str:
    """The first three, and how many more there are."""
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more} more" if more > 0 else "")


def _format(formats: frozenset[Format]) -> str:
    return " or ".join(sorted(formats)).capitalize()
