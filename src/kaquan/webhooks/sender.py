"""One message over HTTP: no redirects, bounded in time and in what is read of the answer."""

import asyncio
import ssl
import time
from datetime import datetime
from functools import cache

import certifi
import httpcore

from kaquan.webhooks.address import CheckedNetwork
from kaquan.webhooks.envelope import Message
from kaquan.webhooks.model import Try

TIMEOUT_S = 20.0
CONNECTIONS = 32
"""At most so many connections to one endpoint at a time."""

_MOST_READ = 65_536
_KEPT_FOR_S = 30.0


class Sender:
    """Connections to one endpoint, kept between messages.

    httpcore's own pool looks at every connection for every message; here each is taken off a stack
    and put back.
    """

    def __init__(self, *, private_allowed: bool, timeout_s: float = TIMEOUT_S) -> None:
        """Prepare; nothing is connected before the first message."""
        self._network = CheckedNetwork(private_allowed=private_allowed)
        self._timeout_s = timeout_s
        self._free = asyncio.Semaphore(CONNECTIONS)
        self._idle: list[httpcore.AsyncHTTPConnection] = []

    async def close(self) -> None:
        """Close all connections."""
        while self._idle:
            await self._idle.pop().aclose()

    async def send(self, url: str, message: Message, *, at: datetime) -> Try:
        """Send a message and say how it went; a failure is an answer, not an exception."""
        async with self._free:
            started = time.monotonic()
            status, error = await self._try(url, message)
        took_ms = round((time.monotonic() - started) * 1_000)
        return Try(at=at, took_ms=took_ms, status=status, error=error)

    async def _try(self, url: str, message: Message) -> tuple[int | None, str | None]:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(url, message), None
        except TimeoutError:
            return None, f"No answer came within {self._timeout_s:g} seconds."
        except httpcore.TimeoutException:
            return None, "The connection timed out."
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            return None, f"{type(error).__name__}: {error}"[:500]

    async def _exchange(self, url: str, message: Message) -> int:
        connection = await self._take(httpcore.URL(url).origin)
        try:
            status = await _post(connection, url, message)
        except BaseException:
            await connection.aclose()
            raise
        self._idle.append(connection)
        return status

    async def _take(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection:
        """The connection used last, if it still stands; else a new one."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_available() and not connection.has_expired():
                return connection
            await connection.aclose()
        return httpcore.AsyncHTTPConnection(
            origin,
            ssl_context=_trust(),
            keepalive_expiry=_KEPT_FOR_S,
            network_backend=self._network,
        )


async def _post(connection: httpcore.AsyncHTTPConnection, url: str, message: Message) -> int:
    """Post a message and return the status; the rest of a long answer is not waited for."""
    headers = list(message.headers.items())
    async with connection.stream("POST", url, headers=headers, content=message.body) as response:
        read = 0
        async for part in response.aiter_stream():
            read += len(part)
            if read > _MOST_READ:
                break
        return response.status


@cache
def _trust() -> ssl.SSLContext:
    """Whom the machine trusts and whom browsers do; reading the lists takes a while."""
    trusted = ssl.create_default_context()
    trusted.load_verify_locations(certifi.where())
    return trusted
