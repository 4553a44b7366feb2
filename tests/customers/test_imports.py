"""Imports: any encoding and separator, good rows stored, bad ones reported, crashes survived."""

import csv
import io
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from kaquan.customers import (
    ImportKind,
    ProductDraft,
    check_import_file,
    count_customers,
    find_customer,
    get_customer,
    list_skus,
    request_import,
    upsert_product,
)
from kaquan.customers.imports import run
from kaquan.customers.imports.reading import read_csv_rows
from kaquan.customers.imports.run import run_import
from kaquan.runtime import (
    ActionStatus,
    AsyncAction,
    Database,
    InvalidInput,
    Project,
    Property,
    append_to_file,
    create_file,
    get_action,
    get_file,
    put_schema,
    read_file_part,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


async def start(database: Database, project: Project, kind: ImportKind, content: bytes) -> str:
    """Store a file and ask for its import."""
    async with database.transaction(project.project_id) as tx:
        file_id = await create_file(tx, "upload.csv", now=NOW)
        await append_to_file(tx, file_id, content)
        action = await request_import(tx, kind, file_id, is_csv=True, rows=None, now=NOW)
    return action.id


async def finish(database: Database, project: Project, action_id: str) -> AsyncAction:
    """Do the import as its job does it."""
    await run_import(database, project.project_id, action_id, clock=lambda: NOW)
    async with database.transaction(project.project_id) as tx:
        return await get_action(tx, action_id)


async def load(
    database: Database, project: Project, kind: ImportKind, content: bytes
) -> dict[str, Any]:
    """Import a file and return the result."""
    action = await finish(database, project, await start(database, project, kind, content))
    assert action.result is not None
    return action.result


async def report(database: Database, project: Project, action: AsyncAction) -> list[dict[str, str]]:
    """The rows of an import's report."""
    async with database.transaction(project.project_id) as tx:
        stored = await get_file(tx, action.request["report_id"])
        parts = [await read_file_part(tx, stored.id, n + 1) for n in range(stored.part_count)]
    return list(csv.DictReader(io.StringIO(b"".join(parts).decode())))


ROW = "李雷{s}c-1{s}上海"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gbk", "gb18030"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings_and_separators(encoding: str, separator: str, end: str) -> None:
    text = end.join([f"Name{separator}Source_id{separator}City", ROW.format(s=separator), ""])
    (row,) = read_csv_rows(io.BytesIO(text.encode(encoding)))
    assert row.values == {"Name": "李雷", "Source_id": "c-1", "City": "上海"}
    assert (row.number, row.line, row.reason) == (1, 2, None)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a,b\n1,2\n3\n4,5,6\n7,8,\n", [2, 3, 4, 5]),
        ('a,b\n"1\n2",3\n4,5\n', [2, 4]),
        ("a,b\n\n1,2\n\n", [3]),
        ('a,b\n"1"x,2\n3,4\n', [2, 3]),
    ],
)
def test_every_row_knows_its_line(text: str, lines: Sequence[int]) -> None:
    rows = list(read_csv_rows(io.BytesIO(text.encode())))
    assert [row.line for row in rows] == lines
    assert [row.number for row in rows] == list(range(1, len(lines) + 1))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"\n\n1,2\n", "first line"),
        (b"source_id\na\n", "no column 'product_id'"),
        (b"source_id,product_id,Source_ID\n", "stands twice"),
        (b"source_id,product_id\n\xff\xff\xff", "neither UTF-8"),
    ],
)
def test_files_that_can_never_be_imported(content: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as refused:
        check_import_file(ImportKind.SKUS_CSV, content)
    assert refused.value.field == "file"


async def test_bad_rows_are_reported_and_good_ones_kept(
    database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        properties = {
            "vip": Property(type="boolean"),
            "size": Property(type="number"),
            "tags": Property(type="string", array=True),
        }
        await put_schema(tx, "customer", properties, now=NOW)
    lines = (
        "name,source_id,email,birthdate,vip,size,tags,other",
        'Anna,a,anna@example.com,1990-05-31,TRUE,42,"new, hot",x',
        "Ben,b,not-mail,,,,,",
        "Chen,c,,31.5.1990,,,,",
        "Dora,d,,,maybe,,,",
        "Emil,e,,,,large,,",
        "Fang",
        "Gao,g,,,,,,,,",
        "Hu,h\x01,,,,,,",
    )
    content = "\n".join(lines)
    action_id = await start(database, project, ImportKind.CUSTOMERS_CSV, content.encode())
    action = await finish(database, project, action_id)
    assert action.result is not None
    assert (action.status, action.result["done_count"]) == (ActionStatus.DONE, 2)
    rows = await report(database, project, action)
    assert [(row["line"], row["source_id"]) for row in rows] == [
        ("3", "b"),
        ("4", "c"),
        ("5", "d"),
        ("6", "e"),
        ("7", ""),
        ("9", "h\x01"),
    ]
    assert all(row["reason"] for row in rows)
    async with database.transaction(project.project_id) as tx:
        anna = await get_customer(tx, "a")
        assert anna.metadata == {"vip": True, "size": 42, "tags": ["new", "hot"], "other": "x"}
        assert await find_customer(tx, "g") is not None
        with pytest.raises(Exception, match="no file"):
            await get_file(tx, action.request["file_id"])


async def test_empty_cells_leave_what_is_known(database: Database, project: Project) -> None:
    first = b"name,source_id,phone,address_city\nAnna,a,13800000000,Shanghai\n"
    await load(database, project, ImportKind.CUSTOMERS_CSV, first)
    second = b"name,source_id,phone,vip\n,a,,yes\nNobody,,,\n"
    result = await load(database, project, ImportKind.CUSTOMERS_CSV, second)
    assert result["done_count"] == 2
    async with database.transaction(project.project_id) as tx:
        anna = await get_customer(tx, "a")
        assert (anna.name, anna.phone, anna.address) == (
            "Anna",
            "+8613800000000",
            {"city": "Shanghai"},
        )
        assert (anna.metadata, anna.updated_at) == ({"vip": "yes"}, NOW)
        assert await count_customers(tx) == 2


async def test_the_later_of_two_rows_about_one_wins(database: Database, project: Project) -> None:
    rows = [f"Name {n},same,{n}" for n in range(50)]
    content = "\n".join(["name,source_id,n", *rows]).encode()
    result = await load(database, project, ImportKind.CUSTOMERS_CSV, content)
    assert result["done_count"] == 50
    async with database.transaction(project.project_id) as tx:
        known = await get_customer(tx, "same")
        assert (known.name, known.metadata) == ("Name 49", {"n": "49"})


async def test_variants_need_their_product(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        for name in ("tea", "pot"):
            await upsert_product(tx, ProductDraft(source_id=name), now=NOW)
    content = (
        b"source_id,product_id,sku,price,attributes\n"
        b'red,tea,Red,100,"{""a"": 1}"\nred,pot,Red,,\nblue,tea,Blue,1.5,\ngrey,tea,,,nothing\n'
    )
    result = await load(database, project, ImportKind.SKUS_CSV, content)
    assert [one["reason"].partition(":")[0] for one in result["failed"]] == [
        "source_id",
        "price",
        "attributes",
    ]
    async with database.transaction(project.project_id) as tx:
        (red,) = (await list_skus(tx)).items
        assert (red.price_minor, red.attributes) == (100, {"a": 1})


async def test_an_import_goes_on_where_it_was_stopped(
    database: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "ROWS_A_PART", 10)
    dice = random.Random(7)
    lines = [f"N{n},c{n},{'bad' if dice.random() < 0.3 else ''}" for n in range(95)]
    bad = sum(line.endswith("bad") for line in lines)
    content = "\n".join(["name,source_id,email", *lines]).encode()
    action_id = await start(database, project, ImportKind.CUSTOMERS_CSV, content)
    written = run.import_part
    parts = 0

    async def stop(*arguments: Any, **more: Any) -> None:
        nonlocal parts
        parts += 1
        await written(*arguments, **more)
        if parts % 3 == 0:
            raise ConnectionError

    monkeypatch.setattr(run, "import_part", stop)
    stops = 0
    while True:
        try:
            action = await finish(database, project, action_id)
            break
        except ConnectionError:
            stops += 1
    assert stops > 2
    assert action.result is not None
    assert (action.result["done_count"], action.result["failed_count"]) == (95 - bad, bad)
    assert len(await report(database, project, action)) == bad
    async with database.transaction(project.project_id) as tx:
        assert await count_customers(tx) == 95 - bad
