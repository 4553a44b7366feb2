"""Where the lake's files lie: a folder here, or any place that fsspec reaches by its URL."""

from collections.abc import AsyncIterator
from typing import Any

import fsspec  # pyright: ignore[reportMissingTypeStubs]
import pyarrow as pa
from pyarrow import csv, parquet

from kaquan.insight.lake.model import TABLES, Kind, arrow_schema, arrow_type
from kaquan.runtime import InvalidInput, Settings

ARROW: Any = pa
CSV: Any = csv
PARQUET: Any = parquet
_FSSPEC: Any = fsspec
_CHUNK_BYTES = 16 << 20
_LOCAL = ("file", "local")


class Storage:
    """The files of one lake, by paths below its root."""

    def __init__(self, url: str) -> None:
        """Open the place. Raises InvalidInput when nothing installed here can reach it."""
        try:
            self.files, self._root = _FSSPEC.core.url_to_fs(url)
        except (ImportError, ValueError, OSError) as error:
            message = f"KAQUAN_LAKE names a place that cannot be reached: {error}"
            raise InvalidInput(message, field="KAQUAN_LAKE") from error

    @property
    def is_local(self) -> bool:
        """Whether the files are plain files of this machine."""
        protocol = self.files.protocol
        names = (protocol,) if isinstance(protocol, str) else tuple(protocol)
        return any(name in _LOCAL for name in names)

    def address(self, path: str) -> str:
        """Return a path as engines open it, once they know ``files``."""
        full = f"{self._root.rstrip('/')}/{path}"
        return full if self.is_local else str(self.files.unstrip_protocol(full))

    def list_paths(self, below: str) -> list[str]:
        """Return all files below a folder, as paths below the root."""
        top = f"{self._root.rstrip('/')}/{below}"
        found: list[str] = self.files.find(top) if self.files.exists(top) else []
        return sorted(one[one.index(below) :] for one in found)

    def byte_count(self, path: str) -> int | None:
        """Return a file's size; None when it is not there."""
        full = f"{self._root.rstrip('/')}/{path}"
        return int(self.files.size(full)) if self.files.exists(full) else None

    def delete(self, path: str) -> None:
        """Delete a file; one that is gone already is fine."""
        full = f"{self._root.rstrip('/')}/{path}"
        if self.files.exists(full):
            self.files.rm_file(full)

    def put(self, path: str, content: bytes) -> None:
        """Write a small file as a whole."""
        full = f"{self._root.rstrip('/')}/{path}"
        self.files.makedirs(full.rpartition("/")[0], exist_ok=True)
        self.files.pipe_file(full, content)

    async def write(self, path: str, table: str, rows: AsyncIterator[bytes]) -> tuple[int, int]:
        """Write CSV rows as Parquet; returns rows and bytes. Without rows there is no file."""
        full = f"{self._root.rstrip('/')}/{path}"
        count, writer = 0, None
        try:
            async for part in _parts(rows):
                if writer is None:
                    self.files.makedirs(full.rpartition("/")[0], exist_ok=True)
                    target = self.files.open(full, "wb")
                    writer = (target, PARQUET.ParquetWriter(target, arrow_schema(table)))
                batch = _read_part(table, part)
                writer[1].write_table(batch)
                count += batch.num_rows
        finally:
            if writer is not None:
                writer[1].close()
                writer[0].close()
        return (count, int(self.files.size(full))) if writer is not None else (0, 0)


def lake_of(settings: Settings) -> Storage:
    """Open the lake that the settings name: ``KAQUAN_LAKE``, else a folder with the data."""
    return Storage(settings.lake or str(settings.data_dir / "lake"))


async def _parts(rows: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    part = bytearray()
    async for row in rows:
        part += row
        if len(part) >= _CHUNK_BYTES:
            yield bytes(part)
            part.clear()
    if part:
        yield bytes(part)


def _read_part(table: str, part: bytes) -> Any:
    kinds = TABLES[table]
    types = {
        name: ARROW.int64() if kind is Kind.TIME else arrow_type(kind)
        for name, kind in kinds.items()
    }
    read = CSV.read_csv(
        ARROW.BufferReader(part),
        read_options=CSV.ReadOptions(column_names=list(kinds), block_size=len(part) + 1),
        parse_options=CSV.ParseOptions(newlines_in_values=True),
        convert_options=CSV.ConvertOptions(
            column_types=types,
            null_values=[""],
            true_values=["t"],
            false_values=["f"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    return read.cast(arrow_schema(table))
