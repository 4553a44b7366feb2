"""Earning rules and tiers: what gives members points, and what many points make of members."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET

from kaquan.engine import MAX_MINOR
from kaquan.loyalty.expiry import check_expiry
from kaquan.loyalty.model import (
    ORDER_PAID,
    Basis,
    EarningRule,
    EarningRuleChange,
    EarningRuleDraft,
    EarningTerms,
    LoyaltyTier,
    LoyaltyTierDraft,
    PointsMapping,
)
from kaquan.loyalty.programmes import get_programme
from kaquan.loyalty.reckon import is_exact
from kaquan.loyalty.store.rewards import list_assignments
from kaquan.loyalty.store.rules import (
    count_rules,
    delete_rule_row,
    get_earning_rule,
    insert_rule,
    insert_tier,
    list_earning_rules,
    list_tiers,
    update_rule_row,
)
from kaquan.runtime import (
    InvalidInput,
    NotFound,
    Tx,
    check_metadata,
    check_name,
    check_text,
    check_whole_number,
    new_id,
)

MOST_RULES = 100
"""A project's earning rules, as in the dialect."""

MOST_TIERS = 50
MOST_PENDING_DAYS = 90
"""How long points wait at most, as in the dialect."""

LARGEST_MULTIPLIER = 1000
LONGEST_BANNER = 500
LONGEST_EVENT = 300
_OF_PROPERTY = (Basis.ORDER_METADATA, Basis.CUSTOMER_METADATA, Basis.CUSTOM_EVENT_METADATA)
_OF_ORDER = tuple(basis for basis in Basis if basis.startswith("ORDER_"))


async def create_earning_rules(
    tx: Tx, programme: str, drafts: Sequence[EarningRuleDraft], *, now: datetime
) -> list[EarningRule]:
    """Create rules of a programme (by id or name). Raises NotFound and InvalidInput."""
    campaign = await get_programme(tx, programme, lock=True)
    if not drafts:
        raise InvalidInput("Name at least one earning rule.", field="")
    if await count_rules(tx) + len(drafts) > MOST_RULES:
        message = f"A project has at most {MOST_RULES} earning rules."
        raise InvalidInput(message, field="")
    made: list[EarningRule] = []
    for index, draft in enumerate(drafts):
        fields = {name: getattr(draft, name) for name in draft.__struct_fields__}
        rule = EarningRule(
            **fields,
            id=new_id("ern"),
            campaign_id=campaign.id,
            created_at=now,
            updated_at=None,
        )
        made.append(_checked(rule, field=f"[{index}]."))
        await insert_rule(tx, made[-1])
    return made


async def update_earning_rule(
    tx: Tx, programme: str, rule_id: str, change: EarningRuleChange, *, now: datetime
) -> EarningRule:
    """Change a rule; what it gave so far stays. Raises NotFound and InvalidInput."""
    campaign = await get_programme(tx, programme)
    known = await get_earning_rule(tx, campaign.id, rule_id, lock=True)
    given = {
        name: value
        for name in change.__struct_fields__
        if (value := getattr(change, name)) is not UNSET
    }
    rule = _checked(msgspec.structs.replace(known, **given, updated_at=now), field="")
    await update_rule_row(tx, rule)
    return rule


async def delete_earning_rule(tx: Tx, programme: str, rule_id: str) -> None:
    """Delete a rule; what it gave stays. Raises NotFound."""
    campaign = await get_programme(tx, programme)
    rule = await get_earning_rule(tx, campaign.id, rule_id, lock=True)
    await delete_rule_row(tx, rule.id)


async def create_tiers(
    tx: Tx, programme: str, drafts: Sequence[LoyaltyTierDraft], *, now: datetime
) -> list[LoyaltyTier]:
    """Create tiers of a programme. Raises NotFound, and InvalidInput where points overlap."""
    campaign = await get_programme(tx, programme, lock=True)
    known = await list_tiers(tx, campaign.id)
    if not drafts:
        raise InvalidInput("Name at least one tier.", field="")
    if len(known) + len(drafts) > MOST_TIERS:
        message = f"A programme has at most {MOST_TIERS} tiers."
        raise InvalidInput(message, field="")
    page = await list_earning_rules(tx, campaign.id, limit=MOST_RULES)
    rules = {rule.id for rule in page.items}
    offered = await list_assignments(tx, campaign_id=campaign.id, limit=1000)
    rewards = {one.reward_id for one in offered.items}
    made: list[LoyaltyTier] = []
    for index, draft in enumerate(drafts):
        field = f"[{index}]."
        _check_points(draft, [*known, *made], field=field)
        _check_mappings(draft.earning_rules, rules, field=f"{field}earning_rules")
        _check_mappings(draft.rewards, rewards, field=f"{field}rewards")
        tier = LoyaltyTier(
            id=new_id("lt"),
            campaign_id=campaign.id,
            name=_title(draft.name, f"{field}name"),
            from_points=draft.from_points,
            to_points=draft.to_points,
            earning_rules=draft.earning_rules,
            rewards=draft.rewards,
            metadata=check_metadata(draft.metadata, f"{field}metadata"),
            created_at=now,
            updated_at=None,
        )
        await insert_tier(tx, tier)
        made.append(tier)
    return made


