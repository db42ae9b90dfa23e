"""Puts redaction in front of a handler."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from consumer.config.entries import RedactSettings
from consumer.config.secret_file import read_secret, why_unreadable
from consumer.errors import BatchFailure, ConfigurationError
from consumer.events.redaction import Pseudonyms, Redaction
from consumer.handlers.registering.handler import Handler
from consumer.handlers.registering.options import BatchCall, Call
from consumer.messages import Context, Event

View = Callable[[Event], Event]

#: Of a file's mode: others than its owner and its group can read it.
_READABLE_BY_ALL = 0o004


def view_of(settings: RedactSettings, label: str, warn: Callable[[str], None]) -> View:
    """What a handler with these settings gets of an event. Reads the key.

    Raises `ConfigurationError`, which begins with the label and never shows the key.
    """
    path = settings.key_file
    if path is not None:
        return Redaction(settings.profile, _pseudonyms(path, label, warn))
    if settings.profile == "analytics":
        raise ConfigurationError(
            f"{label}: the profile analytics needs a key_file; make one with: "
            "openssl rand -hex 32 > FILE"
        )
    return Redaction(settings.profile)


def redacting(handler: Handler, view: View) -> Handler:
    """The handler, which gets the view of each event; its failures are those of the events."""
    return replace(
        handler,
        view=view,
        call=handler.call and _call(handler.call, view),
        call_batch=handler.call_batch and _call_batch(handler.call_batch, view),
    )


def _call(call: Call, view: View) -> Call:
    return lambda event, context: call(view(event), context)


def _call_batch(call: BatchCall, view: View) -> BatchCall:
    def call_views(events: Sequence[Event], context: Context) -> None:
        originals: dict[Event, Event] = {}
        failed: dict[Any, Any] = {}
        for event in events:
            try:
                originals[view(event)] = event
            except Exception as error:  # one event must not keep the others in the queue
                failed[event] = error
        try:
            if originals:
                call(list(originals), context)
        except BatchFailure as error:
            failures: object = error.failures  # a subclass may have put anything there
            if isinstance(failures, Mapping) and failures:
                named = {originals.get(e, e): why for e, why in failures.items()}
                error.failures = named | failed
            raise
        if failed:
            raise BatchFailure(failed)

    return call_views


def _pseudonyms(path: Path, label: str, warn: Callable[[str], None]) -> Pseudonyms:
    try:
        if path.stat().st_mode & _READABLE_BY_ALL:
            warn(
                f"{label}: everyone can read the key of the pseudonyms; let only the daemon's user "
                f"read it (chmod 600 {path}), or pass it as a credential of systemd"
            )
        return Pseudonyms(read_secret(path))
    except OSError as error:
        reason = why_unreadable(path, error)
        raise ConfigurationError(f"{label}: key_file {path} can't be read: {reason}") from None
    except ValueError as error:
        raise ConfigurationError(f"{label}: key_file {path} {error}") from None
