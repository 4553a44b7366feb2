"""A settlement as a file."""

import csv
import io
from collections.abc import Iterable

import msgspec

from kaquan.checkout.settlement_model import SettlementLine

_RISKY = ("=", "+", "-", "@", "\t", "\r")


def write_settlement(lines: Iterable[SettlementLine]) -> bytes:
    """Return lines as CSV in UTF-8 with a heading, money in minor units.

    No name is a formula to a spreadsheet: one that could be taken for it begins with an apostrophe.
    """
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(SettlementLine.__struct_fields__)
    for line in lines:
        writer.writerow([_cell(value) for value in msgspec.structs.astuple(line)])
    return file.getvalue().encode()


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(_RISKY):
        return f"'{value}"
    return "" if value is None else value
