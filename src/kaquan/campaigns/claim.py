"""Fetching vouchers of campaigns: many customers at once, first come first served.

A campaign may have a rule for it: a stock, so many to each customer, and when it opens and closes.
Vouchers that the merchant sends out are not bound by it. Whom a holdout keeps out is refused, unless
the campaign is open to them; everybody who asks a measured campaign is in its log.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from kaquan.campaigns.checks import check_quantity, check_window, keeps_back
from kaquan.campaigns.errors import ClaimRefused, HeldOut, NothingToPublish, SourceIdTaken
from kaquan.campaigns.grants import change_grant
from kaquan.campaigns.issue import mint_vouchers
from kaquan.campaigns.model import Activation, Campaign, Publication, Window
from kaquan.campaigns.store.campaigns import get_campaign
from kaquan.campaigns.store.claims import (
    ClaimFacts,
    ClaimRule,
    ClaimsWanted,
    Pair,
    RuledCampaign,
    expect_campaigns_unchanged,
    find_claim_rule,
    list_ruled_campaigns,
    read_claim_facts,
    stock_key,
    write_claim_rule,
)
from kaquan.campaigns.store.publications import (
    NewPublication,
    find_by_source,
    insert_publications,
    list_first_publications,
)
from kaquan.campaigns.store.vouchers import assign_holders, draw_vouchers
from kaquan.experiments import Admissions
from kaquan.ledger import list_accounts, post_to_locked, take
from kaquan.runtime import (
    Apart,
    KaquanError,
    NotFound,
    Tx,
    check_whole_number,
    new_ids,
)

MOST_EACH = 10_000


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer asks for: a voucher of the campaign with this id or name.

    With ``join_once`` (None: as the campaign says) who has one gets that again; the same
    ``source_id`` always means the same publication. ``at`` is when it was asked for. What was
    ``paid`` for, as with points, no holdout keeps back.
    """

    campaign: str
    customer_id: str
    source_id: str | None = None
    join_once: bool | None = None
    channel: str
    metadata: dict[str, Any] = {}
    paid: bool = False
    at: datetime


class ClaimState(msgspec.Struct, frozen=True):
    """A campaign's rule, and how many vouchers may still be fetched (None: no stock is set)."""

    campaign_id: str
    rule: ClaimRule
    left: int | None


async def set_claim_rule(tx: Tx, id_or_name: str, rule: ClaimRule, *, now: datetime) -> ClaimState:
    """Say how a campaign's vouchers may be fetched; what was fetched so far counts.

    Raises NotFound, InvalidInput, and GrantBelowUse for a stock below what was fetched.
    """
    campaign = await get_campaign(tx, id_or_name, lock=True)
    check_quantity(rule.stock)
    if rule.per_customer is not None:
        check_whole_number(rule.per_customer, "per_customer", least=1, most=MOST_EACH)
    check_window(Window(rule.opens_at, rule.closes_at))
    await write_claim_rule(tx, campaign.id, rule, now=now)
    await change_grant(tx, stock_key(campaign.id), rule.stock, now=now)
    return await _read_state(tx, campaign.id, rule)


async def get_claim_rule(tx: Tx, id_or_name: str) -> ClaimState:
    """Return how a campaign's vouchers may be fetched. Raises NotFound for the campaign."""
    campaign = await get_campaign(tx, id_or_name)
    rule = await find_claim_rule(tx, campaign.id) or ClaimRule()
    return await _read_state(tx, campaign.id, rule)


async def claim_vouchers(tx: Tx, claims: Sequence[Claim]) -> list[Publication | KaquanError]:
    """Give each of existing customers a voucher, in the order of the claims.

    What stands against a claim is its result and changes nothing for the others: NotFound for
    the campaign, ClaimRefused by its rule, HeldOut, NothingToPublish without a voucher to give,
    SourceIdTaken; Apart for one of several when another transaction was at the same publication.
    Raises what the database raises, SerializationFailure when a campaign was changed meanwhile:
    ``tx`` is over then, and the claims can be made again.
    """
    if not claims:
        return []
    now = max(claim.at for claim in claims)
    named = list(dict.fromkeys(claim.campaign for claim in claims))
    campaigns = await list_ruled_campaigns(tx, named)
    facts = await read_claim_facts(tx, _want_facts(claims, campaigns))
    rush = _Rush(claims, campaigns, facts)
    await rush.admissions.record(tx, now=now)
    fresh: dict[int, Publication | KaquanError] = {}
    for campaign_id, numbers in rush.takers.items():
        campaign = rush.used[campaign_id].campaign
        fresh |= await _draw(tx, campaign, claims, numbers, now=now)
    given = {n: one for n, one in fresh.items() if isinstance(one, Publication)}
    late = await _store(tx, rush, given, facts, now=now) if given else set[int]()
    for number in late:
        fresh[number] = await _find_other(tx, rush, number)
    return [fresh[one] if isinstance(one, int) else one for one in rush.verdicts]


