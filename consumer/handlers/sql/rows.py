"""The row of an event in the table `live_events`. Pure; any thread may call it."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple

from consumer.handlers.records import payload_of
from consumer.messages import Event
from consumer.subject import CanvasId

SqlType = Literal["text", "bigint", "timestamp", "number", "boolean"]

#: More than a database's 64-bit integer.
_TOO_BIG: Final = 2**63
_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(?P<refused>u0000|u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table, or of a view."""

    name: str
    type: SqlType


#: In the order of `Row`. The first one is the primary key, and `payload` is never null.
COLUMNS: Final = (
    Column("event_key", "text"),
    Column("message_id", "text"),
    Column("name", "text"),
    Column("format", "text"),
    Column("time", "timestamp"),
    Column("received_at", "timestamp"),
    Column("user_id", "bigint"),
    Column("course_id", "bigint"),
    Column("account_id", "bigint"),
    Column("entity_id", "bigint"),
    Column("entity_kind", "text"),
    Column("change", "text"),
    Column("triggered_by_job", "boolean"),
    Column("user_pseudonym", "text"),
    Column("payload", "text"),
    Column("payload_plain", "text"),
)


class Row(NamedTuple):
    """An event as `COLUMNS`. Its texts can be stored anywhere: no NUL, no lone surrogate."""

    event_key: str
    message_id: str
    name: str
    format: str
    time: datetime | None
    received_at: datetime
    #: Global; local if no shard is known.
    user_id: int | None
    course_id: int | None
    account_id: int | None
    entity_id: int | None
    entity_kind: str | None
    change: str | None
    triggered_by_job: bool
    user_pseudonym: str | None
    #: The payload as one line of JSON, which can be replayed.
    payload: str
    #: The payload as the JSON functions of databases can read it; None if `payload` is that. SQLite
    #: stores it for the views; what PostgreSQL makes `payload_jsonb` of.
    payload_plain: str | None


def row_of(event: Event, received_at: datetime, *, scrub_secrets: bool) -> Row:
    """The row.

    Args:
        received_at: the time of landing.
        scrub_secrets: remove tokens and other secrets from the URLs of the payload.
    """
    subject = event.subject
    payload = payload_of(event, scrub_secrets=scrub_secrets)
    if not payload.isascii():
        payload = _encodable(payload)
    return Row(
        _text(event.key),
        _text(event.message_id),
        _text(event.name),
        event.format,
        event.time,
        received_at,
        _id(subject.user_id),
        _id(subject.course_id),
        _id(subject.account_id),
        _id(subject.entity_id),
        subject.entity_kind or None,
        event.change,
        event.triggered_by_job,
        subject.user_pseudonym,
        payload,
        plain_json(payload),
    )


def plain_json(payload: str) -> str | None:
    r"""The JSON text with `\u0000` and lone surrogates as visible text; None if it has none.

    Databases can store these escapes as text, but not the characters that they stand for: SQLite's
    functions end a text at NUL, and make a surrogate text that its clients can't read; jsonb
    refuses both.
    """
    if "\\" not in payload:  # one character is found at once, unlike two
        return None
    if "\\u0000" not in payload and "\\ud" not in payload and "\\uD" not in payload:
        return None
    plain = _ESCAPE.sub(lambda found: f"\\{found[0]}" if found["refused"] else found[0], payload)
    return None if plain == payload else plain


def _id(found: CanvasId | None) -> int | None:
    if found is None:
        return None
    number = found.local_id if found.shard is None else found.global_id
    return number if number is not None and number < _TOO_BIG else None


def _text(text: str) -> str:
    return (
        text if text.isascii() and "\0" not in text else _encodable(text).replace("\0", "\\u0000")
    )


def _encodable(text: str) -> str:
    """With lone surrogates as JSON escapes."""
    return text.encode("utf-8", "backslashreplace").decode()
