"""Runs the `tests` of a configuration: which handlers get an event, and what of it.

No handler is called, and nothing is stored. What is said of an event never has its values.
"""

import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from consumer.config import CaseSettings, HandlerSettings, QueueSettings, Settings
from consumer.config.conditions import written
from consumer.did_you_mean import did_you_mean
from consumer.errors import ConfigurationError, DecodeError
from consumer.events.catalog import index
from consumer.events.samples import sample_message
from consumer.handlers.around.conditions import predicate_of
from consumer.handlers.around.known_fields import unlikely_paths
from consumer.handlers.around.paths import getter_of
from consumer.handlers.registering.handler import Handler
from consumer.handlers.registering.options import Predicate
from consumer.handlers.registering.registry import Registry
from consumer.messages import Event, ReceivedMessage
from consumer.operations.decoding import Decoding
from consumer.operations.payloads import messages_in


@dataclass(frozen=True, slots=True)
class Tried:
    """The result of a test."""

    name: str
    #: The handlers that get the event.
    handlers: tuple[str, ...]
    #: If there are none, what becomes of it: "archived" or "deleted".
    unmatched: str | None
    #: What is not as expected, as sentences.
    differences: tuple[str, ...]


class _Expected(NamedTuple):
    """What a handler gets is to fulfil."""

    handler: str
    condition: str
    holds: Predicate


class _Case(NamedTuple):
    settings: CaseSettings
    event: Event
    expected: Sequence[_Expected]


def run_tests(
    settings: Settings, registry: Registry, folder: Path, warn: Callable[[str], None]
) -> list[Tried]:
    """The results of all tests, in their order.

    Args:
        registry: all handlers, also those for events that none of them asks for.
        folder: where the paths of payloads begin.
        warn: called with a sentence about a field that is probably misspelt; it begins with a key.

    Raises: `ConfigurationError`, with a line for each test that can't be run; it begins with a key.
    """
    faults: list[str] = []
    cases: list[_Case] = []
    for number, case in enumerate(settings.tests):
        with _collecting(faults):
            found = _prepared(case, f"tests[{number}]", settings.queue, registry, folder)
            cases.append(found)
            _warn_of_fields(found, f"tests[{number}]", warn)
    if faults:
        raise ConfigurationError("\n".join(faults))
    return [_tried(case, registry, settings.handlers) for case in cases]


@contextmanager
def _collecting(faults: list[str]) -> Iterator[None]:
    try:
        yield
    except ConfigurationError as error:
        faults.append(str(error))


def _prepared(
    case: CaseSettings, key: str, queue: QueueSettings, registry: Registry, folder: Path
) -> _Case:
    known = [handler.name for handler in registry.handlers if not handler.unmatched]
    for name in case.handlers:
        if name not in known:
            hint = did_you_mean(name, known) or f"there are {', '.join(known)}"
            raise ConfigurationError(f'{key}.handlers: there is no "{name}": {hint}')
    message = _sample(case, key) if case.event else _stored(case, key, folder)
    decoding = Decoding.of(queue, None)
    source = f"{key}.event" if case.event else f"{key}.payload"
    event = _event(message, decoding, source)
    if case.metadata or case.body:
        changed = replace(message, body=_changed(event, case))
        event = _event(changed, replace(decoding, unwrap=()), source)
    expected = [
        _Expected(handler, written(part), predicate_of(part, f"{key}.gets.{handler}: conditions"))
        for handler, conditions in case.gets.items()
        for part in _parts(conditions)
    ]
    for handler, conditions in case.gets.items():
        _check_paths(conditions, event, f"{key}.gets.{handler}")
    return _Case(case, event, expected)


def _warn_of_fields(case: _Case, key: str, warn: Callable[[str], None]) -> None:
    """What is set in a misspelt field changes nothing. No error: Canvas adds fields."""
    event, settings = case.event, case.settings
    paths = [*(f"metadata.{f}" for f in settings.metadata), *(f"body.{f}" for f in settings.body)]
    for path, hint in unlikely_paths(dict.fromkeys(paths), [(event.format, event.name)]):
        warn(f"{key}: no known {event.name} has {path}{hint}")


def _check_paths(conditions: Any, event: Event, label: str) -> None:
    """A misspelt field does not exist: a test that expects this would always be ok."""
    for path, hint in unlikely_paths(conditions, [(event.format, event.name)]):
        if getter_of(path, label)(event) is None:
            raise ConfigurationError(f"{label}: no known {event.name} has {path}{hint}")