class _Rush:
    """Claims weighed one after the other, each on what those before it left.

    ``verdicts`` has for each claim an earlier publication, an error, or the number of the claim
    whose new publication is meant: its own, or that of the same person or source_id before it.
    ``takers`` are the numbers of those that get a new one, by campaign.
    """

    def __init__(
        self,
        claims: Sequence[Claim],
        campaigns: Mapping[str, RuledCampaign],
        facts: ClaimFacts,
    ) -> None:
        self.claims = claims
        self.used: dict[str, RuledCampaign] = {}
        self.takers: dict[str, list[int]] = {}
        self._by_source: dict[Pair, Publication | int] = {**facts.by_source}
        self._first: dict[Pair, Publication | int] = {**facts.first}
        self._counts = dict(facts.counts)
        self._left = {key.owner: account.available for key, account in facts.stocks.items()}
        self._campaigns = campaigns
        self.admissions = Admissions(facts.standing)
        self.verdicts = [self._weigh(number, claim) for number, claim in enumerate(claims)]

    def is_once(self, number: int) -> bool:
        """Whether a claim is made under the rule that a customer joins once."""
        claim = self.claims[number]
        return _is_once(claim, self._campaigns[claim.campaign].campaign)

    def _weigh(self, number: int, claim: Claim) -> Publication | KaquanError | int:
        ruled = self._campaigns.get(claim.campaign)
        if ruled is None:
            return NotFound("campaign", claim.campaign)
        campaign = ruled.campaign
        if claim.source_id is not None:
            known = self._by_source.get((campaign.id, claim.source_id))
            if known is not None:
                return known if self._is_own(known, claim) else _source_taken(claim)
        person = campaign.id, claim.customer_id
        if self.is_once(number) and person in self._first:
            return self._first[person]
        refusal: KaquanError | None = _find_refusal(campaign, claim.at) or self._find_rule_against(
            ruled, person, claim.at
        )
        if refusal is None and _is_bound(claim, campaign):
            refusal = self._find_holdout_against(campaign, claim)
        if refusal is not None:
            return refusal
        self.used[campaign.id] = ruled
        self.takers.setdefault(campaign.id, []).append(number)
        self._first.setdefault(person, number)
        self._counts[person] = self._counts.get(person, 0) + 1
        if campaign.id in self._left:
            self._left[campaign.id] -= 1
        if claim.source_id is not None:
            self._by_source[campaign.id, claim.source_id] = number
        return number

    def _is_own(self, known: Publication | int, claim: Claim) -> bool:
        owner = known if isinstance(known, Publication) else self.claims[known]
        return owner.customer_id == claim.customer_id

    def _find_holdout_against(self, campaign: Campaign, claim: Claim) -> HeldOut | None:
        admitted = self.admissions.admit(
            campaign.id, claim.customer_id, holdout_bps=campaign.holdout_bps
        )
        return None if admitted else held_out(campaign)

    def _find_rule_against(
        self, ruled: RuledCampaign, person: Pair, now: datetime
    ) -> ClaimRefused | None:
        rule, name = ruled.rule, ruled.campaign.name
        if rule is None:
            return None
        if rule.opens_at is not None and now < rule.opens_at:
            message = f"Vouchers of '{name}' can be fetched from {rule.opens_at.isoformat()} on."
            return ClaimRefused("claim_not_open", message, opens_at=rule.opens_at.isoformat())
        if rule.closes_at is not None and now >= rule.closes_at:
            return ClaimRefused("claim_closed", f"Vouchers of '{name}' are not given any more.")
        if rule.stock is not None and self._left.get(ruled.campaign.id, 0) <= 0:
            return ClaimRefused("claim_stock_exhausted", f"All vouchers of '{name}' are gone.")
        if rule.per_customer is not None and self._counts.get(person, 0) >= rule.per_customer:
            message = f"A customer may fetch {rule.per_customer} of '{name}'."
            return ClaimRefused("claim_limit_reached", message, limit=rule.per_customer)
        return None


def held_out(campaign: Campaign) -> HeldOut:
    """What somebody is told whom a holdout keeps out of a campaign."""
    message = f"The customer gets nothing of '{campaign.name}', so that its effect can be measured."
    return HeldOut(message, object_id=campaign.id)


