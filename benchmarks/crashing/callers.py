"""Callers over HTTP: many at once, noting which requests never got an answer."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping

import msgspec

from benchmarks.crashing.shop import Request
from benchmarks.load import raw_post

PATIENCE_S = 60
IN_FLIGHT = 409


class Reply(msgspec.Struct, frozen=True):
    """An answer as it came; ``replayed`` says that the server gave it from memory."""

    status: int
    body: bytes
    replayed: bool

    @property
    def is_final(self) -> bool:
        """Whether it says what became of the request; a fault of the server's does not."""
        return self.status < 500 and self.status != IN_FLIGHT


class Caller:
    """One keep-alive connection, opened again when it broke."""

    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        self._port = port
        self._headers = headers
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: Request) -> Reply:
        """Send once. Raises OSError or EOFError when there is no answer."""
        reader = await self._write(request)
        try:
            return await _read_reply(reader)
        except (OSError, EOFError):
            self.close()
            raise

    async def send_and_hang_up(self, request: Request) -> None:
        """Send once and do not wait for the answer, as a client does that loses its network."""
        await self._write(request)
        assert self._streams is not None
        await self._streams[1].drain()
        self.close()

    async def _write(self, request: Request) -> asyncio.StreamReader:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        headers = {**self._headers, "Idempotency-Key": request.key}
        writer.write(raw_post(request.path, headers=headers, body=request.body))
        return reader

    def close(self) -> None:
        """Forget the connection."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


async def press(
    callers: Iterable[Caller],
    next_request: Callable[[], Request],
    *,
    hangs_up: Callable[[], bool],
    until: asyncio.Event,
) -> None:
    """Let every caller send request after request until told to stop or left alone."""

    async def call(caller: Caller) -> None:
        while not until.is_set():
            request = next_request()
            try:
                if hangs_up():
                    await caller.send_and_hang_up(request)
                    continue
                reply = await caller.send(request)
            except (OSError, EOFError):
                # The server is gone, or going: wait for the end of this cycle.
                await until.wait()
                break
            if reply.is_final:
                request.status, request.answer = reply.status, reply.body
        caller.close()

    await asyncio.gather(*map(call, callers))


async def ask_until_answered(caller: Caller, request: Request) -> Reply:
    """Send a request again, with its key, until it has a final answer. Raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            reply = await caller.send(request)
        except (OSError, EOFError):
            continue
        if reply.is_final:
            return reply
        # What a killed process was at may hold its key until the database notices.
        await asyncio.sleep(0.05)
    message = f"no answer to {request.key}"
    raise TimeoutError(message)


async def _read_reply(reader: asyncio.StreamReader) -> Reply:
    head = await reader.readuntil(b"\r\n\r\n")
    headers = {
        name.lower(): value.strip()
        for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
    }
    body = await reader.readexactly(int(headers.get(b"content-length", b"0")))
    return Reply(int(head[9:12]), body, b"idempotency-replayed" in headers)
