"""How the consumer is configured: YAML file, environment, command line. Nothing else reads them."""

from consumer.config.cases import CaseSettings
from consumer.config.entries import HandlerSettings
from consumer.config.loading import Effective, Loaded, effective, load
from consumer.config.models import (
    UNIT_STOP_TIMEOUT_SECONDS,
    AwsSettings,
    EngineSettings,
    LoggingSettings,
    MetricsSettings,
    PingSettings,
    QuarantineSettings,
    QueueSettings,
    Settings,
    SignedSettings,
)
from consumer.config.webhook import TlsSettings, WebhookSettings

__all__ = [
    "UNIT_STOP_TIMEOUT_SECONDS",
    "AwsSettings",
    "CaseSettings",
    "Effective",
    "EngineSettings",
    "HandlerSettings",
    "Loaded",
    "LoggingSettings",
    "MetricsSettings",
    "PingSettings",
    "QuarantineSettings",
    "QueueSettings",
    "Settings",
    "SignedSettings",
    "TlsSettings",
    "WebhookSettings",
    "effective",
    "load",
]
