"""Orders whose rows do not stand together: found by their digests, gathered by DuckDB on disk."""

from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
from pyarrow import parquet

from kaquan.customers.imports.files.model import Chunk, FileFormat, FileShape
from kaquan.customers.imports.files.sources import read_chunks
from kaquan.runtime import Sentence

LINE, BROKEN = "::line::", "::broken::"
_MEMORY = "192MB"
_ARROW: Any = pa
_PARQUET: Any = parquet


def is_scattered(file: BinaryIO, shape: FileShape, column: str) -> bool:
    """Say whether any value of a column comes again after other ones: eight bytes a run."""
    blocks: list[Any] = []
    last: str | None = None
    for chunk in read_chunks(file, shape, only=column):
        cells = chunk.columns[column]
        starts = [
            hash(cell)
            for before, cell in zip([last, *cells], cells, strict=False)
            if cell is not None and cell != before
        ]
        blocks.append(np.array(starts, np.int64))
        last = cells[-1]
    runs = np.concatenate(blocks) if blocks else np.empty(0, np.int64)
    runs.sort()
    return bool((runs[1:] == runs[:-1]).any())


def gather_rows(
    file: BinaryIO, shape: FileShape, column: str, *, folder: Path
) -> tuple[Path, FileShape]:
    """Write the rows as Parquet in the order of a column, and how that file is read.

    Two more columns keep each row's line and what was wrong with it.
    """
    spread, gathered = folder / "spread.parquet", folder / "gathered.parquet"
    names = [*shape.columns, LINE, BROKEN]
    schema = _ARROW.schema([(name, _ARROW.string()) for name in names])
    with _PARQUET.ParquetWriter(spread, schema) as writer:
        for chunk in read_chunks(file, shape):
            columns = {name: chunk.columns[name] for name in shape.columns}
            columns[LINE] = [str(line) for line in chunk.lines]
            columns[BROKEN] = [
                None if one is None else msgspec.json.encode(one).decode()
                for one in map(chunk.broken.get, range(len(chunk.lines)))
            ]
            writer.write_table(_ARROW.table(columns, schema=schema))
    with duckdb.connect(config={"memory_limit": _MEMORY, "threads": 1}) as engine:
        engine.execute("set temp_directory = $1", [str(folder / "spill")])
        place = '"' + column.replace('"', '""') + '"'
        line = f'"{LINE}"'
        engine.read_parquet(str(spread)).order(f"{place}, {line}::bigint").write_parquet(
            str(gathered)
        )
    spread.unlink()
    rows = shape.row_count
    return gathered, FileShape(
        format=FileFormat.PARQUET, columns=tuple(names), row_count=rows, byte_count=0
    )


def as_in_file(chunk: Chunk) -> Chunk:
    """Return a chunk of gathered rows with the lines that they have in the file itself."""
    if LINE not in chunk.columns:
        return chunk
    columns = dict(chunk.columns)
    lines, broken = columns.pop(LINE), columns.pop(BROKEN)
    return Chunk(
        first=chunk.first,
        lines=[int(line or 0) for line in lines],
        columns=columns,
        broken={
            place: msgspec.json.decode(one, type=Sentence)
            for place, one in enumerate(broken)
            if one is not None
        },
    )
