"""SQL of distributions and of the outbox."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from kaquan.customers import open_sealers, unseal_texts
from kaquan.outreach.model import (
    Distribution,
    DistributionStatus,
    Message,
    MessageCounts,
    MessageStatus,
)
from kaquan.runtime import NotFound, Page, Tx, struct_row

_DISTRIBUTION: LiteralString = """
    select id, campaign_id, segment_id, channel, template, status, audience, held_out, published,
           unreachable, done_up_to, error, created_at, updated_at
      from distribution
"""
_WANTED: LiteralString = """
     where (%(campaign)s::text is null or campaign_id = %(campaign)s)
       and (%(status)s::text is null or status = %(status)s)
"""
_ORDERS: Mapping[str, LiteralString] = {
    "-created_at": "created_at desc, id desc",
    "created_at": "created_at, id",
}
DISTRIBUTION_ORDERS = tuple(_ORDERS)
_MESSAGE_COLUMNS: LiteralString = (
    "id, distribution_id, campaign_id, customer_id, voucher_id, channel, sealed_by, address,"
    " subject, html, plain, headers, status, attempts, due_at, error, created_at, sent_at"
)
_SEALED = {name: f"message.{name}" for name in ("address", "subject", "html", "plain")}
WITHHELD = "The plan that chose this was withdrawn before the message was sent."
_HALTED: LiteralString = """
    select m.id
      from experiment e
      join message m on m.campaign_id = e.campaign_id and m.created_at >= e.started_at
      join experiment_exposure x on x.experiment_id = e.id and x.customer_id = m.customer_id
     where e.halted_at is not null and e.status = 'running'
"""
_WAITING: LiteralString = "status in ('queued', 'sending') and due_at <= %(now)s"


async def insert_distribution(tx: Tx, distribution: Distribution) -> None:
    """Store a distribution that was just asked for."""
    await tx.execute(
        "insert into distribution (id, campaign_id, segment_id, channel, template, status,"
        " created_at) values (%s, %s, %s, %s, %s, %s, %s)",
        (
            distribution.id,
            distribution.campaign_id,
            distribution.segment_id,
            distribution.channel,
            Jsonb(msgspec.to_builtins(distribution.template)),
            distribution.status,
            distribution.created_at,
        ),
    )


async def get_distribution(tx: Tx, distribution_id: str) -> Distribution:
    """Return a distribution by id; raises NotFound."""
    return await _distribution(tx, _DISTRIBUTION + " where id = %s", distribution_id)


async def lock_distribution(tx: Tx, distribution_id: str) -> Distribution:
    """Return a distribution, keeping others from advancing it meanwhile; raises NotFound."""
    return await _distribution(tx, _DISTRIBUTION + " where id = %s for update", distribution_id)


async def list_distributions(
    tx: Tx,
    *,
    campaign_id: str | None = None,
    status: DistributionStatus | None = None,
    order: str = "-created_at",
    limit: int,
    page: int = 1,
) -> list[Distribution]:
    """Return a page of the distributions (of a campaign), in one of `DISTRIBUTION_ORDERS`."""
    async with tx.cursor(row_factory=struct_row(Distribution)) as cursor:
        await cursor.execute(
            _DISTRIBUTION
            + _WANTED
            + f" order by {_ORDERS[order]} limit %(limit)s offset %(offset)s",
            {
                "campaign": campaign_id,
                "status": status,
                "limit": limit,
                "offset": (page - 1) * limit,
            },
        )
        return await cursor.fetchall()


async def count_distributions(
    tx: Tx, *, campaign_id: str | None = None, status: DistributionStatus | None = None
) -> int:
    """Count what `list_distributions` lists."""
    cursor = await tx.execute(
        "select count(*) from distribution" + _WANTED, {"campaign": campaign_id, "status": status}
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def update_distribution(tx: Tx, distribution: Distribution) -> None:
    """Store how far a distribution has got."""
    await tx.execute(
        "update distribution set status = %s, audience = %s, held_out = %s, published = %s,"
        " unreachable = %s, done_up_to = %s, error = %s, updated_at = %s where id = %s",
        (
            distribution.status,
            distribution.audience,
            distribution.held_out,
            distribution.published,
            distribution.unreachable,
            distribution.done_up_to,
            distribution.error,
            distribution.updated_at,
            distribution.id,
        ),
    )


async def insert_messages(tx: Tx, messages: Sequence[Message]) -> int:
    """Put messages into the outbox, one per distribution and customer; returns the new ones."""
    sealers = await open_sealers(tx, [m.customer_id for m in messages])

    def sealed(m: Message) -> tuple[str, ...]:
        return tuple(
            sealers[m.customer_id].seal_text(getattr(m, name), f"{place} {m.id}")
            for name, place in _SEALED.items()
        )

    columns = zip(
        *(
            (
                *(m.id, m.distribution_id, m.campaign_id, m.customer_id, m.voucher_id),
                *(m.channel, m.customer_id, *sealed(m), Jsonb(m.headers)),
                *(m.status.value, m.due_at, m.error, m.created_at),
            )
            for m in messages
            if m.customer_id in sealers
        ),
        strict=True,
    )
    cursor = await tx.execute(
        "insert into message (id, distribution_id, campaign_id, customer_id, voucher_id, channel,"
        " sealed_by, address, subject, html, plain, headers, status, due_at, error, created_at)"
        " select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[],"
        " %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::jsonb[],"
        " %s::text[],"
        " %s::timestamptz[], %s::text[], %s::timestamptz[])"
        " on conflict (project_id, distribution_id, customer_id) do nothing",
        [list(column) for column in columns],
    )
    return cursor.rowcount


async def get_message(tx: Tx, message_id: str) -> Message:
    """Return a message by id; raises NotFound."""
    query: LiteralString = f"select {_MESSAGE_COLUMNS} from message where id = %s"
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, (message_id,))
        found = await _unseal(tx, await cursor.fetchall())
    if not found:
        raise NotFound("message", message_id)
    return found[0]


async def list_messages(
    tx: Tx,
    *,
    distribution_id: str | None = None,
    customer_id: str | None = None,
    status: MessageStatus | None = None,
    after: str | None = None,
    limit: int,
) -> Page[Message]:
    """Return a page of the outbox, newest first; ``after`` is the page before's ``next_cursor``.

    Bodies are left empty; `get_message` has them. ``total`` counts all that match.
    """
    filters = [
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value))
        for name, value in (
            ("distribution_id", distribution_id),
            ("customer_id", customer_id),
            ("status", status),
        )
        if value is not None
    ]
    matching = sql.SQL(" and ").join([sql.SQL("true"), *filters])
    columns = sql.SQL(
        _MESSAGE_COLUMNS.replace(" html,", " '' as html,").replace(" plain,", " '' as plain,")
    )
    query = sql.SQL(
        "select {columns} from message where {matching} and (%(after)s::text is null"
        " or (created_at, id) < (select created_at, id from message where id = %(after)s))"
        " order by created_at desc, id desc limit %(limit)s"
    ).format(columns=columns, matching=matching)
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, {"after": after, "limit": limit + 1})
        found = await _unseal(tx, await cursor.fetchall())
    counting = await tx.execute(sql.SQL("select count(*) from message where {}").format(matching))
    total = await counting.fetchone()
    assert total is not None
    more = len(found) > limit
    return Page(found[:limit], total[0], found[limit - 1].id if more else None)


async def count_messages(tx: Tx, distribution_id: str) -> MessageCounts:
    """Count a distribution's messages by state."""
    cursor = await tx.execute(
        "select status, count(*) from message where distribution_id = %s group by 1",
        (distribution_id,),
    )
    return msgspec.convert(dict(await cursor.fetchall()), MessageCounts)


