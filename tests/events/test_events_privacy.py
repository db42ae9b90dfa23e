"""Secrets in URLs are replaced, and nothing else."""

import json

import pytest

from consumer.events.privacy import scrub_json, scrub_text
from tests.cases import for_each

SECRET = "111~sGvKF4.Yzr-2Aq_d%2BwS%26hK%3D+/"
HIDDEN = "[scrubbed]"


@for_each(
    "name",
    [
        "access_token", "ACCESS_TOKEN", "Access-Token", "refresh_token", "id_token", "token",
        "authenticity_token", "X-Amz-Security-Token", "session_token", "verifier", "sf_verifier",
        "code", "Code", "code_verifier", "client_secret", "sig", "signature", "X-Amz-Signature",
        "X-Amz-Credential", "AWSAccessKeyId", "Policy", "Key-Pair-Id", "jwt", "password",
        "pseudonym[password]", "pseudonym%5Bpassword%5D", "access%5Ftoken", "access%255Ftoken",
        "%61ccess_%74oken", "as_user_id", "api_key", "apikey", "ticket", "SAMLResponse",
        "invitation", "sid", "JSESSIONID", "auth", "pwd", "token[]", "code[]",
    ],
)  # fmt: skip
def test_the_value_of_a_secret_parameter_is_replaced(name: str) -> None:
    """By its name, in any case and encoding; the rest of the URL is unchanged."""
    url = f"https://canvas.example.edu/x?page=2&{name}={SECRET}&{name}=&order=asc"

    scrubbed = scrub_text(url)

    assert f"https://canvas.example.edu/x?page=2&{name}={HIDDEN}&{name}=&order=asc" == scrubbed


@for_each(
    "url, scrubbed",
    [
        (f"/x?access_token={SECRET}", f"/x?access_token={HIDDEN}"),
        (f"/x#access_token={SECRET}&state=1", f"/x#access_token={HIDDEN}&state=1"),
        (f"/x?a=1;verifier={SECRET};b=2", f"/x?a=1;verifier={HIDDEN};b=2"),
        (f"/x?a=1&amp;verifier={SECRET}&amp;b=2", f"/x?a=1&amp;verifier={HIDDEN}&amp;b=2"),
        (f"https://h/x;jsessionid={SECRET}", f"https://h/x;jsessionid={HIDDEN}"),
        ("?token=ab;cd&x=1", f"?token={HIDDEN}&x=1"),
        ("?token=ab'cd&x=1", f"?token={HIDDEN}&x=1"),
        ("?token=a?b/c:d@e,f!g*h(i)j&x=1", f"?token={HIDDEN}&x=1"),
        ("?token=a&token=b", f"?token={HIDDEN}&token={HIDDEN}"),
        ("?code=abc#top", f"?code={HIDDEN}#top"),
        (
            "?grant_type=authorization_code&code=abc",
            f"?grant_type=authorization_code&code={HIDDEN}",
        ),
    ],
)
def test_a_value_ends_where_the_parameter_does(url: str, scrubbed: str) -> None:
    """At "&", "#", or a ";" before another parameter, but not at characters of a secret."""
    assert scrubbed == scrub_text(url)


@for_each(
    "url, scrubbed",
    [
        (
            "?redirect=https%3A%2F%2Fx%3Faccess_token%3Dabc%2526d%26foo%3D1&z=2",
            f"?redirect=https%3A%2F%2Fx%3Faccess_token%3D{HIDDEN}%26foo%3D1&z=2",
        ),
        (
            "?r=https%253a%252f%252fx%253faccess_token%253dabc%2526foo%253d1%26y%3D1&z=2",
            f"?r=https%253a%252f%252fx%253faccess_token%253d{HIDDEN}%2526foo%253d1%26y%3D1&z=2",
        ),
        (
            "?r=x%25252526code%2525253Dabc%25252526foo%2525253D1",
            f"?r=x%25252526code%2525253D{HIDDEN}%25252526foo%2525253D1",
        ),
        (
            "https%3A%2F%2Fx%23access_token%3Dabc%23y",
            f"https%3A%2F%2Fx%23access_token%3D{HIDDEN}%23y",
        ),
        ("?r=https://x?token=abc&y=1", f"?r=https://x?token={HIDDEN}&y=1"),
        ("?token=a%26b%3Dc&y=1", f"?token={HIDDEN}&y=1"),
    ],
)
def test_urls_inside_urls_are_scrubbed(url: str, scrubbed: str) -> None:
    """Encoded any number of times; they end with the parameter that contains them."""
    assert scrubbed == scrub_text(url)


