"""What the suite asks of a destination; see the package's docstring."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, ClassVar

from consumer.config import load
from consumer.handlers.loading.factories import no_aws
from consumer.handlers.loading.loader import build_registry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from consumer.handlers.registering.registry import Handler, Registry
    from consumer.messages import Event


class Feature(Enum):
    """What not every destination can do."""

    #: The same event lands as one, however often and with whatever other events it comes.
    ONCE = auto()
    #: The same batch lands as one if it is handed over again, also to another process.
    BATCH_ONCE = auto()
    #: It takes an event of 1 MiB. If not, such an event is rejected alone.
    MEBIBYTE = auto()


@dataclass(frozen=True)
class Landed:
    """An event as it is found at the destination."""

    key: str
    #: Its payload, decoded from JSON.
    payload: Any


class Destination(ABC):
    """Where a handler lands events; made for each test.

    Args:
        folder: a folder of its own, which is there.
        server: what `serving` has yielded.
    """

    kind: ClassVar[str]
    #: Tells two destinations of one kind apart in the names of tests, such as "batches".
    variant: ClassVar[str] = ""
    features: ClassVar[frozenset[Feature]] = frozenset({Feature.MEBIBYTE})
    #: Never to be seen in a log, a reason or a repr.
    secrets: tuple[str, ...] = ()

    def __init__(self, folder: Path, server: Any = None) -> None:
        self.folder = folder
        self.server = server
        self._made: list[Handler] = []

    @classmethod
    def label(cls) -> str:
        """Its name in the names of tests."""
        return f"{cls.kind}-{cls.variant}" if cls.variant else cls.kind

    @classmethod
    def missing(cls) -> str:
        """Why it can't be tested here, such as "psycopg is not installed"; "" if it can."""
        return ""

    @classmethod
    @contextmanager
    def serving(cls, folder: Path) -> Iterator[Any]:
        """A server for all tests. The folder is there for its files."""
        yield None

    def set_up(self) -> None:  # noqa: B027 - most need none
        """Before a test."""

    def tear_down(self) -> None:  # noqa: B027 - most need none
        """After a test, also if it failed; the destination may be down."""

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """What is under the type in the entry."""

    def environ(self) -> Mapping[str, str]:
        """Variables that a process needs to reach it."""
        return {}

    @staticmethod
    def aws_client(service: str, **where: Any) -> Any:
        """As `HandlerEnvironment.aws_client`."""
        return no_aws(service, **where)

    @abstractmethod
    def landed(self) -> list[Landed]:
        """What is durably there now; it is up."""

    @abstractmethod
    def go_down(self) -> None:
        """From now on nothing can land."""

    @abstractmethod
    def come_back(self) -> None:
        """It works again, with what had landed before."""

    def take_some(self) -> bool:
        """From now on, each call lands only some of its events; False if that can't happen."""
        return False

    def bad_event(self) -> Event | None:
        """An event that it refuses for good; None if there is none."""
        return None

    # What the tests use.

    def entry(self) -> dict[str, Any]:
        """The entry in the configuration."""
        return {"name": "landing", self.kind: self.options()}

    def configuration(self) -> Path:
        """A file with the entry. JSON is YAML."""
        path = self.folder / "config.yaml"
        path.write_text(json.dumps({"handlers": [self.entry()]}))
        return path

    def registry(self) -> Registry:
        """Its handlers, as the daemon makes them; closed at the end of the test."""
        made = registry_of(type(self), self.configuration(), self.folder / "state")
        self._made += made.handlers
        return made

    def close(self) -> None:
        """Close all handlers that were made."""
        for handler in self._made:
            if handler.close is not None:
                handler.close()

    def keys(self) -> Counter[str]:
        """How often each event has landed, by its key."""
        return Counter(found.key for found in self.landed())


def registry_of(kind: type[Destination], configuration: Path, state: Path) -> Registry:
    """The handlers of a configuration, also in another process than the test's."""
    settings = load(configuration, environ={}, overrides={}).settings
    return build_registry(
        settings.handlers,
        state_directory=state,
        warn=lambda _sentence: None,
        aws_client=kind.aws_client,
    )
