"""A receiver of webhooks: a real HTTP server on the loopback that keeps what it gets."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
from standardwebhooks.webhooks import Webhook

from kaquan.webhooks import write_secret


class Received(msgspec.Struct, frozen=True):
    """A request that came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The id under which the sender knows the message."""
        return self.headers["webhook-id"]

    @property
    def said(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Receiver:
    """Answers as ``answer`` says: a status, or None to never answer."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/hook"
        self.got: list[Received] = []
        self.answer: Callable[[Received], int | None] = lambda _: 204

    @property
    def types(self) -> list[str]:
        """The kinds of events that came, in the order in which they came."""
        return [one.said["type"] for one in self.got]


@asynccontextmanager
async def open_receiver() -> AsyncGenerator[Receiver]:
    """A receiver on a free port while the block lasts."""
    receiver: Receiver
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            await _serve(reader, writer, receiver)
        finally:
            talks.discard(task)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    receiver = Receiver(server.sockets[0].getsockname()[1])
    try:
        yield receiver
    finally:
        server.close()
        # Who was let in a moment ago has not begun to talk.
        await asyncio.sleep(0)
        while talks:
            ending = list(talks)
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)


async def _serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, receiver: Receiver
) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            received = await _read(reader)
            receiver.got.append(received)
            status = receiver.answer(received)
            if status is None:
                await asyncio.Event().wait()
            headers = "location: http://127.0.0.1:1/\r\ncontent-length: 0"
            writer.write(f"HTTP/1.1 {status} X\r\n{headers}\r\n\r\n".encode())


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip()
        for name, _, value in (line.partition(":") for line in head[1:] if line)
    }
    body = await reader.readexactly(int(headers["content-length"]))
    return Received(head[0].split(" ")[1], headers, body)


def verify(received: Received, secret: bytes) -> None:
    """Check a message as a receiver does; raises WebhookVerificationError."""
    Webhook(write_secret(secret)).verify(received.body, received.headers, json_parse=False)
