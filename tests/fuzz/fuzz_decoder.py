"""Fuzzes the decoder for a given time; with atheris, if it is installed.

    python -m tests.fuzz.fuzz_decoder --seconds 300 --seed 0

Exits with code 1, and prints the text and the exception, if it finds an error.
"""

import argparse
import sys
import time
import traceback
from collections.abc import Iterator
from typing import Any

from tests.fuzz.mutator import Mutator, seeds
from tests.fuzz.target import try_text


def main() -> int:
    """Run until the time is up or an error is found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engine", choices=["auto", "own", "atheris"], default="auto")
    options = parser.parse_args()
    atheris = None if options.engine == "own" else _atheris()
    if atheris is not None:
        return _with_atheris(atheris, options.seconds, options.seed)
    if options.engine == "atheris":
        print("atheris is not installed: pip install atheris", file=sys.stderr)
        return 2
    return _with_mutator(options.seconds, options.seed)


def _with_mutator(seconds: float, seed: int) -> int:
    end, executions, events, longest = time.monotonic() + seconds, 0, 0, 0.0
    for text in _texts(seed):
        began = time.process_time()
        try:
            events += try_text(text)
        except BaseException:
            print(f"found after {executions:,} executions: {text[:2_000]!r}")
            traceback.print_exc()
            return 1
        longest = max(longest, time.process_time() - began)
        executions += 1
        if time.monotonic() >= end:
            break
    print(
        f"{executions:,} executions, {events:,} events, nothing found; "
        f"the longest took {longest * 1000:.1f} ms"
    )
    return 0


def _texts(seed: int) -> Iterator[str]:
    mutator = Mutator(seeds(), seed)
    while True:
        yield mutator.next_text()


def _atheris() -> Any:
    try:
        import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        return None
    return atheris


def _with_atheris(atheris: Any, seconds: float, seed: int) -> int:
    """Atheris selects texts by the code that they reach, and adds its own mutations."""
    texts = seeds()
    mutator = Mutator(texts, seed)

    def try_one(data: bytes) -> None:
        try_text(data.decode("utf-8", "surrogateescape"))

    def mutate(data: bytes, max_size: int, _seed: int) -> bytes:
        if _seed % 2:
            return bytes(atheris.Mutate(data, max_size))
        return mutator.next_text().encode("utf-8", "surrogatepass")[:max_size]

    atheris.instrument_all()
    arguments = [
        sys.argv[0], f"-max_total_time={int(seconds)}", f"-seed={seed + 1}", "-max_len=20000",
    ]  # fmt: skip
    atheris.Setup(arguments, try_one, custom_mutator=mutate)
    atheris.Fuzz()  # ends the process
    return 0


if __name__ == "__main__":
    sys.exit(main())
