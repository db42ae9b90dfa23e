"""A TCP proxy whose network is as good or as bad as the test says."""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
import socket
import struct
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 65_536
#: Close with a reset, and forget what was not sent.
_RESET = struct.pack("ii", 1, 0)
_ACTION = re.compile(rb"AmazonSQS\.([A-Za-z]+)")


@dataclass(frozen=True, slots=True)
class Weather:
    """What happens to requests and their answers. `Weather()` is a good network."""

    #: Affects only calls of this action; all if empty.
    action: str = ""
    #: The share of them. A request and its answer count separately.
    chance: float = 1.0
    #: The connection is reset. If that hits an answer, the server has acted.
    reset: bool = False
    #: It vanishes without an error; the connection stays open and brings nothing.
    lose: bool = False
    #: An answer comes up to this much later.
    late_seconds: float = 0.0
    #: An answer ends within this many bytes, and the connection with it.
    cut_bytes: int = 0
    #: Answers come this slowly.
    bytes_per_second: float = math.inf


_FINE = Weather()


class Proxy:
    """One listening socket in front of one server. `weather` may be set by any thread.

    A connection that a fault has broken stays broken when the weather changes: a request over it is
    lost for good, as in a network whose routers have forgotten it.
    """

    def __init__(self, host: str, port: int) -> None:
        self.weather = Weather()
        self.url = ""
        #: How many connections were made, and how often a fault struck, by action.
        self.connections = 0
        self.struck: Counter[str] = Counter()
        self.rng = Random(7)
        self._target = (host, port)
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, ready: threading.Event, stop: asyncio.Event) -> None:
        """Listen on a free port of the loopback interface until `stop` is set."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ready.set()
        await stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
            link = _Link(self, writer, far_writer)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(link.pass_requests(reader))
                    group.create_task(link.pass_answers(far_reader))
            finally:
                link.close()
        except* (OSError, asyncio.CancelledError):
            pass  # either side has gone, or the test is over
        finally:
            self._tasks.discard(task)

    def strikes(self, action: str) -> Weather:
        """What happens to this request of an action, or to its answer."""
        weather = self.weather
        if weather == _FINE or weather.action not in ("", action):
            return _FINE
        if self.rng.random() >= weather.chance:
            return _FINE
        self.struck[action] += 1
        return weather


class _Link:
    """One connection, of the client with us and ours with the server."""

    def __init__(self, proxy: Proxy, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._near = near
        self._far = far
        self._action = ""
        self._lost = False

    async def pass_requests(self, reader: asyncio.StreamReader) -> None:
        """Until the client hangs up; then so do we."""
        while data := await reader.read(_CHUNK):
            found = _ACTION.search(data)
            if found is not None:  # else it is the rest of one
                self._action = found[1].decode()
            self._suffer(self._proxy.strikes(self._action))
            if not self._lost:
                self._far.write(data)
                await self._far.drain()
        raise ConnectionResetError

    async def pass_answers(self, reader: asyncio.StreamReader) -> None:
        """Until the server hangs up, or an answer is cut."""
        while data := await reader.read(_CHUNK):
            weather, rng = self._proxy.strikes(self._action), self._proxy.rng
            self._suffer(weather)
            await asyncio.sleep(rng.uniform(0.0, weather.late_seconds))
            cut = rng.randrange(weather.cut_bytes) if weather.cut_bytes else len(data)
            await self._send(data[:cut], weather)
            if cut < len(data):
                break
        raise ConnectionResetError

    def _suffer(self, weather: Weather) -> None:
        if weather.reset:
            near: socket.socket = self._near.get_extra_info("socket")
            near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._near.transport.abort()
            raise ConnectionResetError
        self._lost = self._lost or weather.lose

    async def _send(self, data: bytes, weather: Weather) -> None:
        """Pass an answer on, in pieces of a tenth of a second if it is slow."""
        slow = not math.isinf(weather.bytes_per_second)
        step = max(1, int(weather.bytes_per_second / 10)) if slow else _CHUNK
        for start in range(0, len(data), step):
            if not self._lost:
                self._near.write(data[start : start + step])
                await self._near.drain()
            await asyncio.sleep(0.1 if slow else 0)

    def close(self) -> None:
        """Hang up on both sides."""
        self._near.close()
        self._far.close()


@contextmanager
def tcp_proxy(url: str) -> Iterator[Proxy]:
    """A proxy before the server at `url`, as long as the context lasts."""
    host, _, port = url.removeprefix("http://").partition(":")
    proxy = Proxy(host, int(port))
    ready, loop, stop = threading.Event(), asyncio.new_event_loop(), asyncio.Event()
    run = proxy.serve(ready, stop)
    thread = threading.Thread(target=loop.run_until_complete, args=(run,))
    thread.start()
    try:
        assert ready.wait(60)
        yield proxy
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        with contextlib.closing(loop):
            loop.run_until_complete(loop.shutdown_asyncgens())
