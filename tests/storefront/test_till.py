"""The till: what a clerk enters, reads and presses."""

import asyncio
from typing import Any

import pytest
from httpx import AsyncClient
from litestar import Litestar

from kaquan.campaigns import get_voucher, voucher_usage
from kaquan.checkout import RedemptionResult, list_redemptions
from kaquan.customers import LocationDraft, get_order, upsert_location
from kaquan.runtime import Answer, Database, Project, Tx, answer_once, utc_now
from kaquan.trust import Role, session_user
from storefront.conftest import (
    NOW,
    add_code,
    another_project,
    browser_of,
    check,
    enter,
    redeem,
    redeem_form,
)


async def uses_left(database: Database, project: Project, code: str) -> int | None:
    async with database.transaction(project.project_id) as tx:
        voucher = await get_voucher(tx, code)
        return (await voucher_usage(tx, [voucher]))[voucher.id].left


async def attempts(database: Database, project: Project) -> list[tuple[str, str]]:
    """Kind and result of all attempts."""
    async with database.transaction(project.project_id) as tx:
        rows = (await list_redemptions(tx, limit=50)).items
    return [(row.kind.value, row.result.value) for row in rows]


async def commit_code(database: Database, project: Project, code: str, **fields: Any) -> None:
    async with database.transaction(project.project_id) as tx:
        await add_code(tx, code, **fields)


@pytest.mark.parametrize(
    ("offer", "entered", "amount", "said"),
    [
        pytest.param(
            {"effect": {"code": "amount_off", "amount_minor": 1000}},
            "TENOFF",
            "88",
            ["Can be used", "¥78.00", "-¥10.00", "¥10 off"],
            id="an amount off",
        ),
        pytest.param(None, "TENOFF", "100", ["Can be used", "¥90.00"], id="threshold just met"),
        pytest.param(None, "TENOFF", "76.50", ["¥23.50 more to go"], id="threshold missed"),
        pytest.param(None, "tenoff", "100", ["Can be used"], id="small letters"),
        pytest.param(None, "ＴＥＮＯＦＦ", "100", ["Can be used"], id="full-width letters"),
        pytest.param(None, "TENOFF\r\n", "100", ["Can be used"], id="scanner with a line end"),
        pytest.param(None, "]Q1TENOFF", "100", ["Can be used"], id="scanner with a symbology"),
        pytest.param(None, "NOSUCH", "100", ["There is no coupon NOSUCH"], id="unknown code"),
        pytest.param(None, "", "100", ["Scan or type the code"], id="no code"),
        pytest.param(None, "TENOFF", "12a", ["This is not an amount"], id="no amount"),
        pytest.param(None, "TENOFF", "0", ["The amount must be above zero"], id="zero"),
        pytest.param(
            {
                "effect": {"code": "amount_off", "amount_minor": 1000},
                "condition": {"code": "first_order"},
            },
            "TENOFF",
            "100",
            ["Sign in or show a membership"],
            id="a rule about the customer, and nobody known",
        ),
        pytest.param(
            {"effect": {"code": "printed_value", "max_minor": 500}},
            "TENOFF",
            "100",
            ["Enter the value printed on the coupon", 'name="face_value"'],
            id="a value printed on the coupon",
        ),
    ],
)
async def test_a_check_says_what_the_coupon_would_do(
    cashier: AsyncClient,
    database: Database,
    project: Project,
    offer: dict[str, Any] | None,
    entered: str,
    amount: str,
    said: list[str],
) -> None:
    await commit_code(database, project, "TENOFF", **({"offer": offer} if offer else {}))
    answer = await check(cashier, code=entered, amount=amount)
    assert answer.status_code == 200
    assert [text for text in said if text not in answer.text] == []
    assert ('name="nonce"' in answer.text) == ("Can be used" in said)
    assert await attempts(database, project) == []


