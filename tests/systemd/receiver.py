"""A web server with TLS for the guest: takes posts with the right token, and notes them.

Run as a program (standard library only): receiver.py FOLDER TOKEN

FOLDER/chain.pem, FOLDER/key.pem  its certificate
FOLDER/taken                      a line for each request that was taken: its body
"""

from __future__ import annotations

import ssl
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

PORT = 8444


class Receiver(BaseHTTPRequestHandler):
    """Answers 204, or 401 without the token."""

    folder: Path
    token: str

    def do_POST(self) -> None:
        """One request."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        known = self.headers["Authorization"] == f"Bearer {self.token}"
        if known:
            with (self.folder / "taken").open("ab") as taken:
                taken.write(body + b"\n")
        self.send_response(204 if known else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: what is taken is written to its file."""


def main(folder: str, token: str) -> None:
    """Serve until killed."""
    Receiver.folder, Receiver.token = Path(folder), token
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(folder, "chain.pem"), Path(folder, "key.pem"))
    server = HTTPServer(("127.0.0.1", PORT), Receiver)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
