"""Deleting what was used: hidden everywhere, kept for history, and back out of the bin."""

from typing import Any, NamedTuple

import pytest

from campaigns.samples import OFFER, make_campaign, make_customers
from conftest import NOW
from kaquan.campaigns import (
    Campaign,
    StackDraft,
    TierDraft,
    Voucher,
    VoucherDraft,
    VoucherTemplate,
    add_voucher,
    create_campaign,
    create_stack,
    create_tier,
    delete_campaign,
    delete_tier,
    delete_voucher,
    find_campaign,
    find_voucher,
    get_campaign,
    get_voucher,
    issue_vouchers,
    list_promotion_stacks,
    list_promotion_tiers,
    list_publications,
    list_vouchers,
    publish_voucher,
    purge_from_bin,
    recover_from_bin,
)
from kaquan.campaigns.model import CampaignDraft, CampaignKind
from kaquan.checkout import (
    CheckoutRequest,
    Redeemable,
    Redeemed,
    Refused,
    list_redemptions,
    redeem,
    roll_back,
    validate,
)
from kaquan.customers import OrderDraft, OrderLineDraft, get_order
from kaquan.engine import ReasonCode
from kaquan.ledger import AccountKey, AccountKind, check_ledger, list_accounts
from kaquan.runtime import (
    Duplicate,
    NotFound,
    Tx,
    all_of,
    list_bin_entries,
)


def asking(code: str, **fields: Any) -> CheckoutRequest:
    """A request for one code, or tier, on a cart of 50.00."""
    order = OrderDraft(lines=(OrderLineDraft(source_id="rice", unit_price_minor=5_000),))
    return CheckoutRequest(redeemables=(Redeemable(id=code, **fields),), order=order)


async def use(tx: Tx, code: str, **fields: Any) -> Redeemed:
    """Redeem and insist on success."""
    done = await redeem(tx, asking(code, **fields), now=NOW)
    assert isinstance(done, Redeemed)
    return done


async def left(tx: Tx, owner: str, kind: AccountKind) -> int | None:
    """What is left on an account."""
    key = AccountKey(owner, kind)
    found = (await list_accounts(tx, [key])).get(key)
    return None if found is None else found.balance


async def bin_id(tx: Tx) -> str:
    """The id of the entry that was put into the bin last."""
    page = await list_bin_entries(tx, condition=all_of([]), limit=1)
    return page.items[0].id


async def used_voucher(tx: Tx) -> tuple[Campaign, Voucher, str]:
    """A voucher of a campaign with a budget, held by a customer and redeemed once of three."""
    campaign = await make_campaign(tx, budget_minor=9_000)
    voucher = await add_voucher(
        tx, VoucherDraft(campaign_id=campaign.id, code="SPRING", quantity=3), now=NOW
    )
    (customer,) = await make_customers(tx, 1)
    given = await publish_voucher(
        tx, campaign_id=campaign.id, customer_id=customer, channel="t", now=NOW
    )
    assert given.code == "SPRING"
    return campaign, voucher, customer


class Way(NamedTuple):
    name: str
    of: str
    force: bool


WAYS = [
    Way("a voucher, into the bin", "voucher", False),
    Way("a voucher, for good", "voucher", True),
    Way("a campaign, into the bin", "campaign", False),
    Way("a campaign, for good", "campaign", True),
]


async def delete(tx: Tx, way: Way, campaign: Campaign, voucher: Voucher) -> None:
    """Delete one or the other."""
    if way.of == "voucher":
        await delete_voucher(tx, voucher.code, force=way.force, now=NOW)
    else:
        await delete_campaign(tx, campaign.id, force=way.force, now=NOW)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
class TestUsed:
    async def test_it_is_found_nowhere(self, tx: Tx, way: Way) -> None:
        campaign, voucher, customer = await used_voucher(tx)
        await use(tx, "SPRING")
        await delete(tx, way, campaign, voucher)
        assert await find_voucher(tx, "SPRING") is None
        assert await find_voucher(tx, voucher.id) is None
        assert (await list_vouchers(tx)).total == 0
        assert (await list_vouchers(tx, holder_id=customer)).total == 0
        tried = await validate(tx, asking("SPRING"), now=NOW)
        assert tried.attempts[0].reasons[0].code is ReasonCode.VOUCHER_NOT_FOUND
        assert isinstance(await redeem(tx, asking("SPRING"), now=NOW), Refused)
        with pytest.raises(NotFound):
            await publish_voucher(
                tx, voucher_code="SPRING", customer_id=customer, channel="t", now=NOW
            )
        assert (await find_campaign(tx, campaign.name) is None) == (way.of == "campaign")

    async def test_history_stays_and_can_be_undone(self, tx: Tx, way: Way) -> None:
        campaign, voucher, customer = await used_voucher(tx)
        done = await use(tx, "SPRING")
        assert done.order is not None
        order_id = done.order.id
        await delete(tx, way, campaign, voucher)
        (kept,) = (await list_redemptions(tx)).items
        assert (kept.voucher_code, kept.discount_minor) == ("SPRING", 500)
        (published,) = (await list_publications(tx, customer_id=customer)).items
        assert published.code == "SPRING"
        assert (await get_order(tx, order_id)).total_minor == 4_500
        await roll_back(tx, done.redemptions[0].id, now=NOW)
        assert (await get_order(tx, order_id)).total_minor == 5_000
        assert await check_ledger(tx) == []

    async def test_its_names_are_free(self, tx: Tx, way: Way) -> None:
        campaign, voucher, _ = await used_voucher(tx)
        await use(tx, "SPRING")
        await delete(tx, way, campaign, voucher)
        again = await add_voucher(tx, VoucherDraft(code="SPRING", offer=OFFER), now=NOW)
        assert (await get_voucher(tx, "SPRING")).id == again.id
        await use(tx, "SPRING")
        if way.of == "campaign":
            assert (await make_campaign(tx)).name == campaign.name

    async def test_what_is_left_is_withdrawn_only_for_good(self, tx: Tx, way: Way) -> None:
        campaign, voucher, _ = await used_voucher(tx)
        await use(tx, "SPRING")
        await delete(tx, way, campaign, voucher)
        uses = 0 if way.force else 2
        budget = 0 if way.force and way.of == "campaign" else 8_500
        assert await left(tx, voucher.id, AccountKind.USES) == uses
        assert await left(tx, campaign.id, AccountKind.BUDGET) == budget
        assert await check_ledger(tx) == []

    async def test_the_bin(self, tx: Tx, way: Way) -> None:
        campaign, voucher, customer = await used_voucher(tx)
        await use(tx, "SPRING")
        await delete(tx, way, campaign, voucher)
        page = await list_bin_entries(tx, condition=all_of([]), limit=5)
        if way.force:
            assert page.items == []
            return
        (entry,) = page.items
        meant = voucher.id if way.of == "voucher" else campaign.id
        assert (entry.resource_type, entry.resource_id) == (way.of, meant)
        await recover_from_bin(tx, entry.id, now=NOW)
        assert (await get_voucher(tx, "SPRING")).holder_id == customer
        assert (await get_campaign(tx, campaign.name)).id == campaign.id
        await use(tx, "SPRING")
        assert await left(tx, voucher.id, AccountKind.USES) == 1
        with pytest.raises(NotFound):
            await recover_from_bin(tx, entry.id, now=NOW)


