"""Files of vouchers over HTTP: what stands in them is made, what is refused is told by its line."""

import csv
import io
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from kaquan.runtime import Database, JobServices, Project, load_settings, run_worker

Client = AsyncTestClient[Litestar]
HEADER = "Code;Voucher Type;Value;Discount Type;Colour"


async def send(api: Client, content: bytes) -> Any:
    """Send a file and return the answer."""
    return await api.post("/v1/vouchers/importCSV", files={"file": ("v.csv", content, "text/csv")})


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
async def test_refused_rows_can_be_downloaded(
    api: Client, database: Database, project: Project, postgres_url: str, encoding: str
) -> None:
    rows = [
        HEADER,
        "ONE;DISCOUNT_VOUCHER;5;AMOUNT;红",
        "TWO;DISCOUNT_VOUCHER;;AMOUNT;red",
        ";DISCOUNT_VOUCHER;5;AMOUNT;red",
        "ONE;DISCOUNT_VOUCHER;5;AMOUNT;red",
        "SIX;DISCOUNT_VOUCHER;7;AMOUNT;blue",
    ]
    answer = await send(api, "\r\n".join(rows).encode(encoding))
    assert answer.status_code == 202, answer.text
    await run_worker(postgres_url, JobServices(database, load_settings()), until_empty=True)
    action = f"/v1/async-actions/{answer.json()['async_action_id']}"
    result = (await api.get(action)).json()["result"]
    assert (result["done_count"], result["failed_count"]) == (2, 3)
    file = await api.get(result["reports"][0].partition("//")[2].partition("/")[2].join(["/", ""]))
    told = list(csv.DictReader(io.StringIO(file.text)))
    assert [(one["line"], one["code"]) for one in told] == [("3", "TWO"), ("4", ""), ("5", "ONE")]
    assert all(one["reason"] for one in told)
    assert '"TWO"' in told[0]["values"]
    made = (await api.get("/v1/vouchers/ONE")).json()
    assert (made["metadata"], made["discount"]["amount_off"]) == ({"Colour": "红"}, 500)


@pytest.mark.parametrize(
    ("content", "field"), [(b"", "file"), (b"Value;Colour\n5;red\n", "file"), (b"\n\n", "file")]
)
async def test_a_file_that_can_have_no_vouchers(
    api: Client, project: Project, content: bytes, field: str
) -> None:
    answer = await send(api, content)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
