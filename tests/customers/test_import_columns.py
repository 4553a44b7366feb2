"""The quick ways of reading files give what the slow ones give, whatever a file says."""

import io
import itertools
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import phonenumbers
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kaquan.customers.columns import array_elements, array_literals, array_of
from kaquan.customers.imports.files import csv_files, order_rows
from kaquan.customers.imports.files.model import Chunk
from kaquan.customers.imports.files.order_rows import LineRow, read_order_rows
from kaquan.customers.imports.files.prepare import Prepared
from kaquan.customers.imports.files.sources import describe_file, read_chunks
from kaquan.customers.imports.files.usual_orders import find_usual_orders
from kaquan.customers.imports.files.values import Terms, readers
from kaquan.customers.model import OrderStatus
from kaquan.runtime import MAX_MINOR, Database, InvalidInput, Project, Sentence

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ARROW: Any = pa
CELLS = st.text(st.sampled_from('ab,"\n\r\t ;\u3000\ufeff\x0b|é中'), max_size=6)
LINES = st.lists(st.lists(CELLS, min_size=1, max_size=3).map(",".join), max_size=7)


def read(body: str, *, rows: int) -> list[tuple[int, list[str | None], Sentence | None]]:
    """Return line, cells and what is wrong of every row of a file."""
    file = io.BytesIO(f"x,y\n{body}".encode())
    chunks = read_chunks(file, describe_file(file), rows=rows)
    return list(itertools.chain.from_iterable(map(rows_of, chunks)))


def rows_of(chunk: Chunk) -> Iterable[tuple[int, list[str | None], Sentence | None]]:
    for place, line in enumerate(chunk.lines):
        yield line, [cells[place] for cells in chunk.columns.values()], chunk.broken.get(place)


def split_nothing(*_: object, **__: object) -> None:
    """Leave all lines to the csv module."""


@settings(deadline=None, max_examples=60)
@given(LINES, st.sampled_from(["\n", "\r\n"]), st.integers(1, 4))
@example(["a,b", "", "c,d"], "\n", 3)
@example(["a,b", ",", "c,d"], "\n", 3)
@example(["a,b", "\ufeffc,d"], "\n", 1)
def test_lines_split_at_once_are_the_rows_of_csv(lines: list[str], end: str, rows: int) -> None:
    body = end.join(lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_files, "_split_lines", split_nothing)
        slow = read(body, rows=10)
    assert read(body, rows=rows) == read(body, rows=10) == slow


TEXTS: dict[str, st.SearchStrategy[str]] = {
    "reference": st.text(st.sampled_from("aZ0_./:@+- é\0"), min_size=1, max_size=8),
    "name": st.text(st.sampled_from("aZ9.,'&()-  王\u200b\u00a0é\n"), min_size=1, max_size=8),
    "email": st.from_regex(r"\A[a-zA-Z.+%é]{1,3}@[a-zA-Z.-]{1,6}\.(com|Cn)\n?\Z"),
    "phone": st.from_regex(r"\A(\+86|0086|\+1|0|86|\+44|)[ -]?[1-9]\d{7,11}( ext 3)?\Z"),
    "birth": st.from_regex(r"\A(0000|1990|20\d\d)[-/.](0?\d|1\d)[-/.]\d\d?\Z"),
    "time": st.from_regex(r"\A20\d\d-0[1-9]-[0-3]\d([T ]\d\d:\d\d(:\d\d)?(Z|\+08:00)?)?\Z"),
    "money": st.from_regex(r"\A[¥-]?\d{1,3}(,\d{3})?(\.\d{0,3})?元?\Z"),
    "count": st.from_regex(r"\A\d{1,3}(\.0)?\Z"),
    "status": st.sampled_from(["PAID", "已完成", "Cancelled", "Gone"]),
}


NEVER_TOLD = ("time", "money", "count", "status", "currency")
"""What is written differently and means the same is not told as cleaned."""


@pytest.mark.parametrize("country", ["CN", "US"])
@pytest.mark.parametrize("shape", list(TEXTS))
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_a_column_is_read_like_its_cells(shape: str, country: str, data: st.DataObject) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    terms = Terms(now=NOW, zone=zone, country=country, currency="CNY", digits=2)
    cells = data.draw(st.lists(st.none() | TEXTS[shape], max_size=6))
    column, single = readers(terms)[shape], readers(terms)[shape]
    for _ in range(2):
        found = column.column(cells)
        told = [found.refused.get(place, value) for place, value in enumerate(found.values)]
        assert told == [None if cell is None else value_or_reason(single, cell) for cell in cells]
        assert found.changed == [
            place
            for place, cell in enumerate(cells)
            if shape not in NEVER_TOLD
            and cell is not None
            and place not in found.refused
            and str(told[place]) != cell
        ]


def value_or_reason(read_cell: Any, cell: str) -> Any:
    try:
        return read_cell(cell)
    except InvalidInput as error:
        return error.sentence


def work_out_nothing(*_: object) -> list[LineRow | None]:
    """Leave all lines to be worked out one by one."""
    return []


