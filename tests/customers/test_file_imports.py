"""Mapped imports: any format, columns guessed, dry run, rejects, repeats, crashes, orders whole."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from kaquan.customers import (
    CustomerDraft,
    FileImport,
    Inspected,
    Mapping,
    OrderStatus,
    Subject,
    begin_import,
    carry_out,
    count_customers,
    find_customer,
    get_customer,
    get_customer_summary,
    get_file_import,
    get_order,
    get_product,
    inspect_file,
    keep_profile,
    list_events,
    list_orders,
    merge_customers,
    preview_import,
    set_mapping,
    start_check,
    start_run,
    upsert_customer,
)
from kaquan.customers.imports.files import carry, sources
from kaquan.runtime import (
    ActionStatus,
    AsyncAction,
    Database,
    InvalidInput,
    Project,
    Property,
    append_to_file,
    create_file,
    get_file,
    put_schema,
    read_file_part,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PARQUET: Any = pq


def look(content: bytes, **more: Any) -> Inspected:
    return inspect_file(io.BytesIO(content), **more)


async def send(
    database: Database,
    project: Project,
    subject: Subject,
    content: bytes,
    *,
    mapping: Mapping | None = None,
    profile: str | None = None,
) -> FileImport:
    """Store a file as the API does and return its import."""
    async with database.transaction(project.project_id) as tx:
        file_id = await create_file(tx, "upload", now=NOW)
        await append_to_file(tx, file_id, content)
        found = await begin_import(
            tx,
            subject,
            look(content),
            file_id=file_id,
            file_name="upload.csv",
            profile=profile,
            now=NOW,
        )
        if mapping is not None:
            found = await set_mapping(tx, found.id, mapping, now=NOW)
    return found


async def run(
    database: Database, project: Project, import_id: str, *, check: bool = False
) -> AsyncAction:
    """Do an import, or its dry run, as the job does it."""
    start = start_check if check else start_run
    async with database.transaction(project.project_id) as tx:
        action = await start(tx, import_id, now=NOW)
    return await carry_out(database, project.project_id, action.id, clock=lambda: NOW)


async def load(
    database: Database, project: Project, subject: Subject, content: bytes, **more: Any
) -> dict[str, Any]:
    """Import a file and return the result."""
    found = await send(database, project, subject, content, **more)
    action = await run(database, project, found.id)
    assert action.status is ActionStatus.DONE, action.result
    assert action.result is not None
    return action.result


async def rejects(
    database: Database, project: Project, action: AsyncAction
) -> list[dict[str, str]]:
    async with database.transaction(project.project_id) as tx:
        stored = await get_file(tx, action.request["report_id"])
        parts = [await read_file_part(tx, stored.id, n + 1) for n in range(stored.part_count)]
    return list(csv.DictReader(io.StringIO(b"".join(parts).decode())))


def as_csv(
    rows: Sequence[Sequence[Any]], *, encoding: str = "utf-8", separator: str = ","
) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerows(rows)
    return text.getvalue().encode(encoding)


def as_xlsx(rows: Sequence[Sequence[Any]]) -> bytes:
    packed = io.BytesIO()
    book: Any = xlsxwriter.Workbook(packed, {"default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet("会员")
    for number, row in enumerate(rows):
        sheet.write_row(number, 0, row)
    book.close()
    return packed.getvalue()


def as_parquet(rows: Sequence[Sequence[Any]]) -> bytes:
    names, *body = rows
    columns = {name: [row[place] for row in body] for place, name in enumerate(names)}
    packed = io.BytesIO()
    PARQUET.write_table(pa.table(columns), packed, row_group_size=2)
    return packed.getvalue()


def as_json_lines(rows: Sequence[Sequence[Any]]) -> bytes:
    names, *body = rows
    return b"".join(
        json.dumps(dict(zip(names, row, strict=True)), default=str).encode() + b"\n" for row in body
    )


MEMBERS = [
    ["会员号", "姓名", "手机号", "生日", "城市", "等级"],
    ["m1", "李雷 ", "138 0013 8000", date(1990, 5, 31), "上海", "金"],
    ["m2", "韩梅梅", "+44 20 7946 0958", None, "北京", "银"],
    ["m3", "Zoë 🦄", "13900139000", date(2000, 2, 29), "", "金"],
]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(as_csv(MEMBERS), id="utf-8"),
        pytest.param(as_csv(MEMBERS, encoding="utf-8-sig"), id="utf-8 with mark"),
        pytest.param(as_csv(MEMBERS, encoding="gb18030", separator=";"), id="gb18030"),
        pytest.param(as_csv(MEMBERS, encoding="utf-16", separator="\t"), id="utf-16"),
        pytest.param(as_xlsx(MEMBERS), id="xlsx"),
        pytest.param(as_parquet(MEMBERS), id="parquet"),
        pytest.param(as_json_lines(MEMBERS), id="json lines"),
    ],
)
async def test_every_format_gives_the_same_people(
    database: Database, project: Project, content: bytes
) -> None:
    result = await load(database, project, Subject.CUSTOMERS, content)
    assert (result["added"], result["failed_count"]) == (3, 0)
    async with database.transaction(project.project_id) as tx:
        first, second, third = [await get_customer(tx, f"m{n}") for n in (1, 2, 3)]
    assert (first.name, first.phone, first.birth_date) == (
        "李雷",
        "+8613800138000",
        date(1990, 5, 31),
    )
    assert (first.address, first.metadata) == ({"city": "上海"}, {"等级": "金"})
    assert (second.phone, second.birth_date) == ("+442079460958", None)
    assert (third.name, third.birth_date) == ("Zoë 🦄", date(2000, 2, 29))
    again = await load(database, project, Subject.CUSTOMERS, content)
    assert (again["added"], again["changed"], again["unchanged"]) == (0, 0, 3)


@pytest.mark.parametrize(
    ("encoding", "separator", "shown"),
    [
        ("utf-8-sig", ",", ("utf-8", ",")),
        ("gb18030", "\t", ("gb18030", "\t")),
        ("utf-16", "|", ("utf-16", "|")),
    ],
)
def test_encoding_and_separator_are_told(
    encoding: str, separator: str, shown: tuple[str, str]
) -> None:
    shape = look(as_csv(MEMBERS, encoding=encoding, separator=separator)).shape
    assert (shape.encoding, shape.separator) == shown
    assert (shape.columns, shape.row_count) == (tuple(MEMBERS[0]), 3)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"id,name\n", "no rows"),
        (b"id,ID\n1,2\n", "stands twice"),
        (b"PK\x03\x04 nothing", "Not a workbook"),
        (b"PAR1 nothing", "Not a Parquet file"),
        (b"{nothing\n", "JSON object"),
        (b"id\n\xff\xff\xff", "neither UTF-8"),
    ],
)
def test_files_that_cannot_be_read(content: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as refused:
        look(content)
    assert refused.value.field == "file"


GUESSES: list[tuple[str, Subject, list[list[str]], dict[str, str]]] = [
    (
        "zh order lines",
        Subject.ORDERS,
        [
            ["订单编号", "下单时间", "会员号", "商品编码", "数量", "单价(元)", "订单状态"],
            ["o1", "2026/1/5 13:04", "m1", "sku1", "2", "12.50", "已完成"],
        ],
        {
            "source_id": "订单编号",
            "placed_at": "下单时间",
            "customer": "会员号",
            "status": "订单状态",
            "line.product": "商品编码",
            "line.quantity": "数量",
            "line.unit_price_minor": "单价(元)",
        },
    ),
    (
        "the public data set",
        Subject.ORDERS,
        [
            ["household_id", "store_id", "basket_id", "product_id", "quantity", "sales_value"],
            ["900", "330", "31198570044", "1095275", "1", "0.50"],
        ],
        {
            "source_id": "basket_id",
            "customer": "household_id",
            "location": "store_id",
            "line.product": "product_id",
            "line.quantity": "quantity",
            "line.amount_minor": "sales_value",
        },
    ),
    (
        "headers that say nothing, values that do",
        Subject.CUSTOMERS,
        [["id", "a", "b"], ["1", "x@example.com", "13800138000"]],
        {"source_id": "id", "email": "a", "phone": "b"},
    ),
    (
        "columns swapped",
        Subject.CUSTOMERS,
        [["id", "phone", "email"], ["1", "x@example.com", "13800138000"]],
        {"source_id": "id", "email": "phone", "phone": "email"},
    ),
    (
        "events",
        Subject.EVENTS,
        [
            ["userId", "event", "timestamp", "properties"],
            ["u", "seen", "2026-01-01T00:00:00Z", "{}"],
        ],
        {"customer": "userId", "name": "event", "at": "timestamp", "metadata": "properties"},
    ),
]


@pytest.mark.parametrize(
    ("subject", "rows", "expected"), [row[1:] for row in GUESSES], ids=[row[0] for row in GUESSES]
)
async def test_what_is_guessed(
    database: Database,
    project: Project,
    subject: Subject,
    rows: list[list[str]],
    expected: dict[str, str],
) -> None:
    found = await send(database, project, subject, as_csv(rows))
    assert found.mapping.fields == expected


async def test_swapped_columns_are_said_to_be(database: Database, project: Project) -> None:
    content = as_csv([["id", "phone", "email"], ["1", "x@example.com", "13800138000"]])
    literal = Mapping(fields={"source_id": "id", "phone": "phone", "email": "email"})
    found = await send(database, project, Subject.CUSTOMERS, content, mapping=literal)
    async with database.transaction(project.project_id) as tx:
        preview = await preview_import(tx, found, now=NOW)
    assert preview.doubts == {"phone": "email", "email": "phone"}
    assert {one["field"] for one in preview.problems} == {"phone"}


async def test_a_preview_shows_what_cleaning_changes(database: Database, project: Project) -> None:
    found = await send(database, project, Subject.CUSTOMERS, as_csv(MEMBERS))
    async with database.transaction(project.project_id) as tx:
        preview = await preview_import(tx, found, now=NOW)
    assert preview.changes[0] == {
        "line": 2,
        "field": "phone",
        "said": "138 0013 8000",
        "stored": "+8613800138000",
    }
    assert preview.rows[2]["姓名"] == "Zoë 🦄"
    assert preview.missing == []


BAD_CUSTOMERS = """source_id,name,email,phone,birthday
ok,Ann,ann@example.com,13800138000,1990-05-31
none,Ben,,,0000-00-00
serial,Cat,,,33024
,Dan,,,
mail,Eve,not-mail,,
phone,Fay,,call me,
year,Gil,,,0000-05-31
day,Hal,,,2001-02-30
future,Ivy,,,2999-01-01
short,Jo
long,Kim,,,,,x
"""


async def test_bad_rows_are_refused_with_line_field_and_reason(
    database: Database, project: Project
) -> None:
    found = await send(database, project, Subject.CUSTOMERS, BAD_CUSTOMERS.encode())
    tried = await run(database, project, found.id, check=True)
    async with database.transaction(project.project_id) as tx:
        assert await count_customers(tx) == 0
    action = await run(database, project, found.id)
    assert tried.result is not None
    assert action.result is not None
    assert tried.result["failed"] == action.result["failed"]
    assert [(one["line"], one["field"]) for one in action.result["failed"]] == [
        (5, "source_id"),
        (6, "email"),
        (7, "phone"),
        (8, "birth_date"),
        (9, "birth_date"),
        (10, "birth_date"),
        (11, ""),
        (12, ""),
    ]
    rows = await rejects(database, project, action)
    assert [row["import_line"] for row in rows] == [str(n) for n in range(5, 13)]
    assert rows[1]["email"] == "not-mail"
    assert all(row["import_reason"] for row in rows)
    async with database.transaction(project.project_id) as tx:
        assert (await get_customer(tx, "none")).birth_date is None
        assert (await get_customer(tx, "serial")).birth_date == date(1990, 5, 31)
        assert await count_customers(tx) == 3


async def test_the_rejects_can_be_mended_and_sent_again(
    database: Database, project: Project
) -> None:
    found = await send(database, project, Subject.CUSTOMERS, b"id,email\na,a@b.cn\nb,b\n")
    action = await run(database, project, found.id)
    (row,) = await rejects(database, project, action)
    mended = as_csv([list(row), [*row.values()]]).replace(b"b,b,", b"b,b@b.cn,")
    again = await send(database, project, Subject.CUSTOMERS, mended)
    assert again.mapping.fields == {"source_id": "id", "email": "email"}
    assert again.mapping.metadata == {}


async def test_later_rows_hold_and_are_told(
    database: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "ROWS_A_CHUNK", 3)
    rows = [["id", "name", "city"], ["a", "A1", "X"], ["a", "A2", ""], ["b", "B1", "Y"]]
    rows += [["c", "C1", ""], ["a", "", "Z"], ["b", "B2", ""]]
    result = await load(database, project, Subject.CUSTOMERS, as_csv(rows))
    assert result["repeated"] == [
        {"line": 3, "source_id": "a"},
        {"line": 6, "source_id": "a"},
        {"line": 7, "source_id": "b"},
    ]
    async with database.transaction(project.project_id) as tx:
        a, b = await get_customer(tx, "a"), await get_customer(tx, "b")
    assert (a.name, a.address, b.name, b.address) == ("A2", {"city": "Z"}, "B2", {"city": "Y"})


async def test_empty_cells_leave_what_is_known(database: Database, project: Project) -> None:
    await load(database, project, Subject.CUSTOMERS, b"id,name,vip\na,Ann,yes\n")
    result = await load(database, project, Subject.CUSTOMERS, b"id,name,size\na,,42\n")
    assert result["changed"] == 1
    async with database.transaction(project.project_id) as tx:
        ann = await get_customer(tx, "a")
    assert (ann.name, ann.metadata) == ("Ann", {"vip": "yes", "size": "42"})


async def test_metadata_follows_the_schema(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        properties = {
            "size": Property(type="number"),
            "must": Property(type="string", optional=False),
        }
        await put_schema(tx, "customer", properties, now=NOW)
    content = b"id,size,must\na,42,x\nb,large,x\nc,1,\n"
    result = await load(database, project, Subject.CUSTOMERS, content)
    assert [one["line"] for one in result["failed"]] == [3, 4]
    again = await load(database, project, Subject.CUSTOMERS, b"id,size\na,43\n")
    assert (again["changed"], again["failed_count"]) == (1, 0)
    async with database.transaction(project.project_id) as tx:
        assert (await get_customer(tx, "a")).metadata == {"size": 43, "must": "x"}


async def test_rows_about_merged_people_reach_who_they_are(
    database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        first = await upsert_customer(tx, CustomerDraft(source_id="a"), now=NOW)
        second = await upsert_customer(tx, CustomerDraft(source_id="b"), now=NOW)
        await merge_customers(tx, first.id, second.id, by="x", reason="one", now=NOW)
    result = await load(database, project, Subject.CUSTOMERS, b"id,name\nb,Bea\n")
    assert (result["added"], result["failed_count"]) == (0, 0)
    async with database.transaction(project.project_id) as tx:
        assert (await get_customer(tx, "a")).name == "Bea"
        assert await count_customers(tx) == 1


LINES = """order_id,order_date,customer_id,product_id,quantity,unit_price,line_discount,status
o1,2026-01-01 10:00,a,tea,2,1.50,0.5,completed
o1,2026-01-01 10:00,a,pot,1,20,,completed
o2,2026-01-02,b,tea,1,1.5,,cancelled
o3,2026-01-03,nobody,tea,1,1.5,,completed
o4,2026-01-04,a,tea,1,-1.5,,completed
o4,2026-01-04,a,pot,1,1,,completed
o5,2026-01-05,a,tea,0,1,,completed
o6,2026-01-06,a,tea,1,1,2,completed
o7,2026-01-07,a,tea,1,1,,vanished
o8,2026-01-08,a,tea,1,1.005,,completed
o9,2026-01-09,a,tea,1,1,,completed
o9,2026-01-10,a,tea,1,1,,completed
"""


async def people(database: Database, project: Project) -> None:
    await load(database, project, Subject.CUSTOMERS, b"id\na\nb\n")
    await load(database, project, Subject.PRODUCTS, b"id,name,price\ntea,Tea,1.50\n")


async def test_orders_come_whole_or_not_at_all(database: Database, project: Project) -> None:
    await people(database, project)
    result = await load(database, project, Subject.ORDERS, LINES.encode())
    assert (result["added"], result["failed_count"]) == (2, 9)
    assert [(one["line"], one["field"]) for one in result["failed"]] == [
        (5, "customer"),
        (6, "line.unit_price_minor"),
        (7, "source_id"),
        (8, "line.quantity"),
        (9, "line.discount_minor"),
        (10, "status"),
        (11, "line.unit_price_minor"),
        (12, "placed_at"),
        (13, "source_id"),
    ]
    async with database.transaction(project.project_id) as tx:
        order = await get_order(tx, "o1")
        tea = await get_product(tx, "tea")
        summary = await get_customer_summary(tx, (await get_customer(tx, "a")).id)
        assert await find_customer(tx, "nobody") is None
    assert (order.amount_minor, order.total_minor, order.status) == (
        2300,
        2250,
        OrderStatus.FULFILLED,
    )
    assert [line.product_id for line in order.lines] == [tea.id, None]
    assert order.placed_at == datetime(2026, 1, 1, 2, 0, tzinfo=UTC)
    assert (summary.order_count, summary.spend_minor) == (1, 2250)
    again = await load(database, project, Subject.ORDERS, LINES.encode())
    assert (again["added"], again["changed"], again["unchanged"]) == (0, 0, 2)


async def test_orders_edited_late_keep_the_sums(database: Database, project: Project) -> None:
    await people(database, project)
    await load(database, project, Subject.ORDERS, LINES.encode())
    more = LINES.splitlines()[:1]
    more += ["o1,2026-01-01 10:00,a,tea,4,1.50,,completed", "o0,2025-01-01,a,tea,1,1,,completed"]
    result = await load(database, project, Subject.ORDERS, "\n".join(more).encode())
    assert (result["added"], result["changed"], result["failed_count"]) == (1, 0, 1)
    returned = "\n".join(
        [
            more[0],
            "o1,2026-01-01 10:00,a,tea,2,1.5,0.5,returned",
            "o1,2026-01-01 10:00,a,pot,1,20,,returned",
        ]
    )
    result = await load(database, project, Subject.ORDERS, returned.encode())
    assert result["changed"] == 1
    async with database.transaction(project.project_id) as tx:
        summary = await get_customer_summary(tx, (await get_customer(tx, "a")).id)
    assert (summary.order_count, summary.spend_minor) == (1, 100)


@pytest.mark.parametrize("rows", [2, 3, 1000])
async def test_rows_of_one_order_may_stand_anywhere(
    database: Database, project: Project, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(sources, "ROWS_A_CHUNK", rows)
    body = [f"o{n % 5},2026-01-01,a,p{n},1,1" for n in range(20)] + ["o3,2026-01-01,a,p9,bad,1"]
    content = "\n".join(["order_id,date,customer,product,quantity,price", *body]).encode()
    enter = Mapping(
        fields={
            "source_id": "order_id",
            "placed_at": "date",
            "customer": "customer",
            "line.product": "product",
            "line.quantity": "quantity",
            "line.unit_price_minor": "price",
        },
        amounts="minor",
        enter_customers=True,
    )
    result = await load(database, project, Subject.ORDERS, content, mapping=enter)
    assert (result["added"], result["failed_count"]) == (4, 5)
    assert sorted(one["line"] for one in result["failed"]) == [5, 10, 15, 20, 22]
    async with database.transaction(project.project_id) as tx:
        found = (await list_orders(tx)).items
        summary = await get_customer_summary(tx, (await get_customer(tx, "a")).id)
    assert [(order.amount_minor, len(order.lines)) for order in found] == [(4, 4)] * 4
    assert (summary.order_count, summary.spend_minor) == (4, 16)


async def test_orders_with_their_lines_in_one_column(database: Database, project: Project) -> None:
    await people(database, project)
    given: list[dict[str, Any]] = [
        {
            "id": "o1",
            "created_at": "2026-01-01T00:00:00Z",
            "customer": "a",
            "items": [{"sku": "tea", "quantity": 2, "price": 1.5}],
        },
        {
            "id": "o2",
            "created_at": 1767225600,
            "customer": "a",
            "items": [{"sku": "tea", "quantity": 2, "price": -1}],
        },
        {"id": "o3", "created_at": "46023.5", "customer": "a", "items": []},
    ]
    content = b"\n".join(json.dumps(one).encode() for one in given)
    result = await load(database, project, Subject.ORDERS, content)
    assert (result["added"], result["done_count"]) == (1, 1)
    assert [one["field"] for one in result["failed"]] == [
        "lines[0].unit_price_minor",
        "amount_minor",
    ]
    async with database.transaction(project.project_id) as tx:
        assert (await get_order(tx, "o1")).amount_minor == 300


async def test_events_come_once(database: Database, project: Project) -> None:
    await people(database, project)
    content = (
        b"customer_id,event,time,page\na,seen,2026-01-01 10:00,home\n"
        b"a,seen,2026-01-01 10:00,home\nb,seen,yesterday,home\nc,seen,2026-01-01,home\n"
    )
    result = await load(database, project, Subject.EVENTS, content)
    assert (result["added"], result["repeated_count"], result["failed_count"]) == (1, 1, 2)
    again = await load(database, project, Subject.EVENTS, content)
    assert (again["added"], again["unchanged"]) == (0, 1)
    async with database.transaction(project.project_id) as tx:
        (event,) = await list_events(tx, (await get_customer(tx, "a")).id)
    assert (event.name, event.metadata) == ("seen", {"page": "home"})


async def test_an_import_goes_on_where_it_was_stopped(
    database: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "ROWS_A_CHUNK", 7)
    body = [f"o{n // 4},2026-01-01,c{n // 8},p{n},{0 if n % 31 == 5 else 1},2" for n in range(120)]
    content = "\n".join(["order_id,date,customer,product,quantity,price", *body]).encode()
    found = await send(database, project, Subject.ORDERS, content)
    async with database.transaction(project.project_id) as tx:
        changed = Mapping(fields=found.mapping.fields, enter_customers=True)
        await set_mapping(tx, found.id, changed, now=NOW)
        action = await start_run(tx, found.id, now=NOW)
    written, parts, stops = carry.write_orders_of_file, 0, 0

    async def stop(*arguments: Any, **more: Any) -> Any:
        nonlocal parts
        parts += 1
        outcome = await written(*arguments, **more)
        if parts % 3 == 0:
            raise ConnectionError
        return outcome

    monkeypatch.setattr(carry, "write_orders_of_file", stop)
    while True:
        try:
            done = await carry_out(database, project.project_id, action.id, clock=lambda: NOW)
            break
        except ConnectionError:
            stops += 1
    assert stops > 2
    assert done.result is not None
    assert (done.result["added"], done.result["failed_count"]) == (26, 16)
    assert len(await rejects(database, project, done)) == 16
    async with database.transaction(project.project_id) as tx:
        orders = (await list_orders(tx, limit=100)).items
        summary = await get_customer_summary(tx, (await get_customer(tx, "c0")).id)
    assert [len(order.lines) for order in orders] == [4] * 26
    assert (summary.order_count, summary.spend_minor) == (1, 800)


MAPPINGS_REFUSED: list[tuple[str, Mapping, str]] = [
    ("no such field", Mapping(fields={"shoe": "id"}), "mapping.fields.shoe"),
    ("no such column", Mapping(fields={"source_id": "key"}), "mapping.fields.source_id"),
    ("metadata of no column", Mapping(metadata={"a": "b"}), "mapping.metadata.a"),
    ("one id for all", Mapping(constants={"source_id": "x"}), "mapping.constants.source_id"),
    (
        "column and constant",
        Mapping(fields={"name": "id"}, constants={"name": "x"}),
        "mapping.constants.name",
    ),
]


@pytest.mark.parametrize(
    ("mapping", "field"),
    [row[1:] for row in MAPPINGS_REFUSED],
    ids=[row[0] for row in MAPPINGS_REFUSED],
)
async def test_mappings_refused(
    database: Database, project: Project, mapping: Mapping, field: str
) -> None:
    found = await send(database, project, Subject.CUSTOMERS, b"id,name\n1,A\n")
    with pytest.raises(InvalidInput) as refused:
        async with database.transaction(project.project_id) as tx:
            await set_mapping(tx, found.id, mapping, now=NOW)
    assert refused.value.field == field


async def test_a_mapping_must_be_whole_and_an_import_is_done_once(
    database: Database, project: Project
) -> None:
    found = await send(database, project, Subject.CUSTOMERS, b"x,name\n1,A\n")
    with pytest.raises(InvalidInput, match="source_id"):
        await run(database, project, found.id)
    async with database.transaction(project.project_id) as tx:
        whole = Mapping(fields={"source_id": "x", "name": "name"})
        await set_mapping(tx, found.id, whole, now=NOW)
        await keep_profile(tx, Subject.CUSTOMERS, "till", whole, now=NOW)
    await run(database, project, found.id)
    with pytest.raises(InvalidInput, match="being imported, or was"):
        await run(database, project, found.id)
    later = await send(database, project, Subject.CUSTOMERS, b"x,name\n2,B\n", profile="till")
    assert later.mapping == whole
    with pytest.raises(InvalidInput, match="no column 'x'"):
        await send(database, project, Subject.CUSTOMERS, b"y,name\n2,B\n", profile="till")


def test_chunks_of_parquet_are_read_by_row_group(tmp_path: Path) -> None:
    path = tmp_path / "many.parquet"
    rows = [["id", "at"], *[[n, NOW + timedelta(days=n)] for n in range(10)]]
    path.write_bytes(as_parquet(rows))
    with path.open("rb") as file:
        binary: BinaryIO = file
        shape = sources.describe_file(binary)
        chunks = list(sources.read_chunks(binary, shape, rows=4))
    assert [cell for chunk in chunks for cell in chunk.columns["id"]] == [str(n) for n in range(10)]
    assert chunks[0].columns["at"][0] == "2026-03-01 12:00:00.000000Z"


async def test_a_finished_import_leaves_no_file(database: Database, project: Project) -> None:
    found = await send(database, project, Subject.CUSTOMERS, b"id\n1\n")
    await run(database, project, found.id)
    async with database.transaction(project.project_id) as tx:
        kept = await get_file_import(tx, found.id)
        for file_id in (kept.file_id, kept.sample_id):
            assert file_id is not None
            with pytest.raises(Exception, match="no file"):
                await get_file(tx, file_id)
