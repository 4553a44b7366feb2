"""Cutting a file into chunks that never part the rows of one order, and where work goes on."""

from collections.abc import Generator, Iterable

from kaquan.customers.imports.files.model import Chunk
from kaquan.runtime import InvalidInput, words

MOST_ROWS_OF_ORDER = 100_000


def cut_between(chunks: Iterable[Chunk], column: str) -> Generator[Chunk]:
    """Yield chunks at whose end the value of a column changes.

    Raises InvalidInput for a value with more than MOST_ROWS_OF_ORDER rows in a row.
    """
    held: Chunk | None = None
    for chunk in chunks:
        whole = chunk if held is None else _join(held, chunk)
        border = _last_start(whole.columns[column])
        if border == 0:
            held = whole
            if len(held.lines) > MOST_ROWS_OF_ORDER:
                message = words(
                    "Line %(line)s begins an order of too many rows.", line=held.lines[0]
                )
                raise InvalidInput(message, field=column)
            continue
        yield _part(whole, 0, border)
        held = _part(whole, border, len(whole.lines))
    if held is not None:
        yield held


def cut_at(chunks: Iterable[Chunk], row: int) -> Generator[Chunk]:
    """Yield the chunks, the one that a row (counted from 0) lies within as two: before it, from it."""
    for chunk in chunks:
        place = row - chunk.first
        if 0 < place < len(chunk.lines):
            yield _part(chunk, 0, place)
            yield _part(chunk, place, len(chunk.lines))
        else:
            yield chunk


def _last_start(cells: list[str | None]) -> int:
    """Return where the last run of equal values begins."""
    place = len(cells) - 1
    while place > 0 and cells[place - 1] == cells[-1] is not None:
        place -= 1
    return place


def _join(first: Chunk, second: Chunk) -> Chunk:
    count = len(first.lines)
    return Chunk(
        first=first.first,
        lines=first.lines + second.lines,
        columns={name: cells + second.columns[name] for name, cells in first.columns.items()},
        broken=first.broken | {place + count: one for place, one in second.broken.items()},
    )


def _part(chunk: Chunk, start: int, stop: int) -> Chunk:
    return Chunk(
        first=chunk.first + start,
        lines=chunk.lines[start:stop],
        columns={name: cells[start:stop] for name, cells in chunk.columns.items()},
        broken={place - start: one for place, one in chunk.broken.items() if start <= place < stop},
    )
