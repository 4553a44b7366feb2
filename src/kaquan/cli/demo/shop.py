"""The shop: its goods and stores, its households, and what they bought."""

from kaquan.cli.demo.store import list_ids_by_source
from kaquan.cli.demo.work import Done, Progress, Work
from kaquan.customers import (
    load_customers,
    load_locations,
    load_orders,
    load_products,
    record_consents,
)
from kaquan.outreach import EMAIL, MARKETING

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
    households = work.dataset.customers()
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
