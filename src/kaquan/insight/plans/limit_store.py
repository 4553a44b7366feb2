"""SQL of what limits go by: messages and discounts that customers had before a moment."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import LiteralString

import msgspec

from kaquan.runtime import Tx

_HAD: LiteralString = """
    select u.customer_id,
           (select count(*) from message m
             where m.customer_id = u.customer_id and m.status <> 'failed'
               and m.created_at < u.as_of and m.created_at >= u.as_of - %(contact)s),
           (select coalesce(sum(r.discount_minor + r.items_discount_minor), 0)::bigint
              from redemption r
             where r.customer_id = u.customer_id and r.kind = 'redemption'
               and r.result = 'SUCCESS'
               and r.created_at < u.as_of and r.created_at >= u.as_of - %(person)s
               and not exists (select from redemption b
                                where b.reverses_id in (r.id, r.parent_id)
                                  and b.kind = 'rollback' and b.result = 'SUCCESS'
                                  and b.created_at < u.as_of))
      from unnest(%(customers)s::text[], %(moments)s::timestamptz[]) as u (customer_id, as_of)
"""


class Had(msgspec.Struct, frozen=True):
    """Messages a customer was sent in the days before a moment, and discounts in minor units."""

    contacts: int
    discount_minor: int


async def list_had(
    tx: Tx, customers: Sequence[tuple[str, datetime]], *, contact_days: int, person_days: int
) -> dict[str, Had]:
    """Return what customers had had, each at the moment given; nothing later counts."""
    cursor = await tx.execute(
        _HAD,
        {
            "customers": [customer_id for customer_id, _ in customers],
            "moments": [at for _, at in customers],
            "contact": timedelta(days=contact_days),
            "person": timedelta(days=person_days),
        },
    )
    return {row[0]: Had(row[1], row[2]) for row in await cursor.fetchall()}
