"""How the consumer is configured: YAML file, environment, command line. Nothing else reads them."""

from consumer.config.loading import MASK, Effective, Loaded, effective, load
from consumer.config.models import (
    UNIT_STOP_TIMEOUT_SECONDS,
    AwsSettings,
    EngineSettings,
    HandlerSettings,
    LoggingSettings,
    QuarantineSettings,
    QueueSettings,
    Settings,
)
from consumer.config.urls import queue_name_of_url, region_of_url

__all__ = [
    "MASK",
    "UNIT_STOP_TIMEOUT_SECONDS",
    "AwsSettings",
    "Effective",
    "EngineSettings",
    "HandlerSettings",
    "Loaded",
    "LoggingSettings",
    "QuarantineSettings",
    "QueueSettings",
    "Settings",
    "effective",
    "load",
    "queue_name_of_url",
    "region_of_url",
]
