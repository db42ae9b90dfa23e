"""The bars that the daemon has to reach, and those that a measure misses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.bench.candidates import DAEMON

if TYPE_CHECKING:
    from tests.bench.candidates import Candidate
    from tests.bench.drain import Measure
    from tests.bench.idle import Idle

#: CPU per message, at most, as a multiple of that of the bare loop.
MAX_RATIO = {"b": 0.28, "c": 0.33, "d": 0.45}
#: The same where both talk TLS.
MAX_RATIO_TLS = {"b": 0.35, "c": 0.35, "d": 0.45}
#: The candidate whose CPU per message has to be below the peer's.
BELOW_PEER = "b"
MAX_CALLS_PER_MESSAGE = 0.205
MAX_RSS_MB = 75.0
#: With latency.
MIN_MESSAGES_PER_SECOND = 5000
MAX_IDLE_REQUESTS_PER_MINUTE = 3.2
MAX_IDLE_CPU_MS_PER_MINUTE = 40.0
MAX_IDLE_LATENCY_P99_MS = 20.0
MAX_RSS_GROWTH = 0.1


@dataclass(frozen=True, slots=True)
class Setting:
    """How all candidates of a run are measured."""

    #: Added to each call.
    latency_ms: float = 0.0
    tls: bool = False

    @property
    def max_ratio(self) -> dict[str, float]:
        """The most CPU per message of each daemon, over that of the bare loop."""
        return MAX_RATIO_TLS if self.tls else MAX_RATIO


def misses(
    candidate: Candidate,
    measure: Measure,
    setting: Setting,
    *,
    floor: Measure | None,
    peer: Measure | None,
) -> tuple[str, ...]:
    """The bars that it misses. Only this checkout's daemon has bars; `floor` is the bare loop."""
    if candidate.name not in DAEMON or candidate.before:
        return ()
    found: list[str] = []
    if setting.latency_ms:
        if measure.messages_per_second < MIN_MESSAGES_PER_SECOND:
            found.append(f"messages/s < {MIN_MESSAGES_PER_SECOND:,}")
    elif floor:
        most = setting.max_ratio[candidate.name]
        if measure.steady_cpu_us > most * floor.steady_cpu_us:
            found.append(f"ratio > {most}")
    against_peer = peer if candidate.name == BELOW_PEER and not setting.tls else None
    if against_peer and measure.steady_cpu_us > against_peer.steady_cpu_us:
        found.append("CPU > (e)")
    # With latency, receives come back less full: more calls then are the price of speed.
    if measure.calls_per_message > MAX_CALLS_PER_MESSAGE and not setting.latency_ms:
        found.append(f"calls > {MAX_CALLS_PER_MESSAGE}")
    if measure.peak_rss_mb > MAX_RSS_MB:
        found.append(f"RSS > {MAX_RSS_MB:.0f} MB")
    return tuple(found)


def described(setting: Setting) -> str:
    """The bars of a drain, for people."""
    common = [f"{MAX_RSS_MB:.0f} MB"]
    if not setting.tls:
        common.append(f"({BELOW_PEER}) not above (e) in CPU")
    if setting.latency_ms:
        return "; ".join([f"{MIN_MESSAGES_PER_SECOND:,} messages/s", *common])
    ratios = ", ".join(f"({name}) {most}" for name, most in setting.max_ratio.items())
    return "; ".join([f"steady ratio {ratios}", f"{MAX_CALLS_PER_MESSAGE} calls/message", *common])


def idle_misses(idle: Idle) -> tuple[str, ...]:
    """What an idle daemon misses."""
    found: list[str] = []
    if idle.daemon.requests_per_minute > MAX_IDLE_REQUESTS_PER_MINUTE:
        found.append(f"requests/minute > {MAX_IDLE_REQUESTS_PER_MINUTE}")
    if idle.daemon.cpu_ms_per_minute > MAX_IDLE_CPU_MS_PER_MINUTE:
        found.append(f"CPU > {MAX_IDLE_CPU_MS_PER_MINUTE:.0f} ms/minute")
    if idle.p99_ms > MAX_IDLE_LATENCY_P99_MS:
        found.append(f"p99 > {MAX_IDLE_LATENCY_P99_MS:.0f} ms")
    return tuple(found)


def load_misses(*, growth: float, rss_mb: float) -> tuple[str, ...]:
    """What a drain of a large backlog misses; `growth` of its memory is a share."""
    found: list[str] = []
    if growth > MAX_RSS_GROWTH:
        found.append(f"growth > {100 * MAX_RSS_GROWTH:.0f} %")
    if rss_mb > MAX_RSS_MB:
        found.append(f"RSS > {MAX_RSS_MB:.0f} MB")
    return tuple(found)


def load_bars() -> str:
    """The bars of `load_misses`, for people."""
    return f"growth {100 * MAX_RSS_GROWTH:.0f} %, {MAX_RSS_MB:.0f} MB"
