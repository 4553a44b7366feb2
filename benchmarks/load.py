"""A lean HTTP load generator: many keep-alive connections, one request at a time on each."""

import asyncio
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec


class LoadReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a run saw: answers by status, seconds, and latencies in milliseconds."""

    statuses: dict[int, int]
    seconds: float
    p50_ms: float
    p99_ms: float

    def per_second(self, status: int) -> float:
        """Answers with this status per second."""
        return self.statuses.get(status, 0) / self.seconds


async def drive(
    host: str,
    port: int,
    *,
    connections: int,
    seconds: float,
    next_request: Callable[[], bytes | None],
) -> LoadReport:
    """Send whole raw requests from ``next_request`` (None: no more) for ``seconds``."""
    statuses: dict[int, int] = {}
    latencies: list[float] = []
    started = time.perf_counter()
    deadline = started + seconds

    async def work() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        while time.perf_counter() < deadline:
            request = next_request()
            if request is None:
                break
            began = time.perf_counter()
            writer.write(request)
            status = await _read_answer(reader)
            latencies.append(time.perf_counter() - began)
            statuses[status] = statuses.get(status, 0) + 1
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(work() for _ in range(connections)))
    elapsed = time.perf_counter() - started
    latencies.sort()
    return LoadReport(
        statuses=statuses,
        seconds=elapsed,
        p50_ms=_percentile(latencies, 0.50) * 1000,
        p99_ms=_percentile(latencies, 0.99) * 1000,
    )


def raw_post(path: str, *, headers: dict[str, str], body: bytes) -> bytes:
    """Return the bytes of a POST request with a JSON body."""
    lines = [f"POST {path} HTTP/1.1", "Host: bench", f"Content-Length: {len(body)}"]
    lines += ["Content-Type: application/json", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def raw_get(path: str, *, headers: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """Return the bytes of a GET request."""
    told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n{told}\r\n".encode()


async def _read_answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    if length:
        await reader.readexactly(length)
    return int(head[9:12])


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
