"""How often a redemption waits for the database: as often as ARCHITECTURE says, whatever the cart.

The protocol's own trace is counted: each wait ends with one Sync. Beginning the transaction,
naming its project and ending it are three more in both.
"""

import tempfile

import pytest

from checkout.shop import NOW, add_code, amount_off, asking, cart, on_condition, open_campaign
from kaquan.campaigns import FundingShare, create_partner, set_funding
from kaquan.checkout import Redeemed, SettlementQuery, redeem, report_settlement, validate
from kaquan.customers import CustomerDraft
from kaquan.runtime import Database, Project

REDEMPTION, VALIDATION = 6 - 3, 5 - 3


async def count_waits(database: Database, project: Project, *, lines: int, redeems: bool) -> int:
    """The waits of a redemption, or of a validation, on an order of that many lines."""
    order = cart(*[5_000] * lines)
    asked = asking("CODE", order=order, customer=CustomerDraft(source_id="anna"))
    with tempfile.TemporaryFile("w+") as said:
        async with database.transaction(project.project_id) as tx:
            tx.pgconn.trace(said.fileno())
            try:
                if redeems:
                    assert isinstance(await redeem(tx, asked, now=NOW), Redeemed)
                else:
                    assert (await validate(tx, asked, now=NOW)).valid
            finally:
                tx.pgconn.untrace()
        said.seek(0)
        return sum(line.rstrip().endswith("\tSync") for line in said)


@pytest.mark.parametrize("lines", [1, 20])
async def test_waits_for_the_database(database: Database, project: Project, *, lines: int) -> None:
    offer = on_condition(amount_off(100), code="minimum_spend", amount_minor=1_000)
    async with database.transaction(project.project_id) as tx:
        campaign = await open_campaign(tx, offer, budget_minor=100_000, per_customer_cap=10)
        await add_code(tx, "CODE", campaign_id=campaign.id, quantity=None)
    # Who buys for the first time is entered first.
    entering = await count_waits(database, project, lines=lines, redeems=True)
    assert entering > REDEMPTION
    assert await count_waits(database, project, lines=lines, redeems=True) == REDEMPTION
    async with database.transaction(project.project_id) as tx:
        assert (await report_settlement(tx, SettlementQuery())).total == 0
        partner = await create_partner(tx, "Brand", now=NOW)
        share = FundingShare(partner_id=partner.id, share_bps=4_000)
        await set_funding(tx, campaign.id, [share], now=NOW)
    assert await count_waits(database, project, lines=lines, redeems=True) == REDEMPTION
    assert await count_waits(database, project, lines=lines, redeems=False) == VALIDATION