class TestRecovering:
    @pytest.mark.parametrize("taken", ["code", "name", "place", "campaign"])
    async def test_not_what_was_given_to_another(self, tx: Tx, taken: str) -> None:
        campaign, voucher, customer = await used_voucher(tx)
        if taken == "name":
            await delete_campaign(tx, campaign.id, now=NOW)
        else:
            await delete_voucher(tx, voucher.id, now=NOW)
        entry = await bin_id(tx)
        if taken == "code":
            await add_voucher(tx, VoucherDraft(code="SPRING", offer=OFFER), now=NOW)
        elif taken == "name":
            await make_campaign(tx)
        elif taken == "place":
            await publish_voucher(
                tx, campaign_id=campaign.id, customer_id=customer, channel="t", now=NOW
            )
        else:
            await delete_campaign(tx, campaign.id, now=NOW)
        with pytest.raises(Duplicate):
            await recover_from_bin(tx, entry, now=NOW)
        assert await bin_id(tx) is not None
        assert await check_ledger(tx) == []

    async def test_a_voucher_deleted_before_its_campaign_stays_deleted(self, tx: Tx) -> None:
        campaign, voucher, _ = await used_voucher(tx)
        (other,) = await issue_vouchers(tx, campaign.id, 1, now=NOW)
        await delete_voucher(tx, voucher.id, now=NOW)
        await delete_campaign(tx, campaign.id, now=NOW)
        await recover_from_bin(tx, await bin_id(tx), now=NOW)
        assert [one.id for one in (await list_vouchers(tx)).items] == [other]
        await recover_from_bin(tx, await bin_id(tx), now=NOW)
        assert (await list_vouchers(tx)).total == 2

    async def test_for_good_from_the_bin(self, tx: Tx) -> None:
        campaign, voucher, _ = await used_voucher(tx)
        await delete_campaign(tx, campaign.id, now=NOW)
        await purge_from_bin(tx, await bin_id(tx), now=NOW)
        assert await left(tx, voucher.id, AccountKind.USES) == 0
        assert await left(tx, campaign.id, AccountKind.BUDGET) == 0
        assert await check_ledger(tx) == []


async def test_who_lost_a_voucher_may_be_given_another(tx: Tx) -> None:
    campaign = await make_campaign(tx, voucher_template=VoucherTemplate(quantity=1))
    (customer,) = await make_customers(tx, 1)
    codes: list[str] = []
    for _ in range(2):
        given = await publish_voucher(
            tx, campaign_id=campaign.id, customer_id=customer, source_id="s", channel="t", now=NOW
        )
        codes.append(given.code)
        await delete_voucher(tx, given.code, now=NOW)
    assert len(set(codes)) == 2


async def test_a_used_tier_leaves_its_stacks_and_stays_on_record(tx: Tx) -> None:
    draft = CampaignDraft(name="Deals", offer={}, kind=CampaignKind.PROMOTION)
    campaign = await create_campaign(tx, draft, now=NOW)
    tiers = [
        await create_tier(tx, campaign.id, TierDraft(name=name, offer=OFFER), now=NOW)
        for name in ("one", "two")
    ]
    ids = tuple(tier.id for tier in tiers)
    await create_stack(tx, campaign.id, StackDraft(name="both", tier_ids=ids), now=NOW)
    done = await use(tx, ids[0], object="promotion_tier")
    await delete_tier(tx, ids[0])
    assert [one.id for one in (await list_promotion_tiers(tx)).items] == [ids[1]]
    assert [one.tier_ids for one in (await list_promotion_stacks(tx)).items] == [(ids[1],)]
    refused = await redeem(tx, asking(ids[0], object="promotion_tier"), now=NOW)
    assert isinstance(refused, Refused)
    (kept,) = (await list_redemptions(tx)).items
    assert kept.voucher_id == ids[0]
    await roll_back(tx, done.redemptions[0].id, now=NOW)
    assert await check_ledger(tx) == []
