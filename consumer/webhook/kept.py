"""Keeps the counts of 24 hours in a file, so that a restart does not forget them."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, Final

import structlog

from consumer import log_events
from consumer.clock import Clock
from consumer.directories import make_private_directory, replace_file
from consumer.service.background import Background
from consumer.webhook.tally import Step, Tally

_log = structlog.get_logger(__name__)

#: In the state directory.
COUNTS_FILE: Final = "webhook_counts.json"
_EVERY_SECONDS: Final = 60.0
#: A disk that hangs does not hold up the stop for longer.
_LAST_SECONDS: Final = 2.0
_MOST_BYTES: Final = 1_048_576
_is_name = re.compile(r"[1-5]\d\d|late").fullmatch


class DamagedError(Exception):
    """The file is not one of counts."""


def read_steps(file: Path) -> list[Step]:
    """What was kept. Raises: `DamagedError`; `OSError`, also if there is no file."""
    with file.open("rb") as opened:
        content = opened.read(_MOST_BYTES)
    try:
        return [_step(step) for step in json.loads(content)["steps"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise DamagedError from None


def _step(given: Any) -> Step:
    began, counts = given
    right = isinstance(began, int | float) and all(map(_is_name, counts))
    if not right or any(type(count) is not int or count < 0 for count in counts.values()):
        raise ValueError
    return float(began), Counter(counts)


def open_tally(file: Path, clock: Clock) -> Tally:
    """The tally as it was kept. Without a file that can be read, it begins with 0."""
    try:
        return Tally(clock, read_steps(file))
    except FileNotFoundError:
        pass
    except (DamagedError, OSError) as error:
        why = getattr(error, "strerror", None) or "it is damaged"
        _log.warning(log_events.WEBHOOK_COUNTS_FAILED, reason=f"{file.name} is ignored: {why}")
    return Tally(clock)


class KeptTally:
    """Writes the file once a minute, and at the end. The main thread calls all methods."""

    def __init__(self, tally: Tally, file: Path, *, clock: Clock) -> None:
        self._tally = tally
        self._file = file
        self._clock = clock
        self._background = Background("webhook-counts")
        self._written_at = clock.monotonic()
        self._failed = False

    def look(self) -> None:
        """Write if it is time."""
        now = self._clock.monotonic()
        if now - self._written_at >= _EVERY_SECONDS:
            self._written_at = now
            self._background.do(self._write)

    def close(self) -> None:
        """Write what was counted since."""
        self._background.do(self._write)
        self._background.close(_LAST_SECONDS)

    def _write(self) -> None:
        try:
            make_private_directory(self._file.parent)
            replace_file(self._file, (json.dumps({"steps": self._tally.steps()}) + "\n").encode())
        except OSError as error:
            reason = f"{self._file.name} can't be written: {error.strerror}"
            if not self._failed:
                _log.warning(log_events.WEBHOOK_COUNTS_FAILED, reason=reason)
            self._failed = True
        else:
            self._failed = False
