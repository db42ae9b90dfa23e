"""The sections, their keys, ranges and defaults; what they mean is in config.example.yaml."""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, SecretStr

from consumer.config.cases import CaseSettings
from consumer.config.entries import HandlerSettings
from consumer.config.section import Section
from consumer.config.values import LOWER, Int, RetrySeconds, Seconds, Text, of_text
from consumer.config.webhook import WebhookSettings
from consumer.retry import RetryPolicy
from consumer.sqs_limits import (
    MAX_MESSAGE_BYTES,
    MAX_RETENTION_SECONDS,
    MAX_VISIBILITY_SECONDS,
    MAX_WAIT_SECONDS,
)

#: TimeoutStopSec of the units in systemd/: after it systemd kills the process.
UNIT_STOP_TIMEOUT_SECONDS: Final = 90

#: The heartbeat looks for due messages at least this often.
HEARTBEAT_TICK_SECONDS: Final = 1

MessageFormat = Literal["auto", "canvas", "caliper"]
#: Relays whose envelopes `consumer.events.relays` can open.
Relay = Literal["sns", "eventbridge"]


def _off(value: object) -> object:
    return "off" if value is False else value  # YAML 1.1 reads off as false


# The environment has no lists.
_WORDS: Final = of_text(lambda text: text.strip("[]").replace(",", " ").split())
# What stays around a URL that was copied, or that Docker read from a file with quotes.
_Url = Annotated[Text, of_text(lambda text: text.strip("<>\"' \t\r\n"))]

_RETRY: Final = RetryPolicy()


class SignedSettings(Section):
    """Events that Canvas has signed: whether they are read, and where its public keys are."""

    mode: Annotated[Literal["off", "accepted", "required"], BeforeValidator(_off), LOWER] = "off"
    #: None: that of Instructure, unless there is a file.
    jwks_url: _Url | None = Field(default=None, examples=["https://keys.example.edu/jwks.json"])
    jwks_file: Path | None = None


class QueueSettings(Section):
    """Which queue, and how it is polled."""

    url: _Url | None = Field(
        default=None,
        examples=["https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-prod"],
    )
    name: Text | None = Field(default=None, examples=["canvas-live-events-prod"])
    wait_time_seconds: Int = Field(default=MAX_WAIT_SECONDS, ge=0, le=MAX_WAIT_SECONDS)
    visibility_timeout_seconds: Int | None = Field(default=None, ge=1, le=MAX_VISIBILITY_SECONDS)
    format: MessageFormat = "auto"
    unwrap: Annotated[tuple[Relay, ...], _WORDS] = ()
    signed: SignedSettings = SignedSettings()
    allow_any_queue_name: bool = False
    connect_timeout_seconds: Seconds = Field(default=5, ge=0.1, le=60)
    read_timeout_seconds: Seconds | None = Field(default=None, ge=0.1, le=300)
    transport: Literal["auto", "botocore"] = "auto"

    @property
    def effective_read_timeout_seconds(self) -> float:
        """How long a receive may take before its connection counts as dead; over the wait."""
        return self.read_timeout_seconds or self.wait_time_seconds + 10.0

    @property
    def heartbeat_minimum_seconds(self) -> float:
        """The shortest visibility timeout with which the heartbeat is in time.

        It renews at half of it; a tick and a call over a new connection must fit in the rest.
        """
        return 2 * (HEARTBEAT_TICK_SECONDS + self.connect_timeout_seconds)


class AwsSettings(Section):
    """How to reach AWS. `load` fills secrets from their files, and `region` from where it is known.

    Without a key or profile, the AWS SDK looks for credentials.
    """

    region: Text | None = Field(default=None, examples=["us-east-1"])
    access_key_id: SecretStr | None = None
    secret_access_key: SecretStr | None = None
    session_token: SecretStr | None = None
    access_key_id_file: Path | None = None
    secret_access_key_file: Path | None = None
    session_token_file: Path | None = None
    profile: Text | None = None
    role_arn: Text | None = Field(
        default=None, examples=["arn:aws:iam::123456789012:role/canvas-live-events"]
    )
    endpoint_url: _Url | None = Field(default=None, examples=["http://127.0.0.1:5000"])


