"""A receiver of webhooks in a process of its own: reads each request whole and answers 204."""

import asyncio
import sys
from typing import cast

_ANSWER = b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n"
_HEAD_ENDS = b"\r\n\r\n"
_LENGTH = b"content-length:"


class Receiver(asyncio.Protocol):
    """One connection; requests may come in any number of pieces."""

    def __init__(self) -> None:
        """Start with nothing read."""
        self._read = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep whom to answer."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        assert self._transport is not None
        self._read += data
        while (end := _end_of_request(self._read)) is not None:
            self._read = self._read[end:]
            self._transport.write(_ANSWER)


def _end_of_request(data: bytes) -> int | None:
    head = data.find(_HEAD_ENDS)
    if head < 0:
        return None
    start = data.lower().index(_LENGTH, 0, head) + len(_LENGTH)
    end = head + len(_HEAD_ENDS) + int(data[start : data.index(b"\r\n", start)])
    return end if len(data) >= end else None


async def main() -> None:
    """Serve on a free port, which is printed, until killed."""
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