PRICES = st.sampled_from([0, 1, 250, MAX_MINOR // 2, MAX_MINOR])


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from([None, 1, 2, 3]), PRICES, st.none() | PRICES), min_size=1)
)
def test_lines_worked_out_at_once_are_those_worked_out_one_by_one(
    rows: list[tuple[int | None, int, int | None]],
) -> None:
    counts, prices, discounts = (list(column) for column in zip(*rows, strict=True))
    chunk = Chunk(first=0, lines=list(range(len(rows))), columns={})
    values: dict[str, list[Any]] = {
        "source_id": [f"o{n}" for n in range(len(rows))],
        "placed_at": [NOW] * len(rows),
        "line.product": ["tea"] * len(rows),
        "line.quantity": counts,
        "line.unit_price_minor": prices,
        "line.discount_minor": discounts,
    }
    prepared = Prepared(chunk=chunk, values=values, metadata=None, problems={}, cleaned={})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order_rows, "_usual_lines", work_out_nothing)
        slow = read_order_rows(prepared, read={})
    assert read_order_rows(prepared, read={}) == slow


MOMENTS = st.sampled_from([NOW, NOW.replace(year=2025)])
ROWS_OF_ORDERS = st.lists(
    st.tuples(
        st.sampled_from(["o1", "o1", "o2", "o3"]),
        MOMENTS,
        st.sampled_from([None, "li", "han"]),
        st.sampled_from([None, OrderStatus.PAID]),
        st.sampled_from([None, 1, 3]),
        st.sampled_from([0, 1, 250, 10**12]),
        st.sampled_from([None, 0, 1]),
    ),
    min_size=1,
    max_size=4,
)
NAMES_OF_ROWS = ("source_id", "placed_at", "customer", "status")
NAMES_OF_LINES = ("line.quantity", "line.unit_price_minor", "line.discount_minor")


@settings(deadline=None, max_examples=150)
@given(ROWS_OF_ORDERS, st.sets(st.sampled_from(["customer", "status", "line.quantity"])))
@example([("o1", NOW, "li", None, 1, 250, 1), ("o1", NOW, "li", None, 3, 1, None)], set())
@example([("o1", NOW, "li", None, 1, 1, None), ("o1", NOW, "han", None, 1, 1, None)], set())
@example([(one, NOW, None, None, 1, 1, None) for one in ("o1", "o2", "o1")], set())
def test_orders_worked_out_as_columns_are_those_read_one_by_one(
    rows: list[tuple[Any, ...]], unnamed: set[str]
) -> None:
    names = (*NAMES_OF_ROWS, *NAMES_OF_LINES)
    values = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    values = {name: column for name, column in values.items() if name not in unnamed}
    values["line.product"] = [f"p{place}" for place in range(len(rows))]
    chunk = Chunk(first=0, lines=list(range(len(rows))), columns={})
    prepared = Prepared(chunk=chunk, values=values, metadata=None, problems={}, cleaned={})
    usual = find_usual_orders(prepared)
    orders, problems = read_order_rows(prepared, read={})
    ids = [order.source_id for order in orders]
    if usual is None:
        small = all(row[5] < 10**6 and (row[6] or 0) <= row[5] for row in rows)
        agreeing = len({row[:4] for row in rows}) == len(ids) == len(set(ids))
        assert not (small and agreeing and not problems)
        return
    assert problems == {}
    fixed: dict[str, list[Any]] = {
        name: ARROW.array(column).to_pylist() for name, column in usual.fixed.items()
    }
    assert fixed == {
        "source_id": ids,
        "status": [order.status or OrderStatus.FULFILLED for order in orders],
        "amount_minor": [order.sum_minor for order in orders],
        "discount_minor": [0] * len(orders),
        "items_discount_minor": [
            sum(line.discount_minor for line in order.lines or ()) for order in orders
        ],
        "metadata": ["{}"] * len(orders),
        "placed_at": [order.placed_at for order in orders],
    }
    assert usual.customers.to_pylist() == [order.customer for order in orders]
    assert usual.locations.to_pylist() == [None] * len(orders)
    lines = list(itertools.chain.from_iterable(order.lines or () for order in orders))
    assert usual.products.to_pylist() == [line.product for line in lines]
    for name, column in usual.lines.items():
        assert column.tolist() == [getattr(line, name) for line in lines]
    counts = [len(order.lines or ()) for order in orders]
    assert np.diff(usual.offsets).tolist() == counts


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param([], id="none"),
        pytest.param(["a", "b-1", "x@y.z"], id="plain"),
        pytest.param(["a", "null", "NULL"], id="null"),
        pytest.param(["a,b", "", '"', "\\", "{}", " ", "中", "a\nb"], id="odd"),
    ],
)
async def test_array_literals_mean_their_texts(
    database: Database, project: Project, texts: list[str]
) -> None:
    async with database.transaction(project.project_id) as tx:
        cursor = await tx.execute("select %s::text[]", (array_of(texts),))
        assert await cursor.fetchone() == (texts,)
        column = array_elements(pa.array(texts, pa.string()))
        (literal,) = array_literals(column, np.array([0, len(texts)])).to_pylist()
        cursor = await tx.execute("select %s::text[]", (literal,))
        assert await cursor.fetchone() == (texts,)


@settings(deadline=None)
@given(st.from_regex(r"\A(\+86)?1[0-9]{10}\Z"))
def test_chinese_mobiles_are_what_phonenumbers_says(text: str) -> None:
    terms = Terms(now=NOW, zone=ZoneInfo("UTC"), country="CN", currency="CNY", digits=2)
    number = phonenumbers.parse(text, "CN")
    expected = text
    if phonenumbers.is_valid_number(number):
        expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert readers(terms)["phone"].column([text, None]).values == [expected, None]
