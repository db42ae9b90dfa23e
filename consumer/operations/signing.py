"""Signs sample messages, and publishes the keys to verify them with."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from consumer.directories import replace_file
from consumer.errors import ConfigurationError
from consumer.events.samples import SampleMessage
from consumer.service.http.listeners import listen_tcp
from consumer.service.http.server import HttpServer, Response
from consumer.signatures.signer import Signer


def signed(
    messages: Iterable[SampleMessage],
    signer: Signer,
    *,
    jwks_file: Path | None,
    rotate_after: int | None = None,
) -> Iterator[SampleMessage]:
    """The messages, each with the signed event as its whole body.

    They have no message attributes, as messages have that come by way of API Gateway. The keys are
    in the file before the first of them. Raises: `ConfigurationError` if it can't be written.

    Args:
        rotate_after: change the key after so many messages.
    """
    _write(jwks_file, signer)
    for number, message in enumerate(messages):
        if number == rotate_after:
            signer.rotate()
            _write(jwks_file, signer)
        yield SampleMessage(signer.sign(message.body.encode()))


@contextmanager
def serving(signer: Signer, host: str, port: int) -> Iterator[None]:
    """Serve the keys at /jwks meanwhile. Raises: `ConfigurationError`."""
    # The signer is asked each time: its keys may change.
    server = HttpServer(
        listen_tcp(host, port),
        {"GET /jwks": lambda _: Response(content_type="application/json", body=signer.jwks())},
        name="jwks",
    )
    server.start()
    try:
        yield
    finally:
        server.close()


def _write(file: Path | None, signer: Signer) -> None:
    if file is None:
        return
    try:
        replace_file(file, signer.jwks() + b"\n", mode=0o644)  # they are public
    except OSError as error:
        raise ConfigurationError(f"--jwks: {file} can't be written: {error.strerror}") from None
