"""One person's data in a file, for them: all of it, as JSON and as a table a subject."""

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from kaquan.customers.people import get_customer
from kaquan.customers.store.person_export import collect_person
from kaquan.runtime import Tx, get_project

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


async def export_person(tx: Tx, reference: str, *, now: datetime) -> bytes:
    """Return a ZIP file with all that is stored about a customer (id ours or the merchant's).

    ``person.json`` has it all by subject; for each subject with rows there is a CSV file. Amounts
    are minor units of the currency that person.json names. Raises NotFound.
    """
    customer = await get_customer(tx, reference)
    project = await get_project(tx)
    subjects = await collect_person(tx, customer.id)
    head = {"exported_at": now, "currency": project.currency, "time_zone": project.time_zone}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        whole = msgspec.json.format(msgspec.json.encode(head | subjects), indent=2)
        _write(archive, "person.json", whole, now)
        for subject, rows in subjects.items():
            if rows:
                _write(archive, f"{subject}.csv", write_table(rows), now)
    return packed.getvalue()


def write_table(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return rows as CSV (UTF-8 with a mark, for Excel), columns in the order of the first row.

    Objects and lists are JSON in their cell. A text that a spreadsheet would take for a formula
    gets an apostrophe in front.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
    return msgspec.json.encode(value).decode()


def _write(archive: zipfile.ZipFile, name: str, content: bytes, now: datetime) -> None:
    archive.writestr(zipfile.ZipInfo(name, now.timetuple()[:6]), content, zipfile.ZIP_DEFLATED)
