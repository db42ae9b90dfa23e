"""Archives of numbered events, and replays of them in this process."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from consumer.clock import SystemClock
from consumer.config import EngineSettings, Settings
from consumer.handlers.records import line_of
from consumer.operations.replay.choice import Choice
from consumer.operations.replay.job import Job
from consumer.operations.replay.run import Progress, Replay
from consumer.operations.replay.source import inputs_of
from consumer.testing import make_event

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.handlers.registering.registry import Registry
    from consumer.operations.replay.summary import Summary

BEGAN = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


def archived(number: int, name: str = "submission_created", **options: Any) -> str:
    """A line of the archive; event N is of N minutes after BEGAN."""
    time = BEGAN + timedelta(minutes=number)
    event = make_event(
        name, body={"submission_id": str(number)}, message_id=f"m-{number}", time=time, **options
    )
    return line_of(event, "2024-05-02T00:00:00Z", scrub_secrets=True)


def archive(path: Path, numbers: range) -> Path:
    """A file of the archive with these events."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(map(archived, numbers)))
    return path


@dataclass
class Replays:
    """Runs replays; what they report is in `reported`."""

    engine: EngineSettings = field(default_factory=EngineSettings)
    reported: list[str] = field(default_factory=list)
    ticks: list[Progress] = field(default_factory=list)

    def __call__(
        self, registry: Registry, *files: Path, choice: Choice | None = None, **options: Any
    ) -> Summary:
        """Replay the files."""
        job = Job(
            settings=Settings(engine=self.engine),
            inputs=inputs_of([str(file) for file in files]),
            choice=choice or Choice(),
            began=BEGAN,
            **options,
        )
        replay = Replay(
            job, registry, clock=SystemClock(),
            on_tick=self.ticks.append, report=self.reported.append, note=self.reported.append,
        )  # fmt: skip
        return replay.run()