@for_each(
    "url, scrubbed",
    [
        ("https://user:pass@h/x", f"https://{HIDDEN}@h/x"),
        ("https://us@er.edu:pa@ss@h:8080/x@y", f"https://{HIDDEN}@h:8080/x@y"),
        ("https://ghp_abc@h/x", f"https://{HIDDEN}@h/x"),
        ("postgres://user:pass@h", f"postgres://{HIDDEN}@h"),
        ("u=https%3A%2F%2Fuser%3Apass%40h%2F", f"u=https%3A%2F%2F{HIDDEN}%40h%2F"),
        ("u=https%3A%2F%2Fuser:pass@h", f"u=https%3A%2F%2F{HIDDEN}@h"),
        (r"https:\/\/user:pass@h\/x", rf"https:\/\/{HIDDEN}@h\/x"),
    ],
)
def test_a_password_before_the_host_is_replaced(url: str, scrubbed: str) -> None:
    """Together with the name, because some services put a token there."""
    assert scrubbed == scrub_text(url)


@for_each(
    "url, scrubbed",
    [
        ("/app#/access_token=abc&x=1", f"/app#/access_token={HIDDEN}&x=1"),
        ("/app#!/done/code=abc&x=1", f"/app#!/done/code={HIDDEN}&x=1"),
        ("?next=/login/code=abc", f"?next=/login/code={HIDDEN}"),
        ("?next=%2Flogin%2Fcode%3Dabc&x=1", f"?next=%2Flogin%2Fcode%3D{HIDDEN}&x=1"),
        ("?list=a=1,token=abc", f"?list=a=1,token={HIDDEN}"),
        ("https://h/tokens/5/x=1?y=2", "https://h/tokens/5/x=1?y=2"),
    ],
)
def test_a_parameter_may_follow_a_path(url: str, scrubbed: str) -> None:
    """After the "#", as web applications write it; words in the path do not count."""
    assert scrubbed == scrub_text(url)


@for_each(
    "text",
    [
        "",
        "the token is code=5, password=x",
        "code=5",
        "if (a) { b = 1;code=5;token=7 }",
        "My access_token: abc & my password",
        "what? token=5",
        "bob@example.edu wrote to https://canvas.example.edu/x, see https://medium.com/@bob",
        "https://canvas.example.edu/users?email=bob@example.edu",
        "https://canvas.example.edu/x?course_code=MATH&module_item_id=5&state=open&key=title",
        "https://canvas.example.edu/x?course%5Bcode%5D=MATH&course[code]=MATH&decode=1",
        "https://canvas.example.edu/tokens/5?codes=1&next=%2Fcode%2F5",
        "100%25 of a=b & c=d",
        "https://canvas.example.edu/x?access_token=",
        "https://canvas.example.edu/x?access_token=&page=2",
    ],
)
def test_other_text_is_unchanged(text: str) -> None:
    """Words outside of URLs, e-mail addresses, other parameters, empty parameters."""
    assert text == scrub_text(text)
    assert json.dumps(text) == scrub_json(json.dumps(text))


def test_a_url_ends_where_the_text_goes_on() -> None:
    """At white space, quotes and angle brackets, so HTML and sentences are not damaged."""
    html = """<a href="/x?verifier=abc">a</a> <a href='/y?verifier=abc'>b</a> ?code=abc\nnext"""

    expected = html.replace("abc", HIDDEN)
    assert expected == scrub_text(html)


