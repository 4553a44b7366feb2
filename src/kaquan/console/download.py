"""What a page shows, as a file: any of its charts and sheets, as CSV or XLSX.

A page offers `?download=NAME.csv` or `NAME.xlsx` of itself: it is worked out as ever, under the
same guard, and `render` answers with the file in place of the HTML. A chart's picture is drawn in
the browser, and so is its PNG.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pyarrow as pa
from litestar import Response

from kaquan.console.chart import Chart
from kaquan.console.page import PageView
from kaquan.insight.metrics import FileFormat, table_bytes

_ARROW: Any = pa
MEDIA_TYPES = {
    FileFormat.CSV: "text/csv; charset=utf-8",
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
MOST_ROWS = 100_000
"""Rows of a sheet that a page gives away; the API's lists and exports have those beyond."""


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A table to be taken along: plain figures, money in major units; None for what there is not."""

    name: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str | float | None, ...], ...]


def wanted_name(page: PageView) -> str:
    """The name of the sheet or chart that this request asks for as a file; empty for none."""
    return dict(page.query).get("download", "").rpartition(".")[0]


def find_download(page: PageView, context: Mapping[str, Any]) -> Response[bytes] | None:
    """The file that the request asks for; None when it asks for none, or for one not shown."""
    name, _, ending = dict(page.query).get("download", "").rpartition(".")
    form = next((one for one in MEDIA_TYPES if one.value == ending), None)
    if not name or form is None:
        return None
    sheet = next((one for one in _sheets(context) if one.name == name), None)
    return None if sheet is None else _file(sheet, form)


def _sheets(context: Mapping[str, Any]) -> list[Sheet]:
    shown: list[Any] = []
    for value in context.values():
        shown += value if isinstance(value, list | tuple) else [value]
    return [
        chart_sheet(one) if isinstance(one, Chart) else one
        for one in shown
        if isinstance(one, Chart | Sheet)
    ]


def chart_sheet(chart: Chart) -> Sheet:
    """A chart's figures, a row a category."""
    return Sheet(
        name=chart.name,
        headings=(chart.category_label, *chart.headings()),
        rows=tuple((category, *figures) for category, figures in chart.figures()),
    )


def _file(sheet: Sheet, form: FileFormat) -> Response[bytes]:
    columns = list(zip(*sheet.rows, strict=True)) or [()] * len(sheet.headings)
    arrays = [_ARROW.array(column, type=_type(column)) for column in columns]
    table = _ARROW.table(arrays, names=list(sheet.headings))
    content = table_bytes(table, form=form, sheet=sheet.name)
    if form is FileFormat.CSV:
        # Excel takes a CSV without a mark for the machine's own character set.
        content = b"\xef\xbb\xbf" + content
    return Response(
        content,
        media_type=MEDIA_TYPES[form],
        headers={
            "Content-Disposition": f'attachment; filename="{sheet.name}.{form.value}"',
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _type(column: tuple[Any, ...]) -> Any:
    texts = any(isinstance(value, str) for value in column)
    return _ARROW.string() if texts or not column else _ARROW.float64()
