"""SQL of what limits go by: messages and discounts customers had before a moment, and segments."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import LiteralString

import msgspec

from kaquan.runtime import Tx
from kaquan.segments import CHANGES_KEPT, Segment, SegmentKind

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


_MEMBERS: LiteralString = """
    with unit as (
        select * from unnest(%(customers)s::text[], %(moments)s::timestamptz[])
            as given (customer_id, as_of)
    ), moved as (
        select u.customer_id,
               (array_agg(c.entered order by c.id desc) filter (where c.at <= u.as_of))[1] as before,
               (array_agg(c.entered order by c.id) filter (where c.at > u.as_of))[1] as after
          from unit u
          join segment_change c on c.segment_id = %(segment)s and c.customer_id = u.customer_id
         group by u.customer_id
    )
    select u.customer_id
      from unit u
      left join moved v on v.customer_id = u.customer_id
      left join segment_member m on m.segment_id = %(segment)s and m.customer_id = u.customer_id
     where coalesce(v.before, not v.after, m.customer_id is not null)
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


async def find_members_then(
    tx: Tx, segment: Segment, customers: Sequence[tuple[str, datetime]], *, now: datetime
) -> frozenset[str] | None:
    """Return which customers were in a segment, each at the moment given.

    None where that is not known: who enters and leaves is recorded of live segments only, for
    `CHANGES_KEPT`, and tells nothing of a definition that came or changed since.
    """
    since = min((at for _, at in customers), default=now)
    told = max(segment.created_at, segment.updated_at or segment.created_at, now - CHANGES_KEPT)
    if segment.kind is not SegmentKind.AUTO_UPDATE or since < told:
        return None
    cursor = await tx.execute(
        _MEMBERS,
        {
            "customers": [customer_id for customer_id, _ in customers],
            "moments": [at for _, at in customers],
            "segment": segment.id,
        },
    )
    return frozenset(row[0] for row in await cursor.fetchall())
