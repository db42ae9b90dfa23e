"""Reloads the configuration while the daemon runs: the same queue, other handlers and settings."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final

import structlog

from consumer import log_events
from consumer.clock import Clock
from consumer.config import Loaded, Settings
from consumer.config.section import Section
from consumer.engine.worker import Worker
from consumer.errors import ConsumerError, describe
from consumer.handlers.loading.loader import unmatched_patterns
from consumer.handlers.registering.registry import Registry
from consumer.service.engine import Engine
from consumer.service.signals import StopSignals
from consumer.service.systemd import Notifier

_log = structlog.get_logger(__name__)

#: What a reload changes; the daemon does not use tests. All else belongs to the process: its queue,
#: identity, files, listeners.
LIVE: Final = ("engine", "handlers", "unmatched", "tests")
#: Loading and building the handlers may take so long; systemd waits for two minutes.
LONGEST_SECONDS: Final = 90.0


@dataclass(frozen=True, slots=True)
class _Next:
    """What the next engine is made of."""

    settings: Settings
    registry: Registry
    needs_restart: list[str]


class Reloads:
    """A reload for each request. The main thread calls all methods.

    First everything is loaded, checked and built, while the old engine runs; if that fails, nothing
    has changed. This calls factories of handlers, so a thread of its own does it. Then the engine
    is replaced.

    Args:
        load: loads the configuration. Raises `ConsumerError`.
        build: makes its handlers. Likewise.
        make: makes the worker, once the old one has ended.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        load: Callable[[], Loaded],
        build: Callable[[Settings], Registry],
        make: Callable[[Registry, Settings], Worker],
        signals: StopSignals,
        notifier: Notifier,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._load = load
        self._build = build
        self._make = make
        self._signals = signals
        self._notifier = notifier
        self._clock = clock
        self._done = 0
        self._began = 0.0
        self._next: Future[_Next] | None = None

    @property
    def under_way(self) -> bool:
        """True from the request until the reload has ended."""
        return self._next is not None

    def look(self, while_waiting: Callable[[float], bool]) -> bool:
        """Begin or go on, if a reload was asked for; True once one has ended, well or not.

        Args:
            while_waiting: called while the old engine finishes; see `Worker.drain`.
        """
        if self._next is None:
            if self._signals.reloads == self._done:
                return False
            # Before the file is read: what is asked for from now on is another reload.
            self._done = self._signals.reloads
            self._begin()
        late = self._clock.monotonic() - self._began > LONGEST_SECONDS
        if self._next is None or not (self._next.done() or late):
            return False
        found, self._next = self._next, None
        if not found.done():
            seconds = f"{LONGEST_SECONDS:g} s"
            _failed([f"the handlers were not made within {seconds}: a factory or a module hangs"])
        elif (error := found.exception()) is not None:
            _failed(_sentences(error))
        else:
            self._replace(found.result(), while_waiting)
        return True

    def _begin(self) -> None:
        self._began = self._clock.monotonic()
        self._notifier.reloading("reloading the configuration", self._began)
        self._next = found = Future[_Next]()

        def prepare() -> None:
            try:
                found.set_result(self._prepare())
            except BaseException as error:
                found.set_exception(error)

        try:
            threading.Thread(target=prepare, name="reload", daemon=True).start()
        except (RuntimeError, MemoryError):  # "can't start new thread"
            found.set_exception(ConsumerError("the system allows no thread to load it"))

    def _prepare(self) -> _Next:
        loaded = self._load()
        running = self._engine.worker.parts.settings
        settings = running.model_copy(
            update={name: getattr(loaded.settings, name) for name in LIVE}
        )
        registry = self._build(settings)
        for warning in (*loaded.warnings, *unmatched_patterns(registry.handlers)):
            _log.warning(log_events.CONFIG_WARNING, reason=warning)
        return _Next(settings, registry, _differing(running, loaded.settings))

    def _replace(self, found: _Next, while_waiting: Callable[[float], bool]) -> None:
        handlers = [handler for handler in found.registry.handlers if not handler.unmatched]
        replaced = self._engine.replace(
            lambda: self._make(found.registry, found.settings),
            successors=found.registry.handlers,
            while_waiting=while_waiting,
        )
        if not replaced:
            _failed(["the daemon stops, so the configuration is not reloaded"])
            return
        seconds = round(self._clock.monotonic() - self._began, 1)
        facts: dict[str, Any] = {"handlers": {h.name: list(h.patterns) for h in handlers}}
        if keys := found.needs_restart:
            hint = "these keys differ from the configuration that was loaded: restart to apply them"
            _log.warning(log_events.RELOADED, **facts, seconds=seconds, unchanged=keys, hint=hint)
        else:
            _log.info(log_events.RELOADED, **facts, seconds=seconds)


def _differing(running: Settings, found: Settings) -> list[str]:
    """The keys that keep their values until a restart, although others were loaded now."""
    keys: list[str] = []
    for name in (name for name in Settings.model_fields if name not in LIVE):
        old, new = getattr(running, name), getattr(found, name)
        if not isinstance(old, Section):
            keys += [name] * (old != new)
            continue
        for key in type(old).model_fields:
            # A secret that is read from a file changes with the file.
            own = getattr(old, f"{key}_file", None) is None
            if own and getattr(old, key) != getattr(new, key):
                keys.append(f"{name}.{key}")
    return keys


def _sentences(error: BaseException) -> list[str]:
    if isinstance(error, ConsumerError):
        return str(error).splitlines()
    return [" ".join(("a bug:", *describe(error).values()))]


def _failed(errors: list[str]) -> None:
    hint = "nothing has changed: correct it, and reload again"
    _log.error(log_events.RELOAD_FAILED, errors=errors, hint=hint)
