"""The wallet page: what it says of a coupon in each state, and what it keeps to itself."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from httpx import AsyncClient

from kaquan.campaigns import (
    CampaignDraft,
    CampaignKind,
    VoucherChange,
    create_campaign,
    delete_voucher,
    get_voucher,
    publish_voucher,
    update_voucher,
    wallet_token,
)
from kaquan.customers import CustomerDraft, upsert_customer
from kaquan.runtime import Database, Project, Tx
from kaquan.trust import Role
from storefront.conftest import NOW, TEN_OFF_HUNDRED, add_code, enter, spend

PAST_MIDNIGHT = datetime.fromisoformat("2020-06-01T00:00+08:00")
FUTURE = datetime.fromisoformat("2999-06-01T00:00+08:00")
FUTURE_NOON = datetime.fromisoformat("2999-06-01T12:30+08:00")


async def link_to(tx: Tx, code: str) -> str:
    return "/w/" + await wallet_token(tx, await get_voucher(tx, code))


@pytest.mark.parametrize(
    ("fields", "used", "state", "has_qr"),
    [
        pytest.param({}, 0, "Can be used", True, id="usable"),
        pytest.param({"starts_at": FUTURE}, 0, "Not valid yet", True, id="not yet"),
        pytest.param({"expires_at": PAST_MIDNIGHT}, 0, "Expired", False, id="expired"),
        pytest.param({"quantity": 2}, 1, "Can be used", True, id="partly used"),
        pytest.param({}, 1, "Already used", False, id="used"),
        pytest.param({"quantity": None}, 3, "Can be used", True, id="without limit"),
        pytest.param({"active": False}, 0, "No longer valid", False, id="withdrawn"),
    ],
)
async def test_the_state_of_a_coupon(
    stranger: AsyncClient,
    tx: Tx,
    fields: dict[str, Any],
    used: int,
    state: str,
    has_qr: bool,
) -> None:
    await add_code(tx, "TENOFF", **fields)
    for _ in range(used):
        await spend(tx, "TENOFF")
    link = await link_to(tx, "TENOFF")
    await tx.commit()
    answer = await stranger.get(link)
    assert answer.status_code == 200
    found = re.search(r'class="sf-status [^"]*">([^<]*)<', answer.text)
    assert found is not None
    assert found[1] == state
    assert ("<svg role" in answer.text) == has_qr
    assert "TENOFF" in answer.text


@pytest.mark.parametrize(
    ("fields", "language", "said"),
    [
        pytest.param({}, "en", ["no end date", "1 of 1", "Valid until"], id="en open"),
        pytest.param({}, "zh", ["长期有效", "1 / 1", "可以使用"], id="zh open"),
        pytest.param({"expires_at": FUTURE}, "en", ["31 May 2999"], id="en last day"),
        pytest.param({"expires_at": FUTURE}, "zh", ["2999年5月31日"], id="zh last day"),
        pytest.param({"expires_at": FUTURE_NOON}, "en", ["1 Jun 2999, 12:30"], id="en moment"),
        pytest.param(
            {"starts_at": FUTURE}, "en", ["Valid from", "1 Jun 2999, 00:00"], id="en start"
        ),
        pytest.param({"quantity": None}, "en", ["unlimited"], id="en unlimited"),
        pytest.param({"quantity": 1200}, "en", ["1,200 of 1,200"], id="en many"),
    ],
)
async def test_what_a_coupon_page_says(
    stranger: AsyncClient, tx: Tx, fields: dict[str, Any], language: str, said: list[str]
) -> None:
    await add_code(tx, "TENOFF", **fields)
    link = await link_to(tx, "TENOFF")
    await tx.commit()
    text = (await stranger.get(link, headers={"accept-language": language})).text
    assert [one for one in said if one not in text] == []


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("zh", ["满 ¥100 减 ¥10", "每人限用 2 次", "限首单使用", "春季回馈", "仅限门店"]),
        ("en", ["¥10 off when you spend ¥100", "At most 2 per person", "For your first order"]),
    ],
)
async def test_worth_and_rules_are_in_words(
    stranger: AsyncClient, tx: Tx, language: str, said: list[str]
) -> None:
    campaign = await create_campaign(
        tx,
        CampaignDraft(
            name="春季回馈",
            description="仅限门店",
            offer={**TEN_OFF_HUNDRED, "condition": {"code": "first_order"}},
            per_customer_cap=2,
            kind=CampaignKind.DISCOUNT_COUPONS,
        ),
        now=NOW,
    )
    await add_code(tx, "TENOFF", campaign_id=campaign.id, offer=None)
    link = await link_to(tx, "TENOFF")
    await tx.commit()
    text = (await stranger.get(link, headers={"accept-language": language})).text
    assert [one for one in said if one not in text] == []


async def test_a_campaign_that_is_switched_off_withdraws_its_coupons(
    stranger: AsyncClient, tx: Tx
) -> None:
    draft = CampaignDraft(name="Spring", offer=TEN_OFF_HUNDRED, active=False)
    campaign = await create_campaign(tx, draft, now=NOW)
    await add_code(tx, "TENOFF", campaign_id=campaign.id, offer=None)
    link = await link_to(tx, "TENOFF")
    await tx.commit()
    assert "No longer valid" in (await stranger.get(link)).text


async def test_an_offer_with_a_window_of_its_own_counts_too(stranger: AsyncClient, tx: Tx) -> None:
    offer = {**TEN_OFF_HUNDRED, "window": {"expires_at": PAST_MIDNIGHT.isoformat()}}
    await add_code(tx, "TENOFF", offer=offer, expires_at=FUTURE)
    link = await link_to(tx, "TENOFF")
    await tx.commit()
    text = (await stranger.get(link)).text
    assert "Expired" in text
    assert "31 May 2020" in text


async def test_nobody_can_tell_whose_coupon_it_is(stranger: AsyncClient, tx: Tx) -> None:
    campaign = await create_campaign(
        tx, CampaignDraft(name="Spring", offer=TEN_OFF_HUNDRED, open_to_holdout=True), now=NOW
    )
    draft = CustomerDraft(source_id="C-77", name="Li Secret", email="li@secret.example")
    person = await upsert_customer(tx, draft, now=NOW)
    given = await publish_voucher(
        tx, campaign_id=campaign.id, customer_id=person.id, channel="test", now=NOW
    )
    link = await link_to(tx, given.code)
    await tx.commit()
    text = (await stranger.get(link)).text
    assert given.code in text
    told = [
        one
        for one in ("Secret", "secret.example", "C-77", person.id, given.voucher_id)
        if one in text
    ]
    assert told == []


async def test_the_address_stays_a_secret(stranger: AsyncClient, tx: Tx) -> None:
    await add_code(tx, "TENOFF")
    link = await link_to(tx, "TENOFF")
    await tx.commit()
    answer = await stranger.get(link)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in answer.headers["x-robots-tag"]
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert not re.search(r"\sstyle=|\son\w+=|<style|javascript:", answer.text)
    assert len(link.removeprefix("/w/")) * 6 > 128


async def test_every_link_that_does_not_hold_looks_the_same(
    stranger: AsyncClient, tx: Tx, project: Project
) -> None:
    await add_code(tx, "TENOFF")
    await add_code(tx, "GONE")
    good, gone = await link_to(tx, "TENOFF"), await link_to(tx, "GONE")
    await delete_voucher(tx, "GONE", now=NOW)
    await tx.commit()
    forged = good[:-3] + ("AAA" if not good.endswith("AAA") else "BBB")
    pages: set[str] = set()
    for link in (forged, gone, "/w/x", "/w/" + "A" * 44, "/w/" + "%C3%A9" * 44, good + "A"):
        answer = await stranger.get(link)
        assert answer.status_code == 404, link
        assert answer.headers["cache-control"] == "no-store"
        text = re.sub(r'value="[^"]*"', "", answer.text)
        assert project.name not in text
        pages.add(text)
    assert len(pages) == 1


async def test_a_changed_coupon_shows_at_once(
    stranger: AsyncClient, tx: Tx, database: Database, project: Project
) -> None:
    await add_code(tx, "TENOFF", quantity=1)
    link = await link_to(tx, "TENOFF")
    await tx.commit()
    assert "1 of 1" in (await stranger.get(link)).text
    async with database.transaction(project.project_id) as later:
        change = VoucherChange(quantity=3, expires_at=FUTURE)
        await update_voucher(later, "TENOFF", change, now=NOW + timedelta(hours=1))
    text = (await stranger.get(link)).text
    assert "3 of 3" in text
    assert "31 May 2999" in text


async def test_staff_may_look_at_a_wallet_too(
    stranger: AsyncClient, tx: Tx, database: Database, project: Project
) -> None:
    await add_code(tx, "TENOFF")
    link = await link_to(tx, "TENOFF")
    await tx.commit()
    await enter(stranger, database, project, role=Role.ANALYST)
    answer = await stranger.get(link)
    assert answer.status_code == 200
    assert "Lin Wei" not in answer.text
