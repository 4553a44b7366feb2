"""Sessions: what they keep for their holder, from whom, for how long, and how they end."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from checkout.shop import NOW, add_code, amount_off, asking, cart, open_campaign, read_balance
from kaquan.campaigns import voucher_usage
from kaquan.checkout import (
    CheckoutRequest,
    Redeemed,
    Session,
    TtlUnit,
    Validation,
    expire_overdue_sessions,
    expire_sessions,
    get_lock,
    list_voucher_locks,
    redeem,
    release_lock,
    release_session,
    release_voucher_locks,
    validate,
)
from kaquan.customers import CustomerDraft
from kaquan.ledger import AccountKey, AccountKind, check_ledger, count_ledger, list_accounts
from kaquan.runtime import (
    Database,
    InvalidInput,
    JobServices,
    NotFound,
    Project,
    Settings,
    Tx,
)

LATER = NOW + timedelta(minutes=15)
ANNA = CustomerDraft(source_id="anna")


def under(key: str, *codes: str, **more: Any) -> CheckoutRequest:
    """A request of the session with this key."""
    ttl = {name: more.pop(name) for name in ("ttl", "ttl_unit") if name in more}
    return asking(*codes, session=Session(key=key, **ttl), **more)


async def hold(tx: Tx, key: str, *codes: str, now: datetime = NOW, **more: Any) -> Validation:
    """Validate and lock; the ledger must be whole afterwards."""
    validation = await validate(tx, under(key, *codes, **more), now=now)
    assert await check_ledger(tx) == []
    return validation


async def use(tx: Tx, request: CheckoutRequest, *, now: datetime = NOW) -> str:
    """Redeem; the outcome in a word, the ledger whole."""
    outcome = await redeem(tx, request, now=now)
    assert await check_ledger(tx) == []
    return "redeemed" if isinstance(outcome, Redeemed) else outcome.reason.code.value


async def held(tx: Tx, owner: str, kind: AccountKind) -> int:
    """What is reserved of an account."""
    key = AccountKey(owner, kind)
    return (await list_accounts(tx, [key]))[key].held


async def test_a_session_keeps_a_use_for_its_holder(tx: Tx) -> None:
    voucher = await add_code(tx, "LAST", offer=amount_off(1000), quantity=1)
    assert (await hold(tx, "ours", "LAST")).valid
    assert (await voucher_usage(tx, [voucher]))[voucher.id].left == 0
    assert not (await hold(tx, "theirs", "LAST")).valid
    assert await use(tx, asking("LAST")) == "uses_exhausted"
    assert await use(tx, under("theirs", "LAST")) == "uses_exhausted"
    assert await use(tx, under("ours", "LAST")) == "redeemed"
    assert await held(tx, voucher.id, AccountKind.USES) == 0
    assert await read_balance(tx, voucher.id, AccountKind.USES) == 0
    with pytest.raises(NotFound):
        await get_lock(tx, "LAST", "ours", now=NOW)
    assert await use(tx, under("ours", "LAST")) == "uses_exhausted"


async def test_a_session_keeps_all_that_a_redemption_takes(tx: Tx) -> None:
    campaign = await open_campaign(tx, amount_off(1000), budget_minor=1500, per_customer_cap=1)
    first = await add_code(tx, "A", campaign_id=campaign.id, quantity=3)
    await add_code(tx, "B", campaign_id=campaign.id, quantity=3)
    assert (await hold(tx, "ours", "A", customer=ANNA)).valid
    lock = await get_lock(tx, "A", "ours", now=NOW)
    assert (lock.discount_minor, lock.expires_at) == (1000, LATER)
    assert lock.customer_id is not None
    cap = f"{campaign.id}/{lock.customer_id}"
    assert await held(tx, first.id, AccountKind.USES) == 1
    assert await held(tx, campaign.id, AccountKind.BUDGET) == 1000
    assert await held(tx, cap, AccountKind.CUSTOMER_USES) == 1
    assert await use(tx, asking("B", customer=ANNA)) == "customer_uses_exhausted"
    assert await use(tx, asking("B", customer=CustomerDraft(source_id="bo"))) == "budget_exhausted"
    assert await use(tx, under("ours", "A", customer=ANNA)) == "redeemed"
    for owner, kind in (
        (first.id, AccountKind.USES),
        (campaign.id, AccountKind.BUDGET),
        (cap, AccountKind.CUSTOMER_USES),
    ):
        assert await held(tx, owner, kind) == 0


async def test_the_same_key_replaces_its_own_hold(tx: Tx) -> None:
    campaign = await open_campaign(tx, {"effect": {"code": "percent_off", "rate_bps": 5000}})
    kept = await add_code(tx, "KEPT", campaign_id=campaign.id, quantity=1)
    dropped = await add_code(tx, "DROPPED", offer=amount_off(10), quantity=1)
    await hold(tx, "ours", "KEPT", "DROPPED")
    again = await hold(tx, "ours", "KEPT", order=cart(4000), now=NOW + timedelta(minutes=5))
    assert again.valid
    lock = await get_lock(tx, "KEPT", "ours", now=NOW)
    assert (lock.discount_minor, lock.expires_at) == (2000, LATER + timedelta(minutes=5))
    assert await held(tx, kept.id, AccountKind.USES) == 1
    assert await held(tx, dropped.id, AccountKind.USES) == 0
    with pytest.raises(NotFound):
        await get_lock(tx, "DROPPED", "ours", now=NOW)


async def test_a_validation_that_fails_reserves_nothing_and_leaves_the_session(tx: Tx) -> None:
    rule = {**amount_off(1000), "condition": {"code": "minimum_spend", "amount_minor": 5000}}
    voucher = await add_code(tx, "RULE", offer=rule, quantity=1)
    assert not (await hold(tx, "ours", "RULE", order=cart(4000))).valid
    assert await held(tx, voucher.id, AccountKind.USES) == 0
    assert (await hold(tx, "ours", "RULE", order=cart(6000))).valid
    before = await get_lock(tx, "RULE", "ours", now=NOW)
    assert not (await hold(tx, "ours", "RULE", order=cart(4000))).valid
    assert await get_lock(tx, "RULE", "ours", now=NOW) == before
    assert await held(tx, voucher.id, AccountKind.USES) == 1


async def test_a_refused_redemption_leaves_the_session(tx: Tx) -> None:
    rule = {**amount_off(1000), "condition": {"code": "minimum_spend", "amount_minor": 5000}}
    await add_code(tx, "RULE", offer=rule, quantity=1)
    await hold(tx, "ours", "RULE")
    assert await use(tx, under("ours", "RULE", order=cart(100))) == "minimum_spend_not_met"
    assert await use(tx, asking("RULE")) == "uses_exhausted"
    assert await use(tx, under("ours", "RULE")) == "redeemed"


async def test_a_voucher_without_limit_takes_any_number_of_sessions(tx: Tx) -> None:
    await add_code(tx, "FREE", offer=amount_off(1000), quantity=None)
    for number in range(3):
        assert (await hold(tx, f"s-{number}", "FREE", now=NOW + timedelta(seconds=number))).valid
    page = await list_voucher_locks(tx, "FREE", now=NOW, limit=2)
    assert ([lock.key for lock in page.items], page.total) == (["s-2", "s-1"], 3)
    last = await list_voucher_locks(tx, "FREE", now=NOW, limit=2, page=2, order="-expires_at")
    assert [lock.key for lock in last.items] == ["s-0"]
    assert await use(tx, under("s-1", "FREE")) == "redeemed"
    assert (await list_voucher_locks(tx, "FREE", now=NOW)).total == 2


@pytest.mark.parametrize(
    ("after", "outcome"),
    [
        pytest.param(timedelta(minutes=15) - timedelta(microseconds=1), "uses_exhausted", id="on"),
        pytest.param(timedelta(minutes=15), "redeemed", id="at the end"),
        pytest.param(timedelta(days=30), "redeemed", id="long after"),
    ],
)
async def test_an_overdue_hold_is_no_obstacle(tx: Tx, after: timedelta, outcome: str) -> None:
    await add_code(tx, "LAST", offer=amount_off(1000), quantity=1)
    await hold(tx, "theirs", "LAST")
    assert await use(tx, asking("LAST"), now=NOW + after) == outcome


async def test_the_holder_of_an_overdue_session_gets_what_is_left(tx: Tx) -> None:
    await add_code(tx, "LAST", offer=amount_off(1000), quantity=1)
    await hold(tx, "ours", "LAST")
    assert (await hold(tx, "theirs", "LAST", now=LATER)).valid
    assert await use(tx, under("ours", "LAST"), now=LATER) == "uses_exhausted"
    assert await use(tx, under("theirs", "LAST"), now=LATER) == "redeemed"


async def test_the_sweep_frees_what_nobody_meets_again(tx: Tx) -> None:
    voucher = await add_code(tx, "LAST", offer=amount_off(1000), quantity=2)
    await hold(tx, "short", "LAST")
    await hold(tx, "long", "LAST", ttl=Decimal(1), ttl_unit=TtlUnit.HOURS)
    assert await expire_sessions(tx, now=NOW) == 0
    assert await expire_sessions(tx, now=LATER) == 2
    assert await held(tx, voucher.id, AccountKind.USES) == 1
    assert await expire_sessions(tx, now=LATER) == 0
    assert await check_ledger(tx) == []


async def test_releasing(tx: Tx) -> None:
    voucher = await add_code(tx, "MANY", offer=amount_off(1000), quantity=3)
    for key in ("a", "b", "c"):
        await hold(tx, key, "MANY")
    await release_lock(tx, "MANY", "a", now=NOW)
    assert await held(tx, voucher.id, AccountKind.USES) == 2
    before = await count_ledger(tx)
    for key, now in (("a", NOW), ("unknown", NOW), ("b", LATER)):
        with pytest.raises(NotFound):
            await release_lock(tx, "MANY", key, now=now)
    with pytest.raises(NotFound):
        await release_lock(tx, "UNKNOWN", "b", now=NOW)
    assert (await count_ledger(tx), await held(tx, voucher.id, AccountKind.USES)) == (before, 2)
    assert await release_session(tx, "b") == 1
    assert await release_voucher_locks(tx, "MANY", now=NOW) == 1
    assert await release_voucher_locks(tx, "MANY", now=NOW) == 0
    assert await held(tx, voucher.id, AccountKind.USES) == 0
    assert await check_ledger(tx) == []


async def test_a_hold_lasts_a_quarter_of_an_hour_unless_told(tx: Tx) -> None:
    await add_code(tx, "LAST", offer=amount_off(1000), quantity=1)
    await hold(tx, "ours", "LAST")
    assert (await get_lock(tx, "LAST", "ours", now=NOW)).expires_at == LATER


@pytest.mark.parametrize(
    ("ttl", "unit", "life"),
    [
        ("7", "DAYS", timedelta(days=7)),
        ("1.5", "HOURS", timedelta(minutes=90)),
        ("2", "MINUTES", timedelta(minutes=2)),
        ("0.25", "SECONDS", timedelta(milliseconds=250)),
        ("3", "MILLISECONDS", timedelta(milliseconds=3)),
        ("1", "MICROSECONDS", timedelta(microseconds=1)),
        ("5000", "NANOSECONDS", timedelta(microseconds=5)),
        ("1", "NANOSECONDS", timedelta(microseconds=1)),
        ("1001", "NANOSECONDS", timedelta(microseconds=2)),
    ],
)
async def test_units_of_time(tx: Tx, ttl: str, unit: str, life: timedelta) -> None:
    await add_code(tx, "LAST", offer=amount_off(1000), quantity=1)
    await hold(tx, "ours", "LAST", ttl=Decimal(ttl), ttl_unit=TtlUnit(unit))
    assert (await get_lock(tx, "LAST", "ours", now=NOW)).expires_at == NOW + life


@pytest.mark.parametrize(
    ("session", "field"),
    [
        (Session(key=""), "session.key"),
        (Session(key="x" * 256), "session.key"),
        (Session(key="a\x00b"), "session.key"),
        (Session(key="k", ttl=Decimal(0)), "session.ttl"),
        (Session(key="k", ttl=Decimal(-1)), "session.ttl"),
        (Session(key="k", ttl=Decimal("NaN")), "session.ttl"),
        (Session(key="k", ttl=Decimal("Infinity")), "session.ttl"),
        (Session(key="k", ttl=Decimal("1e999999")), "session.ttl"),
        (Session(key="k", ttl=Decimal(367), ttl_unit=TtlUnit.DAYS), "session.ttl"),
    ],
)
async def test_sessions_that_cannot_be(tx: Tx, session: Session, field: str) -> None:
    await add_code(tx, "LAST", offer=amount_off(1000), quantity=1)
    with pytest.raises(InvalidInput) as refused:
        await validate(tx, asking("LAST", session=session), now=NOW)
    assert refused.value.field == field


async def test_the_upkeep_frees_what_is_overdue(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        voucher = await add_code(tx, "LAST", offer=amount_off(1000), quantity=1)
        await validate(tx, under("ours", "LAST"), now=NOW)
    await expire_overdue_sessions(JobServices(database, Settings()), project)
    async with database.transaction(project.project_id) as tx:
        assert await held(tx, voucher.id, AccountKind.USES) == 0
        assert await check_ledger(tx) == []