async def get_tier(tx: Tx, programme: str, tier_id: str) -> LoyaltyTier:
    """Return a programme's tier. Raises NotFound."""
    campaign = await get_programme(tx, programme)
    for tier in await list_tiers(tx, campaign.id):
        if tier.id == tier_id:
            return tier
    raise NotFound("loyalty tier", tier_id)


def _checked(rule: EarningRule, *, field: str) -> EarningRule:
    if not check_text(rule.event, f"{field}event", longest=LONGEST_EVENT):
        raise InvalidInput("An earning rule needs an event.", field=f"{field}event")
    if rule.starts_at and rule.expires_at and rule.starts_at >= rule.expires_at:
        message = "The start must come before the end."
        raise InvalidInput(message, field=f"{field}expiration_date")
    _check_terms(rule.terms, is_order=rule.event in ORDER_PAID, field=f"{field}loyalty")
    if rule.pending_days is not None:
        path = f"{field}pending_points.period_value"
        check_whole_number(rule.pending_days, path, least=1, most=MOST_PENDING_DAYS)
        if rule.event not in ORDER_PAID:
            message = "Only points for a paid order can wait."
            raise InvalidInput(message, field=f"{field}pending_points")
    if rule.expiry is not None:
        check_expiry(rule.expiry, field=f"{field}expiration_rules")
    return msgspec.structs.replace(
        rule,
        banner=check_text(rule.banner, f"{field}source.banner", longest=LONGEST_BANNER),
        metadata=check_metadata(rule.metadata, f"{field}metadata"),
    )


def _check_terms(terms: EarningTerms, *, is_order: bool, field: str) -> None:
    check_whole_number(terms.points, f"{field}.points", least=1)
    check_whole_number(terms.every, f"{field}.every", least=1)
    if terms.basis in _OF_PROPERTY and not terms.property:
        message = "Points by metadata need the 'property' that holds the number."
        raise InvalidInput(message, field=f"{field}.property")
    if terms.basis in _OF_ORDER and not is_order:
        message = "Only an order that was paid has what these points are reckoned on."
        raise InvalidInput(message, field=f"{field}.calculation_type")
    if terms.basis is Basis.CUSTOM_EVENT_METADATA and is_order:
        message = "Only a custom event has what these points are reckoned on."
        raise InvalidInput(message, field=f"{field}.calculation_type")


def _check_points(draft: LoyaltyTierDraft, others: Sequence[LoyaltyTier], *, field: str) -> None:
    check_whole_number(draft.from_points, f"{field}points.from", least=0)
    last = MAX_MINOR
    if draft.to_points is not None:
        last = check_whole_number(draft.to_points, f"{field}points.to", least=draft.from_points)
    for other in others:
        ends = MAX_MINOR if other.to_points is None else other.to_points
        if draft.from_points <= ends and other.from_points <= last:
            message = f"The points overlap with those of the tier '{other.name}'."
            raise InvalidInput(message, field=f"{field}points")


def _check_mappings(mappings: Mapping[str, PointsMapping], known: set[str], *, field: str) -> None:
    for name, mapping in mappings.items():
        path = f"{field}.{name[:64]}"
        if name not in known:
            message = f"The programme has no '{name[:64]}'."
            raise InvalidInput(message, field=path)
        if mapping.type == "CUSTOM":
            if mapping.points is None or mapping.multiplier is not None:
                raise InvalidInput("A custom mapping has 'points'.", field=path)
            check_whole_number(mapping.points, f"{path}.points", least=1)
            continue
        if mapping.points is not None or not is_exact(mapping.multiplier, most=LARGEST_MULTIPLIER):
            message = (
                f"A mapping that multiplies has a 'multiplier' of at most {LARGEST_MULTIPLIER}."
            )
            raise InvalidInput(message, field=path)


def _title(name: str, field: str) -> str:
    title: Any = check_name(name, field)
    if not title:
        raise InvalidInput("A tier needs a name.", field=field)
    return title
