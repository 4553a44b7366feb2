"""The file of refused rows, with the reasons in a reader's language."""

import csv
import io
from collections.abc import AsyncGenerator, Callable, Generator

import msgspec

from kaquan.customers.imports.files.results import read_sentence
from kaquan.customers.imports.report import write_csv
from kaquan.runtime import AsyncAction, Database, Sentence, StoredFile, get_file, stream_file

Say = Callable[[str, Sentence], str]
"""Says a reason; the first argument is the field that it is about, empty for the whole row."""


async def stream_rejects(
    database: Database, project_id: int, action: AsyncAction, *, say: Say
) -> tuple[StoredFile, AsyncGenerator[bytes]]:
    """Return the file of rows that a run refused, and its content with every reason as ``say`` says.

    Raises NotFound when the file is gone.
    """
    async with database.transaction(project_id) as tx:
        stored = await get_file(tx, action.request["report_id"])
        reasons = await get_file(tx, action.request["reasons_id"])
    return stored, _said(
        stream_file(database, project_id, stored),
        stream_file(database, project_id, reasons),
        say=say,
    )


async def _said(
    rows: AsyncGenerator[bytes], reasons: AsyncGenerator[bytes], *, say: Say
) -> AsyncGenerator[bytes]:
    lines = _Lines(reasons)
    rest, is_header = b"", True
    async for part in rows:
        *whole, rest = _records(rest + part)
        if is_header and whole:
            yield whole.pop(0) + b"\n"
            is_header = False
        told: list[list[str]] = []
        for record in whole:
            field, kept = msgspec.json.decode(await lines.next_line())
            cells = next(csv.reader(io.StringIO(record.decode(), newline="")))
            told.append([*cells[:-1], say(field, read_sentence(kept))])
        if told:
            yield write_csv(told)


class _Lines:
    """The lines of a file that comes in parts."""

    def __init__(self, parts: AsyncGenerator[bytes]) -> None:
        self._parts = parts
        self._lines: list[bytes] = []
        self._rest = b""

    async def next_line(self) -> bytes:
        """Return the next line without its end. Raises StopAsyncIteration behind the last one."""
        while not self._lines:
            *lines, self._rest = (self._rest + await anext(self._parts)).split(b"\n")
            self._lines = lines[::-1]
        return self._lines.pop()


def _records(text: bytes) -> Generator[bytes]:
    """Yield the records of CSV without their ends, and at last what follows the last whole one."""
    record: list[bytes] = []
    for line in text.split(b"\n"):
        record.append(line)
        if sum(one.count(b'"') for one in record) % 2 == 0:
            yield b"\n".join(record)
            record = []
    if record:
        yield b"\n".join(record)
