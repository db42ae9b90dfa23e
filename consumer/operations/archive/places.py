"""Where the archives of a configuration are."""

import os
from pathlib import Path

from consumer.config import Settings


def archives_of(settings: Settings) -> list[tuple[str, Path]]:
    """The archive handlers, by name, and their directories."""
    found = [
        (handler.name, handler.options.get("directory") or default_archive(settings))
        for handler in settings.handlers
        if handler.type == "archive"
    ]
    return [(name, Path(os.fspath(directory)).resolve()) for name, directory in found]


def default_archive(settings: Settings) -> Path:
    """Without handlers, and for events that no handler asks for."""
    return settings.state_directory / "archive"
