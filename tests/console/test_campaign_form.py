"""Campaigns designed in the console: drawn from schemas, refused at the field, kept whole."""

import html
from typing import Any

import pytest

from console.site import Browser
from console.test_settings import office as office
from console.test_settings import owner as owner
from console.test_settings import post
from kaquan.campaigns import (
    Campaign,
    CampaignKind,
    OwnerKind,
    RuleDraft,
    assign_rule,
    count_campaign_contents,
    create_rule,
    get_campaign,
    list_campaigns,
    list_promotion_tiers,
)
from kaquan.console.pages.argument_shapes import Shape, condition_shapes, effect_shapes
from kaquan.console.pages.argument_texts import Reader, Terms
from kaquan.console.pages.campaign_form import add_row, complete, drop_row, read_offer, write_offer
from kaquan.customers import CustomerDraft, upsert_customer
from kaquan.engine import offer_to_data, parse_offer
from kaquan.runtime import Database, Project, utc_now

NEW = "/console/campaigns/new"
YUAN = Terms(currency="CNY", zone="Asia/Shanghai", goods={"tea": "prod_1", "prod_1": "prod_1"})
FORM = {
    "name": "Spring",
    "kind": "DISCOUNT_COUPONS",
    "effect": "threshold_off",
    "effect.tiers#": "2",
    "effect.tiers.0.spend_minor": "100",
    "effect.tiers.0.off_minor": "10.50",
    "effect.tiers.1.spend_minor": "200",
    "effect.tiers.1.off_minor": "30",
    "rules#": "2",
    "rules.0": "first_order",
    "rules.0.join": "and",
    "rules.1": "in_channel",
    "rules.1.join": "or",
    "rules.1.channels": "web, pos",
    "starts": "2026-05-01",
    "ends": "2026-05-31",
    "budget": "5000",
    "cap": "2",
    "holdout": "12.5",
    "quantity": "1",
    "length": "10",
    "prefix": "SPR-",
    "mint": "yes",
    "count": "5",
}
NESTED = {"not": {"all": [{"code": "first_order"}, {"code": "code_holder"}]}}
HOURS = {"weekdays": [6, 7], "opens": "22:00", "closes": "02:00"}


@pytest.mark.parametrize(
    ("effect", "condition"),
    [
        ({"code": "amount_off", "amount_minor": 1050}, {"code": "first_order"}),
        (
            {
                "code": "percent_off",
                "rate_bps": 1234,
                "target": "items",
                "scope": {"product_ids": ["prod_1"], "attributes": {"color": ["blue", "red"]}},
                "selection": {"sort": "cheapest_first", "at_most": 3},
            },
            {"not": {"code": "in_segment", "segment_id": "seg_1"}},
        ),
        (
            {"code": "points_multiplier", "multiplier_bps": 25_000},
            {
                "all": [
                    {"any": [{"code": "first_order"}, {"code": "code_holder"}]},
                    {"code": "at_hours", "hours": [HOURS]},
                ]
            },
        ),
        (
            {"code": "free_units", "units": [{"product_id": "prod_1", "quantity": 2}]},
            {"any": [{"code": "paid_by", "payment_methods": ["alipay"]}, {"code": "first_order"}]},
        ),
        ({"code": "shipping_off"}, NESTED),
        ({"code": "exchange", "scope": {"product_ids": ["prod_1"]}, "top_up_minor": 1}, None),
        (
            {"code": "buy_x_get_y", "buy_quantity": 2, "get": {"excluded_product_ids": ["prod_1"]}},
            {
                "code": "customer_attribute",
                "name": "level",
                "operator": "at_least",
                "values": ["2.5"],
            },
        ),
    ],
)
def test_an_offer_comes_back_from_its_texts(
    effect: dict[str, Any], condition: dict[str, Any] | None
) -> None:
    window = {
        "after_claim": {"days": 7},
        "blackouts": [{"first": "2026-10-01", "last": "2026-10-07"}],
    }
    data = {"id": "o", "effect": effect, "condition": condition, "window": window}
    texts = complete(write_offer(offer_to_data(parse_offer(data)), YUAN), YUAN)
    reader = Reader(texts, YUAN)
    read = read_offer(reader)
    assert (reader.faults, read is None) == ({}, False)
    assert parse_offer({"id": "o", **(read or {})}) == parse_offer(data)


def test_every_argument_of_every_part_has_a_field() -> None:
    def kinds(shapes: tuple[Shape, ...]) -> set[str]:
        return {shape.kind for shape in shapes}.union(*(kinds(shape.fields) for shape in shapes))

    some = [*effect_shapes().values(), *condition_shapes().values()]
    assert len(some) >= 40
    assert "json" not in set().union(*map(kinds, some))


