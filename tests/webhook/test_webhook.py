"""The real command over real sockets: what is answered, and what is then in the queue."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import ssl
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from consumer.clock import SystemClock
from consumer.config import Settings, TlsSettings, WebhookSettings
from consumer.operations.check import webhook as check_webhook
from consumer.webhook.app import ANSWER_SECONDS
from tests.acceptance.scripted_queue import failure
from tests.bench.certificate import write_certificate
from tests.moto_queues import number_of
from tests.processes import Consume, eventually
from tests.signatures.signing import base64url, jwk, jwks, private_key, signed
from tests.webhook.rig import event, listening

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.scripted_queue import Script
    from tests.moto_queues import Moto
    from tests.webhook.conftest import Start
    from tests.webhook.rig import KeyServer, Webhook

pytestmark = pytest.mark.acceptance

PATH = "/0123456789abcdef0123456789abcdef"
UNSIGNED = {
    "CONSUMER_WEBHOOK__REQUIRE_SIGNATURE": "false",
    "CONSUMER_WEBHOOK__SECRET_PATH": PATH,
}


#: What a slow machine with much else to do may take longer than it should.
SLACK_SECONDS = 15.0


def entries_of(script: Script) -> list[dict[str, Any]]:
    """Has the scripted queue note every entry that it accepts; returns the list."""
    kept: list[dict[str, Any]] = []

    def answer(request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        kept.extend(request["Entries"])
        return 200, {"Successful": [{"Id": entry["Id"]} for entry in request["Entries"]]}

    script.answers["SendMessageBatch"] = answer
    return kept


def test_what_was_signed_is_in_the_queue_byte_for_byte(moto: Moto, webhook: Start) -> None:
    """Each 204 is a message with the bytes that were signed, and with Canvas's attributes."""
    queue = moto.queue()
    running = webhook(queue)

    answers = [running.post(signed(event(number))).status for number in range(3)]

    assert answers == [204, 204, 204]
    received = queue.client.receive_message(
        QueueUrl=queue.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )["Messages"]
    assert {event(number).decode() for number in range(3)} == {m["Body"] for m in received}
    names = {n: v["StringValue"] for n, v in received[0]["MessageAttributes"].items()}
    assert names == {"event_name": "submission_created", "event_time": "2026-11-27T10:00:00.000Z"}


def test_bodies_are_taken_however_they_are_wrapped(script: Script, webhook: Start) -> None:
    """White space, quotes and a byte order mark around the token, any Content-Type, no event."""
    kept = entries_of(script)
    running = webhook(script)
    token = signed(event(1))

    for body in (
        f"\ufeff {token}\r\n",
        f'"{token}"',
        signed(b"no event"),
        signed("\ufffe".encode()),
    ):
        assert running.post(body, headers={"Content-Type": "text/x-odd"}).status == 204

    bodies = [entry["MessageBody"] for entry in kept]
    assert bodies == [event(1).decode(), event(1).decode(), "no event", "\\ufffe"]


def forged() -> dict[str, str]:
    """Tokens that must not be accepted, by what is wrong with them."""
    good = signed(event(1))
    head, payload, signature = good.split(".")
    none = base64url(json.dumps({"alg": "none", "kid": "k1"}).encode())
    hs256 = base64url(json.dumps({"alg": "HS256", "kid": "k1"}).encode())
    return {
        "plain": event(1).decode(),
        "empty": "",
        "no algorithm": f"{none}.{payload}.",
        "another algorithm": f"{hs256}.{payload}.{signature}",
        "another payload": f"{head}.{base64url(event(2))}.{signature}",
        "another key": signed(event(1), key=private_key(7)),
        "unknown key": signed(event(1), kid="k9"),
        "a key in the header": signed(event(1), kid="k9", jwk=jwk("k9", private_key(7))),
        "no kid": signed(event(1), kid=""),
        "cut off": good[:-20],
        "crit": signed(event(1), crit=["exp"]),
    }


