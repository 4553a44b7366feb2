"""The demo's own SQL: what the project remembers of it, and what a resumed run has to know."""

from collections.abc import Sequence

import msgspec
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from kaquan.cli.demo.model import DemoState, StepReport
from kaquan.customers import unseal_rows
from kaquan.runtime import Tx, struct_row

_SETTING = "demo"


class CouponHeld(msgspec.Struct, frozen=True, kw_only=True):
    """A coupon in a household's hands: its code, and the arm that it is of."""

    household_id: int
    code: str
    arm: str


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A coupon to try: its code, whose it is, and from what amount (minor units) it works."""

    code: str
    source_id: str
    name: str
    spend_minor: int


async def find_state(tx: Tx) -> DemoState | None:
    """Return what the project remembers of the demo; None when it has none."""
    cursor = await tx.execute(
        "select settings -> %s from project where project_id = current_project()", (_SETTING,)
    )
    row = await cursor.fetchone()
    if row is None or row[0] is None:
        return None
    return msgspec.convert(row[0], DemoState)


async def insert_state(tx: Tx, state: DemoState) -> None:
    """Remember that the demo was begun."""
    await tx.execute(
        "update project set settings = settings || jsonb_build_object(%s::text, %s::jsonb)"
        " where project_id = current_project()",
        (_SETTING, Jsonb(msgspec.to_builtins(state))),
    )


async def insert_report(tx: Tx, step: str, report: StepReport) -> None:
    """Remember that a step is finished and what it did."""
    await tx.execute(
        "update project set settings = jsonb_set(settings, array[%s, 'steps', %s], %s)"
        " where project_id = current_project()",
        (_SETTING, step, Jsonb(msgspec.to_builtins(report))),
    )


async def list_replayed(tx: Tx, prefix: str) -> set[str]:
    """Return the tracking ids beginning with ``prefix`` of redemptions already attempted."""
    cursor = await tx.execute(
        "select tracking_id from redemption where starts_with(tracking_id, %s)", (prefix,)
    )
    return {row[0] for row in await cursor.fetchall()}


async def list_ids_by_source(tx: Tx) -> dict[str, str]:
    """Return every customer's id by the merchant's id."""
    cursor = await tx.execute("select source_id, id from customer where source_id is not null")
    return dict(await cursor.fetchall())


async def list_booklets(tx: Tx) -> dict[tuple[int, str], str]:
    """Return the code of each mailed booklet by mailing and the household's source id."""
    cursor = await tx.execute(
        "select (c.metadata ->> 'mailing')::integer, h.source_id, v.code"
        " from publication p join campaign c on c.id = p.campaign_id"
        " join voucher v on v.id = p.voucher_id join customer h on h.id = p.customer_id"
        " where c.metadata ? 'mailing' and h.source_id is not null"
    )
    return {(mailing, household): code for mailing, household, code in await cursor.fetchall()}


async def list_replay_results(tx: Tx, prefix: str) -> list[tuple[str | None, int, int]]:
    """Return failure code (None: redeemed), attempts and discount of those tracked so."""
    cursor = await tx.execute(
        "select failure_code, count(*), sum(discount_minor + items_discount_minor)::bigint"
        " from redemption where starts_with(tracking_id, %s) group by 1 order by 1",
        (prefix,),
    )
    return [(failure, count, discount) for failure, count, discount in await cursor.fetchall()]


async def list_household_numbers(tx: Tx, customer_ids: Sequence[str]) -> list[int]:
    """Return the numbers that the data has for those customers who are households of it."""
    cursor = await tx.execute(
        "select substring(source_id from '^household-([0-9]+)$')::bigint from customer"
        " where id = any(%s) and source_id ~ '^household-[0-9]+$' order by 1",
        (list(customer_ids),),
    )
    return [row[0] for row in await cursor.fetchall()]


async def list_coupons_held(tx: Tx, experiment_id: str) -> list[CouponHeld]:
    """Return who holds a coupon of an experiment's campaign, and of which arm, by number."""
    async with tx.cursor(row_factory=struct_row(CouponHeld)) as cursor:
        await cursor.execute(
            "select substring(h.source_id from '^household-([0-9]+)$')::bigint as household_id,"
            " v.code, x.arm"
            " from publication p join customer h on h.id = p.customer_id"
            " join voucher v on v.id = p.voucher_id"
            " join experiment e on e.campaign_id = p.campaign_id and e.id = %s"
            " join experiment_exposure x on x.experiment_id = e.id and x.customer_id = h.id"
            " where h.source_id ~ '^household-[0-9]+$' order by 1",
            (experiment_id,),
        )
        return await cursor.fetchall()


async def list_usual_baskets(tx: Tx, customer_ids: Sequence[str]) -> dict[str, int]:
    """Return the usual basket of those customers of whom it is known, in minor units."""
    cursor = await tx.execute(
        "select id, (metadata ->> 'usual_basket_minor')::bigint from customer"
        " where id = any(%s) and metadata ? 'usual_basket_minor'",
        (list(customer_ids),),
    )
    return dict(await cursor.fetchall())


async def find_sample(tx: Tx, campaign_id: str) -> Sample | None:
    """Return a published threshold coupon of the campaign that has not been used, if one is."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "select v.code, h.id, h.data_key, h.source_id, h.name,"
            " (v.offer #>> '{effect,tiers,0,spend_minor}')::bigint as spend_minor"
            " from voucher v join customer h on h.id = v.holder_id"
            " join account a on a.owner = v.id and a.kind = 'uses'"
            " where v.campaign_id = %s and v.active and a.balance > a.held"
            " and v.offer is not null order by v.id limit 1",
            (campaign_id,),
        )
        rows = await unseal_rows(tx, await cursor.fetchall())
    return msgspec.convert(rows[0], Sample) if rows else None
