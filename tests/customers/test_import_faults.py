"""Bad input of imports, row by row: what is taken, and where and why the rest is refused."""

from datetime import date
from typing import Any

import pytest

from customers.test_file_imports import as_csv, load, rejects, run, send
from kaquan.customers import (
    Mapping,
    Subject,
    count_customers,
    find_customer,
    get_customer,
    list_orders,
)
from kaquan.runtime import Database, Project

CUSTOMER_HEADER = ["id", "name", "phone", "email", "birthday"]

TAKEN: list[tuple[str, list[str], str, object]] = [
    ("a British phone", ["uk", "", "+44 20 7946 0958", "", ""], "phone", "+442079460958"),
    ("an American phone", ["us", "", "+1 (212) 555-2368", "", ""], "phone", "+12125552368"),
    ("a phone of Hong Kong", ["hk", "", "00852 9123 4567", "", ""], "phone", "+85291234567"),
    (
        "a phone in wide digits",
        ["wide", "", "１３８００１３８０００", "", ""],
        "phone",
        "+8613800138000",
    ),
    ("an unknown phone", ["odd", "", "555-0100", "", ""], "phone", "555-0100"),
    ("an emoji name", ["pony", "Zoë 🦄", "", "", ""], "name", "Zoë 🦄"),
    ("a joined emoji name", ["kin", "👩‍👩‍👧 Li", "", "", ""], "name", "👩‍👩‍👧 Li"),
    ("a birthday of zeros", ["zero", "", "", "", "0000-00-00"], "birth_date", None),
    ("a birthday of a zero", ["nil", "", "", "", "0"], "birth_date", None),
    ("Excel's number of a day", ["days", "", "", "", "33024"], "birth_date", date(1990, 5, 31)),
    (
        "Excel's number with decimals",
        ["day", "", "", "", "33024.0"],
        "birth_date",
        date(1990, 5, 31),
    ),
    ("Chinese marks", ["nian", "", "", "", "1990年5月31日"], "birth_date", date(1990, 5, 31)),
]
REFUSED: list[tuple[str, list[str], str, str]] = [
    ("no id", ["", "Nobody", "", "", ""], "source_id", "may not be missing"),
    ("a year of zeros", ["y0", "", "", "", "0000-05-31"], "birth_date", "no year"),
    ("a day that is none", ["d0", "", "", "", "2001-02-30"], "birth_date", "no such day"),
    ("a day to come", ["d1", "", "", "", "2999-01-01"], "birth_date", "and today"),
    ("a number of no day", ["d2", "", "", "", "99999"], "birth_date", "and today"),
    ("day before month", ["d3", "", "", "", "31/05/1990"], "birth_date", "such as 1990-05-31"),
    ("phone and e-mail swapped", ["sw", "", "li@example.com", "13800138000", ""], "phone", "phone"),
    ("words for a phone", ["w", "", "call me", "", ""], "phone", "phone number"),
    ("half an address", ["m", "", "", "li@", ""], "email", "e-mail address"),
    ("a name of two lines", ["n", "Li\nLei", "", "", ""], "name", ""),
    ("a NUL", ["z", "Li\0Lei", "", "", ""], "name", ""),
    ("too few fields", ["short", "Jo"], "", "2 fields"),
    ("too many fields", ["long", "", "", "", "", "more"], "", "6 fields"),
]


async def test_customers_taken_and_refused(database: Database, project: Project) -> None:
    rows = [CUSTOMER_HEADER, *(row for _, row, _, _ in TAKEN), *(row for _, row, _, _ in REFUSED)]
    found = await send(database, project, Subject.CUSTOMERS, as_csv(rows))
    action = await run(database, project, found.id)
    assert action.result is not None
    failed = action.result["failed"]
    # A name of two lines takes two lines of the file.
    first, broken = len(TAKEN) + 2, [name for name, *_ in REFUSED].index("a name of two lines")
    lines = [first + n + (n > broken) for n in range(len(REFUSED))]
    assert [(one["line"], one["field"]) for one in failed] == [
        (line, field) for line, (_, _, field, _) in zip(lines, REFUSED, strict=True)
    ]
    wrong = [
        (name, one["reason"])
        for one, (name, _, _, words) in zip(failed, REFUSED, strict=True)
        if words not in one["reason"] or not one["reason"]
    ]
    assert wrong == []
    told = await rejects(database, project, action)
    assert [row["id"] for row in told] == [row[0] for _, row, _, _ in REFUSED]
    async with database.transaction(project.project_id) as tx:
        stored = {
            name: getattr(await get_customer(tx, row[0]), field) for name, row, field, _ in TAKEN
        }
        assert await count_customers(tx) == len(TAKEN)
    assert stored == {name: value for name, _, _, value in TAKEN}


