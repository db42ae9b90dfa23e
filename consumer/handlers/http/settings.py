"""Reads the options of the http handler."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import SplitResult

from consumer.clock import Clock
from consumer.config.urls import is_loopback, split_url
from consumer.errors import ConfigurationError
from consumer.handlers.around.known_fields import all_events, unlikely_paths
from consumer.handlers.http import forms
from consumer.handlers.http.client import Client, proxy_for
from consumer.handlers.http.posting import Target
from consumer.handlers.http.signing import Signer
from consumer.handlers.http.splunk import PATH, judge_of_splunk
from consumer.handlers.http.template import paths_in, template_of
from consumer.handlers.http.verdicts import judge_of, judge_of_slack, rejecting
from consumer.handlers.loading.factories import HandlerEnvironment, Options

#: A secret URL has no name in a reason.
_UNNAMED: Final = "the address in url_file"
#: What the client or the form sets itself.
_OWN_HEADERS: Final = {
    "host", "content-length", "transfer-encoding", "connection", "expect", "user-agent",
    "webhook-id", "webhook-timestamp", "webhook-signature",
}  # fmt: skip
_is_header_name = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_is_header_value = re.compile(r"[ -~\xa0-\xff]*").fullmatch
_is_token = re.compile(r"[!-~]+").fullmatch


def form_of(
    read: Options, preset: str, *, batched: bool, warn: Callable[[str], None]
) -> forms.Form:
    """What is sent."""
    kind = read.choice("body", "json", of=("json", "ndjson"))
    if read.any("body") is not None and (
        preset == "splunk_hec" or read.any("template") is not None
    ):
        raise read.wrong("body", "left out with template, and with preset splunk_hec")
    scrub_secrets = read.flag("scrub_secrets", default=True)
    template = read.any("template")
    if preset == "splunk_hec":
        if template is not None:
            raise read.wrong("template", "left out, because preset is splunk_hec")
        constants = {
            "source": read.text("source", "canvas-live-events"),
            **{key: read.text(key) for key in ("sourcetype", "index", "host")},
        }
        given = {key: text for key, text in constants.items() if text is not None}
        return forms.splunk_hec(given, scrub_secrets=scrub_secrets)
    if template is not None:
        if batched:
            raise read.wrong("template", "used without batch_size: a message is about one event")
        return _template(read, template, preset, warn)
    if preset == "slack":
        raise read.wrong("template", "given, because preset is slack")
    if kind == "ndjson":
        return forms.ndjson(scrub_secrets=scrub_secrets)
    return forms.records(array=batched, scrub_secrets=scrub_secrets)


def _template(read: Options, template: Any, preset: str, warn: Callable[[str], None]) -> forms.Form:
    if not isinstance(template, str | Mapping | list) or not template:
        raise read.wrong("template", "a text, a mapping or a list, not empty")
    if preset == "slack" and not isinstance(template, Mapping):
        raise read.wrong("template", 'a mapping, such as {text: "{body.title}"}')
    escape = forms.escaped_for_slack if preset == "slack" else str
    label = f'handler "{read.name}": template'
    fill = template_of(template, label, escape=escape)
    for path, hint in unlikely_paths(dict.fromkeys(paths_in(template)), all_events()):
        warn(f"{label}: no known event has {path}{hint}")
    return forms.filled(fill, text=isinstance(template, str))


def target_of(
    read: Options, preset: str, form: forms.Form, environment: HandlerEnvironment
) -> Target:
    """Where it is sent, and how."""
    splunk = preset == "splunk_hec"
    url, secret = _url(read)
    if splunk and url.path in {"", "/"}:
        url = url._replace(path=PATH)
    if url.scheme == "http" and not is_loopback(url.geturl()):
        environment.warn(f'handler "{read.name}": the url is http: events are sent unencrypted')
    judges = {"splunk_hec": judge_of_splunk, "slack": judge_of_slack}
    return Target(
        _client(read, url, environment.clock),
        name=_UNNAMED if secret else url.netloc,
        method=read.choice("method", "POST", of=("POST", "PUT")),
        headers=_headers(read, form.content_type, scheme="Splunk" if splunk else "Bearer"),
        judge=judges.get(preset, judge_of)(_rejects(read, preset)),
        signer=_signer(read),
    )


def _url(read: Options) -> tuple[SplitResult, bool]:
    """The URL, and whether nothing of it may be shown."""
    given = read.secret("url")
    if given is None:
        raise read.wrong("url", "given, or url_file")
    parts = split_url(given)
    if parts is None or parts.username is not None:
        raise read.wrong("url", "an http or https URL, without a user name or password")
    if not parts.netloc.isascii() or "%" in parts.netloc:
        raise read.wrong("url", "a URL with its host in ASCII (xn--…)")
    return parts, read.text("url") is None


def _client(read: Options, url: SplitResult, clock: Clock) -> Client:
    ca_file = read.path("ca_file")
    try:
        return Client(
            url,
            clock=clock,
            seconds=read.number("request_timeout_seconds", 30.0, least=0.1, most=600),
            connect_seconds=read.number("connect_timeout_seconds", 5.0, least=0.1, most=60),
            ca_file=ca_file,
            proxy=proxy_for(url),
        )
    except OSError as error:  # of ssl, too
        reason = error.strerror or type(error).__name__
        raise read.wrong("ca_file", f"a file with PEM certificates ({reason})") from None
    except ValueError:
        name = f"{url.scheme.upper()}_PROXY"
        raise ConfigurationError(f"{name} in the environment must be http://HOST:PORT") from None


def _rejects(read: Options, preset: str) -> frozenset[int]:
    given = read.any("reject")
    if given is None:  # to 410 of Slack: the channel is archived
        return rejecting(["4xx"]) - ({410} if preset == "slack" else set())
    try:
        return rejecting(given if isinstance(given, list | tuple) else [given])
    except ValueError:
        right = 'a list of "4xx" and of statuses from 400 to 599, but not 429 and 503'
        raise read.wrong("reject", right) from None


def _headers(read: Options, content_type: str, *, scheme: str) -> Mapping[str, str]:
    headers = dict(read.mapping("headers"))
    for name, value in headers.items():
        if not _is_header_name(name) or name.lower() in _OWN_HEADERS:
            raise read.wrong("headers", "names of headers that the handler does not set itself")
        if not isinstance(value, str) or not _is_header_value(value):
            raise read.wrong("headers", f"texts; that of {name} is none")
    given = {name.lower(): value for name, value in headers.items()}
    if "content-type" not in given:
        headers["Content-Type"] = content_type
    elif "json" in given["content-type"].lower() and content_type == forms.TEXT:
        # In a text, a value with a quote would change the structure.
        raise read.wrong("template", "a mapping or a list, because Content-Type is JSON")
    token, scheme = read.secret("token"), read.text("token_type", scheme) or ""
    if token is not None:
        if "authorization" in given:
            raise read.wrong("token", "left out, because headers has Authorization")
        if not _is_token(token) or not _is_token(scheme):
            raise read.wrong("token", "one word, as token_type")
        headers["Authorization"] = f"{scheme} {token}"
    return headers


def _signer(read: Options) -> Signer | None:
    secrets = [read.secret("signing_secret"), read.secret("second_signing_secret")]
    if secrets[0] is None:
        if secrets[1] is not None:
            raise read.wrong("second_signing_secret", "left out without signing_secret")
        return None
    try:
        return Signer([secret for secret in secrets if secret is not None])
    except ValueError:
        right = "base64 of at least 16 bytes, such as `openssl rand -base64 32` prints"
        raise read.wrong("signing_secret", right) from None
