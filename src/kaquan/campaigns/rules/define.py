"""Creating and changing sets of rules, and assigning them."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import UNSET

from kaquan.campaigns.rules.check import check_applicable_to, check_error, check_rules
from kaquan.campaigns.rules.model import (
    Assignment,
    InvalidRules,
    OwnerKind,
    RuleChange,
    RuleDraft,
    ValidationRule,
)
from kaquan.campaigns.rules.terms import settle_offer
from kaquan.campaigns.store.campaigns import get_campaign
from kaquan.campaigns.store.rules import (
    delete_assignments,
    delete_rule_row,
    find_assignment,
    get_assignment,
    get_rule,
    insert_assignment,
    insert_rule,
    list_assignments_of,
    list_owners_of,
    update_rule_row,
)
from kaquan.campaigns.store.vouchers import get_tier, get_voucher
from kaquan.runtime import Duplicate, Tx, check_metadata, check_name, new_id

KINDS = frozenset({"expression", "basic", "advanced", "complex"})
LARGEST_RULES_BYTES = 256 * 1024


class AssignedAlready(Duplicate):
    """These rules hold for this already; ``details`` names the assignment."""

    key = "duplicate_found"


async def create_rule(tx: Tx, draft: RuleDraft, *, now: datetime) -> ValidationRule:
    """Store a set of rules. Raises InvalidRules naming the place that makes no sense."""
    fields = {name: getattr(draft, name) for name in draft.__struct_fields__}
    rule = _checked(ValidationRule(id=new_id("val"), created_at=now, updated_at=None, **fields))
    await insert_rule(tx, rule)
    return rule


async def update_rule(tx: Tx, rule_id: str, change: RuleChange, *, now: datetime) -> ValidationRule:
    """Change a set of rules; it holds at once for everything that it is assigned to.

    Raises NotFound, InvalidRules, and RuleNotSupported when something it is assigned to could
    not be carried out any more.
    """
    known = await get_rule(tx, rule_id, lock=True)
    given = {
        name: value
        for name in change.__struct_fields__
        if (value := getattr(change, name)) is not UNSET
    }
    if given.get("rules", UNSET) is None:
        given["rules"] = {}
    rule = _checked(msgspec.structs.replace(known, **given, updated_at=now))
    await update_rule_row(tx, rule)
    for one in await list_owners_of(tx, rule.id):
        await settle_offer(tx, one.owner_kind, one.owner_id, now=now)
    return rule


async def delete_rule(tx: Tx, rule_id: str, *, now: datetime) -> None:
    """Delete a set of rules with its assignments: it holds for nothing any more."""
    rule = await get_rule(tx, rule_id, lock=True)
    owners = await list_owners_of(tx, rule.id)
    await delete_assignments(tx, [one.id for one in owners])
    for one in owners:
        await settle_offer(tx, one.owner_kind, one.owner_id, now=now)
    await delete_rule_row(tx, rule.id)


async def assign_rule(
    tx: Tx,
    rule_id: str,
    owner_kind: OwnerKind,
    owner: str,
    *,
    force: bool = False,
    now: datetime,
) -> Assignment:
    """Let a set of rules hold for a campaign, a voucher (by code or id) or a promotion's tier.

    With ``force`` an earlier assignment of the same gives way to the new one. Raises NotFound,
    AssignedAlready, and RuleNotSupported for rules that a checkout cannot carry out.
    """
    rule = await get_rule(tx, rule_id, lock=True)
    owner_id = await _find_owner(tx, owner_kind, owner)
    assignment = Assignment(
        id=new_id("asgm"),
        rule_id=rule.id,
        owner_kind=owner_kind,
        owner_id=owner_id,
        created_at=now,
    )
    if not await insert_assignment(tx, assignment):
        known = await find_assignment(tx, rule.id, owner_id=owner_id)
        assert known is not None
        if not force:
            message = f"Duplicated validation_rules_assignment exists with id {known.id}"
            raise AssignedAlready(message, field="related_object_id", object_id=known.id)
        await delete_assignments(tx, [known.id])
        await insert_assignment(tx, assignment)
    await settle_offer(tx, owner_kind, owner_id, now=now)
    return assignment


async def unassign_rule(tx: Tx, rule_id: str, assignment_id: str, *, now: datetime) -> None:
    """Let a set of rules not hold for something any more. Raises NotFound."""
    rule = await get_rule(tx, rule_id)
    assignment = await get_assignment(tx, assignment_id, rule_id=rule.id)
    await delete_assignments(tx, [assignment.id])
    await settle_offer(tx, assignment.owner_kind, assignment.owner_id, now=now)


async def set_rules(
    tx: Tx, owner_kind: OwnerKind, owner_id: str, rule_ids: Sequence[str], *, now: datetime
) -> None:
    """Let exactly these sets of rules hold for something. Raises NotFound, RuleNotSupported."""
    standing = (await list_assignments_of(tx, [owner_id]))[owner_id]
    wanted = [(await get_rule(tx, rule_id)).id for rule_id in dict.fromkeys(rule_ids)]
    await delete_assignments(tx, [one.id for one in standing if one.rule_id not in wanted])
    for rule_id in wanted:
        await insert_assignment(
            tx,
            Assignment(
                id=new_id("asgm"),
                rule_id=rule_id,
                owner_kind=owner_kind,
                owner_id=owner_id,
                created_at=now,
            ),
        )
    await settle_offer(tx, owner_kind, owner_id, now=now)


async def _find_owner(tx: Tx, kind: OwnerKind, owner: str) -> str:
    match kind:
        case OwnerKind.CAMPAIGN:
            return (await get_campaign(tx, owner, lock=True)).id
        case OwnerKind.VOUCHER:
            return (await get_voucher(tx, owner, lock=True)).id
        case OwnerKind.PROMOTION_TIER:
            return (await get_tier(tx, owner, lock=True)).id


def _checked(rule: ValidationRule) -> ValidationRule:
    name = check_name(rule.name, "name")
    if not name:
        raise InvalidRules("A set of rules needs a name.", field="name")
    if rule.kind not in KINDS:
        message = f"The type is one of {', '.join(sorted(KINDS))}."
        raise InvalidRules(message, field="type")
    check_metadata(msgspec.to_builtins(rule.rules), "rules", largest=LARGEST_RULES_BYTES)
    check_rules(rule.rules)
    check_error(rule.error, field="error")
    for part, field in ((rule.bundle_rules, "bundle_rules"), (rule.applicable_to, "applicable_to")):
        if part is not None:
            check_metadata(part, field, largest=LARGEST_RULES_BYTES)
    if rule.applicable_to is not None:
        check_applicable_to(rule.applicable_to)
    return msgspec.structs.replace(rule, name=name)
