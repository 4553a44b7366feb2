"""SQL of what orders are going to redeem when they are paid."""

import msgspec
from psycopg.types.json import Jsonb

from kaquan.checkout.lifecycle_model import OrderCoupons
from kaquan.runtime import Tx, struct_row


async def find_coupons(tx: Tx, order_id: str) -> OrderCoupons | None:
    """Return what an order is going to redeem, if anything."""
    async with tx.cursor(row_factory=struct_row(OrderCoupons)) as cursor:
        await cursor.execute(
            "select session_key, redeemables, channel from order_coupons where order_id = %s",
            (order_id,),
        )
        return await cursor.fetchone()


async def write_coupons(tx: Tx, order_id: str, coupons: OrderCoupons) -> None:
    """Store what an order is going to redeem, in the place of what it was going to."""
    await tx.execute(
        "insert into order_coupons (order_id, session_key, redeemables, channel)"
        " values (%s, %s, %s, %s) on conflict (project_id, order_id) do update"
        " set session_key = excluded.session_key, redeemables = excluded.redeemables,"
        " channel = excluded.channel",
        (
            order_id,
            coupons.session_key,
            Jsonb(msgspec.to_builtins(coupons.redeemables)),
            coupons.channel,
        ),
    )


async def delete_coupons(tx: Tx, order_id: str) -> None:
    """Forget what an order was going to redeem."""
    await tx.execute("delete from order_coupons where order_id = %s", (order_id,))
