"""One person told through every door of the product, and what of them the database has afterwards."""

import copy
import io
import json
import zipfile
from collections.abc import AsyncGenerator
from typing import Any

import pytest_asyncio
import xlsxwriter
from httpx import ASGITransport, AsyncClient, BasicAuth
from litestar import Litestar
from psycopg import sql
from psycopg.types.json import Jsonb

from api.conftest import headers_of, issue_key
from api.stock import AMOUNT_OFF, Shelf
from connectors.samples import SECRET, SHOPIFY_ORDER, shopify
from kaquan.customers import (
    IdentityKind,
    export_person,
    find_customer,
    list_customers,
    prove_identity,
)
from kaquan.customers.imports.run import run_import
from kaquan.insight.exports.run import run_export
from kaquan.ledger import check_ledger
from kaquan.outreach import list_messages
from kaquan.runtime import Database, Project, Tx, utc_now
from kaquan.segments import create_segment
from kaquan.trust import KeyKind, KeyScope, create_api_key, verify_audit
from outreach.shop import open_shop, send
from webhooks.samples import number, subscribe

NAME, EMAIL_ADDRESS, PHONE = (
    "Xanthippe Quokkabury",
    "xanthippe@quokkabury.example",
    "+8613987650123",
)
SPOKEN, OTHERS = "139-8765-0123", "13987650124"
MARKS = ("xanthippe", "quokkabury", "3987650123")
"""What tells who she is, in small letters."""


async def read_all(tx: Tx) -> dict[str, str]:
    """Everything that the project and the queue have in the database, by column, in small letters."""
    columns = await tx.execute(
        "select t.table_schema, t.table_name, c.column_name, c.data_type"
        " from information_schema.tables t join information_schema.columns c"
        "   using (table_schema, table_name)"
        " where t.table_schema in ('kaquan', 'jobs') and t.table_type = 'BASE TABLE'"
    )
    found: dict[str, str] = {}
    for schema, table, column, kind in await columns.fetchall():
        value = sql.Identifier(column)
        text = (
            sql.SQL("encode({}, 'escape')").format(value)
            if kind == "bytea"
            else sql.SQL("{}::text").format(value)
        )
        rows = await tx.execute(
            sql.SQL("select lower(string_agg({}, chr(10))) from {}.{}").format(
                text, sql.Identifier(schema), sql.Identifier(table)
            )
        )
        row = await rows.fetchone()
        assert row is not None
        found[f"{table}.{column}"] = row[0] or ""
    return found


HER_ID = "115310627314723954"
HER = {
    "source_id": HER_ID,
    "name": NAME,
    "email": EMAIL_ADDRESS,
    "phone": PHONE,
    "address": {"city": "Ottawa", "line_1": f"{NAME}, 7 High Street", "postal_code": "200999"},
    "description": f"{NAME} likes tea",
    "metadata": {"nickname": "Xanthippe"},
}
SAID = {"said": f"for {NAME}, {PHONE}, {EMAIL_ADDRESS}"}


