"""Who buys, as the engine sees them: what is stored, and what the request is about to store."""

from datetime import date

from kaquan.checkout.attributes import read_attributes
from kaquan.checkout.model import CheckoutRequest
from kaquan.customers import Customer, CustomerDraft, merge_metadata
from kaquan.engine import CustomerFacts, Needs

NEW_CUSTOMER = "new"
TIER = "tier"
"""The member of a customer's metadata that names their tier."""


def describe_buyer(
    request: CheckoutRequest,
    customer: Customer | None,
    needs: Needs,
    *,
    order_count: int,
    spend_minor: int,
    segment_ids: frozenset[str],
    is_known_guest: bool,
) -> CustomerFacts:
    """Return what the offers want to know of the customer, and only that.

    A customer who would only be entered by a redemption is described by what the request says.
    """
    if customer is None and not isinstance(request.customer, CustomerDraft):
        return CustomerFacts(is_known_guest=is_known_guest)
    draft = request.customer if isinstance(request.customer, CustomerDraft) else CustomerDraft()
    metadata = {} if customer is None else customer.metadata
    birthday = None if customer is None else customer.birth_date
    if isinstance(draft.metadata, dict):
        metadata = merge_metadata(metadata, draft.metadata)
    if isinstance(draft.birth_date, date) or draft.birth_date is None:
        birthday = draft.birth_date
    tier = metadata.get(TIER)
    return CustomerFacts(
        id=NEW_CUSTOMER if customer is None else customer.id,
        segment_ids=segment_ids,
        order_count=order_count,
        attributes=read_attributes(metadata) if needs.customer_attributes else {},
        spend_minor=spend_minor,
        birthday=birthday if needs.birthday else None,
        tier_id=tier if needs.tier and isinstance(tier, str) else None,
    )
