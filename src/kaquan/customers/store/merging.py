"""SQL of merges: records of one person become another's, whichever room recorded them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from kaquan.customers.merging.model import Before, Merge
from kaquan.customers.sealing import find_sealers, open_sealers
from kaquan.runtime import NotFound, Page, Tx

_MERGE: LiteralString = (
    "id, survivor_id, merged_id, reason, score_ppm, before, moved, merged_by, merged_at,"
    " undone_by, undone_at, sealed_at"
)


class Belongings(msgspec.Struct, frozen=True, kw_only=True):
    """A table whose rows belong to a person: how a row is named, and which must stay where it is.

    ``stays`` is a condition on a row ``t`` that would collide with one of the survivor's.
    """

    table: LiteralString
    key: LiteralString = "t.id"
    owner: LiteralString = "customer_id"
    stays: LiteralString = "false"


BELONGINGS: Mapping[str, Belongings] = {
    "orders": Belongings(table="orders"),
    "redemptions": Belongings(table="redemption"),
    "publications": Belongings(table="publication"),
    "vouchers": Belongings(table="voucher", owner="holder_id"),
    "sessions": Belongings(table="voucher_session", key="t.key || chr(31) || t.voucher_id"),
    "attempts": Belongings(table="attempt"),
    "messages": Belongings(
        table="message",
        stays="exists (select from message o where o.distribution_id = t.distribution_id"
        " and o.customer_id = %(to)s)",
    ),
    "events": Belongings(table="event"),
    "consents": Belongings(
        table="consent",
        key="t.channel || chr(31) || t.purpose || chr(31) || extract(epoch from t.at)::text",
        stays="exists (select from consent o where o.customer_id = %(to)s"
        " and (o.channel, o.purpose, o.at) = (t.channel, t.purpose, t.at))",
    ),
    "exposures": Belongings(
        table="exposure",
        key="t.campaign_id",
        stays="exists (select from exposure o where o.customer_id = %(to)s"
        " and o.campaign_id = t.campaign_id)",
    ),
    "experiment_exposures": Belongings(
        table="experiment_exposure",
        key="t.experiment_id",
        stays="exists (select from experiment_exposure o where o.customer_id = %(to)s"
        " and o.experiment_id = t.experiment_id)",
    ),
    "planned": Belongings(
        table="experiment_preset",
        key="t.experiment_id",
        stays="exists (select from experiment_preset o where o.customer_id = %(to)s"
        " and o.experiment_id = t.experiment_id)",
    ),
    "identities": Belongings(
        table="customer_identity",
        key="t.kind || chr(31) || t.value_index",
        stays="exists (select from customer_identity o where o.customer_id = %(to)s"
        " and (o.kind, o.value_index) = (t.kind, t.value_index))",
    ),
    "notes": Belongings(table="customer_note"),
    "rewards": Belongings(table="reward_redemption"),
    "referrals": Belongings(table="referral", owner="referrer_id"),
    "referred": Belongings(
        table="referral",
        owner="referee_id",
        stays="exists (select from referral o where o.referee_id = %(to)s"
        " and o.campaign_id = t.campaign_id)",
    ),
}


async def lock_people(tx: Tx, customer_ids: Sequence[str]) -> None:
    """Lock the orders of people and then the people, each by id, against everybody.

    Whoever writes a row that names one of them waits, or was waited for.
    """
    await tx.execute(
        "select from orders where customer_id = any(%s) order by id for update",
        (list(customer_ids),),
    )
    await tx.execute(
        "select from customer where id = any(%s) order by id for update", (list(customer_ids),)
    )


async def count_belongings(tx: Tx, customer_id: str) -> dict[str, int]:
    """Return how many rows of each kind belong to a person."""
    counts = sql.SQL(", ").join(
        sql.SQL("(select count(*) from {} where {} = %(id)s)").format(
            sql.Identifier(kind.table), sql.Identifier(kind.owner)
        )
        for kind in BELONGINGS.values()
    )
    cursor = await tx.execute(sql.SQL("select {}").format(counts), {"id": customer_id})
    row = await cursor.fetchone()
    assert row is not None
    return dict(zip(BELONGINGS, row, strict=True))


async def move_belongings(
    tx: Tx, kind: str, *, giver: str, taker: str, keys: Sequence[str] | None = None
) -> list[str]:
    """Let rows of a kind change hands and return their keys.

    All of them but those that collide with a row of the taker, or just those with ``keys``.
    """
    known = BELONGINGS[kind]
    query = sql.SQL(
        "update {table} t set {owner} = %(to)s where t.{owner} = %(from)s and not ({stays})"
        " and (%(keys)s::text[] is null or ({key}) = any(%(keys)s)) returning {key}"
    ).format(
        table=sql.Identifier(known.table),
        owner=sql.Identifier(known.owner),
        stays=sql.SQL(known.stays),
        key=sql.SQL(known.key),
    )
    cursor = await tx.execute(
        query, {"to": taker, "from": giver, "keys": None if keys is None else list(keys)}
    )
    return [row[0] for row in await cursor.fetchall()]


async def release_once(tx: Tx, *, giver: str, taker: str) -> list[str]:
    """Let publications of campaigns in which both people joined once be ordinary ones."""
    cursor = await tx.execute(
        "update publication t set once = false where t.customer_id = %(from)s and t.once"
        " and exists (select from publication o where o.customer_id = %(to)s and o.once"
        "  and o.campaign_id = t.campaign_id) returning t.id",
        {"from": giver, "to": taker},
    )
    return [row[0] for row in await cursor.fetchall()]


async def restore_once(tx: Tx, publication_ids: Sequence[str]) -> None:
    """Let publications be their campaign's only one for their person again."""
    await tx.execute(
        "update publication set once = true where id = any(%s)", (list(publication_ids),)
    )


