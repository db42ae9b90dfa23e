"""The log handler: one line per event, with safe ids only; no body and no person's data."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import structlog

from consumer import log_events
from consumer.handlers.loading.factories import HandlerEnvironment, Options
from consumer.handlers.registering.registry import Registry
from consumer.messages import Context, Event

_log = structlog.get_logger("consumer.handlers.log")

#: Names of events, of Canvas and of other Caliper senders; anything else is not logged.
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}").fullmatch
#: SHA-256, or the id of a Caliper event: neither identifies a person.
_KEY: Final = re.compile(r"[0-9a-f]{64}|urn:uuid:[0-9A-Fa-f-]{36}").fullmatch
_DIGITS: Final = re.compile(r"[0-9]{1,20}").fullmatch
_URN: Final = re.compile(
    r"urn:instructure:canvas:(course|assignment|submission|account):([0-9]{1,20})"
).fullmatch

#: Ids of things, not of people, in the body of a Canvas event.
_IDS: Final = ("account_id", "course_id", "assignment_id", "submission_id")


def factory(name: str, options: Mapping[str, Any], environment: HandlerEnvironment) -> Registry:  # noqa: ARG001 - the contract of a factory
    """It has no options."""
    Options(name, options).end()
    registry = Registry()
    registry.add(write, "*", name=name)
    return registry


def write(event: Event, context: Context) -> None:
    """Log one line at info. Any thread may call it."""
    _log.info(log_events.EVENT, **safe_facts(event), receive_count=context.receive_count)


def safe_facts(event: Event) -> dict[str, str | None]:
    """What may be shown of any event: no body and no person's data."""
    return {
        "event_name": event.name if _NAME(event.name) else "(other)",
        "event_time": event.time.isoformat() if event.time else None,
        "format": event.format,
        "event_key": event.key if _KEY(event.key) else "(other)",
        "message_id": event.message_id,
        **dict(_ids(event)),
    }


def _ids(event: Event) -> Iterator[tuple[str, str]]:
    """The ids of things that consist of digits, as those of Canvas do."""
    if event.format == "caliper":
        for part in (event.body.get("object"), event.body.get("group")):
            urn = part.get("id") if isinstance(part, dict) else None
            if isinstance(urn, str) and (found := _URN(urn)):
                yield f"{found[1]}_id", found[2]
        return
    for key in _IDS:
        value = event.body.get(key)
        number = isinstance(value, int) and not isinstance(value, bool)
        if (number or isinstance(value, str)) and _DIGITS(text := str(value)):
            yield key, text