def test_rows_come_and_go_with_what_is_in_them() -> None:
    given = add_row(FORM, "effect.tiers", YUAN) | {"effect.tiers.2.off_minor": "70"}
    left = drop_row(given, "effect.tiers", 0)
    assert left["effect.tiers#"] == "2"
    assert left["effect.tiers.0.off_minor"] == "30"
    assert left["effect.tiers.1.off_minor"] == "70"
    assert "effect.tiers.2.off_minor" not in left
    hours = {"rules#": "1", "rules.0": "at_hours", "rules.0.hours#": "0"}
    assert add_row(hours, "rules.0.hours", YUAN)["rules.0.hours.0.weekdays.7"] == "yes"


async def find(database: Database, project: Project, name: str) -> Campaign:
    async with database.transaction(project.project_id) as tx:
        found = await list_campaigns(tx, search=name)
        return await get_campaign(tx, found.items[0].id)


async def test_from_the_form_to_a_running_campaign(
    office: Browser, database: Database, project: Project
) -> None:
    shown = await office.get(NEW, headers={"accept-language": "zh"})
    assert "优惠方式" in shown.text
    status, page = await post(office, NEW, NEW, {**FORM, "step": "add:effect.tiers"})
    assert (status, 'name="effect.tiers.2.off_minor"' in page) == (200, True)
    assert 'value="10.50"' in page
    status, page = await post(office, NEW, NEW, FORM)
    assert (status, "The draft is stored" in page) == (303, True)
    made = await find(database, project, "Spring")
    assert not made.active
    assert made.offer["effect"]["tiers"][0] == {"spend_minor": 10_000, "off_minor": 1050}
    assert [one["code"] for one in made.offer["condition"]["any"]] == ["first_order", "in_channel"]
    assert (made.budget_minor, made.per_customer_cap, made.holdout_bps) == (500_000, 2, 1250)
    assert made.expires_at is not None
    assert made.expires_at.isoformat() == "2026-05-31T16:00:00+00:00"
    async with database.transaction(project.project_id) as tx:
        assert (await count_campaign_contents(tx, [made.id]))[made.id].vouchers == 5
    here = f"/console/campaigns/{made.id}"
    edit = (await office.get(f"{here}/edit")).text
    kept = {key: text for key, text in FORM.items() if key != "count"}
    for name in ("effect.tiers.1.spend_minor", "starts", "ends", "budget", "holdout"):
        assert f'value="{kept[name]}"' in edit, name
    status, _ = await post(office, f"{here}/edit", f"{here}/edit", {**kept, "name": "Spring 2"})
    after = await find(database, project, "Spring 2")
    assert (status, after.offer, after.budget_minor) == (303, made.offer, made.budget_minor)
    async with database.transaction(project.project_id) as tx:
        await upsert_customer(tx, CustomerDraft(source_id="C-1"), now=utc_now())
    cart = {"lines#": "1", "lines.0.quantity": "2", "lines.0.price": "60", "customer": "C-1"}
    trial = {**cart, ".at": "2026-05-10T10:00"}
    guest = await post(office, f"{here}/try", f"{here}/try", {**trial, "customer": ""})
    assert "Sign in or show a membership" in guest[1]
    assert "¥10.50 off" in (await post(office, f"{here}/try", f"{here}/try", trial))[1]
    status, page = await post(office, f"{here}/try", f"{here}/try", {**trial, "lines.0.price": "1"})
    assert (status, "¥98.00 more to go" in page) == (200, True)
    status, page = await post(office, f"{here}/try", f"{here}/try", {**cart, "lines.0.goods": "?"})
    assert (status, "no goods with the id “?”" in page) == (422, True)
    assert "It runs now." in (await post(office, here, f"{here}/activate"))[1]
    assert (await find(database, project, "Spring 2")).active
    assert "It is switched off." in (await post(office, here, f"{here}/halt"))[1]
    status, page = await post(office, f"{here}/codes", f"{here}/codes", {"count": "1500"})
    assert (status, "0 of 1,500 codes are made" in page) == (303, True)
    assert "0 of 1,500" in (await office.get(f"{here}/work")).text
    assert (
        "At least 1." in (await post(office, f"{here}/codes", f"{here}/codes", {"count": "0"}))[1]
    )


