"""What becomes of campaigns, vouchers and publications in the reference shop."""

from datetime import datetime

from simulation.reference.pricing import may_give_away
from simulation.reference.state import (
    Campaign,
    Given,
    Publication,
    Shop,
    Voucher,
    is_over,
    window_of,
)
from simulation.steps import (
    AddVoucher,
    ChangeCampaign,
    ChangeVoucher,
    DeleteCampaign,
    DeleteVoucher,
    Expose,
    IssueVouchers,
    OpenCampaign,
    Outcome,
    Publish,
    PublishToMany,
)

INVALID = Outcome(kind="invalid")
NOT_FOUND = Outcome(kind="not_found")
BELOW_USE = Outcome(kind="grant_below_use")
NOTHING = Outcome(kind="no_voucher_suitable_for_publication")
SOURCE_TAKEN = Outcome(kind="duplicate_source_id")


def play_open_campaign(shop: Shop, step: OpenCampaign, given: Given) -> Outcome:
    """Create a campaign with its first vouchers."""
    campaign = Campaign(
        id=given.names["campaign"],
        offer=step.offer,
        quantity=step.quantity,
        budget_minor=step.budget_minor,
        per_customer_cap=step.per_customer_cap,
        join_once=step.join_once,
        is_static=step.is_static,
        starts_at=step.starts_at,
        expires_at=step.expires_at,
    )
    shop.campaigns[campaign.id] = campaign
    _adopt(shop, campaign, given.names["vouchers"])
    return Outcome(kind="opened", figures=step.vouchers)


def play_change_campaign(shop: Shop, step: ChangeCampaign, given: Given) -> Outcome:
    """Give fields new values; a budget cannot fall below what is spent or reserved."""
    campaign = shop.campaigns[step.campaign]
    expires_at = step.changes.get("expires_at", campaign.expires_at)
    if None not in (campaign.starts_at, expires_at) and campaign.starts_at >= expires_at:
        return INVALID
    budget = step.changes.get("budget_minor", campaign.budget_minor)
    taken = campaign.spent + shop.held(campaign.id, "budget")
    if budget not in (None, campaign.budget_minor) and budget < taken:
        return BELOW_USE
    if budget is None:
        shop.end_on(campaign.id, "budget")
    for name, value in step.changes.items():
        if name != "holdout_bps":
            setattr(campaign, name, value)
    return Outcome(kind="changed")


def play_delete_campaign(shop: Shop, step: DeleteCampaign, given: Given) -> Outcome:
    """Forget a campaign with its vouchers, whoever had something of it."""
    campaign = shop.campaigns[step.campaign]
    for code in campaign.codes:
        shop.forget(code)
    del shop.campaigns[campaign.id]
    return Outcome(kind="deleted")


def play_issue(shop: Shop, step: IssueVouchers, given: Given) -> Outcome:
    """Give a campaign more vouchers."""
    _adopt(shop, shop.campaigns[step.campaign], given.names["vouchers"])
    return Outcome(kind="issued", figures=step.count)


def play_add_voucher(shop: Shop, step: AddVoucher, given: Given) -> Outcome:
    """Add one voucher under its own code."""
    campaign = None if step.campaign is None else shop.campaigns[step.campaign]
    offer = step.offer or (None if campaign is None else campaign.offer)
    assert offer is not None
    voucher = Voucher("", step.code, campaign, offer, step.quantity, step.starts_at)
    voucher.expires_at = step.expires_at
    own, (starts_at, expires_at) = (step.starts_at, step.expires_at), window_of(voucher)
    for start, end in (own, (starts_at, expires_at)):
        if start is not None and end is not None and start >= end:
            return INVALID
    if step.code in shop.vouchers:
        return Outcome(kind="duplicate_found")
    voucher.id = given.names["voucher"]
    shop.vouchers[step.code] = voucher
    if campaign is not None:
        campaign.codes.append(step.code)
    return Outcome(kind="added", figures=step.quantity)


def play_change_voucher(shop: Shop, step: ChangeVoucher, given: Given) -> Outcome:
    """Change quantity or switch; a quantity cannot fall below what is used or reserved."""
    if step.code not in shop.vouchers:
        return NOT_FOUND
    voucher = shop.vouchers[step.code]
    quantity = step.changes.get("quantity", voucher.quantity)
    taken = voucher.used + shop.held(voucher.id, "uses")
    if quantity not in (None, voucher.quantity) and quantity < taken:
        return BELOW_USE
    if quantity is None and voucher.quantity is not None:
        shop.end_on(voucher.id, "uses")
    voucher.quantity = quantity
    voucher.active = step.changes.get("active", voucher.active)
    return Outcome(kind="changed")


def play_delete_voucher(shop: Shop, step: DeleteVoucher, given: Given) -> Outcome:
    """Forget a voucher, given away or used or neither."""
    if step.code not in shop.vouchers:
        return NOT_FOUND
    voucher = shop.vouchers[step.code]
    if voucher.campaign is not None:
        voucher.campaign.codes.remove(step.code)
    shop.forget(step.code)
    return Outcome(kind="deleted")


