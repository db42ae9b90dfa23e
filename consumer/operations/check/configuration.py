"""The configuration and its handlers: what loading them showed."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from consumer.operations.check.results import GREEN, RED, YELLOW, Result

_KEYS: Final = "`consume config example` prints a file with every key explained"
_SERVICE: Final = "run this as root while the service runs, else it checks other credentials"


def unusable(file: Path | None, error: Exception) -> Iterator[Result]:
    """It can't be loaded, so nothing else can be checked."""
    for fault in str(error).splitlines():
        yield Result("configuration", RED, fault, _correct(file))


def loaded(file: Path | None, warnings: Sequence[str]) -> Iterator[Result]:
    """It can be used."""
    for warning in warnings:
        remedy = _SERVICE if "only in the running service" in warning else ""
        yield Result("configuration", YELLOW, warning, remedy)
    if not warnings:
        finding = str(file) if file else "no file; the options are right"
        yield Result("configuration", GREEN, finding)


def handlers(file: Path | None, faults: Sequence[str], warnings: Sequence[str]) -> Iterator[Result]:
    """What loading them showed."""
    for fault in faults:
        yield Result("handlers", RED, fault, _correct(file))
    for warning in warnings:
        yield Result("handlers", YELLOW, warning)
    if not (faults or warnings):
        yield Result("handlers", GREEN, "they can be loaded, and their directories written")


def _correct(file: Path | None) -> str:
    return f"correct {file or 'the options'}; {_KEYS}"