@pytest.mark.parametrize("allowed", [True, False])
async def test_a_check_knows_who_stands_at_the_till(
    cashier: AsyncClient, database: Database, project: Project, *, allowed: bool
) -> None:
    """What a rule about the redeemer says in the check, it says in the redemption."""
    session = cashier.cookies["kq_session"]
    clerk = await session_user(database, session, now=utc_now())
    assert clerk is not None
    redeemers = [clerk.id if allowed else "user_other"]
    offer = {
        "effect": {"code": "amount_off", "amount_minor": 1000},
        "condition": {"code": "redeemed_by", "redeemer_ids": redeemers},
    }
    await commit_code(database, project, "TENOFF", offer=offer)
    answer = await check(cashier, code="TENOFF", amount="100")
    assert ("Can be used" in answer.text) is allowed


@pytest.mark.parametrize(
    ("language", "said"),
    [("zh", "还差 ¥23.50 可享满减"), ("en", "¥23.50 more to go for the discount")],
)
async def test_refusals_are_in_the_clerks_language(
    cashier: AsyncClient, database: Database, project: Project, language: str, said: str
) -> None:
    await commit_code(database, project, "TENOFF")
    cashier.cookies.set("kq_lang", language)
    assert said in (await check(cashier, code="TENOFF", amount="76.50")).text


async def test_a_good_check_carries_the_coupons_own_spelling(
    cashier: AsyncClient, database: Database, project: Project
) -> None:
    await commit_code(database, project, "TENOFF")
    answer = await check(cashier, code="tenoff", amount="100")
    assert redeem_form(answer.text)["code"] == "TENOFF"


async def test_a_scanned_code_alone_asks_for_the_amount(cashier: AsyncClient) -> None:
    answer = await check(cashier, code="TENOFF", amount="")
    assert 'value="TENOFF"' in answer.text
    assert "aria-invalid" not in answer.text
    amount_field = answer.text.split('id="amount"')[1].split(">")[0]
    assert " autofocus" in amount_field


async def test_redeeming_shows_the_figures_and_stores_a_paid_order(
    cashier: AsyncClient, database: Database, project: Project
) -> None:
    await commit_code(database, project, "TENOFF")
    page = await redeem(cashier, code="tenoff", amount="128,50")
    assert [t for t in ("Redeemed", "¥118.50", "TENOFF", "Undo") if t not in page.text] == []
    assert await uses_left(database, project, "TENOFF") == 0
    async with database.transaction(project.project_id) as tx:
        (row,) = (await list_redemptions(tx, limit=5)).items
        assert row.order_id is not None
        order = await get_order(tx, row.order_id)
    assert (row.channel, row.discount_minor, order.status, order.total_minor) == (
        "till",
        1000,
        "PAID",
        11850,
    )
    assert row.by_user_id is not None


async def test_sending_the_form_again_answers_the_same_and_redeems_once(
    cashier: AsyncClient, database: Database, project: Project
) -> None:
    await commit_code(database, project, "TENOFF", quantity=5)
    form = redeem_form((await check(cashier, code="TENOFF", amount="100")).text)
    first = await cashier.post("/staff", data=form)
    again = [await cashier.post("/staff", data=form) for _ in range(3)]
    assert {answer.headers["location"] for answer in (first, *again)} == {first.headers["location"]}
    assert await uses_left(database, project, "TENOFF") == 4


