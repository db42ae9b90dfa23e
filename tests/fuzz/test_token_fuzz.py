"""Any bytes are a token, or not, or refused; and no damaged token passes as what was not signed."""

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any, Final

import pytest

from consumer.errors import DecodeError, Retry
from consumer.messages import ReceivedMessage
from consumer.signatures.jws import TokenError, token_of
from consumer.signatures.keys import KeysError, SigningKeys
from consumer.signatures.source import KeySource
from consumer.signatures.unsealing import Unsealing
from consumer.testing import ManualClock, canvas_body
from tests.fuzz.mutator import Mutator
from tests.signatures.signing import base64url, jwk, jwks, private_key, signed

pytestmark = pytest.mark.thorough

EXECUTIONS: Final = int(os.environ.get("FUZZ_EXECUTIONS", "8000"))
MEBIBYTE: Final = 1_048_576
PAYLOADS: Final = [canvas_body("grade_change", number=n).encode() for n in range(3)]
HEADER: Final = base64url(b'{"alg":"RS256","kid":"k1"}')

#: Texts of any length that are hard to read, by what they contain.
HARD: Final[dict[str, Callable[[int], str]]] = {
    "points": lambda size: "." * size,
    "letters": lambda size: "A" * size,
    "letters and points": lambda size: "A." * (size // 2),
    "quotes": lambda size: '"' * size,
    "white space": lambda size: " " * size + HEADER + "." + " " * size,
    "white space and quotes": lambda size: "\" '" * (size // 3),
    "a long header": lambda size: "A" * size + ".A.A",
    "a long payload": lambda size: f"{HEADER}.{'A' * size}.A",
    "a long signature": lambda size: f"{HEADER}.A.{'A' * size}",
    "an end that does not fit": lambda size: f"{HEADER}.{'A' * size}.A.",
    "dashes": lambda size: f"{HEADER}.{'-' * size}.{'_' * size}",
}


class Tokens:
    """Tokens with all kinds of damage. The same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self._dice = Random(seed)
        made = [signed(payload) for payload in PAYLOADS]
        made += [signed(PAYLOADS[0], "k2", private_key(2)), signed(PAYLOADS[0], "other")]
        self._tokens = made
        headers = ['{"alg":"RS256","typ":"JWT","kid":"2019-10-01T21:08:45Z"}', '{"alg":"none"}']
        self._text = Mutator(made, seed)
        self._header = Mutator(headers, seed)

    def next_text(self) -> str:
        """Damaged as a text; or its header, as JSON; or parts of two tokens."""
        way = self._dice.randrange(4)
        if way < 2:
            return self._text.next_text()
        parts = self._dice.choice(self._tokens).split(".")
        others = self._dice.choice(self._tokens).split(".")
        place = self._dice.randrange(3)
        parts[place] = others[place]
        if way == 2:
            header = self._header.next_text().encode("utf-8", "surrogatepass")
            parts[0] = base64url(header)
        return ".".join(parts)


def opener() -> Unsealing:
    """With two known keys."""
    keys = SigningKeys()
    keys.add(jwks(jwk("k1"), jwk("k2", private_key(2))))
    source = KeySource(keys, lambda: b"", clock=ManualClock())
    return Unsealing(keys, source, required=True)


def test_no_damaged_token_passes() -> None:
    """What is opened is, byte for byte, something that was signed; all else has a short reason."""
    unsealing, tokens, opened, longest = opener(), Tokens(5), 0, 0
    for _ in range(EXECUTIONS):
        text = tokens.next_text()
        try:
            body = unsealing.open(ReceivedMessage("m", "r", text)).body
        except (DecodeError, Retry) as error:
            longest = max(longest, len(error.reason))
        except BaseException as error:
            pytest.fail(f"{type(error).__name__} of {text[:2_000]!r}")
        else:
            opened += 1
            assert body.encode() in PAYLOADS, text

    assert longest < 200
    assert opened > EXECUTIONS / 100  # not all of them are damaged beyond reading


def test_any_json_is_keys_or_refused() -> None:
    """A damaged answer of the address raises nothing else, and leaves usable keys."""
    good = jwks(jwk("k1"), jwk("k2", private_key(2))).decode()
    mutator, added, longest = Mutator([good], 7), 0, 0
    for _ in range(EXECUTIONS):
        text = mutator.next_text()
        keys = SigningKeys()
        try:
            added += keys.add(text.encode("utf-8", "surrogatepass"))
        except KeysError as error:
            longest = max(longest, len(str(error)))
        except BaseException as error:
            pytest.fail(f"{type(error).__name__} of {text[:2_000]!r}")
        for kid in list(keys._jwks):
            key: Any = keys.find(kid)
            assert key.key_size >= 2_048
    assert longest < 200
    assert added > EXECUTIONS / 100


def cpu_seconds(text: str) -> float:
    """The best of three, because other processes use this machine."""
    times = []
    for _ in range(3):
        began = time.process_time()
        with suppress(TokenError):
            token_of(text)
        times.append(time.process_time() - began)
    return min(times)


@pytest.mark.parametrize("kind", HARD)
def test_the_time_grows_with_the_size(kind: str) -> None:
    """It is linear: four times the text takes about four times as long."""
    first, second = (cpu_seconds(HARD[kind](MEBIBYTE // part)) for part in (4, 1))

    # Sixteen would be quadratic; a time near zero can't be compared.
    assert second < max(first * 10, 0.05)


def test_a_header_with_every_value_is_read_or_refused() -> None:
    """Types that Canvas does not send in `alg` and `kid`."""
    odd: list[Any] = [None, True, 0, 1.5, "", "x" * 300, [], {}, ["RS256"], {"RS256": 1}, "rs256"]
    for alg in [*odd, "RS256"]:
        for kid in odd:
            text = f"{base64url(json.dumps({'alg': alg, 'kid': kid}).encode())}.e30.AA"
            try:
                token = token_of(text)
            except TokenError:
                continue
            assert token is not None
            assert (alg, kid) == ("RS256", "rs256")
