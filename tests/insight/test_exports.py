"""Exports: columns, filters, order, metadata spread out, and parts that are streamed."""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from kaquan.customers import (
    CustomerDraft,
    OrderDraft,
    ProductDraft,
    create_order,
    upsert_customer,
    upsert_product,
)
from kaquan.insight import (
    ExportedObject,
    ExportParameters,
    ExportStatus,
    check_stream,
    delete_export,
    get_export,
    list_exports,
    request_export,
    stream_objects,
)
from kaquan.insight.exports.run import run_export
from kaquan.insight.exports.sources import SOURCES
from kaquan.runtime import (
    Database,
    InvalidInput,
    JobServices,
    NotFound,
    Project,
    get_file,
    load_settings,
    run_worker,
    stream_file,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


async def export(
    database: Database, project: Project, url: str, exported: ExportedObject, **parameters: Any
) -> list[dict[str, str]]:
    """Make an export, through its job when there is a ``url``, and return its rows."""
    async with database.transaction(project.project_id) as tx:
        made = await request_export(tx, exported, ExportParameters(**parameters), now=NOW)
    assert made.status is ExportStatus.SCHEDULED
    if url:
        await run_worker(url, JobServices(database, load_settings()), until_empty=True)
    else:
        await run_export(database, project.project_id, made.id, clock=lambda: NOW)
    async with database.transaction(project.project_id) as tx:
        done = await get_export(tx, made.id)
        stored = await get_file(tx, done.file_id)
    assert (done.status, done.error) == (ExportStatus.DONE, None)
    parts = [part async for part in stream_file(database, project.project_id, stored)]
    rows = list(csv.DictReader(io.StringIO(b"".join(parts).decode())))
    assert done.row_count == len(rows)
    return rows


async def test_customers_with_their_metadata(
    database: Database, project: Project, postgres_url: str
) -> None:
    async with database.transaction(project.project_id) as tx:
        for number, more in enumerate(({"vip": True}, {"vip": False}, {"size": "M"})):
            draft = CustomerDraft(source_id=f"c{number}", name="=cmd()", metadata=more)
            await upsert_customer(tx, draft, now=NOW)
    rows = await export(
        database,
        project,
        postgres_url,
        ExportedObject.CUSTOMER,
        order="-source_id",
        fields=["source_id", "name", "created_at", "metadata", "metadata.vip"],
        filters={"metadata.vip": {"conditions": {"$has_value": ""}}},
    )
    assert [row["Source ID"] for row in rows] == ["c1", "c0"]
    assert rows[0]["Name"] == "'=cmd()"
    assert rows[0]["Created At"] == "2026-03-01T12:00:00.000Z"
    assert rows[0]["metadata.vip"] == "false"


@pytest.mark.parametrize("exported", list(ExportedObject))
async def test_every_column_of_every_export(
    database: Database, project: Project, exported: ExportedObject
) -> None:
    source = SOURCES[exported]
    async with database.transaction(project.project_id) as tx:
        await upsert_customer(tx, CustomerDraft(source_id="c"), now=NOW)
        await upsert_product(tx, ProductDraft(source_id="p", price_minor=5), now=NOW)
        await create_order(tx, OrderDraft(source_id="o", amount_minor=5), now=NOW)
    full = (ExportedObject.CUSTOMER, ExportedObject.PRODUCT, ExportedObject.ORDER)
    for order in source.orders:
        rows = await export(
            database, project, "", exported, order=order, fields=list(source.fields)
        )
        assert len(rows) == int(exported in full)


@pytest.mark.parametrize(
    ("parameters", "key"),
    [
        ({"fields": ["shoe_size"]}, "invalid_export_fields"),
        ({"order": "shoe_size"}, "invalid_export_params"),
        ({"campaign_id": "camp_1"}, "invalid_export_params"),
        ({"filters": {"shoe_size": {"conditions": {"$is": 1}}}}, "invalid_query_params"),
    ],
)
async def test_what_cannot_be_exported(
    database: Database, project: Project, parameters: dict[str, Any], key: str
) -> None:
    async with database.transaction(project.project_id) as tx:
        with pytest.raises(InvalidInput) as refused:
            await request_export(tx, ExportedObject.ORDER, ExportParameters(**parameters), now=NOW)
        assert refused.value.key == key
        assert (await list_exports(tx, limit=5)).total == 0


async def test_an_export_goes_with_its_file(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        made = await request_export(tx, ExportedObject.ORDER, ExportParameters(), now=NOW)
        await delete_export(tx, made.id)
        with pytest.raises(NotFound):
            await get_file(tx, made.file_id)
        with pytest.raises(NotFound):
            await delete_export(tx, made.id)


async def test_a_stream_has_every_object_of_one_moment(
    database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        for number in range(12):
            draft = CustomerDraft(source_id=f"c-{number:02}", metadata={"level": number})
            await upsert_customer(tx, draft, now=NOW)
        with pytest.raises(InvalidInput, match="Unsupported field"):
            await check_stream(
                tx, ExportedObject.CUSTOMER, ExportParameters(fields=["shoe"]), now=NOW
            )
        wanted = ExportParameters(fields=["source_id", "metadata"])
        checked = await check_stream(tx, ExportedObject.CUSTOMER, wanted, now=NOW)
    number = project.project_id
    parts = stream_objects(database, number, ExportedObject.CUSTOMER, checked, now=NOW)
    lines = b"".join([part async for part in parts]).splitlines()
    rows = sorted((json.loads(line) for line in lines), key=lambda row: row["source_id"])
    assert rows[0] == {"source_id": "c-00", "metadata.level": "0"}
    assert [row["source_id"] for row in rows] == [f"c-{number:02}" for number in range(12)]
