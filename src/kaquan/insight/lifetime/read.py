"""Transactions from a plain file: what can be read is used, what cannot is counted and named."""

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import numpy as np
import pyarrow as pa

from kaquan.insight.lifetime.history import Transactions
from kaquan.runtime import InvalidInput

DATE_FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y%m%d",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M:%S",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%d-%m-%Y",
    "%m-%d-%Y",
)
_EPOCH = date(1970, 1, 1)
_SHOWN = 5
# Parts of a second and the time zone behind a time: the day is the one that is written before them.
_ZONE = r"(:\d\d)(\.\d+)?\s*(Z|[+-]\d\d(:?\d\d)?)?$"


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """The names of the file's columns; ``date_format`` in strptime's notation, None to find out."""

    customer: str
    date: str
    amount: str
    date_format: str | None = None


class TransactionFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a file held: purchases, the customers' ids by number, and what was left out and why."""

    transactions: Transactions
    customers: tuple[str, ...]
    date_format: str
    rows: int
    notes: tuple[str, ...]


def read_transactions(
    path: Path, columns: Columns, *, today: date | None = None
) -> TransactionFile:
    """Read a CSV (any usual separator, header first), spaced or Parquet file, a purchase a row.

    Columns asked for as 1, 2, 3 … are those of a file without a header. A purchase's day is the one
    that is written, whatever time zone is written behind it.

    Rows without a customer, a readable date or a number as amount are left out and noted, as are
    negative amounts, which are returns and not purchases, and days after ``today``. Raises
    InvalidInput for a file or columns that are not there, dates that can be read in two ways, and
    when nothing is left.
    """
    with duckdb.connect() as database:
        relation = _open(database, path, columns)
        database.register("as_written", relation)
        bare = "date" if columns.date_format else f"regexp_replace(trim(date), '{_ZONE}', '\\1')"
        database.execute(
            "create view rows_read as select customer, amount, date as written,"
            f" {bare} as date from as_written"
        )
        dated = columns.date_format or _find_format(database)
        table: Any = database.execute(
            "select who, epoch_ms(moment)/86400000 as day, amount, line,"
            " who is null as no_customer, moment is null as no_date, amount is null as no_amount,"
            " zone from (select row_number() over () + 1 as line, nullif(trim(customer), '') as who,"
            f"  nullif(regexp_extract(trim(written), '{_ZONE}', 3), '') as zone,"
            "  try_strptime(trim(date), $1) as moment, try_cast(trim(amount) as double) as amount"
            "  from rows_read)",
            [dated],
        ).to_arrow_table()
    return _gather(table, dated, today=today)


def _open(database: duckdb.DuckDBPyConnection, path: Path, columns: Columns) -> Any:
    if not path.is_file():
        message = f"There is no file {path}."
        raise InvalidInput(message, field="transactions")
    wanted = {"customer": columns.customer, "date": columns.date, "amount": columns.amount}
    if len(set(wanted.values())) < len(wanted):
        message = "Customer, date and amount are three different columns."
        raise InvalidInput(message, field="amount")
    try:
        relation = _relation(database, path, by_number=all(map(str.isdigit, wanted.values())))
    except duckdb.Error as error:
        message = f"{path} cannot be read: {str(error).splitlines()[0]}"
        raise InvalidInput(message, field="transactions") from error
    for option, name in wanted.items():
        if name not in relation.columns:
            message = f"{path} has no column '{name}'; it has {', '.join(relation.columns)}."
            raise InvalidInput(message, field=option)
    return relation.project(
        ", ".join(f"{_quoted(name)}::varchar as {option}" for option, name in wanted.items())
    )


def _relation(database: duckdb.DuckDBPyConnection, path: Path, *, by_number: bool) -> Any:
    """Columns under the header's names; under 1, 2, 3 … when the columns were asked for so."""
    if path.suffix.lower() in {".parquet", ".pq"}:
        return database.read_parquet(str(path))
    with path.open(encoding="utf-8", errors="replace") as file:
        first = file.readline()
    if not any(separator in first for separator in ",;\t|"):
        relation = _read_spaced(database, path, has_header=not by_number)
    else:
        relation = database.read_csv(str(path), header=not by_number, all_varchar=True)
    if by_number:
        names = enumerate(relation.columns, start=1)
        return relation.project(", ".join(f'{_quoted(name)} as "{n}"' for n, name in names))
    return relation