def play_publish(shop: Shop, step: Publish, given: Given) -> Outcome:
    """Give a customer a voucher of a campaign's pool, or one by its code."""
    if not shop.is_known(step.customer):
        return NOT_FOUND
    if step.code is not None:
        return _publish_code(shop, step, given.now)
    assert step.campaign is not None
    campaign = shop.campaigns[step.campaign]
    known = shop.by_source_id.get((campaign.id, step.source_id or ""))
    if known is not None:
        return SOURCE_TAKEN if known.customer != step.customer else _given([known])
    once = campaign.join_once if step.join_once is None else step.join_once
    return _publish_of_pool(
        shop,
        campaign,
        [step.customer],
        once=once,
        source_id=step.source_id,
        given=given,
    )


def play_publish_to_many(shop: Shop, step: PublishToMany, given: Given) -> Outcome:
    """Give each customer a voucher of the pool, or nobody one."""
    campaign = shop.campaigns[step.campaign]
    return _publish_of_pool(
        shop,
        campaign,
        step.customers,
        once=campaign.join_once,
        source_id=None,
        given=given,
    )


def play_expose(shop: Shop, step: Expose, given: Given) -> Outcome:
    """Assign arms; whoever has one keeps it."""
    arms = shop.campaigns[step.campaign].arms
    for customer in step.customers:
        arms.setdefault(customer, given.names["arms"][customer])
    return Outcome(kind="exposed", figures=[arms[customer] for customer in step.customers])


def _adopt(shop: Shop, campaign: Campaign, made: list[list[str]]) -> None:
    for voucher_id, code in made:
        voucher = Voucher(voucher_id, code, campaign, campaign.offer, campaign.quantity)
        assert code not in shop.vouchers, f"the code {code} was made twice"
        shop.vouchers[code] = voucher
        campaign.codes.append(code)


def _publish_of_pool(
    shop: Shop,
    campaign: Campaign,
    customers: list[str],
    *,
    once: bool,
    source_id: str | None,
    given: Given,
) -> Outcome:
    first = shop.first_publication
    waiting = [c for c in customers if not once or (campaign.id, c) not in first]
    if not waiting:
        return _given([first[campaign.id, c] for c in customers])
    if not may_give_away(campaign, given.now):
        return NOTHING
    pool = [code for code in campaign.codes if _is_in_pool(shop, shop.vouchers[code], given.now)]
    if campaign.is_static and len(pool) < len(waiting):
        return NOTHING
    published: list[Publication] = []
    for customer in customers:
        if customer not in waiting:
            published.append(first[campaign.id, customer])
            continue
        voucher_id, code = given.names["given"].get(customer, ("", ""))
        if not pool and code not in shop.vouchers:
            _adopt(shop, campaign, [[voucher_id, code]])
        elif code not in pool:
            return Outcome(kind="published", figures=f"one of {pool}")
        else:
            pool.remove(code)
        published.append(_give(shop, shop.vouchers[code], customer, source_id=source_id))
    return _given(published)


def _publish_code(shop: Shop, step: Publish, now: datetime) -> Outcome:
    voucher = shop.vouchers.get(step.code or "")
    if voucher is None:
        return NOT_FOUND
    campaign = voucher.campaign
    scope = voucher.id if campaign is None else campaign.id
    known = shop.by_source_id.get((scope, step.source_id or ""))
    if known is not None:
        same = (known.customer, known.voucher) == (step.customer, voucher)
        return _given([known]) if same else SOURCE_TAKEN
    if voucher.holder not in (None, step.customer):
        return Outcome(kind="voucher_already_published")
    if voucher.code in shop.by_code:
        return _given([shop.by_code[voucher.code]])
    if campaign is not None and not may_give_away(campaign, now):
        return NOTHING
    if not voucher.active or is_over(window_of(voucher)[1], now) or shop.uses_left(voucher) == 0:
        return NOTHING
    return _given([_give(shop, voucher, step.customer, source_id=step.source_id)])


def _is_in_pool(shop: Shop, voucher: Voucher, now: datetime) -> bool:
    unused = voucher.holder is None and voucher.active and not is_over(voucher.expires_at, now)
    return unused and shop.uses_left(voucher) != 0


def _give(shop: Shop, voucher: Voucher, customer: str, *, source_id: str | None) -> Publication:
    campaign = None if voucher.campaign is None else voucher.campaign.id
    publication = Publication(campaign, voucher, customer, source_id)
    voucher.holder = customer
    shop.publications.append(publication)
    shop.by_code.setdefault(voucher.code, publication)
    if campaign is not None:
        shop.first_publication.setdefault((campaign, customer), publication)
    if source_id is not None:
        shop.by_source_id[campaign or voucher.id, source_id] = publication
    return publication


def _given(publications: list[Publication]) -> Outcome:
    figures = [[p.voucher.code, p.customer, p.source_id] for p in publications]
    return Outcome(kind="published", figures=figures)
