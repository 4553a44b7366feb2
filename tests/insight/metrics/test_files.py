"""Figures and facts as files, and the nightly one."""

import csv
from datetime import timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pyarrow import parquet
from pydantic import SecretStr
from python_calamine import CalamineWorkbook

from insight.copying import copy_lake
from insight.metrics.conftest import MARCH, NOW, Open
from insight.rows import Sale, add_campaign, add_customers, add_sale, publish
from kaquan.insight.lake import Storage
from kaquan.insight.metrics import (
    METRICS,
    Dimension,
    Engine,
    FileFormat,
    answer_metrics,
    answer_table,
    export_days,
    fact_table,
    read_source,
    table_bytes,
)
from kaquan.runtime import Database, InvalidInput, NotFound, Project, Settings

PARQUET: Any = parquet


async def _figures(database: Database, project: Project, opened: Open) -> Any:
    async with database.transaction(project.project_id) as tx:
        await add_customers(tx, "ann", at=NOW)
        campaign = await add_campaign(tx, "=1+1")
        await publish(tx, campaign, "ann", at=NOW)
    question = msgspec.structs.replace(MARCH, by=Dimension.CAMPAIGN)
    with await opened() as engine:
        return answer_table(list(answer_metrics(engine, [METRICS["issued"]], question).values()))


@pytest.mark.parametrize("form", list(FileFormat))
async def test_the_same_figures_in_every_kind_of_file(
    database: Database, project: Project, opened: Open, form: FileFormat
) -> None:
    content = table_bytes(await _figures(database, project, opened), form=form, sheet="figures")
    match form:
        case FileFormat.CSV:
            (row,) = csv.DictReader(StringIO(content.decode()))
            assert (row["value"], row["label"]) == ("1.000000", "'=1+1")
        case FileFormat.PARQUET:
            (row,) = PARQUET.read_table(BytesIO(content)).to_pylist()
            assert (int(row["value"]), row["label"]) == (1, "=1+1")
        case FileFormat.XLSX:
            head, cells = (
                CalamineWorkbook.from_filelike(BytesIO(content)).get_sheet_by_index(0).to_python()
            )
            row = dict(zip(head, cells, strict=True))
            assert (row["value"], row["label"]) == (1.0, "=1+1")


async def test_a_table_of_a_window(database: Database, project: Project, opened: Open) -> None:
    async with database.transaction(project.project_id) as tx:
        for days in (0, 40):
            at = NOW - timedelta(days=days)
            await add_sale(tx, Sale(customer_id=None, at=at, amount=days))
    with await opened() as engine:
        assert fact_table(engine, "orders", None).num_rows == 2
        assert fact_table(engine, "orders", MARCH).column("amount_minor").to_pylist() == [0]
        with pytest.raises(NotFound):
            fact_table(engine, "app_user", None)


async def test_the_nightly_file(database: Database, project: Project, tmp_path: Path) -> None:
    settings = Settings(lake=str(tmp_path / "lake"))
    storage = Storage(str(settings.lake))
    assert await export_days(database, settings, project, now=NOW) is None
    async with database.transaction(project.project_id) as tx:
        await add_sale(tx, Sale(customer_id=None, at=NOW - timedelta(days=1), amount=700))
    await copy_lake(database, project.project_id, storage, now=NOW)
    path = str(await export_days(database, settings, project, now=NOW))
    assert path == f"exports/project={project.id}/metrics-2026-03-17.csv"
    rows = list(csv.DictReader(StringIO(storage.files.cat_file(storage.address(path)).decode())))
    assert len(rows) == 30 * len(METRICS)
    revenue = [row for row in rows if row["metric"] == "revenue" and row["bucket"] == "2026-03-17"]
    assert [row["value"] for row in revenue] == ["700.000000"]


async def test_a_warehouse_gives_the_same_figures(
    database: Database, project: Project, tmp_path: Path
) -> None:
    storage = Storage(str(tmp_path / "lake"))
    async with database.transaction(project.project_id) as tx:
        await add_sale(tx, Sale(customer_id=None, at=NOW, amount=700))
    await copy_lake(database, project.project_id, storage, now=NOW)
    async with database.snapshot(project.project_id) as tx:
        source = await read_source(tx)
    found: list[dict[str, object]] = []
    for warehouse in (None, SecretStr(f"duckdb://{tmp_path / 'house.ddb'}")):
        with Engine(Settings(warehouse=warehouse), storage, source) as engine:
            answers = answer_metrics(engine, list(METRICS.values()), MARCH)
            found.append({key: one.point.value for key, one in answers.items()})
    assert found[0] == found[1]
    assert found[0]["revenue"] == 700
    with pytest.raises(InvalidInput, match="KAQUAN_WAREHOUSE"):
        Engine(Settings(warehouse=SecretStr("nonsense://")), storage, source)