def _read_spaced(database: duckdb.DuckDBPyConnection, path: Path, *, has_header: bool) -> Any:
    """Columns that are set apart by any number of spaces."""
    with path.open(encoding="utf-8", errors="replace") as file:
        cells = [line.split() for line in file if line.strip()]
    if not cells:
        message = f"{path} is empty."
        raise InvalidInput(message, field="transactions")
    names = cells.pop(0) if has_header else [str(n + 1) for n in range(len(cells[0]))]
    ragged = next((n for n, row in enumerate(cells, 1) if len(row) != len(names)), None)
    if ragged is not None:
        line = ragged + has_header
        message = f"Line {line} of {path} has not the {len(names)} columns of the first."
        raise InvalidInput(message, field="transactions")
    spaced = pa.table(
        {name: list(values) for name, values in zip(names, zip(*cells, strict=True), strict=True)}
    )
    return database.from_arrow(spaced)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _find_format(database: duckdb.DuckDBPyConnection) -> str:
    """Return the one format that reads the most dates; day and month must not be a guess."""
    tries = ", ".join(f"count(try_strptime(trim(date), '{one}'))" for one in DATE_FORMATS)
    found: Any = database.execute(f"select count(*), {tries} from rows_read").fetchone()
    rows, counts = found[0], found[1:]
    if rows == 0:
        raise InvalidInput("The file has no rows.", field="transactions")
    most = max(counts)
    if most == 0:
        message = "No date can be read; give its format with --date-format, such as '%d.%m.%Y'."
        raise InvalidInput(message, field="date", key="unreadable_dates")
    best = [one for one, count in zip(DATE_FORMATS, counts, strict=True) if count == most]
    if len(best) > 1:
        message = f"The dates read as {' and as '.join(best)}; say which with --date-format."
        raise InvalidInput(message, field="date", key="ambiguous_dates")
    return best[0]


def _gather(table: Any, dated: str, *, today: date | None) -> TransactionFile:
    usable, notes = _leave_out(table, today)
    if not usable.any():
        message = f"No row of the file can be used: {'; '.join(notes)}."
        raise InvalidInput(message, field="transactions")
    zones: list[str] = table["zone"].filter(pa.array(usable)).unique().drop_null().to_pylist()
    if zones:
        named = ", ".join(sorted(zones)[:_SHOWN])
        notes.append(f"a time zone ({named}) was not converted: the day is the one written")
    who, numbers = np.unique(
        np.asarray(table["who"].to_numpy(zero_copy_only=False)[usable], dtype=str),
        return_inverse=True,
    )
    day: Any = table["day"].to_numpy(zero_copy_only=False)
    amount: Any = table["amount"].to_numpy(zero_copy_only=False)
    return TransactionFile(
        transactions=Transactions(
            customer=numbers.astype(np.int64),
            day=np.floor(day[usable]).astype(np.int64),
            amount=amount[usable].astype(np.float64),
        ),
        customers=tuple(who.tolist()),
        date_format=dated,
        rows=table.num_rows,
        notes=tuple(notes),
    )


def _leave_out(table: Any, today: date | None) -> tuple[Any, list[str]]:
    """Return which rows are purchases, and what is to be said of the others."""
    notes: list[str] = []
    usable = np.ones(table.num_rows, dtype=bool)
    day: Any = table["day"].to_numpy(zero_copy_only=False)
    last = np.inf if today is None else (today - _EPOCH).days
    line: Any = table["line"].to_numpy()
    amount: Any = table["amount"].to_numpy(zero_copy_only=False)
    reasons = {
        "without a customer": table["no_customer"].to_numpy(zero_copy_only=False),
        "without a readable date": table["no_date"].to_numpy(zero_copy_only=False),
        "without a number as amount": table["no_amount"].to_numpy(zero_copy_only=False)
        | ~np.isfinite(amount),
        "with a negative amount (a return)": amount < 0,
        "with a day in the future": day > last,
    }
    for reason, bad in reasons.items():
        here = bad & usable
        if here.any():
            lines = ", ".join(str(one) for one in line[here][:_SHOWN].tolist())
            count = int(here.sum())
            rows, were = ("row", "was") if count == 1 else ("rows", "were")
            more = " …" if count > _SHOWN else ""
            notes.append(f"{count} {rows} {reason} {were} left out (lines {lines}{more})")
            usable &= ~bad
    return usable, notes
