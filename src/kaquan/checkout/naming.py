"""What a request names, before any of it is looked up."""

from typing import Any

from msgspec import UNSET, UnsetType

from kaquan.checkout.model import CheckoutRequest
from kaquan.checkout.store.found import Wanted
from kaquan.customers import (
    Customer,
    CustomerDraft,
    OrderDraft,
    check_order,
    list_references,
    list_sku_references,
)
from kaquan.runtime import check_reference


def name_wanted(request: CheckoutRequest) -> Wanted:
    """Tell what to read; raises InvalidInput for an order that could be none."""
    order, wanted = request.order, dict[str, Any]()
    draft = order if isinstance(order, OrderDraft) else OrderDraft()
    if isinstance(order, str):
        wanted |= {"order_id": order, "order_source_id": order}
    elif draft.id is not None:
        wanted |= {"order_id": draft.id, "order_source_id": draft.id}
    elif isinstance(draft.source_id, str):
        wanted["order_source_id"] = draft.source_id
    check_order(draft, field="order.")
    if not isinstance(draft.lines, UnsetType):
        wanted["products"] = list_references(draft.lines, field="order.items")
        wanted["skus"] = list_sku_references(draft.lines)
    return Wanted(
        codes=[r.id for r in request.redeemables],
        tiers=frozenset(r.id for r in request.redeemables if r.object == "promotion_tier"),
        location=name_location(request),
        **wanted,
        **_name_customer(request, draft),
    )


def name_location(request: CheckoutRequest) -> str | None:
    """Where the request says that it takes place; an order may say it too."""
    if request.location_id is None and isinstance(request.order, OrderDraft):
        named = request.order.location_id
        return named if isinstance(named, str) else None
    return request.location_id


def brings_news(draft: CustomerDraft, known: Customer | None) -> bool:
    """Whether the draft may say more of a customer than who it is."""
    if known is None:
        return True
    told = (getattr(draft, name) for name in draft.__struct_fields__ if name != "id")
    return any(value is not UNSET and value != {} and value != known.source_id for value in told)


def _name_customer(request: CheckoutRequest, draft: OrderDraft) -> dict[str, Any]:
    """Of a draft our id alone counts, else the merchant's, as when it is stored."""
    match request.customer:
        case str() as reference:
            return {"customer_id": reference, "customer_source_id": reference}
        case CustomerDraft(id=str() as customer_id):
            return {"customer_id": check_reference(customer_id, "customer.id")}
        case CustomerDraft(source_id=str() as source_id):
            return {"customer_source_id": check_reference(source_id, "customer.source_id")}
        case CustomerDraft():
            return {}
        case None if isinstance(draft.customer_id, str):
            return {"customer_id": draft.customer_id, "customer_source_id": draft.customer_id}
        case None:
            return {"customer_of_order": True}
