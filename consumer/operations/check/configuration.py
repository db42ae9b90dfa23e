"""What loading the configuration and its handlers showed."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from consumer.operations.check.results import GREEN, RED, YELLOW, Result

_KEYS: Final = "`consume config example` prints a file with every key explained"
_SERVICE: Final = "run this as root while the service runs, else it checks other credentials"


def unusable(file: Path | None, error: Exception) -> Iterator[Result]:
    """It can't be loaded, so nothing else can be checked."""
    for fault in str(error).splitlines():
        yield Result("configuration", RED, fault, f"correct {file or 'the options'}; {_KEYS}")


def loaded(file: Path | None, faults: Sequence[str], warnings: Sequence[str]) -> Iterator[Result]:
    """It is loaded; its handlers may not be."""
    for fault in faults:
        yield Result("handlers", RED, fault, f"correct {file or 'the options'}; {_KEYS}")
    for warning in warnings:
        remedy = _SERVICE if "only in the running service" in warning else ""
        yield Result("configuration", YELLOW, warning, remedy)
    if not warnings:
        yield Result(
            "configuration", GREEN, str(file) if file else "no file; the options are right"
        )
    if not faults:
        yield Result("handlers", GREEN, "they can be loaded, and their directories written")
