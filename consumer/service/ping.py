"""Calls a URL while the daemon is healthy, so that another service notices when it is not."""

import math
from typing import Final
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import structlog

import consumer
from consumer import log_events
from consumer.clock import Clock
from consumer.config import PingSettings
from consumer.engine.status import Status
from consumer.errors import reason_without_url
from consumer.service.background import Background

_log = structlog.get_logger(__name__)

_TIMEOUT_SECONDS: Final = 10.0
#: A ping that failed is repeated after this time, if the interval is longer.
_RETRY_SECONDS: Final = 60.0
_LOG_SECONDS: Final = 3600.0
#: How long the end of the process waits for the last ping.
_CLOSE_SECONDS: Final = 2.0


class Ping:
    """A `Companion`. A ping that fails is a warning, and a server that hangs holds up nothing.

    Args:
        url: its path is a secret. `/start` and `/fail` are added to it, as healthchecks.io wants.
    """

    def __init__(self, url: str, *, interval_seconds: float, clock: Clock) -> None:
        self._url = _Url(url)
        self._interval = interval_seconds
        self._clock = clock
        self._background = Background("ping")
        self._sent = -math.inf
        self._unhealthy = False
        #: In a row. They and the time of the last log line belong to the thread of the pings.
        self._failures = 0
        self._logged = -math.inf
        self._send("start")

    def look(self, status: Status) -> None:
        """Ping when it is time, or when the daemon became unhealthy or healthy."""
        unhealthy = bool(status.problems or status.outages)
        if not (status.ready or unhealthy):
            return
        now = self._clock.monotonic()
        wait = min(self._interval, _RETRY_SECONDS) if self._failures else self._interval
        if now - self._sent >= wait or unhealthy != self._unhealthy:
            self._sent, self._unhealthy = now, unhealthy
            if unhealthy:
                self._send("fail", status.receive_error_code or "unhealthy")
            else:
                self._send()

    def close(self, exit_code: int) -> None:
        """The last ping says how it ended."""
        if exit_code:
            self._send("fail", f"exit code {exit_code}")
        else:
            self._send()
        self._background.close(_CLOSE_SECONDS)

    def _send(self, end: str = "", text: str = "") -> None:
        self._background.do(lambda: self._report(self._url.call(end, text)))

    def _report(self, failure: str) -> None:
        if not failure:
            if self._failures:
                _log.info(log_events.PING_RECOVERED, failures=self._failures)
            self._failures, self._logged = 0, -math.inf
            return
        self._failures += 1
        now = self._clock.monotonic()
        if now - self._logged >= _LOG_SECONDS:
            self._logged = now
            _log.warning(log_events.PING_FAILED, reason=failure, failures=self._failures)


def pings(settings: PingSettings, *, clock: Clock) -> list[Ping]:
    """One, if there is a URL."""
    if settings.url is None:
        return []
    url = settings.url.get_secret_value()
    return [Ping(url, interval_seconds=settings.interval_seconds, clock=clock)]


class _NoRedirects(HTTPRedirectHandler):
    """Another host must not get the secret, so a redirect is a failure."""

    def redirect_request(self, *_: object) -> None:
        return None


class _Url:
    """Where to ping. Proxies are those of the environment."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)._replace(fragment="")
        self._opener = build_opener(_NoRedirects)

    def call(self, end: str, text: str) -> str:
        """Call it; returns "" or why it failed, without anything of the URL."""
        path = f"{self._parts.path.rstrip('/')}/{end}" if end else self._parts.path
        url = self._parts._replace(path=path).geturl()
        agent = {"User-Agent": f"canvas-live-events-consumer/{consumer.__version__}"}
        try:
            # The configuration allows only http and https.
            request = Request(url, data=text.encode() or None, headers=agent)  # noqa: S310
            self._opener.open(request, timeout=_TIMEOUT_SECONDS).close()
        except HTTPError as error:
            error.close()
            return f"HTTP {error.code}"
        except Exception as error:
            return reason_without_url(error)
        return ""
