"""SQL for what may be done with a project's public keys."""

from datetime import datetime

from kaquan.runtime import Tx, struct_row
from kaquan.trust.model import ClientAccess


async def find_client_access(tx: Tx) -> ClientAccess | None:
    """Return what the project set, or None when it set nothing yet."""
    async with tx.cursor(row_factory=struct_row(ClientAccess)) as cursor:
        await cursor.execute(
            "select trusted_domains, redeem, publish, list_vouchers, create_customer"
            " from client_access"
        )
        return await cursor.fetchone()


async def store_client_access(tx: Tx, access: ClientAccess, *, now: datetime) -> None:
    """Set all of it."""
    await tx.execute(
        "insert into client_access (trusted_domains, redeem, publish, list_vouchers,"
        " create_customer, updated_at) values (%s, %s, %s, %s, %s, %s)"
        " on conflict (project_id) do update set trusted_domains = excluded.trusted_domains,"
        " redeem = excluded.redeem, publish = excluded.publish,"
        " list_vouchers = excluded.list_vouchers, create_customer = excluded.create_customer,"
        " updated_at = excluded.updated_at",
        (
            list(access.trusted_domains),
            access.redeem,
            access.publish,
            access.list_vouchers,
            access.create_customer,
            now,
        ),
    )