async def claim_messages(tx: Tx, *, limit: int, now: datetime, until: datetime) -> list[Message]:
    """Take due messages for sending; nobody else gets them before ``until``.

    A message whose taker died is due again when its time is up. Counts the attempt.
    """
    # Materialised, because a limit inside "id in (…)" may be applied anew for every row.
    query: LiteralString = (
        f"with due as materialized (select id from message where {_WAITING}"
        " order by due_at, id limit %(limit)s for update skip locked)"
        " update message set status = 'sending', attempts = attempts + 1, due_at = %(until)s"
        f" where id in (select id from due) returning {_MESSAGE_COLUMNS}"
    )
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, {"limit": limit, "now": now, "until": until})
        found = await _unseal(tx, await cursor.fetchall())
    # One that brought the connection down before goes last: it must not hold up the others.
    return sorted(found, key=lambda message: (message.attempts, message.id))


async def has_due_messages(tx: Tx, *, now: datetime) -> bool:
    """Tell whether a message waits to be sent."""
    query: LiteralString = f"select exists (select from message where {_WAITING})"
    cursor = await tx.execute(query, {"now": now})
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def update_sent(tx: Tx, message_id: str, *, now: datetime) -> None:
    """Record that the mail server took the message."""
    await tx.execute(
        "update message set status = 'sent', sent_at = %s, due_at = null, error = null"
        " where id = %s and status = 'sending'",
        (now, message_id),
    )


async def update_failed(tx: Tx, message_ids: Sequence[str], *, error: str) -> None:
    """Record that messages will never be sent, and why."""
    await tx.execute(
        "update message set status = 'failed', due_at = null, error = %s"
        " where id = any(%s) and status = 'sending'",
        (error, list(message_ids)),
    )


async def withhold_messages(tx: Tx, experiment_id: str) -> int:
    """Fail the messages of a halted plan that have not left; returns how many these were."""
    cursor = await tx.execute(
        "update message set status = 'failed', due_at = null, error = %(error)s where status ="
        " 'queued' and id in (" + _HALTED + " and e.id = %(experiment)s)",
        {"experiment": experiment_id, "error": WITHHELD},
    )
    return cursor.rowcount


async def list_withheld(tx: Tx, message_ids: Sequence[str]) -> set[str]:
    """Return those of the messages that a halted plan wrote: they may not leave any more."""
    cursor = await tx.execute(_HALTED + " and m.id = any(%s)", (list(message_ids),))
    return {row[0] for row in await cursor.fetchall()}


async def update_delayed(tx: Tx, message_id: str, *, error: str, due_at: datetime) -> None:
    """Put a message back for another attempt at ``due_at``."""
    await tx.execute(
        "update message set status = 'queued', due_at = %s, error = %s"
        " where id = %s and status = 'sending'",
        (due_at, error, message_id),
    )


async def update_released(
    tx: Tx, message_ids: Sequence[str], *, error: str, due_at: datetime
) -> None:
    """Put back messages that could not even be tried, without counting the attempt."""
    await tx.execute(
        "update message set status = 'queued', attempts = attempts - 1, due_at = %s, error = %s"
        " where id = any(%s) and status = 'sending'",
        (due_at, error, list(message_ids)),
    )


async def _unseal(tx: Tx, rows: list[dict[str, Any]]) -> list[Message]:
    await unseal_texts(tx, rows, _SEALED)
    return [msgspec.convert(row, Message) for row in rows]


async def _distribution(tx: Tx, query: LiteralString, distribution_id: str) -> Distribution:
    async with tx.cursor(row_factory=struct_row(Distribution)) as cursor:
        await cursor.execute(query, (distribution_id,))
        distribution = await cursor.fetchone()
    if distribution is None:
        raise NotFound("distribution", distribution_id)
    return distribution
