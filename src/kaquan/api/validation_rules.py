"""``/v1/validation-rules`` and ``/v1/validation-rules-assignments``."""

from datetime import datetime
from typing import Annotated, Any, Literal, cast

import msgspec
from litestar import Router
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from kaquan.api.call import CurrentCall
from kaquan.api.listing import CurrentPaging
from kaquan.api.routes import reads, removes, writes
from kaquan.api.values import Identifier, ShortText, read_moment
from kaquan.campaigns import (
    Assignment,
    OwnerKind,
    RuleChange,
    RuleDraft,
    ValidationRule,
    assign_rule,
    create_rule,
    delete_rule,
    get_rule,
    list_assignments,
    list_rules,
    unassign_rule,
    update_rule,
)
from kaquan.runtime import NotFound, get_project

OTHER_OWNERS = {
    "earning_rule": "earning rule",
    "reward_assignment": "reward assignment",
    "distribution": "distribution",
}
_Json = dict[str, Any]
_Moment = Annotated[str | None, QueryParameter(max_length=40)]


class RuleBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller says of a set of rules: a member left out stays, null empties it."""

    name: ShortText | UnsetType | None = UNSET
    rules: _Json | UnsetType | None = UNSET
    bundle_rules: _Json | UnsetType | None = UNSET
    error: _Json | UnsetType | None = UNSET
    applicable_to: _Json | UnsetType | None = UNSET
    type: str | UnsetType | None = UNSET
    context_type: ShortText | UnsetType | None = UNSET


class AssignmentBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a set of rules is to hold for; a campaign or voucher may also stand under its name."""

    related_object_type: (
        Literal[
            "voucher",
            "promotion_tier",
            "campaign",
            "earning_rule",
            "distribution",
            "reward_assignment",
        ]
        | None
    ) = None
    related_object_id: Identifier | None = None
    voucher: Identifier | None = None
    campaign: Identifier | None = None
    promotion_tier: Identifier | None = None


class RuleView(msgspec.Struct, frozen=True, kw_only=True):
    """A set of rules as answered: as it was said."""

    id: str
    name: str
    rules: _Json
    bundle_rules: _Json | UnsetType = UNSET
    error: _Json | UnsetType = UNSET
    applicable_to: _Json
    type: str
    context_type: str
    assignments_count: int
    created_at: datetime
    updated_at: datetime | UnsetType = UNSET
    object: Literal["validation_rules"] = "validation_rules"


class RuleList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the sets of rules."""

    data: list[RuleView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class AssignmentView(msgspec.Struct, frozen=True, kw_only=True):
    """That a set of rules holds for something; all of it does, or it could not be assigned."""

    id: str
    rule_id: str
    related_object_id: str
    related_object_type: OwnerKind
    created_at: datetime
    updated_at: None = None
    validation_status: Literal["VALID"] = "VALID"
    validation_omitted_rules: list[str] = []
    object: Literal["validation_rules_assignment"] = "validation_rules_assignment"


class AssignmentList(msgspec.Struct, frozen=True, kw_only=True):
    """Assignments of rules."""

    data: list[AssignmentView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


def view_rule(rule: ValidationRule) -> RuleView:
    """Map a set of rules to the wire."""
    applicable = rule.applicable_to or {}
    return RuleView(
        id=rule.id,
        name=rule.name,
        rules=rule.rules,
        bundle_rules=UNSET if rule.bundle_rules is None else rule.bundle_rules,
        error=UNSET if rule.error is None else rule.error,
        applicable_to={
            **applicable,
            "included": _with_effects(applicable.get("included")),
            "excluded": _with_effects(applicable.get("excluded")),
            "included_all": bool(applicable.get("included_all")),
        },
        type=rule.kind,
        context_type=rule.context,
        assignments_count=rule.assignments,
        created_at=rule.created_at,
        updated_at=rule.updated_at or UNSET,
    )


def _with_effects(goods: Any) -> list[Any]:
    """Goods with the effect that the dialect's readers ask for, where none was told."""
    entries = cast("list[_Json]", goods if isinstance(goods, list) else [goods] if goods else [])
    return [{"effect": "APPLY_TO_EVERY", "object": "product", **entry} for entry in entries]


def view_assignment(assignment: Assignment) -> AssignmentView:
    """Map an assignment to the wire."""
    return AssignmentView(
        id=assignment.id,
        rule_id=assignment.rule_id,
        related_object_id=assignment.owner_id,
        related_object_type=assignment.owner_kind,
        created_at=assignment.created_at,
    )


def view_assignments(assignments: list[Assignment]) -> AssignmentList:
    """Map all assignments to something to the wire."""
    return AssignmentList(data=list(map(view_assignment, assignments)), total=len(assignments))


@writes("POST", "/", "Create validation rules")
async def make_rule(data: JSONBody[RuleBody], call: CurrentCall) -> RuleView:
    """Create a set of rules. It holds for nothing before it is assigned."""
    draft = RuleDraft(
        name=data.name or "",
        kind=data.type or "expression",
        context=data.context_type or "global",
        rules=data.rules or {},
        bundle_rules=data.bundle_rules or None,
        applicable_to=data.applicable_to or None,
        error=data.error or None,
    )
    async with call.transaction() as tx:
        return view_rule(await create_rule(tx, draft, now=call.now))