def _want_facts(claims: Sequence[Claim], campaigns: Mapping[str, RuledCampaign]) -> ClaimsWanted:
    known = [(claim, campaigns[claim.campaign]) for claim in claims if claim.campaign in campaigns]
    people = dict.fromkeys((ruled.campaign.id, claim.customer_id) for claim, ruled in known)
    joining = dict.fromkeys(
        (ruled.campaign.id, claim.customer_id)
        for claim, ruled in known
        if _is_once(claim, ruled.campaign)
    )
    bound = [(claim, ruled.campaign) for claim, ruled in known if _is_bound(claim, ruled.campaign)]
    capped = {one.campaign.id for _, one in known if one.rule and one.rule.per_customer}
    stocked = {one.campaign.id for _, one in known if one.rule and one.rule.stock is not None}
    return ClaimsWanted(
        sources=list(
            dict.fromkeys(
                (ruled.campaign.id, claim.source_id)
                for claim, ruled in known
                if claim.source_id is not None
            )
        ),
        firsts=list(joining),
        counted=[person for person in people if person[0] in capped],
        stocks=[stock_key(campaign_id) for campaign_id in stocked],
        measured=list(
            dict.fromkeys((one.id, claim.customer_id) for claim, one in bound if one.holdout_bps)
        ),
        bound=list(dict.fromkeys(claim.customer_id for claim, _ in bound)),
    )


async def _draw(
    tx: Tx, campaign: Campaign, claims: Sequence[Claim], numbers: Sequence[int], *, now: datetime
) -> dict[int, Publication | KaquanError]:
    """Take vouchers of the pool, and make the missing ones if the campaign may."""
    vouchers = await draw_vouchers(tx, campaign.id, len(numbers), now=now)
    missing = len(numbers) - len(vouchers)
    refusal: KaquanError = NothingToPublish(
        f"The campaign '{campaign.name}' has no voucher left to give.", object_id=campaign.id
    )
    if missing and campaign.activation is not Activation.STATIC:
        try:
            vouchers += await mint_vouchers(tx, campaign, missing, now=now)
        except KaquanError as error:
            refusal = error
    drawn: dict[int, Publication | KaquanError] = dict.fromkeys(numbers, refusal)
    ids = sorted(new_ids("pub", len(vouchers)))
    for number, id_, (voucher_id, code) in zip(numbers, ids, vouchers, strict=False):
        claim = claims[number]
        drawn[number] = Publication(
            id=id_,
            campaign_id=campaign.id,
            voucher_id=voucher_id,
            code=code,
            customer_id=claim.customer_id,
            source_id=claim.source_id,
            channel=claim.channel,
            metadata=claim.metadata,
            created_at=claim.at,
        )
    return drawn


async def _store(
    tx: Tx,
    rush: _Rush,
    given: Mapping[int, Publication],
    facts: ClaimFacts,
    *,
    now: datetime,
) -> set[int]:
    """Store publications and what they take of stocks; returns the numbers of those in whose
    place another transaction has just stored another. Their vouchers stay in the pool.
    """
    rows = [NewPublication(one, rush.is_once(number)) for number, one in given.items()]
    stored = await insert_publications(tx, rows)
    kept = [one for one in given.values() if one.id in stored]
    if kept:
        await assign_holders(tx, [(one.voucher_id, one.customer_id) for one in kept], now=now)
        keys = [(one.id, stock_key(one.campaign_id or "")) for one in kept]
        taken = [
            take(key.owner, key.kind, 1, cause_id=id_) for id_, key in keys if key in facts.stocks
        ]
        await post_to_locked(tx, taken, now=now)
    await expect_campaigns_unchanged(tx, list(rush.used.values()))
    return {number for number, one in given.items() if one.id not in stored}


async def _find_other(tx: Tx, rush: _Rush, number: int) -> Publication | KaquanError:
    """Find what another transaction stored in the place of a claim's publication."""
    if len(rush.claims) > 1:
        return Apart("Another request is at the same publication.")
    claim = rush.claims[number]
    campaign_id = next(iter(rush.used))
    if claim.source_id is not None:
        known = await find_by_source(tx, campaign_id, claim.source_id)
        if known is not None:
            return known if known.customer_id == claim.customer_id else _source_taken(claim)
    found = await list_first_publications(tx, campaign_id, [claim.customer_id])
    return found[claim.customer_id]


async def _read_state(tx: Tx, campaign_id: str, rule: ClaimRule) -> ClaimState:
    key = stock_key(campaign_id)
    account = (await list_accounts(tx, [key])).get(key)
    left = None if rule.stock is None else 0 if account is None else account.available
    return ClaimState(campaign_id, rule, left)


def _find_refusal(campaign: Campaign, now: datetime) -> NothingToPublish | None:
    if campaign.active and not campaign.window.has_ended(now):
        return None
    message = f"The campaign '{campaign.name}' is disabled or over."
    return NothingToPublish(message, object_id=campaign.id)


def _is_bound(claim: Claim, campaign: Campaign) -> bool:
    return keeps_back(campaign) and not claim.paid


def _is_once(claim: Claim, campaign: Campaign) -> bool:
    return campaign.join_once if claim.join_once is None else claim.join_once


def _source_taken(claim: Claim) -> SourceIdTaken:
    message = f"The source_id '{claim.source_id}' names another publication."
    return SourceIdTaken(message, field="source_id")
