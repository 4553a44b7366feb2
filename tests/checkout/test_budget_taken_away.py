"""A budget that is taken away while a checkout holds part of it."""

from checkout.shop import (
    NOW,
    add_code,
    amount_off,
    asking,
    open_campaign,
    read_balance,
    redeem_now,
    refuse_now,
)
from kaquan.campaigns import CampaignChange, update_campaign
from kaquan.checkout import Session, release_session, roll_back, validate
from kaquan.ledger import AccountKind, check_ledger
from kaquan.runtime import Tx


async def hold(tx: Tx) -> tuple[str, Session]:
    """A budget of 15.00 of which a session holds 10.00; returns the campaign's id."""
    campaign = await open_campaign(tx, amount_off(1_000), budget_minor=1_500)
    for code in ("HELD", "OTHER"):
        await add_code(tx, code, campaign_id=campaign.id)
    session = Session(key="s-1")
    assert (await validate(tx, asking("HELD", session=session), now=NOW)).valid
    await refuse_now(tx, asking("OTHER"))
    return campaign.id, session


async def set_budget(tx: Tx, campaign_id: str, budget: int | None) -> None:
    """Change the budget."""
    await update_campaign(tx, campaign_id, CampaignChange(budget_minor=budget), now=NOW)


async def test_everybody_redeems_and_the_holder_too(tx: Tx) -> None:
    campaign_id, session = await hold(tx)
    await set_budget(tx, campaign_id, None)
    await redeem_now(tx, asking("OTHER"))
    done = await redeem_now(tx, asking("HELD", session=session))
    # Nothing is counted, and nothing given back, without a budget.
    await roll_back(tx, done.redemptions[0].id, now=NOW)
    assert await read_balance(tx, campaign_id, AccountKind.BUDGET) == 0
    await set_budget(tx, campaign_id, 700)
    assert await read_balance(tx, campaign_id, AccountKind.BUDGET) == 700
    assert await check_ledger(tx) == []


async def test_a_later_budget_is_whole(tx: Tx) -> None:
    """What was reserved of the one before binds nobody, and the session can still be let go."""
    campaign_id, session = await hold(tx)
    await set_budget(tx, campaign_id, None)
    await set_budget(tx, campaign_id, 1_200)
    await redeem_now(tx, asking("OTHER"))
    assert await read_balance(tx, campaign_id, AccountKind.BUDGET) == 200
    await release_session(tx, session.key)
    assert await read_balance(tx, campaign_id, AccountKind.BUDGET) == 200
    assert await check_ledger(tx) == []
