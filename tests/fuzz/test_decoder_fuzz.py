"""Any bytes give events or one reason, in time and memory proportional to the size."""

import os
import time
import tracemalloc
from collections.abc import Callable
from typing import Final

import pytest

from consumer.errors import DecodeError
from consumer.events.decode import decode
from consumer.messages import ReceivedMessage
from tests.fuzz.mutator import Mutator, seeds
from tests.fuzz.target import try_text

pytestmark = pytest.mark.thorough

#: Number of texts; for more, set FUZZ_EXECUTIONS or run `tests.fuzz.fuzz_decoder`.
EXECUTIONS: Final = int(os.environ.get("FUZZ_EXECUTIONS", "8000"))
PARTS: Final = 4
MEBIBYTE: Final = 1_048_576

START: Final = '{"metadata": {"event_name": "logged_in"}, "body": {"redirect_url": '
#: Texts of any length that are hard to read, by what they contain.
HARD: Final[dict[str, Callable[[int], str]]] = {
    "open brackets": lambda size: "[" * size,
    "open braces": lambda size: '{"a":' * (size // 5),
    "closed brackets": lambda size: f"{START}{'[' * 900}{']' * 900}}}}}" + " " * size,
    "digits": lambda size: f"{START}{'1' * size}}}}}",
    "digits and points": lambda size: f"{START}{'1.' * (size // 2)}}}}}",
    "an exponent": lambda size: f"{START}1e{'9' * size}}}}}",
    "escapes": lambda size: START + '"' + "\\u0041" * (size // 6) + '"}}',
    "half surrogates": lambda size: START + '"' + "\\ud800" * (size // 6) + '"}}',
    "backslashes": lambda size: START + '"' + "\\\\" * (size // 2) + '"}}',
    "quotes": lambda size: START + '"' + '\\"' * (size // 2) + '"}}',
    "an open string": lambda size: START + '"' + "a" * size,
    "open escapes": lambda size: START + '"' + "\\" * size,
    "control characters": lambda size: START + '"' + "\x01" * size + '"}}',
    "white space": lambda size: " " * size + "{}" + "\n" * size,
    "one key again and again": lambda size: "{" + '"body":1,' * (size // 9) + '"metadata":1}',
    "many keys": lambda size: (
        START + '"", ' + ",".join(f'"k{n}":0' for n in range(size // 12)) + "}}"
    ),
    "small objects": lambda size: START + "[" + "{}," * (size // 3) + "0]}}",
    "NaN": lambda size: START + "[" + "NaN," * (size // 4) + "0]}}",
    "tokens in a URL": lambda size: (
        START + '"https://a/?' + "access_token=1&" * (size // 15) + '"}}'
    ),
    "ampersands": lambda size: START + '"https://a/?' + "&" * size + '"}}',
    "equals signs": lambda size: START + '"https://a/?' + "=" * size + '"}}',
    "percent signs": lambda size: START + '"https://a/?' + "%25" * (size // 3) + '"}}',
    "emoji": lambda size: START + '"' + "😀" * (size // 4) + '"}}',
    "tildes": lambda size: START + '"' + "1~" * (size // 2) + '"}}',
}
each_hard = pytest.mark.parametrize("kind", HARD)


@pytest.mark.parametrize("part", range(PARTS))
def test_damaged_messages_raise_nothing_else(part: int) -> None:
    """Documented and generated ones, damaged in all known ways."""
    mutator = Mutator(seeds(), seed=part)
    events = 0

    for _ in range(EXECUTIONS // PARTS):
        text = mutator.next_text()
        try:
            events += try_text(text)
        except BaseException as error:
            pytest.fail(f"{type(error).__name__} of {text[:2_000]!r}")

    # Not all of them are damaged beyond reading.
    assert events > EXECUTIONS // PARTS / 20


def cpu_seconds(text: str) -> float:
    """The best of three, because other processes use this machine."""
    times = []
    for _ in range(3):
        began = time.process_time()
        try_text(text)
        times.append(time.process_time() - began)
    return min(times)


@each_hard
def test_the_time_grows_with_the_size(kind: str) -> None:
    """It is linear: four times the text takes about four times as long."""
    small, large = (HARD[kind](MEBIBYTE // part) for part in (16, 4))

    first, second = cpu_seconds(small), cpu_seconds(large)

    # Sixteen would be quadratic; a time near zero can't be compared.
    assert second < max(first * 10, 0.05)


@each_hard
def test_the_memory_is_bounded(kind: str) -> None:
    """For the largest message of SQS: the Python objects, without copies of copies."""
    text = HARD[kind](MEBIBYTE)[:MEBIBYTE]
    message = ReceivedMessage("m", "r", text)

    tracemalloc.start()
    try:
        decode(message)
    except DecodeError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert peak < 64 * MEBIBYTE
