"""Signed events: compact JWS with RS256, as Canvas posts them, and the keys to verify them with."""

from importlib import import_module

from consumer.errors import ConfigurationError


def check_installed() -> None:
    """Raises: `ConfigurationError` if the library that verifies signatures can't be imported."""
    try:
        import_module("cryptography.hazmat.primitives.asymmetric.rsa")
    except ImportError:
        raise ConfigurationError(
            "queue.signed.mode: verifying signatures needs the library cryptography; run "
            "pip install 'canvas-live-events-consumer[signed]'"
        ) from None
