"""One order: its lines and what was taken off it."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath

from kaquan.checkout import list_redemptions
from kaquan.console.pages.redemptions import redemption_rows
from kaquan.console.pages.words import ORDER_STATES
from kaquan.console.render import page_of, render
from kaquan.console.session import page_snapshot
from kaquan.customers import Order, OrderLine, find_customer, get_order, list_products_named
from kaquan.runtime import Tx

LINES_SHOWN = 100
REDEMPTIONS_SHOWN = 30


class LineRow(msgspec.Struct, frozen=True):
    """A line with what the catalogue calls it."""

    line: OrderLine
    name: str


@get("/console/orders/{order_id:str}", include_in_schema=False)
async def show_order(request: Request[Any, Any, Any], order_id: FromPath[str]) -> Response[str]:
    """One order."""
    page = page_of(request)
    async with page_snapshot(request) as tx:
        order = await get_order(tx, order_id)
        customer = await find_customer(tx, order.customer_id) if order.customer_id else None
        attempts = await list_redemptions(tx, order_id=order.id, limit=REDEMPTIONS_SHOWN)
        redemptions = await redemption_rows(tx, attempts.items, page)
        lines = await _named_lines(tx, order)
    return render(
        request,
        "pages/order.html",
        order=order,
        badge=ORDER_STATES[order.status],
        customer=customer,
        lines=lines,
        redemptions=redemptions,
    )


async def _named_lines(tx: Tx, order: Order) -> list[LineRow]:
    shown = order.lines[:LINES_SHOWN]
    ids = sorted({line.product_id for line in shown if line.product_id})
    products = await list_products_named(tx, ids)
    names = {product.id: product.name or product.source_id or product.id for product in products}
    return [
        LineRow(line, names.get(line.product_id or "") or line.source_id or "–") for line in shown
    ]