class Doors:
    """Every way in which she is told to the product."""

    def __init__(
        self, database: Database, project: Project, http: AsyncClient, web: AsyncClient
    ) -> None:
        self.database = database
        self.project = project
        self.office = Shelf(http, "x")
        self.web = web
        self.http = http

    async def profile(self) -> None:
        """The API's profile, what staff wrote, and a second record of hers, merged."""
        office = self.office
        await office.post("/v1/customers", HER)
        other = await office.post("/v1/customers", HER | {"source_id": "xanthippe-old"})
        await office.post(f"/v1/kaquan/customers/{HER_ID}/notes", {"text": f"{NAME} called"})
        await office.post(
            "/v1/kaquan/merges", {"survivor": HER_ID, "merged": other["id"], "reason": NAME}
        )
        async with self.database.transaction(self.project.project_id) as tx:
            her = await find_customer(tx, HER_ID)
            assert her is not None
            for kind, value in ((IdentityKind.CARD, "QUOKKABURY-1"), (IdentityKind.PHONE, PHONE)):
                await prove_identity(
                    tx, her.id, kind, value, proof="shown", source="till", by="Test", now=utc_now()
                )

    async def checkout(self) -> None:
        """Coupons, tries, a lock, redemptions, returns, balances."""
        office, her = self.office, {"source_id": HER_ID}
        await office.post("/v1/vouchers/XQ1", AMOUNT_OFF | {"redemption": {"quantity": 50}})
        gift = {"type": "GIFT_VOUCHER", "gift": {"amount": 5_000}, "metadata": SAID}
        await office.post("/v1/vouchers/XQ2", gift | {"additional_info": f"to {NAME}"})
        for code in ("XQ1", "XQ2"):
            given = {"voucher": code, "customer": her, "metadata": SAID}
            await office.post("/v1/publications", given)
        change = {"amount": 100, "reason": f"{NAME} complained"}
        await office.post("/v1/vouchers/XQ2/balance", change)
        item = {"source_id": "tea", "quantity": 2, "price": 400, "product": {"name": "Tea"}}
        basket = {
            "redeemables": [{"object": "voucher", "id": "XQ1"}],
            "customer": HER,
            "order": {"items": [item | {"metadata": SAID}], "metadata": SAID},
            "metadata": SAID,
        }
        await office.post("/v1/validations", basket)
        await office.post("/v1/qualifications", {"customer": HER, "order": basket["order"]})
        lock = {"session": {"type": "LOCK", "key": "a-session-of-hers"}}
        await office.post("/v1/validations", basket | lock)
        made = await office.post("/v1/redemptions", basket | {"tracking_id": f"t-{NAME}"})
        back = {"items": [{"line": 0, "quantity": 1}], "reason": NAME, "metadata": SAID}
        await office.post(f"/v1/orders/{made['order']['id']}/returns", back)
        await office.post(
            "/v1/redemptions",
            basket
            | {
                "redeemables": [{"object": "voucher", "id": "XQ2"}],
                "customer": {"email": EMAIL_ADDRESS, "phone": PHONE, "name": NAME},
            },
        )
        await office.post(
            "/v1/validations", basket | {"customer": {"email": EMAIL_ADDRESS, "name": NAME}}
        )

    async def events(self) -> None:
        """Tracking, a shop system, custom events: what was taken and what was not."""
        office, web = self.office, self.web
        await office.post(
            "/v1/events", {"event": "called", "customer": {"source_id": HER_ID}, "metadata": SAID}
        )
        traits = {"email": EMAIL_ADDRESS, "phone": PHONE, "name": NAME}
        batch = [
            {"type": "identify", "userId": HER_ID, "anonymousId": f"a-{NAME}", "traits": traits},
            {"type": "track", "userId": HER_ID, "event": "Product Added",
             "properties": {"product_id": "tea", "quantity": 1, "gift": NAME}},
            {"type": "track", "userId": HER_ID, "event": "", "properties": traits},
        ]  # fmt: skip
        answer = await web.post("/v1/batch", json={"batch": batch})
        assert answer.status_code == 200, answer.text
        source = await office.post(
            "/v1/kaquan/sources", {"kind": "shopify", "name": "shop", "secret": SECRET}
        )
        order = copy.deepcopy(SHOPIFY_ORDER)
        order["customer"] |= {"email": EMAIL_ADDRESS, "first_name": "Xanthippe", "phone": PHONE}
        order["email"] = EMAIL_ADDRESS
        for delivery, body in (("d-1", order), ("d-2", order | {"total_price": NAME, "id": 2})):
            sent = shopify("orders/create", body, delivery=delivery)
            answer = await web.post(source["path"], **sent)
            assert answer.status_code == 200, answer.text

    async def files(self) -> None:
        """Files sent and files made: uploads that wait, rows that were refused, exports."""
        office = self.office
        for name, content in (
            ("rows.csv", _rows(HER_ID, NAME, PHONE, EMAIL_ADDRESS).encode()),
            ("wide.csv", _rows("x", "X", SPOKEN, EMAIL_ADDRESS).encode("utf-16")),
            ("book.xlsx", _workbook(["id", "mail"], ["x", EMAIL_ADDRESS.upper()])),
            ("others.csv", _rows("o", "Others", "+8613987650124", "o@quokka.example").encode()),
            ("others.xlsx", _workbook(["id", "phone"], ["o", "+8613987650124"])),
        ):
            await self.upload(name, content)
        here = self.database, self.project.project_id
        started = [
            await office.upload(
                "/v1/customers/importCSV", f"Source_id,Name\n{HER_ID},{NAME}\n", {}
            ),
            await office.post("/v1/customers/bulk/async", [HER, {"name": NAME}]),
        ]
        for action in started:
            await run_import(*here, action["async_action_id"], clock=utc_now)
        for kind in ("customer", "order", "publication"):
            asked = await office.post("/v1/exports", {"exported_object": kind})
            await run_export(*here, asked["id"], clock=utc_now)

    async def upload(self, name: str, content: bytes) -> None:
        """A file that waits to be mapped."""
        answer = await self.http.post(
            "/v1/kaquan/imports", files={"file": (name, content)}, data={"subject": "customers"}
        )
        assert answer.status_code == 202, answer.text

    async def office_work(self) -> None:
        """What marketers write down: segments, exports by filter, saved lists, the bin."""
        office = self.office
        rule = {"attribute": "phone", "operator": "in", "value": [PHONE, SPOKEN, OTHERS]}
        async with self.database.transaction(self.project.project_id) as tx:
            await create_segment(tx, "By phone", rule, now=utc_now())
            filters = {"search": "", "filter": rule}
            await tx.execute(
                "insert into saved_filter (id, owner, name, definition, columns, sort, created_at)"
                " values ('f', '', 'Hers', %s, '{}', '', %s)",
                (Jsonb(filters), utc_now()),
            )
        dialect = {"junction": "AND", "email": {"conditions": {"$is": [EMAIL_ADDRESS]}}}
        await office.post(
            "/v1/segments", {"name": "By mail", "type": "auto-update", "filter": dialect}
        )
        asked = {"parameters": {"filters": dialect}, "exported_object": "customer"}
        await office.post("/v1/exports", asked)
        await office.post("/v1/vouchers/XQ3", AMOUNT_OFF | {"metadata": SAID})
        await office.post("/v1/publications", {"voucher": "XQ3", "customer": {"source_id": HER_ID}})
        await office.remove("/v1/vouchers/XQ3")


