"""``/v1/orders/import``: many orders at once, each stored or refused on its own."""

from typing import Any

from litestar import Router
from litestar.params import JSONBody

from kaquan.api.call import CurrentCall
from kaquan.api.customers import draft_customer
from kaquan.api.orders import OrderBody, draft_order, draft_overrides
from kaquan.api.uploads import AsyncActionId, import_rows, read_row, receives_rows
from kaquan.customers import ImportKind, OrderRow
from kaquan.runtime import InvalidInput, Tx


@receives_rows("/import", "Import orders")
async def import_orders(data: JSONBody[list[dict[str, Any]]], call: CurrentCall) -> AsyncActionId:
    """Store many orders, with their customers, later; the result names those that are refused.

    Imported orders redeem nothing: what they say of coupons is left out.
    """
    async with call.transaction() as tx:
        rows = [await _row_of(tx, given) for given in data]
        return await import_rows(tx, call, ImportKind.ORDERS, rows)


async def _row_of(tx: Tx, given: dict[str, Any]) -> OrderRow:
    named = given.get("source_id")
    reference = named if isinstance(named, str) else None
    body = read_row(given, OrderBody)
    if isinstance(body, str):
        return OrderRow(reference=reference, reason=body)
    try:
        order = await draft_order(tx, body)
    except InvalidInput as error:
        return OrderRow(reference=reference, reason=error.message)
    customer = body.customer
    return OrderRow(
        order=order,
        customer=None
        if customer is None
        else draft_customer(customer, customer_id=body.customer_id),
        products=tuple(draft_overrides(body.items)),
        reference=reference,
    )


def order_imports_router() -> Router:
    """Routes of importing orders."""
    return Router(path="/orders", route_handlers=[import_orders], tags=["Orders"])