async def test_what_is_wrong_is_told_at_its_field_and_nothing_is_lost(
    office: Browser, database: Database, project: Project
) -> None:
    cases = [
        ({"name": ""}, "name", "This is needed."),
        ({"effect.tiers.1.off_minor": "x"}, "effect.tiers.1.off_minor", "must be a number"),
        ({"effect.tiers.1.off_minor": "0"}, "effect.tiers.1.off_minor", "At least 0.01."),
        ({"effect.tiers.1.off_minor": "1.001"}, "effect.tiers.1.off_minor", "more decimals"),
        ({"effect.tiers.1.off_minor": "300"}, "effect.tiers.1", "cannot save more"),
        ({"effect.tiers.1.off_minor": "5"}, "effect", "more than the one before"),
        ({"effect.scope.product_ids": "gone"}, "effect.scope.product_ids", "no goods with the id"),
        ({"effect": "no_such"}, None, None),
        ({"rules.1": ""}, "rules.1", "Choose a rule"),
        ({"rules.1.channels": ""}, "rules.1.channels", "This is needed."),
        ({"rules.1": "order_count"}, "rules.1", "a lower bound, an upper one"),
        ({"window.hours#": "1", "window.hours.0.opens": "9"}, "window.hours.0.opens", "09:30"),
        ({"ends": "2026-04-30"}, "ends", "The start must come before the end."),
        ({"ends": "31/05/2026"}, "ends", "This is no date."),
        ({"holdout": "101"}, "holdout", "At most 100."),
        ({"cap": "0"}, "cap", "At least 1."),
        ({"pattern": "ABC"}, "pattern", "there is none in it"),
        ({"length": "3", "count": "1000"}, "length", "could be guessed"),
        ({"count": "1.5"}, "count", "a whole number"),
    ]
    for change, field, says in cases:
        status, page = await post(office, NEW, NEW, {**FORM, **change})
        text = html.unescape(page)
        assert status == 422, change
        assert field is None or f'href="#field-{field}"' in page, change
        assert field is None or f'id="field-{field}"' in page, change
        assert says is None or says in text, change
        assert "SPR-" in text, change
    assert (await post(office, NEW, NEW, FORM))[0] == 303
    status, page = await post(office, NEW, NEW, FORM)
    assert (status, "a campaign of this name already" in page) == (422, True)
    async with database.transaction(project.project_id) as tx:
        assert (await list_campaigns(tx)).total == 1


async def test_promotions_and_rules_of_other_forms(
    office: Browser, database: Database, project: Project
) -> None:
    form = {**FORM, "name": "Auto", "kind": "PROMOTION", "cap": ""}
    assert (await post(office, NEW, NEW, form))[0] == 303
    made = await find(database, project, "Auto")
    edit = f"/console/campaigns/{made.id}/edit"
    assert (await post(office, edit, edit, {**form, "effect.tiers.0.off_minor": "11"}))[0] == 303
    async with database.transaction(project.project_id) as tx:
        tiers = await list_promotion_tiers(tx, campaign_id=made.id)
        assert made.kind is CampaignKind.PROMOTION
        assert tiers.items[0].offer["effect"]["tiers"][0]["off_minor"] == 1100
    trial = f"/console/campaigns/{made.id}/try"
    cart = {"lines#": "1", "lines.0.quantity": "2", "lines.0.price": "60", "channel": "pos"}
    page = (await post(office, trial, trial, {**cart, ".at": "2026-05-10T10:00"}))[1]
    assert "¥11.00 off" in page
    gift = {**FORM, "name": "Card", "kind": "GIFT_VOUCHERS", "effect": "stored_value"}
    assert (await post(office, NEW, NEW, {**gift, "balance": "20"}))[0] == 303
    card = await find(database, project, "Card")
    assert (card.kind, card.voucher_template.balance) == (CampaignKind.GIFT_VOUCHERS, 2000)
    # A rule of the dialect's own stays apart from what the form states.
    assert (await post(office, NEW, NEW, {**FORM, "name": "Both"}))[0] == 303
    both = await find(database, project, "Both")
    rules = {"1": {"name": "order.amount", "conditions": {"$more_than": [5000]}}, "logic": "1"}
    async with database.transaction(project.project_id) as tx:
        rule = await create_rule(tx, RuleDraft(name="r", rules=rules), now=utc_now())
        await assign_rule(tx, rule.id, OwnerKind.CAMPAIGN, both.id, now=utc_now())
    edit = f"/console/campaigns/{both.id}/edit"
    changed = {**FORM, "name": "Both", "effect.tiers.0.off_minor": "12"}
    assert (await post(office, edit, edit, changed))[0] == 303
    after = await find(database, project, "Both")
    assert after.offer["effect"]["tiers"][0]["off_minor"] == 1200
    assert len(after.offer["condition"]["all"]) == 2
    assert (await office.get(edit)).text.count('name="rules.') > 4
