"""Several coupons on one order go together by the project's own rules."""

from typing import Any

import pytest

from checkout.shop import (
    NOW,
    add_code,
    amount_off,
    asking,
    cart,
    open_campaign,
    percent_off,
    redeem_now,
    refuse_now,
)
from kaquan.campaigns import (
    CampaignChange,
    CategoryChange,
    CategoryDraft,
    InUse,
    StackingChange,
    create_category,
    delete_category,
    get_stacking_rules,
    list_categories,
    reset_stacking_rules,
    update_campaign,
    update_category,
    update_stacking_rules,
)
from kaquan.checkout import Redeemed, list_redemptions, redeem, validate
from kaquan.engine import (
    AmountBase,
    Application,
    Lane,
    NoEffect,
    ProductUse,
    Sorting,
    StackingRules,
)
from kaquan.runtime import Duplicate, InvalidInput, NotFound, Tx


async def reasons_of(tx: Tx, *codes: str, **fields: Any) -> list[list[str]]:
    """The reason codes of each redeemable; an empty list means that it applies."""
    result = await validate(tx, asking(*codes, **fields), now=NOW)
    return [[reason.code.value for reason in a.reasons] for a in result.attempts]


async def add_of_category(tx: Tx, code: str, category_id: str, **fields: Any) -> None:
    """A voucher for 1.00 of a campaign in a category."""
    fields.setdefault("offer", amount_off(100))
    campaign = await open_campaign(tx, name=code, category_ids=(category_id,), **fields)
    await add_code(tx, code, campaign_id=campaign.id)