@reads("/{rule_id:str}", "Get validation rule")
async def read_rule(rule_id: FromPath[str], call: CurrentCall) -> RuleView:
    """Get a set of rules."""
    async with call.transaction() as tx:
        return view_rule(await get_rule(tx, rule_id))


@writes("PUT", "/{rule_id:str}", "Update validation rule")
async def change_rule(
    rule_id: FromPath[str], data: JSONBody[RuleBody], call: CurrentCall
) -> RuleView:
    """Change a set of rules, wherever it is assigned."""
    change = RuleChange(
        name=data.name or UNSET,
        kind=data.type or UNSET,
        context=data.context_type or UNSET,
        rules=data.rules,
        # The dialect answers an empty object once bundles were taken out.
        bundle_rules={} if data.bundle_rules is None else data.bundle_rules,
        applicable_to=data.applicable_to,
        error=data.error,
    )
    async with call.transaction() as tx:
        return view_rule(await update_rule(tx, rule_id, change, now=call.now))


@removes("/{rule_id:str}", "Delete validation rule")
async def remove_rule(rule_id: FromPath[str], call: CurrentCall) -> None:
    """Delete a set of rules with its assignments."""
    async with call.transaction() as tx:
        await delete_rule(tx, rule_id, now=call.now)


@reads("/", "List validation rules")
async def read_rules(
    call: CurrentCall,
    paging: CurrentPaging,
    start_date: _Moment = None,
    end_date: _Moment = None,
) -> RuleList:
    """List sets of rules, newest first unless ``order`` says otherwise."""
    async with call.transaction() as tx:
        zone = (await get_project(tx)).zone
        found = await list_rules(
            tx,
            since=None if start_date is None else read_moment(start_date, zone, field="start_date"),
            until=None
            if end_date is None
            else read_moment(end_date, zone, field="end_date", ends=True),
            limit=paging.limit,
            page=paging.page,
            order=paging.order or "-created_at",
        )
    return RuleList(data=list(map(view_rule, found.items)), total=found.total)


@writes("POST", "/{rule_id:str}/assignments", "Create validation rules assignments")
async def make_assignment(
    rule_id: FromPath[str],
    data: JSONBody[AssignmentBody],
    call: CurrentCall,
    force: FromQuery[bool] = False,
) -> AssignmentView:
    """Let a set of rules hold for a campaign, a voucher or a promotion tier."""
    kind, owner = _read_owner(data)
    async with call.transaction() as tx:
        if kind in OTHER_OWNERS:
            await get_rule(tx, rule_id)
            raise NotFound(OTHER_OWNERS[kind], owner)
        assigned = await assign_rule(tx, rule_id, OwnerKind(kind), owner, force=force, now=call.now)
        return view_assignment(assigned)


def _read_owner(body: AssignmentBody) -> tuple[str, str]:
    for kind in ("voucher", "campaign", "promotion_tier"):
        named = getattr(body, kind)
        if named is not None:
            return kind, named
    return body.related_object_type or "voucher", body.related_object_id or ""


@reads("/{rule_id:str}/assignments", "List validation rule assignments")
async def read_assignments(
    rule_id: FromPath[str], call: CurrentCall, paging: CurrentPaging
) -> AssignmentList:
    """List what a set of rules holds for; nothing for one that does not exist."""
    async with call.transaction() as tx:
        found = await list_assignments(
            tx,
            rule_id=rule_id,
            limit=paging.limit,
            page=paging.page,
            order=paging.order or "-created_at",
        )
    return AssignmentList(data=list(map(view_assignment, found.items)), total=found.total)


@removes("/{rule_id:str}/assignments/{assignment_id:str}", "Delete validation rule assignment")
async def remove_assignment(
    rule_id: FromPath[str], assignment_id: FromPath[str], call: CurrentCall
) -> None:
    """Let a set of rules not hold for something any more."""
    async with call.transaction() as tx:
        await unassign_rule(tx, rule_id, assignment_id, now=call.now)


@reads("/", "List validation rules' assignments")
async def read_all_assignments(
    call: CurrentCall,
    paging: CurrentPaging,
    related_object_id: Annotated[str | None, QueryParameter(max_length=255)] = None,
    rule: Annotated[str | None, QueryParameter(max_length=255)] = None,
) -> AssignmentList:
    """List assignments, of a set of rules or to an object, newest first."""
    async with call.transaction() as tx:
        found = await list_assignments(
            tx,
            rule_id=rule,
            owner_ids=None if related_object_id is None else [related_object_id],
            limit=paging.limit,
            page=paging.page,
            order=paging.order or "-created_at",
        )
    return AssignmentList(data=list(map(view_assignment, found.items)), total=found.total)


def validation_rules_routers() -> list[Router]:
    """Routes of validation rules and of their assignments."""
    return [
        Router(
            path="/validation-rules",
            route_handlers=[
                make_rule,
                read_rule,
                change_rule,
                remove_rule,
                read_rules,
                make_assignment,
                read_assignments,
                remove_assignment,
            ],
            tags=["Validation rules"],
        ),
        Router(
            path="/validation-rules-assignments",
            route_handlers=[read_all_assignments],
            tags=["Validation rules"],
        ),
    ]
