"""A made shop in the database, and its lake."""

from pathlib import Path
from typing import Any

from psycopg.types.json import Jsonb

from insight.copying import copy_lake
from insight.models.shops import UNTIL, Tables
from kaquan.insight.lake import Storage
from kaquan.runtime import Database, Settings, Tx


async def store_shop(tx: Tx, tables: Tables) -> None:
    """Store customers, orders without lines, and what was published and redeemed."""
    columns = {name: one.to_pydict() for name, one in tables.items()}
    people, orders = columns["customer"], columns["orders"]
    await tx.execute(
        "insert into customer (id, created_at) select * from unnest(%s::text[], %s::timestamptz[])",
        (people["id"], people["at"]),
    )
    await tx.execute(
        "insert into campaign (id, name, kind, offer, active, metadata, created_at)"
        " select id, id, 'DISCOUNT_COUPONS', '{}', true, %s, now() from unnest(%s::text[]) as t (id)",
        (Jsonb({}), columns["campaign"]["id"]),
    )
    await tx.execute(
        "insert into orders (id, customer_id, status, amount_minor, placed_at, created_at)"
        " select id, customer, 'PAID', amount, at, at from"
        " unnest(%s::text[], %s::text[], %s::bigint[], %s::timestamptz[])"
        " as t (id, customer, amount, at)",
        (orders["id"], orders["customer_id"], orders["amount_minor"], orders["at"]),
    )
    await _store_coupons(tx, columns["publication"], columns["redemption"])


async def _store_coupons(tx: Tx, given: dict[str, Any], used: dict[str, Any]) -> None:
    columns = [given[name] for name in ("id", "campaign_id", "voucher_id", "customer_id", "at")]
    rows = (
        " from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[])"
        " as t (id, campaign, voucher, customer, at)"
    )
    await tx.execute(
        "insert into voucher (id, code, campaign_id, holder_id, created_at)"
        " select voucher, upper(voucher), campaign, customer, at" + rows,
        columns,
    )
    await tx.execute(
        "insert into publication (id, campaign_id, voucher_id, customer_id, channel, created_at)"
        " select id, campaign, voucher, customer, 'email', at" + rows,
        columns,
    )
    columns = [used[name] for name in ("id", "campaign_id", "voucher_id", "customer_id", "at")]
    await tx.execute(
        "insert into redemption (id, kind, result, voucher_id, campaign_id, customer_id, channel,"
        " discount_minor, items_discount_minor, created_at)"
        " select id, 'redemption', 'SUCCESS', voucher, campaign, customer, 'API', 100, 0, at"
        + rows,
        columns,
    )


async def fill_lake(database: Database, project_id: int, tables: Tables, place: Path) -> Settings:
    """Store a shop and copy it; returns the settings that know the copy."""
    async with database.transaction(project_id) as tx:
        await store_shop(tx, tables)
    await copy_lake(database, project_id, Storage(str(place)), now=UNTIL)
    return Settings(lake=str(place))