async def yield_claims(tx: Tx, *, giver: str, taker: str) -> list[dict[str, Any]]:
    """Drop what the taker claims without proof and the giver has proven; return what it was."""
    cursor = await tx.execute(
        "delete from customer_identity o using customer_identity t"
        " where o.customer_id = %(to)s and t.customer_id = %(from)s"
        "   and (o.kind, o.value_index) = (t.kind, t.value_index)"
        "   and o.verified_at is null and t.verified_at is not null"
        " returning jsonb_build_object('kind', o.kind, 'value', o.value,"
        "   'value_index', o.value_index, 'sealed_by', o.sealed_by, 'source', o.source,"
        "   'created_at', o.created_at)",
        {"from": giver, "to": taker},
    )
    return [row[0] for row in await cursor.fetchall()]


async def restore_claims(tx: Tx, customer_id: str, claims: Sequence[Mapping[str, Any]]) -> None:
    """Bring back what a person claimed without proof."""
    await tx.execute(
        "insert into customer_identity"
        " (customer_id, kind, value, value_index, sealed_by, source, created_at)"
        " select %s, kind, value, value_index, sealed_by, source, created_at"
        " from jsonb_to_recordset(%s) as c (kind text, value text, value_index text,"
        "  sealed_by text, source text, created_at timestamptz)"
        " on conflict do nothing",
        (customer_id, Jsonb(list(claims))),
    )