def _rows(*cells: str) -> str:
    return f"id,name,phone,email\n{','.join(cells)}\n"


def _workbook(*rows: list[str]) -> bytes:
    packed = io.BytesIO()
    book: Any = xlsxwriter.Workbook(packed, {"in_memory": True})
    sheet = book.add_worksheet()
    for place, row in enumerate(rows):
        sheet.write_row(place, 0, row)
    book.close()
    return packed.getvalue()


def places(found: dict[str, str]) -> set[str]:
    """The columns in which she can be recognised."""
    return {column for column, text in found.items() if any(mark in text for mark in MARKS)}


READABLE = {
    "attempt.inputs", "balance_adjustment.reason", "customer.description", "customer.metadata",
    "customer_alias.alias", "customer_merge.reason", "domain_event.data", "event.metadata",
    "export.parameters", "order_return.metadata", "order_return.reason", "orders.line_details",
    "orders.metadata", "publication.metadata", "redemption.metadata", "redemption.tracking_id",
    "saved_filter.definition", "segment.definition", "segment.metadata", "source_receipt.body",
    "stored_file_part.content", "visitor.anonymous_id", "voucher.additional_info",
    "voucher.metadata",
}  # fmt: skip
"""Where she stands in the clear before: everywhere else she is sealed, or not at all."""


