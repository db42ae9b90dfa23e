"""Puts redaction in front of a handler."""

from consumer.config.models import RedactSettings
from consumer.errors import ConfigurationError
from consumer.handlers.registering.handler import Handler


def redacting(handler: Handler, entry: str, settings: RedactSettings) -> Handler:
    """The handler, which gets each event without what its profile takes out.

    Raises `ConfigurationError`.
    """
    raise ConfigurationError(f'handler "{entry}": redact: not there yet')