def test_forgeries_get_401_and_reach_nothing(
    script: Script, keys: KeyServer, webhook: Start
) -> None:
    """Whatever the token itself says; and no text of it is in the log."""
    kept = entries_of(script)
    running = webhook(script)
    forgeries = forged()

    statuses = {what: running.post(body).status for what, body in forgeries.items()}
    assert statuses == dict.fromkeys(forgeries, 401)

    assert kept == []
    assert keys.asked <= 2  # at the start, and once for the unknown key
    for text in ("submission_created", "k9", "eyJ"):
        assert text not in running.run.stderr()


def test_keys_that_are_missing(script: Script, keys: KeyServer, webhook: Start) -> None:
    """One that is published by now is found at once; then a minute must pass for the next."""
    entries_of(script)
    running = webhook(script)
    keys.jwks = jwks(jwk("k1"), jwk("k2", private_key(2)))

    eventually(lambda: keys.asked == 1, "the keys are asked for at the start")
    assert running.post(signed(event(1), kid="k2", key=private_key(2))).status in (204, 401)
    assert running.post(signed(event(1), kid="k3", key=private_key(3))).status == 401
    assert keys.asked <= 2


def test_keys_that_can_not_be_asked_for_are_not_a_forgery(
    script: Script, keys: KeyServer, webhook: Start
) -> None:
    """503 while the address is down, so that Canvas comes again; known keys stay in use."""
    entries_of(script)
    webhook(script).close()
    keys.status = 500

    again = webhook(script)

    assert again.post(signed(event(1))).status == 204
    assert again.post(signed(event(1), kid="k2", key=private_key(2))).status == 503


def test_without_signatures_the_secret_path_decides(script: Script, webhook: Start) -> None:
    """It is not in the log, whatever is posted where."""
    kept = entries_of(script)
    running = webhook(script, **UNSIGNED)

    assert running.post(event(1), PATH).status == 204
    wrong = {path: running.post(event(2), path).status for path in ("/", PATH[:-1], PATH + "/x")}
    assert set(wrong.values()) == {404}
    assert running.ask("GET", PATH).status == 405
    assert running.post(b"", PATH).status == 400

    assert [entry["MessageBody"] for entry in kept] == [event(1).decode()]
    assert PATH[1:] not in running.run.stderr()


def test_sizes(script: Script, webhook: Start) -> None:
    """1 MiB with its attributes is stored; what is larger gets 413, said so or not."""
    kept = entries_of(script)
    running = webhook(script, **UNSIGNED)

    assert running.post(b"x" * 2**20, PATH).status == 204
    assert running.post(b"x" * (2**20 + 1), PATH).status == 413
    with closing(running.connect()) as link:
        link.sendall(
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        piece = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
        link.sendall(piece * 17)
        assert link.recv(4096).startswith(b"HTTP/1.1 413 ")

    assert len(kept) == 1


def test_204_comes_only_after_sqs_has_confirmed(script: Script, webhook: Start) -> None:
    """While SQS has not answered, there is no answer."""
    running = webhook(script)
    script.hold("SendMessageBatch")

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(running.post, signed(event(1)))
        eventually(lambda: script.asked["SendMessageBatch"], "it is sent")
        assert not answer.done()
        script.let_go("SendMessageBatch")

        assert answer.result(30).status == 204


def test_entries_that_sqs_refuses(script: Script, webhook: Start) -> None:
    """The post of a failed entry gets 503, the others of the same request 204."""

    def answer(request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        bad = [e["Id"] for e in request["Entries"] if number_of(e["MessageBody"]) % 2]
        good = [{"Id": e["Id"]} for e in request["Entries"] if e["Id"] not in bad]
        failed = [{"Id": i, "Code": "InternalError", "SenderFault": False} for i in bad]
        return 200, {"Successful": good, "Failed": failed}

    running = webhook(script)
    script.answers["SendMessageBatch"] = answer

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda n: running.post(signed(event(n))).status, range(10)))

    assert answers == [204, 503] * 5


