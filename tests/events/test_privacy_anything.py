"""For any payload, the output is valid JSON, and equal to the input except for the secrets."""

import json
import re
from typing import Any
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.events import privacy
from consumer.events.privacy import SCRUBBED, scrub_json, scrub_text

# Texts made of parts of URLs, and of attempts to hide in them.
PIECES = st.sampled_from([
    "?", "&", "#", ";", "=", "/", "://", "@", ":", "%", "%3D", "%3d", "%253D", "%26", "%2526",
    "%3F", "%23", "%40", "%3A%2F%2F", "%25", "%5B", "%5D", "%5F", "%63", "%6b", "[", "]", "'", '"',
    "<", ">", " ", "\n", "\\", "\\u0026", "\\u003d", "\\u003f", "\\n", '\\"', "\\/", "&amp;",
    "/feeds/", "%2Ffeeds%2F", "\\/feeds\\/users\\/0123456789abcdefghij", "users/", "user_", "12",
    "~", "%7E", "0123456789abcdefghij", "12~0123456789abcdefghij", ",", "access_token", "code",
    "sid", "TOKEN", "to", "ken", "password", "course", "abc", "1~x", ".", "\u00e9", "\U0001f600",
    "\ud83d",
    "\x00", "\u2028", "\u212a", "\u017fid", SCRUBBED,
])  # fmt: skip
TEXTS = st.lists(PIECES, max_size=14).map("".join) | st.text(
    st.characters(exclude_categories=()), max_size=20
)
TREES = st.recursive(
    st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
ANYTHING = settings(max_examples=300)


class Pairs(list[tuple[str, Any]]):
    """An object as its members, because two names may be equal after scrubbing."""


def scrubbed_tree(tree: Any) -> Any:
    if isinstance(tree, str):
        return scrub_text(tree)
    if isinstance(tree, Pairs):
        return Pairs((scrub_text(key), scrubbed_tree(value)) for key, value in tree)
    if isinstance(tree, list):
        return [scrubbed_tree(value) for value in tree]
    return tree


def read(text: str) -> Any:
    return json.loads(text, object_pairs_hook=Pairs)


def escaped(text: str, choices: list[bool]) -> str:
    """JSON text with more escaped characters than needed."""
    flips = iter(choices * (len(text) // max(len(choices), 1) + 1))

    def of_string(string: re.Match[str]) -> str:
        return re.sub(
            r"\\u....|\\.|[a-zA-Z0-9=&?/:@%;#]",
            lambda unit: (
                f"\\u{ord(unit[0]):04x}" if len(unit[0]) == 1 and next(flips, False) else unit[0]
            ),
            string[0],
        )

    return re.sub(r'"(?:[^"\\]|\\.)*"', of_string, text, flags=re.DOTALL)


@ANYTHING
@given(
    tree=TREES,
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 1]),
    choices=st.lists(st.booleans(), max_size=20),
)
def test_the_line_is_the_payload_with_each_text_scrubbed(
    tree: Any, *, ascii_only: bool, indent: int | None, choices: list[bool]
) -> None:
    """In any notation and with any escapes; scrubbing it again changes nothing."""
    text = escaped(json.dumps(tree, ensure_ascii=ascii_only, indent=indent), choices)

    line = scrub_json(text)

    assert scrubbed_tree(read(text)) == read(line)
    assert all(character >= " " for character in line)
    assert line == scrub_json(line)


@ANYTHING
@given(text=TEXTS)
def test_scrubbing_twice_is_scrubbing_once(text: str) -> None:
    """It does not matter if the input was scrubbed before."""
    once = scrub_text(text)

    assert once == scrub_text(once)


@ANYTHING
@given(text=TEXTS, choices=st.lists(st.booleans(), max_size=20))
def test_the_quick_check_misses_nothing(text: str, choices: list[bool]) -> None:
    """It finds every secret, in a text and in any JSON that contains it."""
    if privacy._spans(text):
        assert privacy._may_hold(text)
        assert privacy._may_hold(escaped(json.dumps(text), choices))


@ANYTHING
@given(text=TEXTS)
def test_text_around_secrets_is_unchanged(text: str) -> None:
    """What is not replaced is kept, in the same order."""
    kept = scrub_text(text).split(SCRUBBED)

    assert re.fullmatch(".*".join(map(re.escape, kept)), text, re.DOTALL)


SECRETS = st.text("abcXYZ0189~.-_!*()$,:/+", min_size=8, max_size=30).map("S3CR3T".__add__)
NAMES = st.sampled_from(
    ["access_token", "Verifier", "code", "X-Amz-Signature", "client_secret", "user[password]"]
)


@ANYTHING
@given(
    secret=SECRETS,
    name=NAMES,
    before=st.sampled_from(
        ["/x?", "https://h/x?a=1&", "https://h/#", "?a=b;", "?a&amp;", "%3f", "#/"]
    ),
    after=st.sampled_from(["", "&b=2", "#top", " and more", '" x', "<br>", "&amp;c=3", "'>"]),
    depth=st.integers(0, 3),
    ascii_only=st.booleans(),
    choices=st.lists(st.booleans(), max_size=20),
)
def test_a_planted_secret_is_never_in_the_output(
    secret: str,
    name: str,
    before: str,
    after: str,
    depth: int,
    *,
    ascii_only: bool,
    choices: list[bool],
) -> None:
    """Anywhere in a URL, at any depth of URLs inside URLs."""
    url = f"{before}{name}={secret}"
    for _ in range(depth):
        url = f"https://h/login?next={quote(url, safe='')}"
    text = json.dumps({"metadata": {"url": f"see {url}{after}"}}, ensure_ascii=ascii_only)

    line = scrub_json(escaped(text, choices))

    assert "S3CR3T" not in json.loads(line)["metadata"]["url"]
    assert SCRUBBED in line
    assert "S3CR3T" not in scrub_text(f"{url}{after}")