async def list_static_segments(tx: Tx, customer_id: str) -> list[str]:
    """Return the frozen segments that a person is in."""
    cursor = await tx.execute(
        "select m.segment_id from segment_member m join segment s on s.id = m.segment_id"
        " where m.customer_id = %s and s.kind = 'static' order by m.segment_id",
        (customer_id,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def join_segments(
    tx: Tx, customer_id: str, segment_ids: Sequence[str], *, now: datetime
) -> list[str]:
    """Put a person into frozen segments; returns those they were not in."""
    cursor = await tx.execute(
        "with joined as ("
        " insert into segment_member (segment_id, customer_id, since)"
        " select s.id, %(customer)s, %(now)s from segment s where s.id = any(%(segments)s)"
        "   and s.kind = 'static' order by s.id on conflict do nothing returning segment_id"
        "), counted as ("
        " update segment s set member_count = s.member_count + 1 from joined j"
        "  where s.id = j.segment_id)"
        " select segment_id from joined",
        {"customer": customer_id, "segments": list(segment_ids), "now": now},
    )
    return [row[0] for row in await cursor.fetchall()]


async def leave_segments(tx: Tx, customer_id: str, segment_ids: Sequence[str]) -> None:
    """Take a person out of frozen segments."""
    await tx.execute(
        "with gone as (delete from segment_member where customer_id = %s"
        "  and segment_id = any(%s) returning segment_id)"
        " update segment s set member_count = s.member_count - 1 from gone g"
        "  where s.id = g.segment_id",
        (customer_id, list(segment_ids)),
    )


async def insert_alias(tx: Tx, alias: str, *, customer_id: str, merge_id: str) -> None:
    """Let an id that named a merged person name the survivor."""
    await tx.execute(
        "insert into customer_alias (alias, customer_id, merge_id) values (%s, %s, %s)"
        " on conflict (project_id, alias) do update"
        "    set customer_id = excluded.customer_id, merge_id = excluded.merge_id",
        (alias, customer_id, merge_id),
    )


async def move_aliases(tx: Tx, *, giver: str, taker: str) -> list[str]:
    """Let the aliases of one person be another's; returns them."""
    cursor = await tx.execute(
        "update customer_alias set customer_id = %s where customer_id = %s returning alias",
        (taker, giver),
    )
    return [row[0] for row in await cursor.fetchall()]


async def return_aliases(tx: Tx, aliases: Sequence[str], *, giver: str, taker: str) -> None:
    """Give aliases back."""
    await tx.execute(
        "update customer_alias set customer_id = %s where customer_id = %s and alias = any(%s)",
        (taker, giver, list(aliases)),
    )


async def delete_aliases(tx: Tx, merge_id: str) -> None:
    """Forget the aliases that a merge made."""
    await tx.execute("delete from customer_alias where merge_id = %s", (merge_id,))


async def find_survivors(tx: Tx, aliases: Sequence[str]) -> dict[str, str]:
    """Return who is meant by ids that named people who were merged."""
    cursor = await tx.execute(
        "select alias, customer_id from customer_alias where alias = any(%s)", (list(aliases),)
    )
    return dict(await cursor.fetchall())


async def list_aliases(tx: Tx, customer_id: str) -> list[str]:
    """Return the ids, ours and the merchant's, that a person is known by as well."""
    cursor = await tx.execute(
        "select alias from customer_alias where customer_id = %s order by alias", (customer_id,)
    )
    return [row[0] for row in await cursor.fetchall()]


async def list_capped_campaigns(tx: Tx) -> list[str]:
    """Return the campaigns that limit what one person may redeem."""
    cursor = await tx.execute("select id from campaign_ever where per_customer_cap is not null")
    return [row[0] for row in await cursor.fetchall()]


async def restore_customer_row(
    tx: Tx, customer_id: str, profile: Mapping[str, Any], *, now: datetime
) -> None:
    """Give an emptied row what is not sealed of its profile back, and show it again."""
    await tx.execute(
        "update customer c set erased_at = null, updated_at = %(now)s, source_id = p.source_id,"
        " birth_date = p.birth_date, description = p.description, metadata = p.metadata"
        " from jsonb_to_record(%(profile)s) as p (source_id text, birth_date date,"
        "  description text, metadata jsonb)"
        " where c.id = %(id)s",
        {"id": customer_id, "profile": Jsonb(dict(profile)), "now": now},
    )


async def insert_merge(tx: Tx, merge: Merge) -> None:
    """Keep the record of a merge."""
    await tx.execute(
        "insert into customer_merge (id, survivor_id, merged_id, reason, score_ppm, before, moved,"
        " merged_by, merged_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            merge.id,
            merge.survivor_id,
            merge.merged_id,
            merge.reason,
            merge.score_ppm,
            await _seal(tx, merge),
            Jsonb(merge.moved),
            merge.merged_by,
            merge.merged_at,
        ),
    )


async def update_merge(tx: Tx, merge: Merge) -> None:
    """Store what may change of a merge's record."""
    await tx.execute(
        "update customer_merge set before = %s, moved = %s, undone_by = %s, undone_at = %s"
        " where id = %s",
        (
            "" if merge.before == Before() else await _seal(tx, merge),
            Jsonb(merge.moved),
            merge.undone_by,
            merge.undone_at,
            merge.id,
        ),
    )


async def get_merge(tx: Tx, merge_id: str) -> Merge:
    """Return a merge; raises NotFound."""
    found = await _read(tx, f"select {_MERGE} from customer_merge where id = %(id)s", id=merge_id)
    if not found:
        raise NotFound("merge", merge_id)
    return found[0]


async def find_merge_of(tx: Tx, merged_id: str) -> Merge | None:
    """Return the standing merge that a person went into another by."""
    query: LiteralString = (
        f"select {_MERGE} from customer_merge where merged_id = %(id)s and undone_at is null"
    )
    found = await _read(tx, query, id=merged_id)
    return found[0] if found else None


async def list_merges(
    tx: Tx,
    *,
    survivor_id: str | None = None,
    since: datetime | None = None,
    limit: int = 50,
    page: int = 1,
) -> Page[Merge]:
    """Return merges, newest first, with the exact total: a person's, those since a moment, all."""
    parameters = {"survivor": survivor_id, "since": since}
    narrowed: LiteralString = (
        " from customer_merge where (%(survivor)s::text is null or survivor_id = %(survivor)s)"
        " and (%(since)s::timestamptz is null or merged_at >= %(since)s)"
    )
    counted = await tx.execute("select count(*)" + narrowed, parameters)
    total = await counted.fetchone()
    assert total is not None
    query: LiteralString = (
        f"select {_MERGE}{narrowed} order by merged_at desc, id desc"
        " limit %(limit)s offset %(offset)s"
    )
    found = await _read(tx, query, **parameters, limit=limit, offset=(page - 1) * limit)
    more = str(page + 1) if page * limit < total[0] else None
    return Page(found, total=total[0], next_cursor=more)


async def _seal(tx: Tx, merge: Merge) -> str:
    """Return what undoing needs, sealed with the key of the person who was merged."""
    sealer = (await open_sealers(tx, [merge.merged_id]))[merge.merged_id]
    return sealer.seal_text(
        msgspec.json.encode(merge.before).decode(), f"customer_merge.before {merge.id}"
    )


async def _read(tx: Tx, query: LiteralString, **parameters: object) -> list[Merge]:
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, parameters)
        rows = await cursor.fetchall()
    sealers = await find_sealers(tx, [row["merged_id"] for row in rows if row["before"]])
    for row in rows:
        before = Before()
        if row["before"]:
            sealer = sealers[row["merged_id"]]
            text = sealer.unseal_text(row["before"], f"customer_merge.before {row['id']}")
            before = msgspec.json.decode(text, type=Before)
        row["before"] = before
    return [msgspec.convert(row, Merge) for row in rows]