def test_an_outage_of_sqs(script: Script, webhook: Start) -> None:
    """503 and an unhealthy answer meanwhile, and all is well by itself after it."""
    running = webhook(script)
    assert running.ask("GET", "/healthz").status == 200

    script.answers["SendMessageBatch"] = failure("RequestThrottled", status=503)
    assert running.post(signed(event(1))).status == 503
    assert running.ask("GET", "/healthz").status == 503
    entries_of(script)

    assert running.post(signed(event(1))).status == 204
    assert running.ask("GET", "/healthz").status == 200
    assert running.run.until("webhook_send_failed")["code"] == "RequestThrottled"
    assert running.run.until("webhook_send_recovered")["failures"] == 1
    assert "CANARY" not in running.run.stderr()


def test_slow_and_too_many_connections(script: Script, webhook: Start) -> None:
    """What does not bring a request in time is cut off, and what is too much is refused."""
    running = webhook(script, **UNSIGNED)
    slow = [running.connect() for _ in range(3)]
    slow[0].sendall(b"POST / HTT")
    slow[1].sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf".encode())
    many = [running.connect() for _ in range(509)]
    try:
        with closing(running.connect()) as link:
            assert link.recv(100).startswith(b"HTTP/1.1 503 ")
        for link in slow:
            link.settimeout(30)
            assert link.recv(100)[:12] in (b"", b"HTTP/1.1 503")
        eventually(lambda: running.ask("GET", "/healthz").status == 200, "there is room again")
    finally:
        for link in slow + many:
            link.close()


def test_a_head_without_end_is_cut_off(script: Script, webhook: Start) -> None:
    """However fast it comes."""
    running = webhook(script)

    def send(link: socket.socket) -> bool:
        try:
            link.sendall(b"X-Header: " + b"x" * 1_000 + b"\r\n")
        except OSError:
            return True
        return False

    with closing(running.connect()) as link:
        link.sendall(b"POST / HTTP/1.1\r\n")
        eventually(lambda: send(link), "it is cut off")
    assert running.ask("GET", "/healthz").status == 200


def test_a_stop_answers_what_is_under_way(script: Script, webhook: Start, tmp_path: Path) -> None:
    """SIGTERM during a send: the post gets its 204, and systemd learns of each step."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)
        running = webhook(script, NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="60000000")
        script.hold("SendMessageBatch")
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(running.post, signed(event(1)))
            eventually(lambda: script.asked["SendMessageBatch"], "it is sent")
            running.run.signal(signal.SIGTERM)
            reported = b""
            while b"STOPPING=1" not in reported:
                reported += systemd.recv(4096) + b"\n"
            script.let_go("SendMessageBatch")
            assert answer.result(30).status == 204
    assert running.run.end() == 0
    for report in (b"READY=1\nSTATUS=receiving posts\n", b"WATCHDOG=1\n"):
        assert report in reported


def test_an_sqs_that_hangs_is_not_waited_for(script: Script, webhook: Start) -> None:
    """503 before Canvas gives up."""
    running = webhook(script)
    script.hold("SendMessageBatch")

    began = time.monotonic()
    assert running.post(signed(event(1))).status == 503
    assert 4 < time.monotonic() - began < ANSWER_SECONDS + SLACK_SECONDS


def test_a_restart_drops_no_connection(script: Script, webhook: Start) -> None:
    """The socket is systemd's: who connects meanwhile waits, and every post gets 204."""
    kept = entries_of(script)
    running = webhook(script)
    posts = [posting_once(running, range(n, 60, 3)) for n in range(3)]

    eventually(lambda: len(kept) > 10, "some are stored")
    running.run.signal(signal.SIGTERM)
    assert running.run.end() == 0
    running.start()
    answers = [answer for thread, found in posts for answer in joined(thread, found)]

    assert answers == [204] * 60


def posting_once(running: Webhook, numbers: range) -> tuple[threading.Thread, list[int]]:
    """A client that posts each once; 0 for a connection that broke."""
    answers: list[int] = []

    def post() -> None:
        for number in numbers:
            try:
                answers.append(running.post(signed(event(number))).status)
            except OSError:
                answers.append(0)

    thread = threading.Thread(target=post, daemon=True)
    thread.start()
    return thread, answers


