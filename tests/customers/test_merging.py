"""Two people become one, and two again."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest

from conftest import NOW
from kaquan.campaigns import (
    CampaignDraft,
    VoucherDraft,
    add_voucher,
    create_campaign,
    publish_voucher,
)
from kaquan.checkout import CheckoutRequest, Redeemable, Redeemed, redeem, try_again
from kaquan.customers import (
    CustomerDraft,
    IdentityKind,
    OrderDraft,
    OrderLineDraft,
    OrderStatus,
    add_note,
    claim_identity,
    create_order,
    customer_timeline,
    erase_customer,
    find_customer,
    gather_late_rows,
    get_customer,
    get_customer_summary,
    get_merge,
    list_consents,
    list_identities,
    list_merges,
    merge_customers,
    preview_merge,
    prove_identity,
    record_consent,
    record_event,
    undo_merge,
    upsert_customer,
)
from kaquan.ledger import (
    AccountKey,
    AccountKind,
    check_ledger,
    issue,
    list_accounts,
    post_transfers,
)
from kaquan.runtime import Database, InvalidInput, NotFound, Project, Tx

OFF: dict[str, Any] = {
    "effect": {"code": "threshold_off", "tiers": [{"spend_minor": 100, "off_minor": 100}]}
}


async def enter(tx: Tx, source_id: str | None, **fields: Any) -> str:
    draft = CustomerDraft(**({} if source_id is None else {"source_id": source_id}), **fields)
    return (await upsert_customer(tx, draft, now=NOW)).id


async def buy(tx: Tx, customer_id: str, source_id: str) -> str:
    draft = OrderDraft(
        source_id=source_id,
        customer_id=customer_id,
        status=OrderStatus.PAID,
        lines=(OrderLineDraft(source_id="P", quantity=1, unit_price_minor=5000),),
    )
    return (await create_order(tx, draft, now=NOW)).id


async def merge(tx: Tx, survivor: str, merged: str) -> str:
    record = await merge_customers(tx, survivor, merged, by="Ann", reason="the same", now=NOW)
    return record.id


async def capped_campaign(tx: Tx) -> str:
    draft = CampaignDraft(name="Once each", offer=OFF, per_customer_cap=1, holdout_bps=0)
    return (await create_campaign(tx, draft, now=NOW)).id


async def use(tx: Tx, code: str, customer: str) -> bool:
    request = CheckoutRequest(
        redeemables=(Redeemable(id=code),),
        customer=customer,
        order=OrderDraft(lines=(OrderLineDraft(source_id="P", quantity=1, unit_price_minor=5000),)),
    )
    return isinstance(await redeem(tx, request, now=NOW), Redeemed)


async def test_everything_goes_over_and_comes_back(tx: Tx) -> None:
    survivor = await enter(tx, "A", name="Ann", metadata={"size": "M"})
    merged = await enter(
        tx,
        "B",
        name="Ann Lee",
        email="ann@example.com",
        birth_date=date(1990, 5, 31),
        metadata={"size": "S", "shoe": 38},
    )
    await buy(tx, survivor, "O-1")
    await buy(tx, merged, "O-2")
    await record_event(tx, merged, "viewed", now=NOW)
    await add_note(tx, merged, "Likes tea.", by="Ann", now=NOW)
    await record_consent(
        tx, merged, channel="email", purpose="marketing", granted=True, source="till", now=NOW
    )
    await claim_identity(tx, merged, IdentityKind.CARD, "C-77", source="till", now=NOW)
    await post_transfers(tx, [issue(merged, AccountKind.POINTS, 70, cause_id="gift")], now=NOW)
    was = await get_customer(tx, survivor), await get_customer(tx, merged)

    preview = await preview_merge(tx, "A", "B")
    assert preview.filled.keys() == {"email", "birth_date", "metadata"}
    assert preview.conflicts == ("source_id", "name")
    assert (preview.moves["orders"], preview.moves["events"], preview.points) == (1, 1, 70)

    merge_id = await merge(tx, "A", "B")
    one = await get_customer(tx, survivor)
    assert (one.name, one.email, one.source_id) == ("Ann", "ann@example.com", "A")
    assert one.metadata == {"size": "M", "shoe": 38}
    assert await get_customer(tx, merged) == await get_customer(tx, "B") == one
    assert (await get_customer_summary(tx, survivor)).order_count == 2
    kinds = [entry.kind for entry in (await customer_timeline(tx, survivor)).items]
    assert sorted(kinds) == ["event", "note", "order", "order", "points"]
    assert len(await list_consents(tx, survivor)) == 1
    assert "card" in {identity.kind for identity in await list_identities(tx, survivor)}
    assert await _points(tx, survivor, merged) == (70, 0)
    assert await check_ledger(tx) == []

    await undo_merge(tx, merge_id, by="Bob", now=NOW)
    now = await get_customer(tx, survivor), await get_customer(tx, merged)
    assert [_profile(one) for one in now] == [_profile(one) for one in was]
    assert (await get_customer(tx, "B")).id == merged
    assert (await get_customer_summary(tx, merged)).order_count == 1
    # The points came by gift, left with the merge, and came back.
    assert len((await customer_timeline(tx, merged)).items) == 6
    assert len(await list_consents(tx, merged)) == 1
    assert await _points(tx, survivor, merged) == (0, 70)
    assert await check_ledger(tx) == []
    record = await get_merge(tx, merge_id)
    assert (record.merged_by, record.undone_by, record.may_be_undone) == ("Ann", "Bob", False)


async def test_what_was_said_of_an_old_id_is_said_of_the_survivor(tx: Tx) -> None:
    survivor, merged = await enter(tx, "A"), await enter(tx, "B")
    await merge(tx, survivor, merged)
    told = await upsert_customer(tx, CustomerDraft(source_id="B", name="Bea"), now=NOW)
    assert (told.id, told.source_id, told.name) == (survivor, "A", "Bea")
    with pytest.raises(InvalidInput, match="themselves"):
        await merge(tx, "A", "B")


async def test_a_chain_of_merges_is_undone_from_its_end(tx: Tx) -> None:
    first, second, third = [await enter(tx, name) for name in "ABC"]
    inner = await merge(tx, second, third)
    outer = await merge(tx, first, second)
    assert {(await get_customer(tx, one)).id for one in ("A", "B", "C", third)} == {first}
    with pytest.raises(InvalidInput) as refused:
        await undo_merge(tx, inner, by="Bob", now=NOW)
    assert refused.value.key == "merge_stands"
    await undo_merge(tx, outer, by="Bob", now=NOW)
    assert [(await get_customer(tx, one)).id for one in "ABC"] == [first, second, second]
    await undo_merge(tx, inner, by="Bob", now=NOW)
    assert [(await get_customer(tx, one)).id for one in "ABC"] == [first, second, third]
    with pytest.raises(InvalidInput):
        await undo_merge(tx, inner, by="Bob", now=NOW)


async def test_what_was_changed_since_stays_after_undoing(tx: Tx) -> None:
    survivor, merged = await enter(tx, "A"), await enter(tx, "B", name="Bea", email="b@b.example")
    merge_id = await merge(tx, survivor, merged)
    await upsert_customer(tx, CustomerDraft(id=survivor, name="Ann"), now=NOW)
    order = await buy(tx, merged, "O-9")
    await undo_merge(tx, merge_id, by="Bob", now=NOW)
    one = await get_customer(tx, survivor)
    assert (one.name, one.email) == ("Ann", None)
    assert (await customer_timeline(tx, survivor)).items[0].id == order


async def test_erasing_the_survivor_erases_the_merged(tx: Tx) -> None:
    survivor, merged = await enter(tx, "A", name="Ann"), await enter(tx, "B", name="Bea")
    await claim_identity(tx, merged, IdentityKind.CARD, "C-1", source="till", now=NOW)
    await record_event(tx, merged, "viewed", now=NOW)
    merge_id = await merge(tx, survivor, merged)
    deletion = await erase_customer(tx, "B", now=NOW)
    assert deletion.counts["events"] == 1
    assert [await find_customer(tx, one) for one in ("A", "B", survivor, merged)] == [None] * 4
    record = await get_merge(tx, merge_id)
    assert (record.before.merged, record.moved, record.reason) == ({}, {}, "")
    with pytest.raises(InvalidInput):
        await undo_merge(tx, merge_id, by="Bob", now=NOW)
    with pytest.raises(NotFound):
        await list_and_get(tx, survivor)


async def list_and_get(tx: Tx, reference: str) -> None:
    assert await list_identities(tx, reference) == []
    await get_customer(tx, reference)


async def test_what_one_used_of_a_cap_counts_for_both(tx: Tx) -> None:
    campaign = await capped_campaign(tx)
    survivor, merged = await enter(tx, "A"), await enter(tx, "B")
    for code in ("X-1", "X-2"):
        await add_voucher(tx, VoucherDraft(campaign_id=campaign, code=code), now=NOW)
    assert await use(tx, "X-1", merged)
    merge_id = await merge(tx, survivor, merged)
    assert not await use(tx, "X-2", "B")
    assert await check_ledger(tx) == []
    await undo_merge(tx, merge_id, by="Bob", now=NOW)
    assert await use(tx, "X-2", "A")
    assert await check_ledger(tx) == []


async def test_joined_once_by_both(tx: Tx) -> None:
    draft = CampaignDraft(name="Join", offer=OFF, holdout_bps=0)
    campaign = await create_campaign(tx, draft, now=NOW)
    survivor, merged = await enter(tx, "A"), await enter(tx, "B")
    for person in (survivor, merged):
        await add_voucher(tx, VoucherDraft(campaign_id=campaign.id, code=f"V{person}"), now=NOW)
        await publish_voucher(
            tx, campaign_id=campaign.id, customer_id=person, channel="API", now=NOW
        )
    merge_id = await merge(tx, survivor, merged)
    assert len((await customer_timeline(tx, survivor)).items) == 2
    await undo_merge(tx, merge_id, by="Bob", now=NOW)
    assert len((await customer_timeline(tx, merged)).items) == 1


async def test_a_proof_joins_the_people_who_gave_it(tx: Tx) -> None:
    first = await enter(tx, "online")
    await claim_identity(tx, first, IdentityKind.PHONE, "13800138000", source="form", now=NOW)
    second = (
        await upsert_customer(tx, CustomerDraft(source_id="till"), now=NOW + timedelta(days=1))
    ).id
    # A claim joins nobody, the first proof neither.
    kind, number = IdentityKind.PHONE, "+86 138-0013-8000"
    proven = await prove_identity(
        tx, second, kind, number, proof="code by SMS", source="till", by="till", now=NOW
    )
    assert (proven.customer.id, proven.merge) == (second, None)
    proven = await prove_identity(
        tx, first, kind, "13800138000", proof="login", source="app", by="app", now=NOW
    )
    assert proven.customer.id == first
    assert proven.merge is not None
    assert (await get_customer(tx, "till")).id == first
    held = [one for one in await list_identities(tx, first) if one.kind == "phone"]
    assert [(one.value, one.proof) for one in held] == [("+8613800138000", "code by SMS")]
    await undo_merge(tx, proven.merge.id, by="Bob", now=NOW)
    held = [one for one in await list_identities(tx, first) if one.kind == "phone"]
    assert [(one.value, one.proof) for one in held] == [("+8613800138000", None)]


async def test_what_comes_late_is_gathered(tx: Tx) -> None:
    survivor, merged = await enter(tx, "A"), await enter(tx, "B")
    merge_id = await merge(tx, survivor, merged)
    assert await gather_late_rows(tx, now=NOW) == 0
    await tx.execute(
        "insert into event (id, customer_id, name, at, created_at)"
        " values ('evt_late', %s, 'late', %s, %s)",
        (merged, NOW, NOW),
    )
    assert await gather_late_rows(tx, now=NOW) == 1
    assert (await get_merge(tx, merge_id)).moved["events"] == ["evt_late"]
    assert [one.id for one in (await customer_timeline(tx, survivor)).items] == ["evt_late"]


async def test_a_cap_holds_while_its_owners_are_merged(
    database: Database, project: Project
) -> None:
    """Redemptions by both ids race with the merge: the cap of one is never passed unnoticed.

    Before the merge each of the two may have redeemed once; after it nobody does.
    """
    async with database.transaction(project.project_id) as tx:
        campaign = await capped_campaign(tx)
        survivor, merged = await enter(tx, "A"), await enter(tx, "B")
        for number in range(8):
            await add_voucher(tx, VoucherDraft(campaign_id=campaign, code=f"R-{number}"), now=NOW)

    async def attempt(number: int) -> bool:
        async def once() -> bool:
            async with database.transaction(project.project_id) as tx:
                return await use(tx, f"R-{number}", ("A", "B", survivor, merged)[number % 4])

        return await try_again(once)

    async def unite() -> None:
        async def once() -> None:
            async with database.transaction(project.project_id) as tx:
                await merge(tx, survivor, merged)

        await try_again(once)

    done = await asyncio.gather(*map(attempt, range(4)), unite(), *map(attempt, range(4, 8)))
    assert 1 <= sum(bool(one) for one in done) <= 2
    async with database.transaction(project.project_id) as tx:
        assert not await use(tx, "R-7", "A")
        cursor = await tx.execute(
            "select count(*) from redemption where customer_id = %s and result = 'SUCCESS'"
            " and campaign_id = %s",
            (merged, campaign),
        )
        assert await cursor.fetchone() == (0,)
        assert await check_ledger(tx) == []
        assert (await list_merges(tx, survivor_id=survivor)).total == 1


def _profile(customer: Any) -> tuple[Any, ...]:
    return (
        customer.id,
        customer.source_id,
        customer.name,
        customer.email,
        customer.birth_date,
        customer.metadata,
        customer.created_at,
    )


async def _points(tx: Tx, *owners: str) -> tuple[int, ...]:
    keys = [AccountKey(owner, AccountKind.POINTS) for owner in owners]
    accounts = await list_accounts(tx, keys)
    return tuple(accounts[key].balance if key in accounts else 0 for key in keys)
