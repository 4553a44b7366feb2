"""SQL of claims: rules, and what a batch of them is decided on."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

import msgspec
from psycopg import AsyncCursor
from psycopg.rows import TupleRow

from kaquan.campaigns.model import Campaign, Publication
from kaquan.experiments import Standing, ask_standing
from kaquan.ledger import Account, AccountKey, AccountKind, lock_accounts
from kaquan.runtime import Tx

_RULES: LiteralString = """
    select json_agg(c)::text
      from (select c.*, c.xmin as mark, to_json(r) as rule
              from campaign c left join claim_rule r on r.campaign_id = c.id
             where c.id = any(%(named)s) or c.name = any(%(named)s)) c
"""
_PUBLICATION: LiteralString = (
    "p.id, p.campaign_id, p.voucher_id, v.code, p.customer_id, p.source_id, p.channel,"
    " p.metadata, p.created_at"
)
_BY_SOURCE: LiteralString = (
    f"select {_PUBLICATION} from unnest(%s::text[], %s::text[]) as asked (campaign_id, source_id)"
    "  join publication p on coalesce(p.campaign_id, p.voucher_id) = asked.campaign_id"
    "                    and p.source_id = asked.source_id"
    "  join voucher v on v.id = p.voucher_id"
)
_FIRST: LiteralString = (
    f"select distinct on (p.campaign_id, p.customer_id) {_PUBLICATION}"
    "  from unnest(%s::text[], %s::text[]) as asked (campaign_id, customer_id)"
    "  join publication p on p.campaign_id = asked.campaign_id"
    "                    and p.customer_id = asked.customer_id"
    "  join voucher v on v.id = p.voucher_id"
    " order by p.campaign_id, p.customer_id, p.id"
)
_COUNTS: LiteralString = (
    "select p.campaign_id, p.customer_id, count(*)"
    "  from unnest(%s::text[], %s::text[]) as asked (campaign_id, customer_id)"
    "  join publication p on p.campaign_id = asked.campaign_id"
    "                    and p.customer_id = asked.customer_id"
    " group by 1, 2"
)
_LOCK_CUSTOMERS: LiteralString = (
    "select from customer where id = any(%s) order by id for no key update"
)

Pair = tuple[str, str]
"""A campaign's id with a customer's id, or with a source_id."""


class ClaimRule(msgspec.Struct, frozen=True, kw_only=True):
    """How a campaign's vouchers may be fetched; None leaves it open.

    ``stock`` is how many are given away in all and ``per_customer`` how many to each, from
    ``opens_at`` on until just before ``closes_at``.
    """

    stock: int | None = None
    per_customer: int | None = None
    opens_at: datetime | None = None
    closes_at: datetime | None = None


class RuledCampaign(msgspec.Struct, frozen=True):
    """A campaign with its rule, if it has one, and the mark of the row it was read from."""

    campaign: Campaign
    rule: ClaimRule | None
    mark: str


class ClaimsWanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to look up: pairs of campaign and source_id, or customer; accounts to be locked.

    Customers of ``counted`` pairs are locked first, so that their counts stand still. Of
    ``measured`` pairs the arms are read, of ``bound`` customers whether a global holdout keeps them
    out.
    """

    sources: Sequence[Pair] = ()
    firsts: Sequence[Pair] = ()
    counted: Sequence[Pair] = ()
    stocks: Sequence[AccountKey] = ()
    measured: Sequence[Pair] = ()
    bound: Sequence[str] = ()


class ClaimFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was published before, by pair, and what is left of the stocks."""

    by_source: dict[Pair, Publication]
    first: dict[Pair, Publication]
    counts: dict[Pair, int]
    stocks: dict[AccountKey, Account]
    standing: Standing


class _Marked(msgspec.Struct, frozen=True):
    mark: str
    rule: ClaimRule | None


_CAMPAIGNS = msgspec.json.Decoder(list[Campaign])
_MARKED = msgspec.json.Decoder(list[_Marked])


async def list_ruled_campaigns(tx: Tx, named: Sequence[str]) -> dict[str, RuledCampaign]:
    """Return campaigns by the id or name under which they were asked for."""
    row = await (await tx.execute(_RULES, {"named": list(named)})).fetchone()
    text = "[]" if row is None or row[0] is None else row[0]
    found = [
        RuledCampaign(campaign, marked.rule, marked.mark)
        for campaign, marked in zip(_CAMPAIGNS.decode(text), _MARKED.decode(text), strict=True)
    ]
    by_name = {one.campaign.name: one for one in found}
    by_name |= {one.campaign.id: one for one in found}
    return {name: by_name[name] for name in named if name in by_name}


async def read_claim_facts(tx: Tx, wanted: ClaimsWanted) -> ClaimFacts:
    """Lock what has to stand still and read the rest, in one round trip."""
    async with tx.pipeline():
        if wanted.counted:
            customers = sorted({customer_id for _, customer_id in wanted.counted})
            await tx.execute(_LOCK_CUSTOMERS, (customers,))
        stocks = await lock_accounts(tx, sorted(wanted.stocks)) if wanted.stocks else {}
        sources = await _ask(tx, _BY_SOURCE, wanted.sources)
        firsts = await _ask(tx, _FIRST, wanted.firsts)
        counts = await _ask(tx, _COUNTS, wanted.counted)
        standing = await ask_standing(tx, wanted.measured, wanted.bound)
        published = [_publication(row) for row in await _fetch(sources)]
        earlier = [_publication(row) for row in await _fetch(firsts)]
        counted = await _fetch(counts)
        known = await standing.read()
    return ClaimFacts(
        by_source={(p.campaign_id or "", p.source_id or ""): p for p in published},
        first={(p.campaign_id or "", p.customer_id): p for p in earlier},
        counts={(campaign_id, customer_id): count for campaign_id, customer_id, count in counted},
        stocks=stocks,
        standing=known,
    )


async def expect_campaigns_unchanged(tx: Tx, campaigns: Sequence[RuledCampaign]) -> None:
    """Let the transaction fail (serialization_failure) when campaigns were changed since."""
    await tx.execute(
        "select expect_unchanged('{}', '{}', %s, %s)",
        ([one.campaign.id for one in campaigns], [one.mark for one in campaigns]),
    )


async def find_claim_rule(tx: Tx, campaign_id: str) -> ClaimRule | None:
    """Return a campaign's rule."""
    cursor = await tx.execute(
        "select stock, per_customer, opens_at, closes_at from claim_rule where campaign_id = %s",
        (campaign_id,),
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    stock, per_customer, opens_at, closes_at = row
    return ClaimRule(stock=stock, per_customer=per_customer, opens_at=opens_at, closes_at=closes_at)


async def write_claim_rule(tx: Tx, campaign_id: str, rule: ClaimRule, *, now: datetime) -> None:
    """Store a locked campaign's rule; the campaign's version grows, so that nobody misses it."""
    await tx.execute(
        "insert into claim_rule (campaign_id, stock, per_customer, opens_at, closes_at,"
        " updated_at) values (%s, %s, %s, %s, %s, %s)"
        " on conflict (project_id, campaign_id) do update set stock = excluded.stock,"
        " per_customer = excluded.per_customer, opens_at = excluded.opens_at,"
        " closes_at = excluded.closes_at, updated_at = excluded.updated_at",
        (campaign_id, rule.stock, rule.per_customer, rule.opens_at, rule.closes_at, now),
    )
    await tx.execute(
        "update campaign set version = version + 1, updated_at = %s where id = %s",
        (now, campaign_id),
    )


def stock_key(campaign_id: str) -> AccountKey:
    """The account of how many vouchers of a campaign may still be fetched."""
    return AccountKey(campaign_id, AccountKind.CLAIMS)


async def _ask(tx: Tx, query: LiteralString, pairs: Sequence[Pair]) -> AsyncCursor[TupleRow] | None:
    if not pairs:
        return None
    return await tx.execute(query, ([first for first, _ in pairs], [last for _, last in pairs]))


async def _fetch(cursor: AsyncCursor[TupleRow] | None) -> list[TupleRow]:
    return [] if cursor is None else await cursor.fetchall()


def _publication(row: TupleRow) -> Publication:
    names = Publication.__struct_fields__
    return Publication(**dict(zip(names, row, strict=True)))
