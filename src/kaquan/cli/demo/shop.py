"""The shop: its goods and stores, its households, and what they bought."""

import json
from typing import TYPE_CHECKING, Any

from kaquan.cli.demo.people import make_up_head
from kaquan.cli.demo.store import list_ids_by_source
from kaquan.cli.demo.work import Done, Progress, Work
from kaquan.customers import (
    PersonRecord,
    load_customers,
    load_locations,
    load_orders,
    load_products,
    record_consents,
)
from kaquan.outreach import EMAIL, MARKETING

if TYPE_CHECKING:
    import pyarrow as pa

CONSENT_SOURCE = "demo"


async def load_goods(work: Work, progress: Progress) -> Done:
    """Load the catalogue."""
    products = work.dataset.products()
    async with work.transaction() as tx:
        counts = await load_products(tx, products, now=work.now, progress=progress.reach)
    return Done(rows=counts.given)


async def load_stores(work: Work, progress: Progress) -> Done:
    """Load the stores."""
    stores = work.dataset.locations()
    async with work.transaction() as tx:
        counts = await load_locations(tx, stores, now=work.now, progress=progress.reach)
    return Done(rows=counts.given)


async def load_households(work: Work, progress: Progress) -> Done:
    """Load the households, and consent to e-mail that says that it is the demo's."""
    households = _introduce(work.dataset.customers())
    async with work.transaction() as tx:
        counts = await load_customers(tx, households, now=work.now, progress=progress.reach)
        if counts.added:
            ids = await list_ids_by_source(tx)
            await record_consents(
                tx,
                list(ids.values()),
                channel=EMAIL,
                purpose=MARKETING,
                granted=True,
                source=CONSENT_SOURCE,
                now=work.now,
            )
    return Done(rows=counts.given)


def household_heads(households: "pa.Table") -> dict[int, PersonRecord]:
    """By number, the made-up person as whom each household is known."""
    return {
        (number := int(row["source_id"].removeprefix("household-"))): make_up_head(
            number, json.loads(row["metadata"]).get("age")
        )
        for row in households.select(["source_id", "metadata"]).to_pylist()
    }


def _introduce(households: "pa.Table") -> "pa.Table":
    """Give each household its head's name, addresses, phone and birthday."""
    heads = list(household_heads(households).values())
    columns: dict[str, list[Any]] = {
        "name": [head.name for head in heads],
        "email": [head.email for head in heads],
        "phone": [head.phone for head in heads],
        "birth_date": [head.birth_date for head in heads],
        "address": [json.dumps(_address(head)) for head in heads],
    }
    for name, values in columns.items():
        households = households.append_column(name, [values])
    return households


def _address(head: PersonRecord) -> dict[str, str | None]:
    return {"line_1": head.address_line, "postal_code": head.postal_code, "country": "US"}


async def load_baskets(work: Work, progress: Progress) -> Done:
    """Load the orders with their lines; either all are stored or none."""
    orders, lines = work.dataset.orders(), work.dataset.order_lines()
    async with work.transaction() as tx:
        await load_orders(tx, orders, lines, now=work.now, progress=progress.reach)
    left_out = work.dataset.left_out()
    return Done(
        rows=lines.num_rows,
        figures={
            "orders": orders.num_rows,
            "notes": left_out.notes,
            "empty_baskets": left_out.baskets,
        },
    )