class TestRules:
    """They are set per project, changed by name, and reset."""

    async def test_a_change_names_what_it_changes(self, tx: Tx) -> None:
        assert await get_stacking_rules(tx) == StackingRules()
        changed = await update_stacking_rules(tx, StackingChange(max_applied=2), now=NOW)
        change = StackingChange(application=Application.PARTIAL)
        changed = await update_stacking_rules(tx, change, now=NOW)
        assert changed == StackingRules(max_applied=2, application=Application.PARTIAL)
        assert await get_stacking_rules(tx) == changed
        assert await reset_stacking_rules(tx) == StackingRules() == await get_stacking_rules(tx)

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            (StackingChange(max_sent=31), "max_sent"),
            (StackingChange(max_applied=0), "max_applied"),
            (StackingChange(category_limits={"vip": 31}), "category_limits.vip"),
            (StackingChange(joint_categories=("nowhere",)), "joint_categories[0]"),
            (
                StackingChange(exclusive_categories=("a",), joint_categories=("a",)),
                "exclusive_categories",
            ),
        ],
    )
    async def test_refusals(self, tx: Tx, change: StackingChange, field: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            await update_stacking_rules(tx, change, now=NOW)
        assert (refused.value.key, refused.value.field) == ("invalid_stacking_rules", field)
        assert await get_stacking_rules(tx) == StackingRules()


class TestCheckout:
    """Validation and redemption go by them from the next request on."""

    async def test_how_many_may_be_sent_and_applied(self, tx: Tx) -> None:
        for code in "ABC":
            await add_code(tx, code, offer=amount_off(100))
        await update_stacking_rules(tx, StackingChange(max_applied=1, max_sent=2), now=NOW)
        assert await reasons_of(tx, "A", "B") == [[], ["applied_limit"]]
        with pytest.raises(InvalidInput) as refused:
            await redeem(tx, asking("A", "B", "C"), now=NOW)
        assert refused.value.key == "too_many_redeemables"
        told = await redeem(tx, asking("A", "B", "C"), now=NOW, rules=StackingRules())
        assert isinstance(told, Redeemed)

    async def test_partial_takes_what_applies_and_keeps_what_failed(self, tx: Tx) -> None:
        await add_code(tx, "A", offer=amount_off(100))
        await add_code(tx, "OFF", offer=amount_off(100), active=False)
        await refuse_now(tx, asking("OFF", "A"))
        change = StackingChange(application=Application.PARTIAL)
        await update_stacking_rules(tx, change, now=NOW)
        done = await redeem_now(tx, asking("OFF", "A"))
        assert [row.voucher_code for row in done.redemptions] == ["A"]
        assert done.validation.rules.application is Application.PARTIAL

    async def test_categories_shut_out_and_go_along(self, tx: Tx) -> None:
        names = ("news", "vip", "gift")
        ids = {
            name: (await create_category(tx, CategoryDraft(name=name, hierarchy=n), now=NOW)).id
            for n, name in enumerate(names)
        }
        for code, name in (("N", "news"), ("V", "vip"), ("G", "gift"), ("N2", "news")):
            await add_of_category(tx, code, ids[name])
        assert await reasons_of(tx, "N", "N2", "V") == [[], ["category_limit"], []]
        change = StackingChange(exclusive_categories=(ids["vip"],), joint_categories=(ids["gift"],))
        await update_stacking_rules(tx, change, now=NOW)
        assert await reasons_of(tx, "N", "V", "G") == [["excluded"], [], []]
        done = await redeem_now(tx, asking("N", "V", "G"))
        assert [row.voucher_code for row in done.redemptions] == ["V", "G"]
        listed = await list_redemptions(tx, limit=10)
        assert listed.total == 3

    @pytest.mark.parametrize(
        ("change", "off"),
        [
            # 20.00 off and 10 % of what that left, or of all; or the other way round.
            ({}, (2_000, 800)),
            ({"base": AmountBase.INITIAL_AMOUNT}, (2_000, 1_000)),
            ({"sorting": Sorting.CATEGORY_HIERARCHY}, (2_000, 1_000)),
            ({"sorting": Sorting.PRIORITY}, (2_000, 1_000)),
            ({"by_lane": True}, (2_000, 1_000)),
        ],
    )
    async def test_order_and_base(
        self, tx: Tx, change: dict[str, Any], off: tuple[int, int]
    ) -> None:
        late = await create_category(tx, CategoryDraft(name="late", hierarchy=9), now=NOW)
        soon = await create_category(tx, CategoryDraft(name="soon", hierarchy=1), now=NOW)
        await add_of_category(tx, "AMOUNT", late.id, offer=amount_off(2_000), priority=7)
        offer = percent_off(1_000)
        await add_of_category(tx, "RATE", soon.id, offer=offer, priority=-1, lane=Lane.ITEM)
        await update_stacking_rules(tx, StackingChange(**change), now=NOW)
        done = await redeem_now(tx, asking("AMOUNT", "RATE"))
        by_code = {row.voucher_code: row.discount_minor for row in done.redemptions}
        assert (by_code["AMOUNT"], by_code["RATE"]) == off

    async def test_an_unknown_code_comes_after_what_is_sorted(self, tx: Tx) -> None:
        soon = await create_category(tx, CategoryDraft(name="soon", hierarchy=1), now=NOW)
        await add_of_category(tx, "FIRST", soon.id)
        await add_code(tx, "PLAIN", offer=amount_off(100))
        assert await reasons_of(tx, "?", "PLAIN", "FIRST") == [
            ["voucher_not_found"],
            ["preceding_failed"],
            ["preceding_failed"],
        ]
        change = StackingChange(sorting=Sorting.CATEGORY_HIERARCHY)
        await update_stacking_rules(tx, change, now=NOW)
        assert await reasons_of(tx, "?", "PLAIN", "FIRST") == [
            ["voucher_not_found"],
            ["preceding_failed"],
            [],
        ]
        result = await validate(tx, asking("?", "FIRST"), now=NOW)
        assert (result.valid, result.figures.discount_minor) == (False, 0)

    async def test_company_leaves_no_failed_attempt(self, tx: Tx) -> None:
        """What was passed over for the others' sake is not held against it."""
        vip = await create_category(tx, CategoryDraft(name="vip", hierarchy=1), now=NOW)
        await add_of_category(tx, "V", vip.id)
        await add_of_category(tx, "V2", vip.id)
        await add_code(tx, "N", offer=amount_off(100))
        gift = await create_category(tx, CategoryDraft(name="gift", hierarchy=2), now=NOW)
        await add_of_category(tx, "OFF", gift.id, active=False)
        change = StackingChange(exclusive_categories=(vip.id,), joint_categories=(gift.id,))
        await update_stacking_rules(tx, change, now=NOW)
        refused = await refuse_now(tx, asking("OFF", "V", "V2", "N"))
        assert [row.voucher_code for row in refused.failures] == ["OFF"]

    async def test_products_once_and_coupons_without_effect(self, tx: Tx) -> None:
        await add_code(tx, "A", offer=percent_off(1_000, target="items"))
        await add_code(tx, "B", offer=percent_off(1_000, target="items"))
        change = StackingChange(products=ProductUse.ONCE)
        await update_stacking_rules(tx, change, now=NOW)
        assert await reasons_of(tx, "A", "B") == [[], ["no_effect"]]
        change = StackingChange(no_effect=NoEffect.REDEEM_ANYWAY)
        await update_stacking_rules(tx, change, now=NOW)
        done = await redeem_now(tx, asking("A", "B", order=cart(1_000)))
        assert [row.items_discount_minor for row in done.redemptions] == [100, 0]


class TestCategories:
    """They have a name and a place, and stay while something speaks of them."""

    async def test_life(self, tx: Tx) -> None:
        made = await create_category(tx, CategoryDraft(name=" vip ", hierarchy=3), now=NOW)
        assert (made.name, made.hierarchy) == ("vip", 3)
        with pytest.raises(Duplicate):
            await create_category(tx, CategoryDraft(name="vip", hierarchy=4), now=NOW)
        await create_category(tx, CategoryDraft(name="news", hierarchy=1), now=NOW)
        assert [one.name for one in (await list_categories(tx)).items] == ["news", "vip"]
        changed = await update_category(tx, "vip", CategoryChange(hierarchy=0), now=NOW)
        assert (changed.id, changed.hierarchy) == (made.id, 0)
        with pytest.raises(Duplicate):
            await update_category(tx, "vip", CategoryChange(name="news"), now=NOW)
        await delete_category(tx, "vip")
        with pytest.raises(NotFound):
            await delete_category(tx, "vip")

    async def test_in_use(self, tx: Tx) -> None:
        vip = await create_category(tx, CategoryDraft(name="vip", hierarchy=3), now=NOW)
        campaign = await open_campaign(tx, amount_off(1), category_ids=(vip.id,))
        with pytest.raises(InUse):
            await delete_category(tx, vip.id)
        await update_campaign(tx, campaign.id, CampaignChange(category_ids=()), now=NOW)
        await update_stacking_rules(tx, StackingChange(joint_categories=(vip.id,)), now=NOW)
        with pytest.raises(InUse):
            await delete_category(tx, vip.id)
        await reset_stacking_rules(tx)
        await delete_category(tx, vip.id)

    @pytest.mark.parametrize(
        ("ids", "field"), [(("no",), "category_ids[0]"), (("vip", "vip"), "category_ids[1]")]
    )
    async def test_a_campaign_names_known_ones_once(
        self, tx: Tx, ids: tuple[str, ...], field: str
    ) -> None:
        vip = await create_category(tx, CategoryDraft(name="vip", hierarchy=3), now=NOW)
        named = tuple(vip.id if one == "vip" else one for one in ids)
        with pytest.raises(InvalidInput) as refused:
            await open_campaign(tx, amount_off(1), category_ids=named)
        assert refused.value.field == field
