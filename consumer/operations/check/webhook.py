"""The webhook, if the configuration has a key of it: it answers, and Canvas is content with it."""

import shlex
import ssl
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final

from consumer.clock import Clock
from consumer.config import Settings
from consumer.config.urls import host_and_port
from consumer.operations.check.machine import WEBHOOK_UNIT as UNIT
from consumer.operations.check.machine import properties_of
from consumer.operations.check.results import GREEN, RED, YELLOW, Result
from consumer.signatures.keys import KEYS_FILE, KeysError, SigningKeys
from consumer.signatures.source import fetch_of, reason_of
from consumer.webhook.kept import COUNTS_FILE, DamagedError, read_steps
from consumer.webhook.tally import MOST_ERRORS, MOST_LATE, Tally

_UNITS: Final = f"{UNIT}.socket {UNIT}.service"
_SECONDS: Final = 5.0
_CAUSES: Final = (
    "find the cause in its log: the lines webhook_refused and webhook_send_failed (sudo journalctl "
    f"--unit {UNIT} --grep 'webhook_refused|webhook_send_failed'); posts of strangers count, too: "
    "let the proxy refuse them"
)
_NO_KEYS: Final = (
    "let this machine reach the address (HTTPS_PROXY, NO_PROXY), set queue.signed.jwks_url to "
    "another one, or save the keys in a file and set queue.signed.jwks_file"
)


def state_of(settings: Settings, given: Path | None) -> Path:
    """Its state directory: that which is configured, else the unit's, if there is one."""
    if given is None and properties_of(UNIT):
        return Path("/var/lib", UNIT)
    return settings.state_directory


def webhook(
    settings: Settings, state: Path, config_file: Path | None, clock: Clock
) -> Iterator[Result]:
    """One row: does it answer, and how near are the limits of Canvas?"""
    found = [_answers(settings, config_file), _counts(state / COUNTS_FILE, clock)]
    worst = max(found, key=lambda result: (GREEN, YELLOW, RED).index(result.level))
    finding = "; ".join(result.finding for result in found)
    yield Result("webhook", worst.level, finding, worst.remedy)


def signing_keys(settings: Settings, state: Path) -> Iterator[Result]:
    """Without a key each post gets 503."""
    if not settings.webhook.require_signature:
        return
    name = "signing keys"
    try:
        known = len(SigningKeys(state / KEYS_FILE))
    except (KeysError, OSError):
        known = 0
    if known:
        yield Result(name, GREEN, f"{known} are known to the webhook")
        return
    try:
        SigningKeys().add(fetch_of(settings.queue.signed)())
    except Exception as error:  # its text may have the address
        yield Result(
            name, RED, f"none is known, and they can't be had: {reason_of(error)}", _NO_KEYS
        )
    else:
        yield Result(name, GREEN, "none is kept so far; they can be had")


def _answers(settings: Settings, config_file: Path | None) -> Result:
    unit = properties_of(UNIT)
    # Asked for its health, the socket would start it.
    if unit and unit.get("ActiveState") != "active":
        finding = f"{UNIT} is {unit.get('ActiveState')}"
        return Result("", YELLOW, finding, f"sudo systemctl enable --now {_UNITS}")
    listen = settings.webhook.listen
    try:
        status = _health(settings)
    except (OSError, HTTPException):
        option = f" --config {shlex.quote(str(config_file))}" if config_file else ""
        remedy = f"start it: consume webhook{option}"
        if unit:
            remedy = f"set webhook.listen to the address that {UNIT}.socket has"
        return Result("", YELLOW, f"nothing answers at {listen}", remedy)
    if status == 200:
        return Result("", GREEN, f"it answers at {listen}")
    if status == 503:
        remedy = "see sqs:SendMessage here, and the lines webhook_send_failed in its log"
        return Result("", RED, "it can't put messages into the queue", remedy)
    return Result("", YELLOW, f"at {listen} another program answers", "set webhook.listen")


def _health(settings: Settings) -> int:
    address = host_and_port(settings.webhook.listen)
    host, port = address or ("127.0.0.1", 0)
    connection = HTTPConnection(host, port, timeout=_SECONDS)
    if settings.webhook.tls.certificate_file is not None:
        # Its certificate is for its public name, and nothing secret is said.
        context = ssl._create_unverified_context()  # noqa: S323, SLF001 - see above
        connection = HTTPSConnection(host, port, timeout=_SECONDS, context=context)
    with closing(connection):
        connection.request("GET", "/healthz")
        return connection.getresponse().status


def _counts(file: Path, clock: Clock) -> Result:
    try:
        tally = Tally(clock, read_steps(file))
    except FileNotFoundError:
        return Result("", GREEN, "no answers are counted so far")
    except DamagedError:
        return Result("", YELLOW, f"{file} is damaged", "start the webhook: it writes a new one")
    except OSError as error:
        finding = f"{file} can't be read: {error.strerror}"
        return Result("", YELLOW, finding, "run this as root, or as the user of the webhook")
    bad = tally.bad_of_day()
    finding = (
        f"in 24 hours {bad['error']:,} errors and {bad['late']:,} late answers (at {MOST_ERRORS:,} "
        f"or {MOST_LATE:,} Canvas deactivates the data stream)"
    )
    if tally.share <= 0.25:
        return Result("", GREEN, finding)
    return Result("", RED if tally.is_near_a_limit else YELLOW, finding, _CAUSES)
