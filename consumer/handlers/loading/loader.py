"""From the configured handlers to one registry; and warnings about what they ask for."""

import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Final

from consumer.config import HandlerSettings, QueueSettings
from consumer.did_you_mean import did_you_mean
from consumer.errors import ConfigurationError, ConsumerError
from consumer.events.catalog import index
from consumer.handlers import archive, python
from consumer.handlers.around import coalesce_of, surrounded
from consumer.handlers.loading.factories import Factory, HandlerEnvironment, log_warning, no_aws
from consumer.handlers.registering.registry import Handler, Registry
from consumer.messages import Format

GROUP: Final = "canvas_live_events.handlers"

#: The name of the archive of events that no handler asked for; a configuration can't contain it.
UNMATCHED: Final = "archive (unmatched)"

#: Found without the package's metadata, which may be missing or of an older version.
_BUILT_IN: Final[Mapping[str, str]] = {
    kind: f"consumer.handlers.{kind}:factory"
    for kind in (
        "archive", "command", "eventbridge", "http", "log", "postgres", "python", "s3", "sqlite",
        "sqs",
    )
}  # fmt: skip


def build_registry(
    handlers: Sequence[HandlerSettings],
    *,
    state_directory: Path,
    warn: Callable[[str], None] = log_warning,
    aws_client: Callable[..., Any] = no_aws,
    queue: QueueSettings | None = None,
) -> Registry:
    """All configured handlers; the archive in the state directory if there are none.

    Events and format of an entry narrow what its factory registered; its limits replace those.
    Raises ConfigurationError for an entry that can't work.

    Args:
        aws_client: see `HandlerEnvironment`.
        queue: the one that the events come from.
    """
    environment = HandlerEnvironment(
        state_directory, aws_client=aws_client, queue=queue or QueueSettings(), warn=warn
    )
    registry = Registry()
    if not handlers:
        registry.include(archive.factory("archive", {}, environment))
    for entry in handlers:
        made = _narrowed(entry, _made(entry, environment))
        registry.adopt(surrounded(made.handlers, entry, warn))
    return registry


def archive_unmatched(registry: Registry, *, state_directory: Path) -> None:
    """Archive the events that no handler asks for in the state directory, if there can be any.

    Raises ConfigurationError if the archive can't be written.
    """
    if any(handler.takes_all for handler in registry.handlers):
        return
    made = archive.factory(UNMATCHED, {}, HandlerEnvironment(state_directory))
    registry.adopt([replace(handler, unmatched=True) for handler in made.handlers])


def parse_handler_specs(texts: Iterable[str]) -> list[dict[str, Any]]:
    """All `--handler` of a command line, with names of their own: "log" and "log-2"."""
    seen: Counter[str] = Counter()
    entries = [parse_handler_spec(text) for text in texts]
    for entry in entries:
        name = entry["name"]
        seen[name] += 1
        if seen[name] > 1:
            entry["name"] = f"{name}-{seen[name]}"
    return entries


def parse_handler_spec(text: str) -> dict[str, Any]:
    """One `--handler` of the command line as an entry of the configuration.

    `archive`, `archive:DIRECTORY`, `log`, `TYPE` (any other type that needs no options), or
    `package.module:attribute`; all but the second may end with the events:
    `=grade_change,submission_*`. Raises ConfigurationError for anything else.
    """
    kind, separator, argument = text.strip().partition(":")
    if kind == "archive" and argument.strip():
        return {"name": "archive", "archive": {"directory": argument}}
    if kind == "python" and argument.count(":") == 1:
        return parse_handler_spec(argument)
    spec, equals, events = text.partition("=")
    if equals:
        named = [event.strip() for event in events.split(",")]
        if not all(named):
            raise ConfigurationError(
                f'"{text}" has an empty name after "=": write {spec}=grade_change,submission_*, '
                f'or "{spec}=*" for every event'
            )
        return {**parse_handler_spec(spec), "events": named}
    if not separator and kind != "python" and kind in {*_BUILT_IN, *_installed()}:
        return {"name": kind, kind: {}}
    if kind not in _BUILT_IN and python.is_dotted(kind) and python.is_dotted(argument):
        # A name that the configuration accepts: letters, digits, "_" and ".", at most 64 of them.
        name = re.sub(r"[^A-Za-z0-9_.]", "_", f"{kind}.{argument}")[-64:].lstrip("_.0123456789")
        return {"name": name or "python", "python": {"target": f"{kind}:{argument}"}}
    raise ConfigurationError(
        f'"{text}" is not a handler: write archive:DIRECTORY, log, or package.module:attribute'
        + _hint(kind)
    )