async def test_pressing_twice_at_once_redeems_once_and_both_see_it(
    cashier: AsyncClient, database: Database, project: Project
) -> None:
    await commit_code(database, project, "TENOFF", quantity=5)
    form = redeem_form((await check(cashier, code="TENOFF", amount="100")).text)
    answers = await asyncio.gather(*(cashier.post("/staff", data=form) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert await uses_left(database, project, "TENOFF") == 4


async def test_a_redemption_that_takes_long_is_not_called_failed(
    cashier: AsyncClient, database: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never_mind() -> Answer:
        return Answer(503, b"", lasting=False)

    monkeypatch.setattr("kaquan.storefront.till._PAUSE_S", 0.001)
    await commit_code(database, project, "TENOFF")
    form = redeem_form((await check(cashier, code="TENOFF", amount="100")).text)
    async with database.transaction(project.project_id) as slow:
        await answer_once(
            slow, form["nonce"], route="till", request=b"", produce=never_mind, now=NOW
        )
        waiting = await cashier.post("/staff", data=form)
    assert "Still being worked on" in waiting.text
    again = await cashier.post("/staff", data=redeem_form(waiting.text))
    assert again.status_code == 303
    assert await uses_left(database, project, "TENOFF") == 0


async def test_two_intentions_redeem_twice(
    cashier: AsyncClient, database: Database, project: Project
) -> None:
    await commit_code(database, project, "TENOFF", quantity=5)
    for _ in range(2):
        await redeem(cashier, code="TENOFF", amount="100")
    assert await uses_left(database, project, "TENOFF") == 3


async def test_a_refused_redemption_is_kept_once_and_told_again(
    cashier: AsyncClient, database: Database, project: Project
) -> None:
    await commit_code(database, project, "TENOFF")
    late = redeem_form((await check(cashier, code="TENOFF", amount="100")).text)
    await redeem(cashier, code="TENOFF", amount="100")
    for _ in range(2):
        answer = await cashier.post("/staff", data=late)
        assert "This coupon has been used up" in answer.text
        assert "Nothing was redeemed." in answer.text
    assert sorted(await attempts(database, project)) == [
        ("redemption", "FAILURE"),
        ("redemption", "SUCCESS"),
    ]


@pytest.mark.parametrize(
    "changed", [{"amount": "200"}, {"nonce": "short"}, {"nonce": "x" * 300}, {"code": "OTHER"}]
)
async def test_a_form_that_was_tampered_with_is_refused(
    cashier: AsyncClient, database: Database, project: Project, changed: dict[str, str]
) -> None:
    await commit_code(database, project, "TENOFF", quantity=5)
    form = redeem_form((await check(cashier, code="TENOFF", amount="100")).text)
    await cashier.post("/staff", data=form)
    answer = await cashier.post("/staff", data={**form, **changed})
    assert answer.status_code == 400
    assert await uses_left(database, project, "TENOFF") == 4


async def test_undoing_gives_the_use_back_once(
    cashier: AsyncClient, database: Database, project: Project
) -> None:
    await commit_code(database, project, "TENOFF")
    page = await redeem(cashier, code="TENOFF", amount="100")
    form = redeem_form_token(page.text)
    for _ in range(2):
        answer = await cashier.post(page.url.path, data=form)
        assert answer.headers["location"] == page.url.path
    undone = await cashier.get(page.url.path)
    assert "The coupon can be used again" in undone.text
    assert ">Undo<" not in undone.text
    assert await uses_left(database, project, "TENOFF") == 1
    assert sorted(await attempts(database, project)) == [
        ("redemption", "SUCCESS"),
        ("rollback", "SUCCESS"),
    ]


def redeem_form_token(html: str) -> dict[str, str]:
    return {"csrf_token": html.split('name="csrf_token" value="')[1].split('"')[0]}


async def test_nobody_undoes_what_another_redeemed(
    app: Litestar, cashier: AsyncClient, database: Database, project: Project
) -> None:
    await commit_code(database, project, "TENOFF")
    path = (await redeem(cashier, code="TENOFF", amount="100")).url.path
    async with browser_of(app) as owner:
        await enter(owner, database, project, role=Role.OWNER)
        page = await owner.get(path)
        assert page.status_code == 200
        assert "Undo" not in page.text
        await owner.post(path, data=redeem_form_token(page.text))
    assert await uses_left(database, project, "TENOFF") == 0


async def test_another_projects_coupons_and_redemptions_are_nothing_here(
    app: Litestar, cashier: AsyncClient, database: Database, project: Project
) -> None:
    await commit_code(database, project, "TENOFF")
    path = (await redeem(cashier, code="TENOFF", amount="100")).url.path
    async with browser_of(app) as other:
        await enter(other, database, await another_project(database), role=Role.CASHIER)
        answer = await check(other, code="TENOFF", amount="100")
        assert "There is no coupon TENOFF" in answer.text
        assert (await other.get(path)).status_code == 404
        token = redeem_form_token(answer.text)
        assert (await other.post(path, data=token)).status_code == 404
    assert await uses_left(database, project, "TENOFF") == 0


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (Role.CASHIER, 200),
        (Role.TRAINING, 200),
        (Role.MARKETER, 200),
        (Role.OWNER, 200),
        (Role.ANALYST, 403),
        (Role.APPROVER, 403),
    ],
)
async def test_who_may_stand_at_the_till(
    app: Litestar, database: Database, project: Project, role: Role, status: int
) -> None:
    async with browser_of(app) as client:
        await enter(client, database, project, role=role)
        assert (await client.get("/staff")).status_code == status
        assert (await client.get("/staff/redemptions/r_1")).status_code == max(status, 403) + (
            status == 200
        )


@pytest.mark.parametrize("path", ["/staff", "/staff/redemptions/r_1"])
async def test_strangers_are_asked_to_sign_in(stranger: AsyncClient, path: str) -> None:
    answer = await stranger.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/login?next={path}"


async def test_a_forged_form_redeems_nothing(
    cashier: AsyncClient, database: Database, project: Project
) -> None:
    await commit_code(database, project, "TENOFF")
    form = redeem_form((await check(cashier, code="TENOFF", amount="100")).text)
    answer = await cashier.post("/staff", data={**form, "csrf_token": "x" * 24})
    assert answer.status_code == 403
    assert await uses_left(database, project, "TENOFF") == 1


async def test_the_store_is_remembered_and_kept_with_the_redemption(
    cashier: AsyncClient, database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        await add_code(tx, "TENOFF")
        place = await upsert_location(tx, LocationDraft(name="West <Gate>"), now=NOW)
    page = await redeem(cashier, code="TENOFF", amount="100", location=place.id)
    assert "West &lt;Gate&gt;" in page.text
    assert f'value="{place.id}" selected' in (await cashier.get("/staff")).text
    async with database.transaction(project.project_id) as tx:
        (row,) = (await list_redemptions(tx, limit=5)).items
    assert row.location_id == place.id


async def test_a_store_that_is_not_ours_is_none(
    cashier: AsyncClient, database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        await add_code(tx, "TENOFF")
        await upsert_location(tx, LocationDraft(name="West Gate"), now=NOW)
    page = await redeem(cashier, code="TENOFF", amount="100", location="loc_foreign")
    assert page.status_code == 200
    assert "kq_location" not in cashier.cookies


async def test_a_printed_value_is_entered_and_used(
    cashier: AsyncClient, database: Database, project: Project
) -> None:
    offer = {"effect": {"code": "printed_value", "max_minor": 500}}
    await commit_code(database, project, "PRINTED", offer=offer)
    page = await redeem(cashier, code="PRINTED", amount="20", face_value="3.50")
    assert "¥16.50" in page.text


async def test_failed_attempts_have_no_page(
    cashier: AsyncClient, database: Database, project: Project, tx: Tx
) -> None:
    await add_code(tx, "TENOFF", quantity=0)
    await tx.commit()
    form = redeem_form_token((await cashier.get("/staff")).text)
    sent = {**form, "nonce": "n" * 22, "code": "TENOFF", "amount": "100"}
    assert "used up" in (await cashier.post("/staff", data=sent)).text
    async with database.transaction(project.project_id) as reading:
        (row,) = (await list_redemptions(reading, limit=5)).items
    assert row.result is RedemptionResult.FAILURE
    assert (await cashier.get(f"/staff/redemptions/{row.id}")).status_code == 404
