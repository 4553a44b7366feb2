"""Who may be contacted: decisions are recorded, never changed, and the latest one holds."""

from collections.abc import Sequence
from datetime import datetime

from kaquan.customers.model import Consent
from kaquan.customers.store.customers import (
    insert_consents,
    list_contactable,
    list_existing_ids,
    lock_customers,
)
from kaquan.runtime import NotFound, Tx, check_reference, check_text, check_time


async def record_consent(
    tx: Tx,
    customer_id: str,
    *,
    channel: str,
    purpose: str,
    granted: bool,
    source: str,
    now: datetime,
) -> None:
    """Record that a customer granted or withdrew consent; ``source`` says how we know.

    Raises NotFound for an unknown customer.
    """
    await record_consents(
        tx,
        [customer_id],
        channel=channel,
        purpose=purpose,
        granted=granted,
        source=source,
        now=now,
    )


async def record_consents(
    tx: Tx,
    customer_ids: Sequence[str],
    *,
    channel: str,
    purpose: str,
    granted: bool,
    source: str,
    now: datetime,
) -> None:
    """Record the same decision for many customers, as an import does.

    Raises NotFound naming the first unknown customer; then nothing is recorded.
    """
    consent = Consent(
        customer_id="",
        channel=check_reference(channel, "channel"),
        purpose=check_reference(purpose, "purpose"),
        granted=granted,
        source=check_text(source, "source"),
        at=check_time(now, "at"),
    )
    wanted = sorted(set(customer_ids))
    await lock_customers(tx, wanted)
    known = await list_existing_ids(tx, wanted)
    for customer_id in wanted:
        if customer_id not in known:
            raise NotFound("customer", customer_id)
    await insert_consents(tx, wanted, consent=consent)


async def may_contact(tx: Tx, customer_id: str, *, channel: str, purpose: str) -> bool:
    """Tell whether the customer's latest decision allows this. No decision means no."""
    return customer_id in await list_contactable(
        tx, [customer_id], channel=channel, purpose=purpose
    )
