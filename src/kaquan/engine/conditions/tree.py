"""All, any and not over conditions."""

from collections.abc import Iterator
from typing import TypeAlias

import msgspec
from msgspec import structs

from kaquan.engine.conditions.condition import Condition, Finding, Verdict
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.trace import Check


class AllOf(msgspec.Struct, frozen=True):
    """Holds when every member does; without members, always."""

    members: "tuple[Node, ...]" = ()


class AnyOf(msgspec.Struct, frozen=True):
    """Holds when a member does; without members, never."""

    members: "tuple[Node, ...]"


class Not(msgspec.Struct, frozen=True):
    """Holds when its member is known not to."""

    member: "Node"


Node: TypeAlias = AllOf | AnyOf | Not | Condition

NO_CONDITION = AllOf()


def list_leaves(node: Node) -> Iterator[Condition]:
    """Every condition of a tree, in its order."""
    match node:
        case AllOf() | AnyOf():
            for member in node.members:
                yield from list_leaves(member)
        case Not():
            yield from list_leaves(node.member)
        case Condition():
            yield node


def list_needed(node: Node) -> Iterator[Node]:
    """What has to hold in any case: the parts of a tree that are all needed, in its order."""
    if isinstance(node, AllOf):
        for member in node.members:
            yield from list_needed(member)
    else:
        yield node


class Result(msgspec.Struct, frozen=True):
    """Verdict on a tree; `reasons` in the order of the tree, empty when it is MET."""

    verdict: Verdict
    reasons: tuple[Reason, ...] = ()


def evaluate(node: Node, facts: Facts, *, path: str, checks: list[Check]) -> Result:
    """Check a whole tree, never stopping early, and append every check to `checks`."""
    match node:
        case AllOf():
            return _evaluate_all(node, facts, path=path, checks=checks)
        case AnyOf():
            return _evaluate_any(node, facts, path=path, checks=checks)
        case Not():
            return _evaluate_not(node, facts, path=path, checks=checks)
        case Condition():
            finding = _check(node, facts)
            checks.append(Check.of(path, node.code, finding.reason, inputs=finding.inputs))
            return _as_result(finding)


def _check(condition: Condition, facts: Facts) -> Finding:
    finding = condition.check(facts)
    if finding.reason is None or condition.message is None:
        return finding
    return structs.replace(finding, reason=_say(finding.reason, condition))


def _say(reason: Reason, condition: Condition) -> Reason:
    """The reason in the merchant's words, where the rule has any."""
    if condition.message is None:
        return reason
    return structs.replace(reason, message=condition.message)


def _as_result(finding: Finding) -> Result:
    return Result(finding.verdict, () if finding.reason is None else (finding.reason,))


def _evaluate_all(node: AllOf, facts: Facts, *, path: str, checks: list[Check]) -> Result:
    verdict = Verdict.MET
    reasons: list[Reason] = []
    for index, member in enumerate(node.members):
        result = evaluate(member, facts, path=f"{path}.all[{index}]", checks=checks)
        verdict = min(verdict, result.verdict)
        reasons += result.reasons
    return Result(verdict, tuple(reasons))


def _evaluate_any(node: AnyOf, facts: Facts, *, path: str, checks: list[Check]) -> Result:
    verdict = Verdict.UNMET
    reasons: list[Reason] = []
    for index, member in enumerate(node.members):
        result = evaluate(member, facts, path=f"{path}.any[{index}]", checks=checks)
        verdict = max(verdict, result.verdict)
        reasons += result.reasons
    if verdict is Verdict.MET:
        checks.append(Check.of(path, "any", None))
        return Result(verdict)
    none_met = Reason(ReasonCode.NO_ALTERNATIVE_MET, {"alternatives": len(node.members)})
    checks.append(Check.of(path, "any", none_met))
    # A lone alternative is no choice: its own reason says it better.
    return Result(verdict, tuple(reasons) if len(reasons) == 1 else (none_met, *reasons))


def _evaluate_not(node: Not, facts: Facts, *, path: str, checks: list[Check]) -> Result:
    member = node.member
    inner_path = f"{path}.not"
    if isinstance(member, Condition):
        finding = _check(member, facts)
        checks.append(Check.of(inner_path, member.code, finding.reason, inputs=finding.inputs))
        inner, refusal = _as_result(finding), _say(member.negated_reason(finding), member)
    else:
        inner = evaluate(member, facts, path=inner_path, checks=checks)
        refusal = Reason(ReasonCode.EXCLUDED_BY_RULE, {"condition": _name(member)})
    verdict = Verdict(2 - inner.verdict)
    reasons = {
        Verdict.MET: (),
        Verdict.UNMET: (refusal,),
        Verdict.UNKNOWN: inner.reasons,
    }[verdict]
    checks.append(Check.of(path, "not", reasons[0] if reasons else None))
    return Result(verdict, reasons)


def _name(node: AllOf | AnyOf | Not) -> str:
    return {AllOf: "all", AnyOf: "any", Not: "not"}[type(node)]
