"""SQL of customers' data keys, which are kept wrapped by the project's key."""

from collections.abc import Mapping, Sequence

from kaquan.runtime import Tx


async def list_data_keys(tx: Tx, customer_ids: Sequence[str]) -> dict[str, str | None]:
    """Return the data keys of customers, those who were merged into others too."""
    cursor = await tx.execute(
        "select id, data_key from customer where id = any(%s)", (list(customer_ids),)
    )
    return dict(await cursor.fetchall())


async def list_keys_by_source(
    tx: Tx, source_ids: Sequence[str]
) -> dict[str, tuple[str, str | None]]:
    """Return our id and the data key of each known customer, by the merchant's id."""
    cursor = await tx.execute(
        "select source_id, id, data_key from customer where source_id = any(%s)",
        (list(source_ids),),
    )
    return {source_id: (id_, key) for source_id, id_, key in await cursor.fetchall()}


async def upsert_data_keys(tx: Tx, keys: Mapping[str, str]) -> dict[str, str]:
    """Give keys to customers who have none; returns the keys that they then have."""
    cursor = await tx.execute(
        "update customer c set data_key = coalesce(c.data_key, k.key)"
        " from unnest(%s::text[], %s::text[]) as k (id, key)"
        " where c.id = k.id and (c.erased_at is null or exists (select from customer_alias a"
        "  where a.alias = c.id)) returning c.id, c.data_key",
        (list(keys), list(keys.values())),
    )
    return dict(await cursor.fetchall())


async def destroy_data_keys(tx: Tx, customer_ids: Sequence[str]) -> None:
    """Destroy the data keys of people, and with them whatever was sealed with these."""
    await tx.execute(
        "update customer set data_key = null where id = any(%s)", (list(customer_ids),)
    )


async def list_keys_wrapped_before(tx: Tx, number: int, *, limit: int) -> dict[str, str]:
    """Lock and return data keys that an older key than ``number`` wraps; others' locks are passed."""
    cursor = await tx.execute(
        "select id, data_key from customer where data_key is not null"
        " and split_part(data_key, '.', 1)::integer < %s order by id limit %s"
        " for no key update skip locked",
        (number, limit),
    )
    return dict(await cursor.fetchall())


async def update_data_keys(tx: Tx, keys: Mapping[str, str]) -> None:
    """Store data keys of locked customers, wrapped anew."""
    await tx.execute(
        "update customer c set data_key = k.key"
        " from unnest(%s::text[], %s::text[]) as k (id, key) where c.id = k.id",
        (list(keys), list(keys.values())),
    )


async def count_keys_wrapped_before(tx: Tx, number: int) -> int:
    """Return how many data keys an older key than ``number`` wraps."""
    cursor = await tx.execute(
        "select count(*) from customer where data_key is not null"
        " and split_part(data_key, '.', 1)::integer < %s",
        (number,),
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]