ORDER_HEADER = [
    "order_id",
    "time",
    "customer_id",
    "sku",
    "qty",
    "unit_price",
    "discount",
    "currency",
]
ORDERS_REFUSED: list[tuple[str, list[list[str]], list[tuple[str, str]]]] = [
    (
        "a negative price in one of two lines",
        [
            ["o1", "2026-01-01", "a", "tea", "1", "2", "", ""],
            ["o1", "2026-01-01", "a", "pot", "1", "-2", "", ""],
        ],
        [("source_id", "line 3"), ("line.unit_price_minor", "below zero")],
    ),
    (
        "a discount above the total",
        [["o2", "2026-01-01", "a", "tea", "1", "2", "3", ""]],
        [("discount_minor", "more than the order's amount")],
    ),
    (
        "another currency",
        [["o3", "2026-01-01", "a", "tea", "1", "2", "", "EUR"]],
        [("currency", "currency is CNY")],
    ),
    (
        "nobody's",
        [["o4", "2026-01-01", "nobody", "tea", "1", "2", "", ""]],
        [("customer", "no customer 'nobody'")],
    ),
    (
        "no such day",
        [["o5", "2026-02-30", "a", "tea", "1", "2", "", ""]],
        [("placed_at", "no such day")],
    ),
    (
        "half a piece",
        [["o6", "2026-01-01", "a", "tea", "0.5", "2", "", ""]],
        [("line.quantity", "number of pieces")],
    ),
    (
        "price and quantity swapped",
        [["o7", "2026-01-01", "a", "tea", "12.50", "2", "", ""]],
        [("line.quantity", "number of pieces")],
    ),
    (
        "more than money can be",
        [["o8", "2026-01-01", "a", "tea", "9", "90071992547409.91", "", ""]],
        [("line.unit_price_minor", "exceeds")],
    ),
]


async def test_orders_refused_whole(database: Database, project: Project) -> None:
    await load(database, project, Subject.CUSTOMERS, b"id\na\n")
    body = [row for _, rows, _ in ORDERS_REFUSED for row in rows]
    serial = ["good", "46023.5", "a", "tea", "2", "1,234.50", "", "cny"]
    content = as_csv([ORDER_HEADER, *body, serial])
    result = await load(database, project, Subject.ORDERS, content)
    expected = [one for _, _, told in ORDERS_REFUSED for one in told]
    assert [(one["line"], one["field"]) for one in result["failed"]] == [
        (line, field) for line, (field, _) in enumerate(expected, start=2)
    ]
    wrong = [
        one["reason"]
        for one, (_, words) in zip(result["failed"], expected, strict=True)
        if words not in one["reason"]
    ]
    assert wrong == []
    async with database.transaction(project.project_id) as tx:
        (order,) = (await list_orders(tx)).items
    assert (order.source_id, order.amount_minor, len(order.lines)) == ("good", 246_900, 1)
    assert order.placed_at.isoformat() == "2026-01-01T04:00:00+00:00"


TOTALS_REFUSED: list[tuple[str, str, str]] = [
    ("a negative total", "-5", "below zero"),
    ("a negative total of a symbol", "-¥1,234.50", "below zero"),
    ("a total with a true minus", "\u22125", "below zero"),
    ("a total of an accountant", "(5.00)", "not an amount of money"),
    ("words for a total", "free", "not an amount of money"),
    ("a tenth of a fen", "1.234", "too many decimals"),
    ("more than money can be", "99999999999999999", "larger than"),
]


async def test_totals_refused(database: Database, project: Project) -> None:
    rows = [[f"t{n}", "2026-01-01", total] for n, (_, total, _) in enumerate(TOTALS_REFUSED)]
    content = as_csv([["order_id", "time", "amount"], *rows, ["good", "2026-01-01", "0"]])
    result = await load(database, project, Subject.ORDERS, content)
    assert result["added"] == 1
    assert [(one["line"], one["field"]) for one in result["failed"]] == [
        (line, "amount_minor") for line in range(2, len(rows) + 2)
    ]
    wrong = [
        (name, one["reason"])
        for one, (name, _, words) in zip(result["failed"], TOTALS_REFUSED, strict=True)
        if words not in one["reason"]
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("subject", "header", "rows", "repeated"),
    [
        (Subject.CUSTOMERS, ["id", "name"], [["a", "A1"], ["b", "B"], ["a", "A2"]], [(4, "a")]),
        (
            Subject.ORDERS,
            ["order_id", "time", "amount"],
            [["o", "2026-01-01", "1"], ["p", "2026-01-01", "2"], ["o", "2026-01-02", "3"]],
            [(4, "o")],
        ),
    ],
)
async def test_ids_that_come_again_are_told(
    database: Database,
    project: Project,
    subject: Subject,
    header: list[str],
    rows: list[list[str]],
    repeated: list[tuple[int, str]],
) -> None:
    result = await load(database, project, subject, as_csv([header, *rows]))
    assert (result["added"], result["failed_count"]) == (2, 0)
    assert [(one["line"], one["source_id"]) for one in result["repeated"]] == repeated


async def test_wholly_swapped_columns_store_nothing(database: Database, project: Project) -> None:
    content = as_csv(
        [["id", "a", "b"], *([f"m{n}", "13800138000", f"m{n}@x.cn"] for n in range(150))]
    )
    swapped = Mapping(fields={"source_id": "id", "email": "a", "phone": "b"})
    found = await send(database, project, Subject.CUSTOMERS, content, mapping=swapped)
    result: dict[str, Any] | None = (await run(database, project, found.id, check=True)).result
    assert result is not None
    assert (result["done_count"], result["failed_count"], len(result["failed"])) == (0, 150, 100)
    assert {one["field"] for one in result["failed"]} <= {"phone", "email"}
    async with database.transaction(project.project_id) as tx:
        assert await find_customer(tx, "m1") is None