@pytest_asyncio.fixture(loop_scope="session")
async def doors(app: Litestar, database: Database, project: Project) -> AsyncGenerator[Doors]:
    """She has come in through every door."""
    key = await issue_key(database, project, KeyKind.SERVER)
    async with database.transaction(project.project_id) as tx:
        tracking = await create_api_key(
            tx, KeyKind.SERVER, name="tracking", scope=KeyScope.TRACKING, now=utc_now()
        )
        await subscribe(tx)
        shop = await open_shop(tx, [EMAIL_ADDRESS])
    transport = ASGITransport(app, raise_app_exceptions=False)  # pyright: ignore[reportArgumentType] - Litestar's own ASGI types
    server = AsyncClient(transport=transport, base_url="http://test", headers=headers_of(key))
    writer = BasicAuth(tracking.token, "")
    async with (
        server as office,
        AsyncClient(transport=transport, base_url="http://test", auth=writer) as web,
    ):
        opened = Doors(database, project, office, web)
        await opened.profile()
        await opened.checkout()
        await opened.events()
        await opened.files()
        await opened.office_work()
        await send(database, project.project_id, shop)
        await app.state.attempts.flush()
        async with database.transaction(project.project_id) as tx:
            await number(tx)
        yield opened


async def test_nothing_of_a_person_is_left(
    doors: Doors, database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        assert places(await read_all(tx)) == READABLE
        (message,) = (await list_messages(tx, limit=9)).items
        assert message.address == EMAIL_ADDRESS
        people = (await list_customers(tx, search=EMAIL_ADDRESS)).items
    assert len(people) > 2
    for one in people:
        await doors.office.post(f"/v1/customers/{one.id}/permanent-deletion", {})
    async with database.transaction(project.project_id) as tx:
        left = await read_all(tx)
        assert places(left) == set()
        # Neither is more gone than she, nor have sums and chains suffered.
        files = set(left["stored_file.name"].split("\n"))
        assert files >= {"others.csv", "others.xlsx"}
        assert not files & {"rows.csv", "wide.csv", "book.xlsx"}
        assert (SPOKEN in left["segment.definition"], OTHERS in left["segment.definition"]) == (
            False,
            True,
        )
        assert (await verify_audit(tx)).broken is None
        assert await check_ledger(tx) == []
    for route in ("segments", "exports", "orders", "redemptions", "kaquan/receipts", "vouchers"):
        listed = await doors.office.get(f"/v1/{route}")
        assert listed
    segments = (await doors.office.get("/v1/segments"))["data"]
    for one in segments:
        await doors.office.get(f"/v1/segments/{one['id']}")


async def test_her_export_has_all_that_there_is(
    doors: Doors, database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        packed = await export_person(tx, HER_ID, now=utc_now())
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        told: dict[str, Any] = json.loads(archive.read("person.json"))
        tables = {name.removesuffix(".csv") for name in archive.namelist()} - {"person.json"}
    filled = {subject for subject, rows in told.items() if isinstance(rows, list) and rows}
    assert filled == tables
    assert filled >= EXPORTED
    recognised = {
        name for name in filled if any(mark in json.dumps(told[name]).lower() for mark in MARKS)
    }
    assert recognised >= EXPORTED - IDS_ONLY
    assert told["profile"][0]["phone"] == PHONE
    assert EMAIL_ADDRESS in told["received"][0]["body"]


EXPORTED = {
    "profile", "former_ids", "identities", "notes", "orders", "order_lines", "vouchers",
    "publications", "redemptions", "returns", "balance_changes", "attempts", "events", "visitors",
    "carts", "received", "told", "merges",
}  # fmt: skip
IDS_ONLY = {"order_lines", "carts"}
