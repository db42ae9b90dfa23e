"""Secrets without a parameter: codes of feeds, and access tokens anywhere."""

import json

from consumer.events.privacy import SCRUBBED as HIDDEN
from consumer.events.privacy import scrub_json, scrub_text
from tests.cases import for_each

CODE = "AbCd0123456789efGhIjKlMnOp"


@for_each(
    "url, scrubbed",
    [
        (f"https://h/feeds/calendars/user_{CODE}.ics", f"https://h/feeds/calendars/{HIDDEN}.ics"),
        (f"/feeds/topics/12/enrollment_{CODE}.atom?a=1", f"/feeds/topics/12/{HIDDEN}.atom?a=1"),
        (f"/feeds/group_users/{CODE}", f"/feeds/group_users/{HIDDEN}"),
        (
            rf"https:\/\/h\/feeds\/courses\/{CODE}.rss",
            rf"https:\/\/h\/feeds\/courses\/{HIDDEN}.rss",
        ),
        (
            f"?next=https%3A%2F%2Fh%2Ffeeds%2fcalendars%2Fuser_{CODE}.ics&x=1",
            f"?next=https%3A%2F%2Fh%2Ffeeds%2fcalendars%2F{HIDDEN}.ics&x=1",
        ),
        (f"?next=%252Ffeeds%252Fusers%252F{CODE}", f"?next=%252Ffeeds%252Fusers%252F{HIDDEN}"),
        ("/courses/1/feeds/calendars/all.ics", "/courses/1/feeds/calendars/all.ics"),
        ("he feeds the cat_with_some_very_long_name", "he feeds the cat_with_some_very_long_name"),
    ],
)
def test_the_code_of_a_feed_is_replaced(url: str, scrubbed: str) -> None:
    """It is in the path, and gives access to the feed without a login."""
    assert scrubbed == scrub_text(url)
    assert scrubbed == json.loads(scrub_json(json.dumps(url)))


@for_each(
    "text, scrubbed",
    [
        (f"Authorization: Bearer 1398~{CODE}", f"Authorization: Bearer {HIDDEN}"),
        (f"token = '1~{CODE}'", f"token = '{HIDDEN}'"),
        (f"access_token=1398~{CODE}", f"access_token={HIDDEN}"),
        (f"line\n1398~{CODE}\nline", f"line\n{HIDDEN}\nline"),
        (f"/t/1398%7E{CODE}/x", f"/t/{HIDDEN}/x"),
        (f"/t/1398%257e{CODE}/x", f"/t/{HIDDEN}/x"),
        (f"/t?x%3D1398~{CODE}%26y=1", f"/t?x%3D{HIDDEN}%26y=1"),
        (f"/t?x%261398~{CODE}", f"/t?x%26{HIDDEN}"),
        (f"/t?x%25261398~{CODE}", f"/t?x%2526{HIDDEN}"),
        (f"%2511~{CODE}", f"%25{HIDDEN}"),
        (rf"?a\u00261398~{CODE}", rf"?a\u0026{HIDDEN}"),
        (rf"\n1398~{CODE}\n", rf"\n{HIDDEN}\n"),
        (f"3.1415926535897932384626~{CODE}", f"3.1415926535897932384626~{CODE}"),
        ("/courses/2107~565/users/1398~21", "/courses/2107~565/users/1398~21"),
        (f"~{CODE} a~{CODE} ~/1~x", f"~{CODE} a~{CODE} ~/1~x"),
    ],
)
def test_an_access_token_of_canvas_is_recognized(text: str, scrubbed: str) -> None:
    """In a URL or not; short ids with a shard look similar, but are unchanged."""
    assert scrubbed == scrub_text(text)
    assert scrubbed == json.loads(scrub_json(json.dumps(text)))