class EngineSettings(Section):
    """How messages flow."""

    workers: Int = Field(default=8, ge=1, le=256)
    max_pollers: Int = Field(default=12, ge=1, le=64)
    #: None: computed from workers, pollers and batch sizes.
    max_in_flight_messages: Int | None = Field(default=None, ge=1, le=100_000)
    max_in_flight_bytes: Int = Field(default=2**27, ge=MAX_MESSAGE_BYTES, le=2**40)
    drain_timeout_seconds: Seconds = Field(default=60, ge=0, le=86_400)
    #: TimeoutStopSec of the unit that runs this; only for the check of the line above.
    stop_timeout_seconds: Seconds = Field(default=UNIT_STOP_TIMEOUT_SECONDS, ge=1, le=90_000)
    settle_linger_seconds: Seconds = Field(default=0.5, ge=0, le=10)
    retry_base_seconds: RetrySeconds = _RETRY.base_seconds
    retry_max_seconds: RetrySeconds = _RETRY.max_seconds
    handler_timeout_seconds: Seconds | None = Field(default=None, ge=0.1, le=MAX_VISIBILITY_SECONDS)
    deduplicate: Literal["off", "window"] = "off"
    deduplicate_window_seconds: Seconds = Field(default=86_400, ge=1, le=MAX_RETENTION_SECONDS)
    breaker_failures: Int = Field(default=5, ge=0, le=1000)
    fatal_grace_seconds: Seconds = Field(default=60, ge=0, le=3_600)
    summary_interval_seconds: Seconds = Field(default=60, ge=1, le=86_400)

    @property
    def retry(self) -> RetryPolicy:
        """The policy for handlers without their own."""
        return RetryPolicy(self.retry_base_seconds, self.retry_max_seconds)


class LoggingSettings(Section):
    """What is written to standard error."""

    format: Literal["auto", "console", "json"] = "auto"
    level: Annotated[Literal["debug", "info", "warning", "error"], LOWER] = "info"
    exception_messages: bool | None = None


class QuarantineSettings(Section):
    """Where poison messages go instead of staying in the queue; nowhere by default."""

    directory: Path | None = None
    queue_url: _Url | None = None

    @property
    def is_set(self) -> bool:
        """True if there is one."""
        return self.directory is not None or self.queue_url is not None


class PingSettings(Section):
    """A URL that is called while the daemon is healthy. `load` fills `url` from its file."""

    url: SecretStr | None = Field(default=None, description="an http or https URL")
    url_file: Path | None = None
    interval_seconds: Seconds = Field(default=300, ge=10, le=86_400)


class MetricsSettings(Section):
    """What is given to monitoring systems; nothing by default."""

    listen: Text | None = Field(
        default=None,
        examples=["127.0.0.1:9464"],
        description='an IP address and a port, such as "127.0.0.1:9464" or "[::1]:9464", or null',
    )
    textfile: Path | None = None


class Settings(Section):
    """Everything. `Settings()` is the defaults, with no queue."""

    queue: QueueSettings = QueueSettings()
    aws: AwsSettings = AwsSettings()
    engine: EngineSettings = EngineSettings()
    handlers: tuple[HandlerSettings, ...] = ()
    quarantine: QuarantineSettings = QuarantineSettings()
    logging: LoggingSettings = LoggingSettings()
    ping: PingSettings = PingSettings()
    metrics: MetricsSettings = MetricsSettings()
    webhook: WebhookSettings = WebhookSettings()
    unmatched: Annotated[Literal["archive", "delete"], LOWER] = "archive"
    state_directory: Path = Path("canvas-live-events")
    tests: tuple[CaseSettings, ...] = Field(
        default=(), description="a list of tests, each with name, event and handlers"
    )

    @property
    def has_webhook(self) -> bool:
        """True if a key of it is given, so `consume webhook` is in use."""
        return "webhook" in self.model_fields_set
