"""Notices that Canvas sends nothing, at a time that usually brings events."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from consumer import log_events
from consumer.clock import Clock
from consumer.directories import replace_file
from consumer.engine.status import Status
from consumer.service.background import Background
from consumer.service.traffic import HOURS, Quiet, UsualTraffic, as_text, hour_of_week, of_text

_log = structlog.get_logger(__name__)

#: In the state directory. It has numbers of events, and nothing of what is in them.
TRAFFIC_FILE: Final = "usual-traffic.json"
_MAX_BYTES: Final = 65_536
_STEP_SECONDS: Final = 60.0
#: A silence is unusual if at least so many events were expected in it: by chance that happens once
#: in 500 million times. And if it is as long as this, because events often come close together.
_EXPECTED: Final = 20.0
#: Where that is not enough, silences that ended by themselves raise the number: to twice what was
#: expected in them, of which so many count. That fades by a quarter in a week.
_MOST_NORMAL: Final = 100.0
_FADING: Final = 0.75 ** (1 / HOURS)
_SHORTEST_SECONDS: Final = 1800.0
_REPEAT_SECONDS: Final = 86_400.0
#: An hour is learned if the queue was read for this long in it.
_WHOLE_SECONDS: Final = 2700.0
#: Events that waited longer are a backlog: they belong to another hour.
_LAG_SECONDS: Final = 600.0
_CLOSE_SECONDS: Final = 1.0
_HINT: Final = (
    "a holiday, or Canvas does not send: check its subscription (Admin, Data Services) "
    "and the policy of the queue"
)


class SilenceWatch:
    """A `Companion`. Only new messages count, and only time in which SQS said that it has none.

    Args:
        save: called once an hour and at the end, with what `of_text` reads.
    """

    def __init__(
        self,
        usual: UsualTraffic,
        quiet: Quiet,
        *,
        clock: Clock,
        save: Callable[[str], None],
        end: Callable[[], None] = lambda: None,
    ) -> None:
        self._usual = usual
        self._quiet = quiet
        self._clock = clock
        self._save = save
        self._end = end
        self._looked = clock.monotonic()
        self._fresh = self._empty = 0
        #: Of the silence, when it was last reported.
        self._reported: float | None = None
        self._hour = hour_of_week(clock.now())
        self._events, self._seconds = 0, 0.0

    def look(self, status: Status) -> None:
        """Once a minute, compare what was received with what is usual."""
        now = self._clock.monotonic()
        if now - self._looked < _STEP_SECONDS:
            return
        seconds, self._looked = now - self._looked, now
        counts = status.counts
        fresh, empty = self._fresh, self._empty
        self._fresh = counts.get("received", 0) - counts.get("redelivered", 0)
        self._empty = counts.get("empty_receives", 0)
        if (hour := hour_of_week(self._clock.now())) != self._hour:
            self._learn()
            self._hour = hour
        if self._fresh > fresh or self._empty > empty:
            self._count(self._fresh - fresh, seconds, status.lag_seconds)

    def close(self, exit_code: int) -> None:  # noqa: ARG002 - as a Companion
        """Save what is known."""
        self._save(as_text(self._usual, self._quiet))
        self._end()

    def _count(self, events: int, seconds: float, lag: float) -> None:
        if events > 0:
            self._ends()
        else:
            self._continues(seconds)
        if events <= 0 or lag <= _LAG_SECONDS:
            self._events += max(events, 0)
            self._seconds += seconds

    def _learn(self) -> None:
        if self._seconds >= _WHOLE_SECONDS:
            self._usual.learn(self._hour, self._events * 3600 / self._seconds)
            self._save(as_text(self._usual, self._quiet))
        self._quiet.normal *= _FADING
        self._events, self._seconds = 0, 0.0

    def _continues(self, seconds: float) -> None:
        quiet = self._quiet
        quiet.seconds += seconds
        quiet.expected += self._usual.least(self._hour) * seconds / 3600
        is_new = self._reported is None or quiet.seconds - self._reported >= _REPEAT_SECONDS
        enough = max(_EXPECTED, 2 * quiet.normal)
        if is_new and quiet.seconds >= _SHORTEST_SECONDS and quiet.expected >= enough:
            self._reported = quiet.seconds
            _log.warning(log_events.UNUSUALLY_QUIET, **self._facts(), hint=_HINT)

    def _ends(self) -> None:
        if self._reported is not None:
            _log.info(log_events.USUAL_AGAIN, **self._facts())
        normal = max(self._quiet.normal, min(self._quiet.expected, _MOST_NORMAL))
        self._quiet, self._reported = Quiet(normal=normal), None

    def _facts(self) -> dict[str, int]:
        quiet = self._quiet
        return {"minutes": round(quiet.seconds / 60), "expected_events": round(quiet.expected)}


def watch_silence(state: Path, *, clock: Clock) -> SilenceWatch:
    """The watch of a daemon with this state directory."""
    path, background = state / TRAFFIC_FILE, Background("usual-traffic")
    usual, quiet = _read(path, clock)
    return SilenceWatch(
        usual, quiet, clock=clock,
        save=lambda text: background.do(lambda: _write(path, text)),
        end=lambda: background.close(_CLOSE_SECONDS),
    )  # fmt: skip


def _read(path: Path, clock: Clock) -> tuple[UsualTraffic, Quiet]:
    """What is in the file; nothing, if there is none, or it can't be used."""
    try:
        with path.open("rb") as file:
            return of_text(file.read(_MAX_BYTES).decode())
    except FileNotFoundError:
        pass
    except OSError as error:
        _log.warning(log_events.USUAL_TRAFFIC_FAILED, reason=error.strerror)
    except ValueError:
        aside = path.with_name(f"{path.name}.set-aside-{int(clock.now().timestamp())}")
        with suppress(OSError):
            path.rename(aside)
        _log.warning(
            log_events.USUAL_TRAFFIC_SET_ASIDE,
            file=aside.name,
            hint="it takes a week to learn again",
        )
    return UsualTraffic(), Quiet()


def _write(path: Path, text: str) -> None:
    try:
        replace_file(path, text.encode())
    except OSError as error:
        _log.warning(log_events.USUAL_TRAFFIC_FAILED, reason=error.strerror)
