"""One HTTP answer: whole and understood, or refused. However it is framed, and however it comes."""

from __future__ import annotations

import http.client
import io
import random
from typing import TYPE_CHECKING, Any

import pytest

from consumer.queues.sqs import answer as answer_module
from consumer.queues.sqs.answer import Answer, ProtocolError, read_answer
from tests.cases import for_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
#: Content, whether the connection serves on, and the answer.
WHOLE: list[tuple[bytes, bool, bytes]] = [
    (b"abcde", True, HEAD + b"Content-Length: 5\r\n\r\nabcde"),
    (b"abcde", True, HEAD + b"content-length:5 \t\r\nX:\r\n\r\nabcde"),
    (b"abcde", True, HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde"),
    (b"", True, b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"),
    (b"", True, b"HTTP/1.1 204\r\n\r\n"),
    (b"", True, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
    (b"", True, CHUNKED + b"0\r\n\r\n"),
    (b"abcde", True, CHUNKED + b'3\r\nabc\r\n002 ;x="y"\r\nde\r\n0;z\r\n\r\n'),
    (
        b"abc\r\n0\r\n\r\n",
        True,
        CHUNKED + b"A\r\nabc\r\n0\r\n\r\n\r\n0\r\nTrailer: x\r\nY: z\r\n\r\n",
    ),
    (b"ab", True, HEAD + b"Transfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"),
    (b"ab", False, HEAD + b"Content-Length: 9\r\n" + CHUNKED[17:] + b"2\r\nab\r\n0\r\n\r\n"),
    (b"ab", True, b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\nab"),
    (
        b"ab",
        True,
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 9 + HEAD + b"Content-Length: 2\r\n\r\nab",
    ),
    (b"ab", False, b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab"),
    (b"ab", True, b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nab"),
    (b"ab", False, HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nab"),
    (b"ab", False, HEAD + b"Connection: Close, TE\r\nContent-Length: 2\r\n\r\nab"),
    (b"ab", False, HEAD + b"Connection: TE\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab"),
    (b"ab", True, HEAD + b"Connection: keep-alive\r\nContent-Length: 2\r\n\r\nab"),
    (b"ab", True, b"HTTP/1.1 200 OK\nContent-Length: 2\n\nab"),
    (b"until the end", False, HEAD + b"\r\nuntil the end"),
    (b"", False, HEAD + b"\r\n"),
]
WITHOUT_END = {HEAD + b"\r\nuntil the end", HEAD + b"\r\n"}


def reading(pieces: Iterable[bytes]) -> Answer:
    """Read what comes in these pieces, and then the end of the connection."""
    iterator = iter(pieces)
    return read_answer(lambda: next(iterator, b""))


@for_each("content, reusable, data", WHOLE)
def test_every_framing_is_read_alike_in_pieces_of_every_size(
    content: bytes, reusable: bool, data: bytes
) -> None:
    """At once, byte by byte, and cut in two at each place."""
    whole = reading([data])

    assert (content, reusable) == (whole.content, whole.reusable)
    assert whole == reading(data[at : at + 1] for at in range(len(data)))
    for at in range(1, len(data)):
        assert whole == reading([data[:at], data[at:]]), at


def test_names_of_headers_are_in_lower_case_and_values_trimmed() -> None:
    """So that it is easy to look one up."""
    got = reading([HEAD + b"X-Amzn-RequestId: \t a b \xe9 \r\nContent-Length: 0\r\n\r\n"])

    assert {"x-amzn-requestid": "a b \xe9", "content-length": "0"} == got.headers
    assert 200 == got.status


@for_each("data", [data for _, _, data in WHOLE if data not in WITHOUT_END])
def test_an_answer_that_is_cut_anywhere_is_none(data: bytes) -> None:
    """Half an answer is never taken for a whole one, wherever the connection ended."""
    for at in range(len(data)):
        with pytest.raises(ProtocolError):
            reading([data[:at]])


def length(value: bytes) -> bytes:
    """An answer with such a length."""
    return HEAD + b"Content-Length: " + value + b"\r\n\r\n" + b"x" * 20


def chunk(size: bytes) -> bytes:
    """An answer with a chunk of such a size."""
    return CHUNKED + size + b"\r\nxx\r\n0\r\n\r\n"


@for_each(
    "data",
    [
        *map(chunk, [b"-5", b"0x2", b"+2", b" 2", b"", b"FFFFFFFF", b"1" * 9, b"2_0", b"zz"]),
        *map(chunk, [b";x", b"3", b"1", b"2\r", "٢".encode()]),
        *map(length, [b"+2", b"1_0", b"-1", b"", b"1 0", b"2, 2", b"0x2", b"many", "٢".encode()]),
        *map(length, [b"9" * 10, b"9" * 5000, b"67108865"]),
        HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        HEAD + b"Content-Length: 3\r\ncontent-length: 2\r\n\r\nabc",
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nxx\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nxx",
        HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n2\r\nxx\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxx\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding:\r\n\r\n2\r\nxx\r\n0\r\n\r\n",
        HEAD + b"no colon\r\nContent-Length: 0\r\n\r\n",
        HEAD + b"Content-Length : 0\r\n\r\n",
        HEAD + b"X Y: 0\r\nContent-Length: 0\r\n\r\n",
        HEAD + b": 0\r\nContent-Length: 0\r\n\r\n",
        HEAD + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        HEAD + b"X: a\r\n\tb\r\nContent-Length: 0\r\n\r\n",
        HEAD + b" X: a\r\nContent-Length: 0\r\n\r\n",
        b"\r\n" + HEAD + b"Content-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 0200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
        b"http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        HEAD + b"X: " + b"x" * 140_000 + b"\r\n\r\n",
        HEAD + b"X: y\r\n" * 30_000 + b"\r\n",
        CHUNKED + b"0\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        CHUNKED + b"0\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
        CHUNKED + b"2;" + b"y" * 200_000 + b"\r\nxx\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
        b"",
    ],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_is_refused(data: bytes) -> None:
    """At once and in pieces. A guess of where it ends could take its rest for the next answer."""
    for size in (1_000, 65_536):
        with pytest.raises(ProtocolError):
            reading(data[at : at + size] for at in range(0, len(data), size))


def endless(start: bytes, more: bytes) -> tuple[Callable[[], bytes], list[int]]:
    """A connection that never ends; and how much of it was read."""
    read = [0]

    def receive() -> bytes:
        piece = more if read[0] else start
        read[0] += len(piece)
        return piece

    return receive, read


@for_each(
    "start, more",
    [
        (HEAD + b"\r\n", b"x" * 1000),
        (CHUNKED, b"3E8\r\n" + b"x" * 1000 + b"\r\n"),
        (CHUNKED + b"0\r\n", b"X: y\r\n" * 99),
        (CHUNKED + b"0\r\n", b"y" * 1000),
        (HEAD, b"X: y\r\n" * 99),
        (HEAD, b"y" * 1000),
        (b"HTTP/1.1 100 Continue\r\n\r\n",) * 2,
        (b"\r\n",) * 2,
    ],
)
def test_what_does_not_end_is_given_up(
    monkeypatch: pytest.MonkeyPatch, start: bytes, more: bytes
) -> None:
    """Memory and patience are bounded, whichever part of the answer is endless."""
    monkeypatch.setattr(answer_module, "_MAX_CONTENT_BYTES", 100_000)
    receive, read = endless(start, more)

    with pytest.raises(ProtocolError):
        read_answer(receive)

    assert read[0] < 200_000


def test_ten_of_the_largest_messages_fit() -> None:
    """Ten messages of 1 MiB, each character of which takes six in JSON."""
    size = 10 * 6 * 1024 * 1024
    got = reading([HEAD + b"Content-Length: %d\r\n\r\n" % size, bytes(size)])

    assert size == len(got.content)


@for_each("behind", [b"\r\n", b"\n", b"x", HEAD, b"HTTP/1.1 408 Timeout\r\n\r\n"])
def test_a_connection_with_something_left_in_it_serves_no_other_request(behind: bytes) -> None:
    """The answer is good; what came with it is not taken for the next one."""
    for content, _, data in WHOLE:
        if data not in WITHOUT_END:
            got = reading([data + behind])
            assert (content, False) == (got.content, got.reusable), data


def test_any_bytes_are_an_answer_or_a_protocol_error() -> None:
    """Damaged answers and noise: read or refused, and nothing else."""
    generator = random.Random(20)
    tokens = [
        b"HTTP/1.1 ", b"200", b" OK", b"\r\n", b"\n", b"\r", b":", b" ", b"Content-Length", b"5",
        b"Transfer-Encoding", b"chunked", b"Connection: close", b"0", b"\xff", b"\x00", b"\x85",
    ]  # fmt: skip
    for _ in range(20_000):
        data = bytearray(generator.choice(WHOLE)[2])
        for _ in range(generator.randrange(1, 4)):
            at = generator.randrange(len(data) + 1)
            data[at : at + generator.randrange(3)] = generator.choice(tokens)
        try:
            got = reading([bytes(data)])
        except ProtocolError:
            continue
        assert 200 <= got.status <= 999


class _Source:
    """What http.client reads from in the place of a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: object) -> io.BytesIO:
        return io.BytesIO(self._data)


def by_the_library(data: bytes) -> tuple[int, bytes, dict[str, str]]:
    """The same by http.client."""
    source: Any = _Source(data)
    response = http.client.HTTPResponse(source, method="POST")
    response.begin()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return response.status, response.read(), headers


def test_well_formed_answers_are_read_as_by_http_client() -> None:
    """Status, headers and content, for answers put together at random."""
    generator = random.Random(21)
    for _ in range(3_000):
        content = generator.randbytes(generator.choice([0, 1, 5, 300]))
        lines = [b"HTTP/1.%d %d Reason" % (generator.random() < 0.8, generator.choice([200, 400]))]
        lines += [
            name + b": " + bytes(generator.choices(b"ab ;,=/\"'", k=9)).strip()
            for name in generator.sample([b"Date", b"x-amzn-RequestId", b"Server", b"ETag"], 2)
        ]
        framed = content
        framing = generator.choice(["length", "chunked", "end"])
        if framing == "length":
            lines.append(b"Content-Length: %d" % len(content))
        elif framing == "chunked":
            lines[0] = lines[0].replace(b"HTTP/1.0", b"HTTP/1.1")
            lines.append(b"Transfer-Encoding: chunked")
            size = generator.randrange(1, 200)
            parts = [content[at : at + size] for at in range(0, len(content), size)]
            framed = b"".join(b"%x;a=b\r\n%b\r\n" % (len(part), part) for part in parts)
            framed += b"0\r\n" + generator.choice([b"", b"Trailer: x\r\n"]) + b"\r\n"
        data = b"\r\n".join([*lines, b"", b""]) + framed

        got = reading([data])

        assert by_the_library(data) == (got.status, got.content, got.headers)
