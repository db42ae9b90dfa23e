"""What is to be replayed, and with what; checked before anything runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from consumer.config import Settings
from consumer.errors import ConfigurationError
from consumer.messages import ReceivedMessage
from consumer.operations.archive.places import archives_of
from consumer.operations.decoding import Decoding
from consumer.operations.message_files import Place
from consumer.operations.replay.choice import Choice
from consumer.operations.replay.source import Input, Source
from consumer.signatures.unsealing import Unsealing


@dataclass(frozen=True, slots=True)
class Job:
    """One replay.

    Args:
        settings: with the handlers that are to run.
        began: when it began, or the run that is continued.
        attempts: how often a message is tried.
        position: a position file; None: none is written.
        failures: the file for what fails; None: none is written.
        unsealing: opens signed messages; None reads them as they are.
    """

    settings: Settings
    inputs: Sequence[Input]
    choice: Choice
    began: datetime
    attempts: int = 5
    position: Path | None = None
    failures: Path | None = None
    unsealing: Unsealing | None = None

    @property
    def decoding(self) -> Decoding:
        """How messages are read."""
        return Decoding.of(self.settings.queue, self.unsealing)

    def check(self) -> None:
        """Raise `ConfigurationError` for what can't work."""
        if not self.settings.handlers:
            raise ConfigurationError(
                "there is no handler: choose one with --handler, or give a configuration with "
                "handlers (--config)"
            )
        read = [Path(file.name).resolve() for file in self.inputs if file.name != "-"]
        for name, directory in archives_of(self.settings):
            if any(path.is_relative_to(directory) for path in read):
                raise ConfigurationError(
                    f'handler "{name}" archives into {directory}, which is replayed: every event '
                    "would be in there twice; choose other handlers with --handler"
                )
        if self.failures is not None and self.failures.resolve() in read:
            raise ConfigurationError(
                f"{self.failures} is replayed itself: choose another file for the failures"
            )
        if self.position is not None and len(read) < len(self.inputs):
            raise ConfigurationError("standard input has no position: give a file")

    def source(
        self,
        *,
        begins: Mapping[str, Place],
        fault: Callable[[str, str], None],
        note: Callable[[str, str], None],
    ) -> Source:
        """What reads the files, from these places on."""
        return Source(
            self.inputs, self.choice, decoding=self.decoding,
            begins=begins, fault=fault, note=note,
        )  # fmt: skip

    def names(self, message: ReceivedMessage) -> list[tuple[str, str]]:
        """The names and keys of the events in a message. Raises `DecodeError`."""
        return [(event.name, event.key) for event in self.decoding.events(message)]

    def as_data(self) -> dict[str, Any]:
        """What must stay the same when it is continued."""
        queue = self.settings.queue
        identity = {"name", "type", "events", "format"}  # options may contain passwords
        return {
            "handlers": [
                handler.model_dump(mode="json", include=identity)
                for handler in self.settings.handlers
            ],
            "filters": self.choice.as_data(),
            "format": [queue.format, *queue.unwrap],
        }