def _narrowed(entry: HandlerSettings, made: Registry) -> Registry:
    narrowed = Registry()
    narrowed.include(
        made,
        patterns=entry.events,
        format=entry.format,
        timeout_seconds=entry.timeout_seconds,
        concurrency=entry.concurrency,
        rate_limit_per_second=entry.rate_limit_per_second,
        coalesce=coalesce_of(entry),
        batch=entry.batch_size,
        linger_seconds=entry.linger_seconds,
        retry=entry.retry.policy if entry.retry else None,
    )
    if not narrowed.handlers:
        raise ConfigurationError(
            f'handler "{entry.name}" handles nothing: its registry '
            + (f"has no handler for {entry.format} events" if made.handlers else "is empty")
        )
    return narrowed


def _made(entry: HandlerSettings, environment: HandlerEnvironment) -> Registry:
    named = "events" in entry.model_fields_set
    environment = replace(environment, batch_size=entry.batch_size, names_events=named)
    factory = _factory(entry)
    label = f'handler "{entry.name}": the factory of "{entry.type}"'
    arguments = (entry.name, entry.options, environment)
    try:
        _check_takes(factory, arguments, label)
        made: object = factory(*arguments)
    except KeyboardInterrupt:
        raise
    except ConfigurationError as error:
        named = str(error).startswith((f'handler "{entry.name}"', f"handler '{entry.name}'"))
        if named or entry.type in _BUILT_IN:
            raise
        raise ConfigurationError(f'handler "{entry.name}": {error}') from error
    except ConsumerError:
        raise
    except BaseException as error:  # a module may be a script that ends
        raise ConfigurationError(
            f"{label} failed with {type(error).__name__} ({python.place_of(error)})"
        ) from error
    if not isinstance(made, Registry):
        raise ConfigurationError(f"{label} must return a Registry, not {type(made).__name__}")
    return made


def _check_takes(factory: Factory, arguments: tuple[Any, ...], label: str) -> None:
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):  # not known, such as of a function in C
        return
    try:
        signature.bind(*arguments)
    except TypeError:
        right = f"must take (name, options, environment), not {signature}"
        raise ConfigurationError(f"{label} {right}") from None


def _factory(entry: HandlerSettings) -> Factory:
    kind = entry.type
    installed = _installed()
    if kind not in {*_BUILT_IN, *installed}:
        raise ConfigurationError(
            f'handler "{entry.name}": there is no type "{kind}"; there are '
            f"{', '.join(sorted({*_BUILT_IN, *installed}))}{_hint(kind)}"
        )
    factory: Factory = python.load_target(_BUILT_IN.get(kind) or _target(installed[kind]))
    if not callable(factory):
        raise ConfigurationError(f'handler "{entry.name}": entry point "{kind}" is not a function')
    return factory


def _installed() -> dict[str, EntryPoint]:
    """The types of other packages."""
    return {p.name: p for p in entry_points(group=GROUP) if p.name not in _BUILT_IN}


def _target(point: EntryPoint) -> str:
    """Without the extras of the package, "[…]", which may follow."""
    return point.value.partition("[")[0].strip()


def _hint(kind: str) -> str:
    hint = did_you_mean(kind, {*_BUILT_IN, *_installed()})
    return f"; {hint}" if hint else ""


def unmatched_patterns(handlers: Sequence[Handler]) -> list[str]:
    """A sentence for each pattern that matches no event that Canvas is known to send."""
    found: dict[str, list[str]] = {}
    for handler in handlers:
        for fault in _faults(handler):
            found.setdefault(fault, []).append(f'"{handler.name}"')
    return [
        f"handlers {', '.join(names)}: each {fault}" if names[1:] else f"handler {names[0]} {fault}"
        for fault, names in found.items()
    ]


def _faults(handler: Handler) -> Iterator[str]:
    sets = (handler.patterns, *handler.within)
    patterns = dict.fromkeys(pattern for patterns in sets for pattern in patterns)
    faults = [fault for p in patterns if (fault := _fault(p, handler.format))]
    yield from faults
    only = handler.format or "canvas"  # without a fault, every event is known in this format
    if not faults and not any(handler.matches(name, only) for name in index.names(only)):
        left = " and ".join([_listed(patterns) for patterns in handler.within])
        yield (
            f"asks for {_listed(handler.patterns)}, but the configuration allows only {left}: that "
            "leaves no known event"
        )


def _fault(pattern: str, event_format: Format | None) -> str | None:
    if not index.matches_any(pattern):
        near = index.nearest(re.sub(r"[^a-z0-9_.-]", "", pattern.lower()))
        hint = f" (nearest: {', '.join(near)})" if near else ""
        return f'asks for "{pattern}", which is not the name of a known event{hint}'
    in_caliper = any(fnmatchcase(name, pattern) for name in index.names("caliper"))
    if event_format == "caliper" and not in_caliper:
        return f'asks for "{pattern}" in Caliper format, in which Canvas is not known to send it'
    return None


def _listed(patterns: Sequence[str]) -> str:
    """The first three, and how many more there are."""
    more = len(patterns) - 3
    return ", ".join(patterns[:3]) + (f" and {more} more" if more > 0 else "")
