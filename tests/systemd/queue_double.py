"""A small SQS for the guest: one queue, its state in files, and a check of every signature.

Run as a program (standard library only): queue_double.py FOLDER KEY_ID SECRET

FOLDER/mode      "ok", "slow" (no receive returns), "missing" (there is no such queue)
FOLDER/inbox/    each file is a message to deliver, its content the body
FOLDER/deleted/  the names of the messages that were deleted
FOLDER/sent      a line for each message that was sent: its body
FOLDER/requests  a line for each request: its action, and "signed" or "unsigned"
FOLDER/keys      a line for each further key that is accepted: its id and its secret
FOLDER/used      the id of the key that signed last
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import select
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PORT = 4566


def is_signed(headers: Any, body: bytes, *, key: str, secret: str) -> bool:
    """True if this POST to / carries AWS's signature (version 4) made with `key` and `secret`."""
    pattern = r"Credential=([^/]+)/([^,]+), *SignedHeaders=([^,]+), *Signature=(\w+)"
    found = re.search(pattern, headers.get("Authorization", ""))
    if not found or found[1] != key:
        return False
    scope, names = found[2], found[3]
    lines = "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in names.split(";"))
    request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{headers.get('X-Amz-Date')}\n{scope}\n{digest}"
    signing = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        signing = hmac.digest(signing, part.encode(), "sha256")
    return hmac.compare_digest(hmac.new(signing, text.encode(), "sha256").hexdigest(), found[4])


class Queue(BaseHTTPRequestHandler):
    """Answers in AWS's JSON protocol."""

    protocol_version = "HTTP/1.1"
    folder: Path
    key: str
    secret: str

    def do_POST(self) -> None:
        """One action."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        action = self.headers["X-Amz-Target"].partition(".")[2]
        signed = any(
            is_signed(self.headers, body, key=key, secret=secret) for key, secret in self.keys()
        )
        with (self.folder / "requests").open("a") as requests:
            requests.write(f"{action} {'signed' if signed else 'unsigned'}\n")
        if self.mode() == "missing":
            self.answer(400, {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no"})
        else:
            self.answer(200, self.act(action, json.loads(body)))

    def keys(self) -> list[tuple[str, str]]:
        """The keys that are accepted; the one that signs this request is noted."""
        further = self.folder / "keys"
        lines = further.read_text().splitlines() if further.exists() else []
        keys = [(self.key, self.secret), *(tuple(line.split()) for line in lines)]
        for key, _ in keys:
            if f"Credential={key}/" in self.headers.get("Authorization", ""):
                (self.folder / "used").write_text(key)
        return keys  # type: ignore[return-value]

    def mode(self) -> str:
        """What the test asked for."""
        return (self.folder / "mode").read_text().strip()

    def act(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to an action; {} to those that need none."""
        if action == "ReceiveMessage":
            return self.receive(request.get("WaitTimeSeconds", 0))
        if action == "GetQueueUrl":
            return {"QueueUrl": f"http://127.0.0.1:{PORT}/123456789012/{request['QueueName']}"}
        if action == "GetQueueAttributes":
            return {"Attributes": {"VisibilityTimeout": "30"}}
        if action == "SendMessageBatch":
            self.send(request["Entries"])
        if action == "DeleteMessageBatch":
            for entry in request["Entries"]:
                name = entry["ReceiptHandle"]
                (self.folder / "flight" / name).replace(self.folder / "deleted" / name)
        if action == "ChangeMessageVisibilityBatch":
            for entry in request["Entries"]:
                if entry["VisibilityTimeout"] == 0:
                    name = entry["ReceiptHandle"]
                    (self.folder / "flight" / name).replace(self.folder / "inbox" / name)
        entries = request.get("Entries", [])
        return {"Successful": [{"Id": entry["Id"]} for entry in entries], "Failed": []}

    def send(self, entries: list[dict[str, Any]]) -> None:
        """Note them; those with a delay that is too long can't be sent."""
        bodies = [e["MessageBody"] for e in entries if e.get("DelaySeconds", 0) <= 900]
        with (self.folder / "sent").open("a") as sent:
            sent.writelines(f"{body}\n" for body in bodies)

    def receive(self, wait_seconds: int) -> dict[str, Any]:
        """At most one message, after a wait if there is none."""
        until = time.monotonic() + wait_seconds
        while True:
            while self.mode() == "slow" and not self.is_gone():
                time.sleep(0.05)
            for path in [] if self.is_gone() else sorted((self.folder / "inbox").iterdir()):
                flying = path.replace(self.folder / "flight" / path.name)
                message = {"MessageId": path.name, "ReceiptHandle": path.name}
                facts = {"ApproximateReceiveCount": "1", "SentTimestamp": "1700000000000"}
                return {"Messages": [message | {"Body": flying.read_text(), "Attributes": facts}]}
            if time.monotonic() >= until or self.is_gone():
                return {}
            time.sleep(0.05)

    def is_gone(self) -> bool:
        """True if who asked was killed: what it left open must not swallow the next message."""
        readable = select.select([self.connection], [], [], 0)[0]
        return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)

    def answer(self, status: int, content: dict[str, Any]) -> None:
        """Send it."""
        payload = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_: object) -> None:
        """Nothing: requests are written to their file."""


def main(folder: str, key: str, secret: str) -> None:
    """Serve until killed."""
    Queue.folder, Queue.key, Queue.secret = Path(folder), key, secret
    for name in ("inbox", "flight", "deleted"):
        (Queue.folder / name).mkdir(parents=True, exist_ok=True)
    (Queue.folder / "mode").write_text("ok")
    ThreadingHTTPServer(("127.0.0.1", PORT), Queue).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