@for_each(
    "raw, scrubbed",
    [
        ('{"u":"/x?token=abc","n":1.00}', f'{{"u":"/x?token={HIDDEN}","n":1.00}}'),
        (r'{"u":"\/x?token=a\/b\u0026y=\u00e9"}', rf'{{"u":"\/x?token={HIDDEN}\u0026y=\u00e9"}}'),
        (
            r'{"u":"?a\u0026token\u003dabc\u0026b"}',
            rf'{{"u":"?a\u0026token\u003d{HIDDEN}\u0026b"}}',
        ),
        (r'{"u":"?\u0061ccess_toke\u006e=abc"}', rf'{{"u":"?\u0061ccess_toke\u006e={HIDDEN}"}}'),
        (r'{"u":"?token=\u0061b\ud83d\ude00c d"}', rf'{{"u":"?token={HIDDEN} d"}}'),
        (r'{"u":"\u003f\u0063ode=a\"b"}', rf'{{"u":"\u003f\u0063ode={HIDDEN}\"b"}}'),
        (r'{"u":"?token=a\\b\n?token=c"}', rf'{{"u":"?token={HIDDEN}\n?token={HIDDEN}"}}'),
        (r'{"u":"?\u0025\u0036\u0033ode=abc"}', rf'{{"u":"?\u0025\u0036\u0033ode={HIDDEN}"}}'),
        (r'{"u":"https:\/\/u:p@h"}', rf'{{"u":"https:\/\/{HIDDEN}@h"}}'),
        (r'{"u":"https://\u00e9:p@h"}', rf'{{"u":"https://{HIDDEN}@h"}}'),
        (r'{"u":"https:\/\/u:\u00e9@h"}', rf'{{"u":"https:\/\/{HIDDEN}@h"}}'),
        (r'{"u":"https\u003a\u002f/u:p\u0040h"}', rf'{{"u":"https\u003a\u002f/{HIDDEN}\u0040h"}}'),
        ('{"/x?token=abc":1}', f'{{"/x?token={HIDDEN}":1}}'),
        ('{"access_token":"abc","password":"abc"}', '{"access_token":"abc","password":"abc"}'),
        ('["/x?token=abc"]', f'["/x?token={HIDDEN}"]'),
        ('"/x?token=abc"', f'"/x?token={HIDDEN}"'),
    ],
)
def test_in_json_only_the_secret_is_replaced(raw: str, scrubbed: str) -> None:
    """Escapes do not hide a secret; other escapes and numbers are unchanged."""
    assert scrubbed == scrub_json(raw)
    assert scrubbed == scrub_json(scrubbed)


def test_json_inside_json_is_scrubbed() -> None:
    """A payload quoted as a text, as in a log or a form field."""
    inner = r'{"u":"https:\/\/h\/?a\u0026access_token\u003dabc\u0026b=1","p":"?code=abc"}'

    scrubbed = json.loads(scrub_json(json.dumps({"text": inner})))["text"]

    assert inner.replace("abc", HIDDEN) == scrubbed
    assert inner.replace("abc", HIDDEN) == scrub_text(inner)


@for_each(
    "raw, line",
    [
        ('\ufeff{"u":\r\n\t"?token=abc"}\n', f'{{"u": "?token={HIDDEN}"}}'),
        ('{"u":"?token=a\nb"}', rf'{{"u":"?token={HIDDEN}\u000ab"}}'),
        ('{"n":NaN,"u":"?token=abc"}', f'{{"n":"NaN","u":"?token={HIDDEN}"}}'),
    ],
)
def test_the_result_is_strict_json_on_one_line(raw: str, line: str) -> None:
    """Also for input that the decoder accepts although it is not strict."""
    assert line == scrub_json(raw)


@pytest.mark.parametrize(
    "text",
    [
        "&", '"', "\\", '\\"', ";token=", "?token=", "%25", "=", "://", "://a@", "%3a%2f%2f",
        "\\u0061", "\\u0026code", "?%25", "?a%3d", "://@", "'", "?token='", ";a", "NaN", "[", "7",
        "/feeds/", "/feeds/a/", "1~a", "%7e1", "?%25=", "/code=x", ",a=",
    ],
)  # fmt: skip
def test_a_hostile_megabyte_takes_linear_time(text: str) -> None:
    """For any repeated text; pytest's timeout would stop a quadratic search."""
    megabyte = text * (2**20 // len(text))

    scrubbed = scrub_text(megabyte)
    scrub_text("?token" + megabyte + "=x")
    scrub_json(megabyte)

    assert {"x": scrubbed} == json.loads(scrub_json(json.dumps({"x": megabyte})))


@for_each("raw", ["", "{", '"', '{"u":"?token=abc', '{"u":"\\q?token=abc\\"}', "\\"])
def test_text_that_is_not_json_is_scrubbed_too(raw: str) -> None:
    """Without an exception, and without the secret."""
    assert "abc" not in scrub_json(raw)
