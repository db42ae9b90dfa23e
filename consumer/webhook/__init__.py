"""Receives the events that Canvas posts by HTTPS, and puts them into the queue."""

from importlib import import_module

from consumer.errors import ConfigurationError


def check_installed() -> None:
    """Raises: `ConfigurationError` if a library of the extra can't be imported."""
    for library in ("uvicorn", "httptools", "cryptography.hazmat.primitives.asymmetric.rsa"):
        try:
            import_module(library)
        except ImportError:
            raise ConfigurationError(
                f"consume webhook needs the library {library.partition('.')[0]}; run "
                "pip install 'canvas-live-events-consumer[webhook]'"
            ) from None
