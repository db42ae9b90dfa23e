"""What the archive has of a signed event: the bytes that were signed."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.events.decode import decode
from consumer.handlers.records import line_of
from consumer.signatures.keys import SigningKeys
from consumer.signatures.source import KeySource
from consumer.signatures.unsealing import Unsealing
from consumer.testing import ManualClock, make_message
from tests.signatures.signing import jwk, jwks, signed

_KEYS = SigningKeys()
_KEYS.add(jwks(jwk("k1")))
UNSEALING = Unsealing(_KEYS, KeySource(_KEYS, lambda: b"", clock=ManualClock()), required=True)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip
#: Canvas writes JSON in some way, which is not ours.
WAYS = st.sampled_from(((",", ":"), (", ", ": "), (" ,", "\t:  ")))


@given(
    body=st.dictionaries(st.text(), VALUES, max_size=5), separators=WAYS, ascii_only=st.booleans()
)
@settings(max_examples=200)
def test_the_text_of_an_event_is_what_was_signed(
    body: dict[str, Any], separators: tuple[str, str], *, ascii_only: bool
) -> None:
    """Byte for byte in `event.raw`; in the archive, too, if its line can have them as they are."""
    event = {"metadata": {"event_name": "grade_change"}, "body": body}
    text = json.dumps(event, separators=separators, ensure_ascii=ascii_only)
    content = text.encode("utf-8", "surrogatepass" if ascii_only else "replace")

    opened = UNSEALING.open(make_message(signed(content)))
    (decoded,) = decode(opened)

    assert content == decoded.raw.encode()
    line = line_of(decoded, "2024-03-01T12:00:00Z", scrub_secrets=False)
    assert body == json.loads(line)["payload"]["body"] or not ascii_only
    if ascii_only and "\t" not in text and "NaN" not in text and "Infinity" not in text:
        assert line.encode().endswith(b'"payload":' + content + b"}\n")