def _sample(case: CaseSettings, key: str) -> ReceivedMessage:
    name, event_format = case.event or "", case.format or "canvas"
    if not index.is_known(name, event_format):
        near = ", ".join(index.nearest(name)) if not index.is_known(name) else ""
        hint = f" (nearest: {near})" if near else ""
        raise ConfigurationError(
            f'{key}.event: there is no sample of "{name}" in {event_format} format{hint}'
        )
    sample = sample_message(name, event_format)
    return ReceivedMessage("", "", sample.body, message_attributes=sample.attributes)


def _stored(case: CaseSettings, key: str, folder: Path) -> ReceivedMessage:
    try:
        text = (folder / (case.payload or "")).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{key}.payload: can't be read: {error.strerror}") from None
    except ValueError:
        raise ConfigurationError(f"{key}.payload: not UTF-8 text") from None
    messages = list(messages_in(text))
    if len(messages) != 1:
        raise ConfigurationError(f"{key}.payload: must have one message, not {len(messages)}")
    return messages[0]


def _event(message: ReceivedMessage, decoding: Decoding, key: str) -> Event:
    try:
        events = decoding.events(message)
    except DecodeError as error:
        raise ConfigurationError(f"{key}: the daemon refuses the event: {error.reason}") from None
    if len(events) != 1:
        raise ConfigurationError(f"{key}: must have one event, not {len(events)}")
    return events[0]


def _changed(event: Event, case: CaseSettings) -> str:
    """The text of the event's message, with the fields of the test."""
    metadata, body = copy.deepcopy((dict(event.metadata), dict(event.body)))
    for holder, fields in ((metadata, case.metadata), (body, case.body)):
        for path, value in fields.items():
            _put(holder, path, value)
    if event.format == "caliper":
        return json.dumps({**metadata, "data": [body]})
    return json.dumps({"metadata": metadata, "body": body})


def _put(holder: dict[str, Any], path: str, value: Any) -> None:
    """Set a field, or remove it with None. Paths are those of conditions; a mapping is several."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            _put(holder, f"{path}.{key}", inner)
        return
    keys = path.split(".")
    for length in range(1, len(keys)):  # an object that is there; its key may contain dots
        there = holder.get(".".join(keys[:length]))
        if isinstance(there, dict):
            _put(there, ".".join(keys[length:]), value)
            return
    if value is None:
        holder.pop(path, None)
    elif path in holder or len(keys) == 1:
        holder[path] = value
    else:
        holder[keys[0]] = {}
        _put(holder[keys[0]], ".".join(keys[1:]), value)


def _parts(conditions: Any) -> list[Any]:
    """Conditions that are reported one by one: each of a mapping; a list as a whole."""
    if isinstance(conditions, Mapping) and conditions:
        return [{path: condition} for path, condition in conditions.items()]
    return [conditions]


def _tried(case: _Case, registry: Registry, entries: Sequence[HandlerSettings]) -> Tried:
    event, expected = case.event, case.settings.handlers
    got: dict[str, Handler] = {}
    failed: set[str] = set()
    differences: list[str] = []
    asked = {handler.name: handler for handler in registry.route(event.name, event.format)}
    for name, handler in asked.items():
        try:
            if handler.when is None or handler.when(event):
                got[name] = handler
        except Exception as error:  # a predicate is the user's code
            failed.add(name)
            differences.append(f'"{name}" fails: its predicate raises {type(error).__name__}')
    for name in expected:
        if name not in got and name not in failed:
            reason = f"its conditions are not fulfilled{_unfulfilled(name, event, entries)}"
            if name not in asked:
                reason = f"it does not ask for {event.name} in {event.format} format"
            differences.append(f'"{name}" does not get it: {reason}')
    differences += [f'"{name}" gets it, too' for name in got if name not in expected]
    differences += _missed(case, got)
    unmatched = None if got else "archived" if registry.unmatched else "deleted"
    return Tried(case.settings.name, tuple(got), unmatched, tuple(differences))


def _unfulfilled(name: str, event: Event, entries: Sequence[HandlerSettings]) -> str:
    """Which conditions of its entry; "" if only a predicate of the code declines the event."""
    own = [entry for entry in entries if f"{name}.".startswith(f"{entry.name}.")]
    when = max(own, key=lambda entry: len(entry.name)).when if own else None
    parts = [] if when is None else _parts(when)
    found = [written(part) for part in parts if not predicate_of(part, name)(event)]
    return f": {', '.join(found)}" if found else ""


def _missed(case: _Case, got: Mapping[str, Handler]) -> Iterator[str]:
    """What is not fulfilled by the event as its handlers get it."""
    for name, condition, holds in case.expected:
        if name not in got:
            continue
        view = got[name].view
        try:
            fulfilled = holds(case.event if view is None else view(case.event))
        except Exception as error:
            yield f'"{name}" fails: what it gets raises {type(error).__name__}'
        else:
            if not fulfilled:
                yield f'"{name}" gets it, but not with {condition}'
