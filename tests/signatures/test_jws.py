"""Signed events: what is accepted, byte for byte, and everything that is not."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws as judge
from joserfc.jwk import RSAKey

from consumer.errors import DecodeError, Retry
from consumer.signatures.jws import TokenError, token_of
from consumer.signatures.keys import SigningKeys
from consumer.signatures.source import KeySource
from consumer.signatures.unsealing import Unsealing
from consumer.testing import ManualClock, canvas_body, make_message
from tests.cases import for_each
from tests.signatures.signing import base64url, jwk, jwks, private_key, signed

EVENT = canvas_body("grade_change").encode()


def known() -> SigningKeys:
    keys = SigningKeys()
    keys.add(jwks(jwk("k1"), jwk("k2", private_key(2))))
    return keys


def nothing_new() -> KeySource:
    """A source that is never asked."""
    return KeySource(SigningKeys(), lambda: b"", clock=ManualClock())


def opened(body: str, *, required: bool = True) -> str:
    unsealing = Unsealing(known(), nothing_new(), required=required)
    return unsealing.open(make_message(body)).body


def test_what_was_signed_comes_out_byte_for_byte() -> None:
    """The payload is not parsed and written again; white space and quotes around are tolerated."""
    odd = b'{ "metadata":\t{"event_name":"x"}, "body":{"n":1.0,"n":2,"t":"\\u00e9\xc3\xa9"} }\n'
    token = signed(odd)
    for text in (token, f"  {token}\r\n", f'"{token}"', f"'{token}'\n"):
        assert opened(text) == odd.decode()


@given(st.text())
@settings(max_examples=50)
def test_any_text_comes_out_as_it_was_signed(text: str) -> None:
    """Bytes out equal the bytes that were signed."""
    content = text.encode("utf-8", "replace")
    token = token_of(signed(content))
    assert token is not None
    assert token.payload == content


def test_it_is_what_others_call_a_signed_token() -> None:
    """A library that is not ours makes tokens that we accept, and accepts what we take for one."""
    theirs = judge.serialize_compact(
        {"alg": "RS256", "kid": "k1"}, EVENT, RSAKey.import_key(private_key())
    )
    assert opened(theirs) == EVENT.decode()
    judge.deserialize_compact(
        signed(b"x"), RSAKey.import_key(private_key().public_key()), ["RS256"]
    )


def _changed(token: str, part: int) -> str:
    parts = token.split(".")
    parts[part] = ("A" if parts[part][5] != "A" else "B").join((parts[part][:5], parts[part][6:]))
    return ".".join(parts)


def _forgeries() -> dict[str, str]:
    pem = private_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = base64url(json.dumps({"alg": "HS256", "kid": "k1"}).encode())
    by_hmac = f"{head}.{base64url(EVENT)}"
    mac = base64url(hmac.new(pem, by_hmac.encode(), hashlib.sha256).digest())
    token = signed(EVENT)
    first, second, _ = token.split(".")
    none = base64url(json.dumps({"alg": "none", "kid": "k1"}).encode())
    return {
        "payload changed": _changed(token, 1),
        "signature changed": _changed(token, 2),
        "signed with another key": signed(EVENT, key=private_key(3)),
        "another key's id": signed(EVENT, "k2"),
        "HMAC with the public key": f"{by_hmac}.{mac}",
        "algorithm none": f"{none}.{second}.",
        "algorithm NoNe": signed(EVENT, alg="NoNe"),
        "RS512 named": signed(EVENT, alg="RS512"),
        "PS256 named": signed(EVENT, alg="PS256"),
        "algorithm as a list": signed(EVENT, alg=["RS256"]),
        "no signature": f"{first}.{second}.",
        "signature of a byte": f"{first}.{second}.AA",
        "not base64url": f"{first}.{second}A.{'A' * 342}A",
        "kid is a number": signed(EVENT, kid=7),  # type: ignore[arg-type]
        "kid is empty": signed(EVENT, kid=""),
        "kid is long": signed(EVENT, kid="k" * 10_000),
        "critical extension": signed(EVENT, crit=["b64"], b64=False),
        "key in the header": signed(EVENT, key=private_key(3), jwk=jwk("k1", private_key(3))),
        "address in the header": signed(EVENT, key=private_key(3), jku="https://evil.example"),
        "plain, but required": EVENT.decode(),
        "not UTF-8": signed(b"\xff{}"),
    }


@for_each("name, body", _forgeries().items())
def test_forgeries_are_refused(name: str, body: str) -> None:
    """No change of header, payload or signature, no other key, and no other algorithm passes."""
    with pytest.raises(DecodeError) as caught:
        opened(body)
    assert body[:40] not in str(caught.value), name


def test_plain_events_pass_where_signatures_are_only_accepted() -> None:
    """So does everything that is no token: the decoder says what it is."""
    for body in (EVENT.decode(), "", "a.b.c", "not JSON", "eyJ.a.b", '{"alg": "RS256"}'):
        assert opened(body, required=False) == body


def _waits(source: KeySource) -> list[float | None]:
    unsealing = Unsealing(known(), source, required=True)
    waits = []
    for count in range(1, 8):
        with pytest.raises(Retry) as caught:
            unsealing.open(make_message(signed(EVENT, "k9"), receive_count=count))
        waits.append(caught.value.after)
    return waits


def test_an_unknown_key_is_asked_for_and_waited_for() -> None:
    """Not long, because anyone can name a key, and hidden messages are limited."""
    source, clock = nothing_new(), ManualClock()
    assert _waits(source) == [75, 300, 900, 900, 900, 900, 900]
    assert source.due < clock.monotonic()


def test_while_the_address_is_down_an_unknown_key_is_waited_for_longer() -> None:
    """An outage of more than half a day uses up five deliveries."""
    source = nothing_new()
    assert not source.run_once()
    waits = _waits(source)
    assert waits == [75, 600, 3_600, 14_400, 39_600, 39_600, 39_600]


HEADERS = ['{"alg":"RS256","kid":"k1"}', '{"alg":"none"}', '{"alg":"RS256"}', "{}", "[]", "{"]
PARTS = (
    st.sampled_from([base64url(header.encode()) for header in HEADERS])
    | st.text(alphabet="eyJ0.{}\"'-_= \n=ab", max_size=100)
    | st.text(max_size=100)
)


@given(st.lists(PARTS, max_size=4).map(".".join))
@settings(max_examples=300)
def test_any_text_is_read_or_refused(text: str) -> None:
    """The reader raises nothing else; a token is what was in the text."""
    try:
        token = token_of(text)
    except TokenError:
        return

    assert token is None or (token.kid == "k1" and token._signed.decode() in text)
