"""What is sent: the body of a request, in one of several forms."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from consumer.handlers.http.template import Filled
from consumer.handlers.records import encoded, line_of
from consumer.messages import Event

JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Form:
    """Any thread may call `write`: the body for these events, sent at this time."""

    content_type: str
    write: Callable[[Sequence[Event], str], bytes]


def records(*, array: bool, scrub_secrets: bool) -> Form:
    """The record of an event, or an array of them."""

    def write(events: Sequence[Event], received_at: str) -> bytes:
        lines = [line_of(e, received_at, scrub_secrets=scrub_secrets).rstrip("\n") for e in events]
        return encoded([f"[{','.join(lines)}]"] if array else lines)

    return Form(JSON, write)


def ndjson(*, scrub_secrets: bool) -> Form:
    """A line for each event, each with its newline."""

    def write(events: Sequence[Event], received_at: str) -> bytes:
        return encoded([line_of(e, received_at, scrub_secrets=scrub_secrets) for e in events])

    return Form("application/x-ndjson", write)


def filled(template: Filled, *, text: bool) -> Form:
    """A message about one event: plain text, or JSON."""

    def write(events: Sequence[Event], _: str) -> bytes:
        message = template(events[0])
        return encoded([message if text else json.dumps(message)])

    return Form(TEXT if text else JSON, write)


def splunk_hec(constants: Mapping[str, str], *, scrub_secrets: bool) -> Form:
    """An object for each event, one after the other, as the HTTP Event Collector wants them.

    Args:
        constants: source, sourcetype, index and host, as far as they are given.
    """
    rest = "".join(f"{json.dumps(name)}:{json.dumps(text)}," for name, text in constants.items())

    def write(events: Sequence[Event], received_at: str) -> bytes:
        found = []
        for event in events:
            record = line_of(event, received_at, scrub_secrets=scrub_secrets).rstrip("\n")
            time = f'"time":{event.time.timestamp():.3f},' if event.time else ""
            found.append(f'{{{time}{rest}"event":{record}}}\n')
        return encoded(found)

    return Form(JSON, write)


def escaped_for_slack(text: str) -> str:
    """In Slack, `<!channel>` calls all members, and `<URL|text>` is a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
