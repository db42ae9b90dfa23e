"""`consume sample --to` and `--sign`: what is posted and signed, what is reported, how it ends."""

from __future__ import annotations

import json
import socket
import sys
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest
from click.testing import CliRunner
from joserfc import jws as judge
from joserfc.jwk import KeySet

from consumer.cli.main import main
from consumer.operations.posting.deliveries import Deliveries
from consumer.testing import ManualClock
from tests.cases import for_each
from tests.queues.servers import CLOSE, http, serving

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from click.testing import Result

    from tests.queues.servers import Request, Server

LIMIT = (
    "Canvas deactivates a stream after about {} messages {} in 24 hours: at this share, after {} "
    "messages"
)
NOW = ("--retry-minutes", "0")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["sample", *arguments])


def place(server: Server) -> str:
    return f"127.0.0.1:{server.port}"


def notes(text: str) -> list[str]:
    """The lines of standard error, which are all notes."""
    found = text.split("consume: note: ")
    assert found[0] == ""
    assert len(found) == text.count("\n") + 1
    return [line.rstrip("\n") for line in found[1:]]


def run_to(server: Server, *arguments: str) -> Result:
    return run(*arguments, "--to", f"http://{place(server)}/s3cret")


def payloads(tokens: Iterable[str], jwks: bytes | str) -> list[str]:
    """What was signed, if joserfc accepts the signatures with these keys."""
    keys = KeySet.import_key_set(json.loads(jwks))
    found = (judge.deserialize_compact(token, keys, ["RS256"]) for token in tokens)
    return [(token.payload or b"").decode() for token in found]


def kid_of(token: str) -> Any:
    return judge.extract_compact(token.encode()).headers()["kid"]


def test_the_same_bytes_are_posted_as_written() -> None:
    """One event in each request. Standard output stays empty, and the count is reported."""
    arguments = ("--mix", "realistic", "--count", "25", "--seed", "3", "--malformed", "0.1")
    with serving(lambda _: [http(b"")]) as server:
        result = run_to(server, *arguments)

    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr == f"consume: note: 25 messages were accepted by {place(server)}\n"
    bodies = sorted(request.body.decode() for request in server.requests)
    assert bodies == sorted(run(*arguments).stdout.splitlines())


def test_what_was_not_accepted_is_reported() -> None:
    """With the reasons, and how Canvas would take them. The path of the URL may be a secret."""

    def answer(request: Request) -> list[Any]:
        if b'"logged_in"' in request.body:
            return [http(b"", 401)]
        return [http(b"", 503)] if b'"logged_out"' in request.body else [http(b"")]

    with serving(answer) as server:
        result = run_to(
            server, *NOW, "logged_in", "logged_out", "course_created", "grade_change",
            "--count", "40",
        )  # fmt: skip

    assert result.exit_code == 1
    assert notes(result.stderr) == [
        f"20 messages were accepted by {place(server)}",
        "10 messages were not accepted in four tries; the last time: HTTP status 401",
        "10 messages were not accepted in four tries; the last time: HTTP status 503",
        "tries that failed: HTTP status 401: 40, HTTP status 503: 40; tried again: 60",
        LIMIT.format("28,000", "refused", "56,000"),
    ]