def joined(thread: threading.Thread, answers: list[int]) -> list[int]:
    """The answers, when all are there."""
    thread.join(60)
    return answers


def test_metrics_and_counts_that_survive_a_restart(
    script: Script, webhook: Start, tmp_path: Path
) -> None:
    """As the daemon's: on a listener and in a file, without Canvas's paths and bodies."""
    with listening() as free:
        port = free.getsockname()[1]
    file = tmp_path / "webhook.prom"
    running = webhook(
        script, CONSUMER_METRICS__LISTEN=f"127.0.0.1:{port}", CONSUMER_METRICS__TEXTFILE=str(file)
    )

    def ask(path: str) -> tuple[int, str]:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def value(name: str) -> float:
        text, start = ask("/metrics")[1], f"canvas_live_events_webhook_{name} "
        (found,) = (line for line in text.splitlines() if line.startswith(start))
        return float(found.removeprefix(start))

    entries_of(script)
    assert running.post(signed(event(1))).status == 204
    assert running.post("forged").status == 401
    script.answers["SendMessageBatch"] = failure("RequestThrottled", status=503)
    assert running.post(signed(event(2))).status == 503
    assert [value(f'posts_total{{status="{n}xx"}}') for n in (2, 4, 5)] == [1, 1, 1]
    assert [value(f"{name}_total") for name in ("messages_sent", "signatures_refused")] == [1, 1]
    assert value("send_failures_total") >= 1
    assert value('bad_answers_24h{kind="error"}') == 2
    assert value('bad_answers_24h_limit{kind="error"}') == 28_000
    assert ask("/healthz")[0] == 503
    assert b"canvas_live_events_webhook_process_start_time_seconds" in file.read_bytes()

    running.run.signal(signal.SIGTERM)
    assert running.run.end() == 0
    running.start().until("ready")
    assert value('bad_answers_24h{kind="error"}') == 2
    assert value('posts_total{status="4xx"}') == 0


def test_what_can_not_work_ends_at_once(tmp_path: Path) -> None:
    """With exit code 78, and what would be right."""
    queue = "https://sqs.us-east-1.amazonaws.com/123456789012/canvas-live-events-prod"
    listener = listening()
    taken = f"127.0.0.1:{listener.getsockname()[1]}"
    (tmp_path / "key.pem").write_text("no key")
    pem = str(tmp_path / "key.pem")
    cases = [
        ({"CONSUMER_QUEUE__SIGNED__MODE": "required"}, "verifies signatures itself"),
        ({"CONSUMER_WEBHOOK__LISTEN": taken}, "another process listens there"),
        (
            {
                "CONSUMER_WEBHOOK__TLS__CERTIFICATE_FILE": pem,
                "CONSUMER_WEBHOOK__TLS__KEY_FILE": pem,
            },
            "in PEM",
        ),
    ]
    with closing(listener):
        for environ, said in cases:
            run = Consume("webhook", "--queue-url", queue, folder=tmp_path, environ=environ)
            assert run.end() == 78
            assert said in run.stderr()


def test_tls_of_its_own(script: Script, webhook: Start, tmp_path: Path) -> None:
    """A post over HTTPS without a proxy."""
    kept = entries_of(script)
    files = write_certificate(tmp_path)
    running = webhook(
        script,
        CONSUMER_WEBHOOK__TLS__CERTIFICATE_FILE=str(files.chain),
        CONSUMER_WEBHOOK__TLS__KEY_FILE=str(files.key),
    )
    trust = ssl.create_default_context(cafile=str(files.authority))
    url = f"https://127.0.0.1:{running.port}/"

    with urllib.request.urlopen(url, signed(event(1)).encode(), context=trust) as answer:
        assert answer.status == 204

    assert len(kept) == 1
    # `consume check` asks it, too, by an address that need not be in the certificate.
    tls = TlsSettings(certificate_file=files.chain, key_file=files.key)
    settings = Settings(webhook=WebhookSettings(listen=f"127.0.0.1:{running.port}", tls=tls))
    (row,) = check_webhook.webhook(settings, tmp_path, None, SystemClock())
    assert row.level == "green", row
