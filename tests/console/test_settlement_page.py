"""The page of who bears discounts: partners and shares by forms, and what they come to."""

import pytest

from checkout.shop import add_code, amount_off, asking, open_campaign, redeem_now
from console.site import Browser
from console.test_settings import office as office
from console.test_settings import owner as owner
from console.test_settings import post
from kaquan.campaigns import get_campaign
from kaquan.runtime import Database, Project

PAGE = "/console/settlement"


async def test_from_the_partner_to_the_file(
    office: Browser, database: Database, project: Project
) -> None:
    page = (await office.get(PAGE)).text
    assert "Nothing to settle" in page
    assert "Enter a partner first." in page
    assert (await post(office, PAGE, f"{PAGE}/partners", {"name": "Brand"}))[0] == 303
    status, page = await post(office, PAGE, f"{PAGE}/partners", {"name": "Brand"})
    assert (status, "There is a partner of this name." in page) == (422, True)
    async with database.transaction(project.project_id) as tx:
        campaign = await open_campaign(tx, amount_off(1000), name="Tea")
        await add_code(tx, "CODE", campaign_id=campaign.id)
    share = {"campaign": "Tea", "partner": "Brand", "percent": "40.25"}
    assert (await post(office, PAGE, f"{PAGE}/shares", share))[0] == 303
    async with database.transaction(project.project_id) as tx:
        (agreed,) = (await get_campaign(tx, "Tea")).funding
        assert agreed.share_bps == 4025
        await redeem_now(tx, asking("CODE"))
    page = (await office.get(PAGE)).text
    assert "Partners bear ¥4.03 of ¥10.00 in discounts." in page
    assert "ourselves" in page
    assert "合作方承担 ¥4.03" in (await office.get(PAGE, headers={"accept-language": "zh"})).text
    file = await office.get(f"{PAGE}/download?since=2026-01-01&until=2026-12-31")
    assert "Brand,1,403,0,403" in file.text
    assert "Nothing to settle" in (await office.get(f"{PAGE}?until=2020-01-01")).text
    assert (await post(office, PAGE, f"{PAGE}/shares", {**share, "percent": "0"}))[0] == 303
    async with database.transaction(project.project_id) as tx:
        assert (await get_campaign(tx, "Tea")).funding == ()


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("percent", "100.01", "A percentage from 0 to 100"),
        ("percent", "half", "A percentage from 0 to 100"),
        ("campaign", "Coffee", "There is no campaign of this name."),
        ("partner", "", "Choose a partner."),
    ],
)
async def test_a_share_that_cannot_be(
    office: Browser, database: Database, project: Project, *, field: str, value: str, says: str
) -> None:
    async with database.transaction(project.project_id) as tx:
        await open_campaign(tx, amount_off(1000), name="Tea")
    await post(office, PAGE, f"{PAGE}/partners", {"name": "Brand"})
    form = {"campaign": "Tea", "partner": "Brand", "percent": "40", field: value}
    status, page = await post(office, PAGE, f"{PAGE}/shares", form)
    assert (status, says in page) == (422, True)