def test_late_answers_have_a_limit_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Canvas allows fewer of them."""
    monkeypatch.setattr("consumer.operations.posting.address.LIMIT_SECONDS", 0.05)
    with serving(lambda _: [None]) as server:
        result = run_to(server, *NOW, "logged_in")

    assert result.exit_code == 1
    assert notes(result.stderr) == [
        f"0 messages were accepted by {place(server)}",
        "1 message was not accepted in four tries; the last time: no answer within 15 s",
        "tries that failed: no answer within 15 s: 4; tried again: 3",
        LIMIT.format("9,500", "with no answer within 15 s", "9,500"),
    ]


def test_what_was_accepted_in_the_end_is_a_success() -> None:
    """The tries before are reported, too."""
    # The first connection only shows that there is something to post to; the next is the first try.
    with serving(lambda request: [http(b"") if request.connection > 1 else CLOSE]) as server:
        result = run_to(server, *NOW, "logged_in")

    assert result.exit_code == 0
    assert notes(result.stderr) == [
        f"1 message was accepted by {place(server)}",
        "tries that failed: the connection was closed without an answer: 1; tried again: 1",
    ]


def test_ctrl_c_counts_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 130, also while further tries are waited for."""

    def interrupt(deliveries: Deliveries, *_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("consumer.operations.posting.Posts.finish", interrupt)
    monkeypatch.setattr("consumer.operations.posting.Posts._take", lambda _: None)
    with serving(lambda _: [http(b"")]) as server:
        result = run_to(server, "logged_in", "--count", "3")

    assert result.exit_code == 130
    assert notes(result.stderr) == [
        f"0 messages were accepted by {place(server)}", "3 messages were not finished",
    ]  # fmt: skip


def test_an_address_that_can_not_be_reached_is_75() -> None:
    """Before anything is sent, and without the path."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    result = run("logged_in", "--to", f"http://127.0.0.1:{port}/s3cret")

    assert result.exit_code == 75
    assert result.stderr == (
        f"consume: error: 127.0.0.1:{port} can't be reached: Connection refused\n"
    )


def test_a_slow_rate_is_kept_and_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a queue. Here the clock moves on during a post, so that some come too late."""
    clock = ManualClock()
    monkeypatch.setattr("consumer.clock.SystemClock", lambda: clock)
    began = clock.monotonic()
    with serving(lambda _: [http(b"")]) as server:
        result = run_to(server, *NOW, "logged_in", "--count", "100", "--rate", "1/s")

    assert f"sending 100 messages to {place(server)} takes 100 s" in result.stderr
    assert clock.monotonic() - began == pytest.approx(99, abs=0.5)


def test_signed_messages_are_what_would_be_written_plain(tmp_path: Path) -> None:
    """Byte for byte; the keys are in the file."""
    arguments = ("--mix", "realistic", "--count", "10", "--malformed", "0.2")
    jwks = tmp_path / "jwks.json"

    result = run(*arguments, "--sign", "--jwks", str(jwks))

    assert result.exit_code == 0
    assert payloads(result.stdout.splitlines(), jwks.read_bytes()) == (
        run(*arguments).stdout.splitlines()
    )
    assert [file.name for file in tmp_path.iterdir()] == ["jwks.json"]


def test_the_key_changes_in_the_middle(tmp_path: Path) -> None:
    """All three keys before it, and after it, are published: the old one is still among them."""
    jwks, key = tmp_path / "jwks.json", tmp_path / "key.pem"
    arguments = ("logged_in", "--count", "10", "--sign", "--key", str(key), "--jwks", str(jwks))
    before = run(*arguments).stdout.splitlines()

    tokens = run(*arguments, "--rotate").stdout.splitlines()

    assert tokens[:5] == before[:5]
    first, second = kid_of(tokens[0]), kid_of(tokens[9])
    assert [first] * 5 + [second] * 5 == [kid_of(token) for token in tokens]
    kids = [jwk["kid"] for jwk in json.loads(jwks.read_bytes())["keys"]]
    assert kids[:2] == [first, second]
    assert len(payloads(tokens, jwks.read_bytes())) == 10
    assert key.stat().st_mode & 0o777 == 0o600


def test_a_receiver_gets_the_keys_while_messages_are_posted() -> None:
    """It asks for them when a message comes. The body is the token, without anything around it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        where = f"127.0.0.1:{listener.getsockname()[1]}"
    found: list[str] = []

    def answer(request: Request) -> list[Any]:
        with urlopen(f"http://{where}/jwks", timeout=60) as keys:
            found.extend(payloads([request.body.decode()], keys.read()))
        return [http(b"")]

    with serving(answer) as server:
        result = run_to(server, "grade_change", "--sign", "--jwks-listen", where)

    assert result.exit_code == 0, result.stderr
    assert found == run("grade_change").stdout.splitlines()


def test_signed_messages_are_sent_to_a_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without message attributes, as API Gateway sends them."""
    from tests.cli.test_cli_sample_sent import Taking, run_into

    sender = Taking()

    result = run_into(sender, monkeypatch, "logged_in", "--count", "3", "--sign")

    assert result.exit_code == 0
    assert [3] * 3 == [len(body.split(".")) for body in sender.bodies]


def test_signing_needs_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named in a sentence; all else works without it."""
    for name in [name for name in sys.modules if name.startswith("cryptography")]:
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("consumer.operations.signing", "consumer.signatures.signer"):
        monkeypatch.delitem(sys.modules, name, raising=False)

    result = run("logged_in", "--sign")

    assert result.exit_code == 78
    assert "needs the library cryptography; run pip install" in result.stderr
    assert run("logged_in").exit_code == 0


@for_each(
    "arguments, code, said",
    [
        (("--to", "ftp://example.edu/x"), 2, "this is not a URL such as https"),
        (("--to", ""), 2, "this is not a URL"),
        (("--to", "https://me:s3cret@example.edu/"), 2, "this is not a URL"),
        (("--to", "https://example.edu/s3cret\u00e9"), 2, "this is not a URL"),
        (("--to", "https://a.edu/", "--queue-url", "x"), 2, "--to and a queue are two places"),
        (("--to", "https://a.edu/", "--array"), 2, "a request has one event"),
        (("--to", "https://a.edu/", "--region", "x"), 2, "--region is for sending: add --queue-"),
        (("--to", "https://a.edu/", "--retry-minutes", "-1"), 2, "--retry-minutes"),
        (("--retry-minutes", "0"), 2, "--retry-minutes is for posting: add --to"),
        (("--rate", "5"), 2, "--rate is for sending: add --queue-url or --queue-name, or --to"),
        (("--rotate",), 2, "--rotate is for signing: add --sign"),
        (("--key", "k"), 2, "--key is for signing: add --sign"),
        (("--jwks", "j"), 2, "--jwks is for signing: add --sign"),
        (("--sign", "--array"), 2, "--array with --sign would not be a valid array"),
        (("--sign", "--jwks-listen", "127.0.0.1:1"), 2, "--jwks-listen is for posting: add --to"),
        (("--sign", "--jwks-listen", "x:1"), 2, "'x:1' is not an address and a port"),
        (("--sign", "--jwks", "/none/j"), 78, "--jwks: /none/j can't be written: No such file"),
        (("--sign", "--key", "/none/k"), 78, "--key: /none/k can't be used: No such file"),
    ],
)
def test_wrong_options_are_reported(arguments: tuple[str, ...], code: int, said: str) -> None:
    """In a sentence that does not quote a secret. Nothing is written or sent."""
    result = run("logged_in", *arguments)

    assert result.exit_code == code, result.stderr
    assert said in " ".join(result.stderr.split())
    assert "s3cret" not in result.stderr
    assert result.stdout == ""
