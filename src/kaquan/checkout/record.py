"""Writing what a batch decided: all of it in one round trip, or nothing."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from psycopg import errors as postgres

from kaquan.checkout.held import end_free_holds
from kaquan.checkout.model import Contended, Redemption
from kaquan.checkout.referral_model import Referral
from kaquan.checkout.session_model import Session
from kaquan.checkout.settlement_model import SettlementEntry
from kaquan.checkout.store.found import Marks
from kaquan.checkout.store.referrals import note_referrals
from kaquan.checkout.store.register import insert_redemptions
from kaquan.checkout.store.settlement import insert_entries
from kaquan.checkout.store.situation import expect_unchanged, insert_guest_redemptions
from kaquan.customers import Order, store_priced_orders
from kaquan.experiments import Assignment, insert_arms
from kaquan.ledger import (
    Account,
    AccountKey,
    Hold,
    Movement,
    list_accounts,
    post_to_locked,
)
from kaquan.runtime import Duplicate, Tx

_ONE_ORDER_A_SOURCE_ID = "orders_project_id_source_id_key"


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """What one request leaves behind; a refused one leaves its failed attempts only.

    ``order`` is to be written, ``stored`` is it as it was. ``opened`` brings the person's accounts
    in line with their caps before ``taken`` is drawn. ``guests`` are the names by which the rows
    count for a guest. ``free_holds`` end with it, and so do the
    ``session``'s locks of these vouchers. ``met`` are arms of measured campaigns; ``shares`` tell who
    bears the discounts of campaigns with partners, ``referrals`` who was brought along.
    """

    marks: Marks
    rows: Sequence[Redemption] = ()
    guests: Sequence[str] = ()
    order: Order | None = None
    stored: Order | None = None
    opened: Sequence[Movement] = ()
    taken: Sequence[Movement] = ()
    shares: Sequence[SettlementEntry] = ()
    referrals: Sequence[Referral] = ()
    free_holds: Sequence[Hold] = ()
    session: Session | None = None
    voucher_ids: frozenset[str] = frozenset()
    met: Sequence[tuple[tuple[str, str], Assignment]] = ()


async def record_deeds(
    tx: Tx, deeds: Sequence[Deed], *, now: datetime, look_at: Sequence[AccountKey]
) -> dict[AccountKey, Account]:
    """Write deeds in one round trip, orders before what refers to them.

    Returns the accounts to ``look_at`` as they stand afterwards.

    The transfers go in two statements: accounts are opened before any is drawn on. Raises, for a
    single deed, Contended when another request stored the same new order meanwhile and Duplicate
    when its order's id is another's; and SerializationFailure when a definition was changed since
    it was read. ``tx`` is over then.
    """
    try:
        async with tx.pipeline():
            changed = [(deed.order, deed.stored) for deed in deeds if deed.order is not None]
            await store_priced_orders(tx, changed)
            rows = [row for deed in deeds for row in deed.rows]
            if rows:
                await insert_redemptions(tx, rows)
            guests = [(guest, row.id) for one in deeds for guest in one.guests for row in one.rows]
            if guests:
                await insert_guest_redemptions(tx, guests)
            shares = [share for deed in deeds for share in deed.shares]
            if shares:
                await insert_entries(tx, shares)
            referrals = [referral for deed in deeds for referral in deed.referrals]
            if referrals:
                await note_referrals(tx, referrals)
            met = {pair: arm for one in deeds for pair, arm in one.met}
            if met:
                await insert_arms(tx, list(met.items()), now=now)
            await _end_holds(tx, deeds, now=now)
            await post_to_locked(tx, [m for deed in deeds for m in deed.opened], now=now)
            await post_to_locked(tx, [m for deed in deeds for m in deed.taken], now=now)
            await expect_unchanged(tx, [deed.marks for deed in deeds])
            return await list_accounts(tx, look_at)
    except postgres.UniqueViolation as error:
        if len(deeds) == 1 and error.diag.constraint_name == _ONE_ORDER_A_SOURCE_ID:
            raise _name_clash(deeds[0]) from error
        raise


async def _end_holds(tx: Tx, deeds: Sequence[Deed], *, now: datetime) -> None:
    """A session is in company of nobody, so that there is one at most."""
    free: Mapping[tuple[str, str, str], Hold] = {
        (hold.id, hold.owner, hold.kind): hold for deed in deeds for hold in deed.free_holds
    }
    session = deeds[0].session if len(deeds) == 1 else None
    if free or session is not None:
        await end_free_holds(
            tx,
            tuple(free.values()),
            session=session,
            voucher_ids=deeds[0].voucher_ids,
            now=now,
        )


def _name_clash(deed: Deed) -> Duplicate | Contended:
    assert deed.order is not None
    source_id = deed.order.source_id
    if deed.stored is not None:
        message = f"Another order has the id '{source_id}' already."
        return Duplicate(message, field="order.source_id")
    message = f"The order '{source_id}' is being stored by another request."
    return Contended(message, source_id=source_id)
