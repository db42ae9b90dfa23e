"""What a check found, and how to go on when a check itself fails."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from consumer.errors import ConsumerError


class Level(StrEnum):
    """How bad it is."""

    GREEN = "green"
    #: It works, but something should be changed, or could not be found out.
    YELLOW = "yellow"
    #: Events are not delivered, not handled, or can be lost.
    RED = "red"


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table."""

    name: str
    level: Level
    finding: str
    #: A command that can be copied, or a sentence; "" if nothing is to be done.
    remedy: str = ""


GREEN: Final = Level.GREEN
YELLOW: Final = Level.YELLOW
RED: Final = Level.RED


def guarded(name: str, check: Callable[..., Iterable[Result]], *about: object) -> Iterator[Result]:
    """The results of a check. A check that fails is a result, too, and hides no other."""
    results = iter(check(*about))
    while True:
        try:
            result = next(results)
        except StopIteration:
            return
        except ConsumerError as error:
            yield Result(name, YELLOW, f"could not be checked: {error}")
            return
        except Exception as error:  # its text may quote a secret or personal data
            yield Result(name, YELLOW, f"could not be checked ({type(error).__name__})")
            return
        yield result
