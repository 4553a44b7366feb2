"""From two files to a trial: what the columns are, which rows count, and what is suspicious."""

import msgspec
import numpy as np

from kaquan.insight.allocation import (
    Ceiling,
    CostOn,
    Stakes,
    blend,
    estimate_propensity,
    find_imbalances,
    group_values,
    independence,
)
from kaquan.insight.policy.arms import Arms, find_arms
from kaquan.insight.policy.model import PolicyRequest, SumLimit
from kaquan.insight.tabular import (
    Column,
    FeaturePlan,
    Table,
    find_person,
    is_missing,
    learn_features,
    read_decimal_comma,
    read_grouped,
    read_numbers,
    read_plain,
    read_yes_no,
)
from kaquan.insight.uplift import Flags, Floats, Ints, Trial, randomised
from kaquan.runtime import InvalidInput

_NAMELY_LEAK = 0.98
_LIKELY_LEAK = 0.8
_ATTRITION = 0.001
_DRIFTED = 0.05
_LARGEST_OUTCOME = 1e15


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """The training rows as a trial; ``random`` tells whether arms can be taken as drawn by chance.

    ``trial`` is None when fewer than two arms can be valued; ``allowed`` are the arms open to its
    rows, ``ceilings`` what the request's limits are for them.
    """

    arms: Arms
    stakes: Stakes
    trial: Trial | None
    plan: FeaturePlan
    random: bool
    adjusted: bool
    person: str | None
    statements: list[str]
    allowed: Flags | None = None
    ceilings: tuple[Ceiling, ...] = ()


def prepare(train: Table, test: Table, request: PolicyRequest) -> Prepared:
    """Read the training file as a trial. Raises InvalidInput for columns that are not there."""
    _check_columns(train, request)
    said: list[str] = []
    outcome, known = read_outcome(train, request)
    has_arm = np.array([bool(level) for level in train.columns[request.arm].levels])
    has_arm = has_arm[train.columns[request.arm].codes] if train.rows else known
    said += _say_dropped(train, known=known, has_arm=has_arm, request=request)
    random = _attrition(train.columns[request.arm], known=known, has_arm=has_arm, said=said)
    rows = known & has_arm
    arms, few = find_arms(train, request, usable=train.columns[request.arm].take(rows))
    said += few
    number = arms.number(train.columns[request.arm])
    rows &= number >= 0
    paid = read_paid(train, request)
    stakes = _stakes(request, arms, number=number, paid=paid)
    person = request.customer or find_person(train)
    if person is not None:
        said.append(f"Rows with the same {person} are taken as one customer's.")
    used = train.take(rows)
    plan = learn_features(used, _feature_names(train, test, request, person=person, said=said))
    if len(arms.names) < 2:
        return Prepared(
            arms=arms,
            stakes=stakes,
            trial=None,
            plan=plan,
            random=False,
            adjusted=False,
            person=person,
            statements=said,
        )
    plan, balanced, adjust = _suspect(
        used, plan, outcome=outcome[rows], arm=number[rows], arms=len(arms.names), said=said
    )
    features, categorical, _ = plan.encode(used)
    trial = Trial(
        features=features,
        categorical=categorical,
        arm=number[rows],
        outcome=outcome[rows],
        propensity=known_chances(used, request, arm=number[rows], arms=len(arms.names))
        if request.propensity
        else randomised(number[rows], len(arms.names)),
        customer=used.columns[person].codes if person is not None else None,
        paid=None if paid is None else paid[rows],
    )
    if request.propensity:
        balanced, adjust = True, False
        said.append(f"Chances of arms are taken from column {request.propensity}.")
    if adjust:
        trial = msgspec.structs.replace(
            trial, propensity=estimate_propensity(trial, seed=request.seed)
        )
    allowed = find_open(used, request, arms)
    return Prepared(
        arms=arms,
        stakes=stakes,
        trial=trial,
        plan=plan,
        random=random and balanced,
        adjusted=adjust,
        person=person,
        statements=said,
        allowed=allowed,
        ceilings=tuple(
            _ceiling(limit, used, request, arms=arms.names, allowed=allowed)
            for limit in request.limits
        ),
    )


def find_open(table: Table, request: PolicyRequest, arms: Arms) -> Flags | None:
    """Return the arms open to each row, None where nothing is closed to anybody."""
    if request.closed is None or request.control != arms.names[0]:
        return None
    return arms.open_to(table.columns[request.closed])


def _ceiling(
    limit: SumLimit,
    used: Table,
    request: PolicyRequest,
    *,
    arms: list[str],
    allowed: Flags | None,
) -> Ceiling:
    """What a limit is for the rows that are learnt from, exploration counted in."""
    rows = None
    if limit.members is not None:
        column = used.columns[limit.members]
        rows = np.array([bool(level) for level in column.levels])[column.codes]
    if limit.arms is None:
        return Ceiling(name=limit.name, most=limit.most, rows=rows)
    counted = np.array([float(name in limit.arms) for name in arms])
    use = np.broadcast_to(counted, (used.rows, len(arms)))
    if allowed is not None:
        use = np.where(allowed, use, use[:, :1])
    use = blend(use, floor=request.floor, allowed=allowed)
    return Ceiling(name=limit.name, most=limit.most, use=use, rows=rows)


def read_outcome(table: Table, request: PolicyRequest) -> tuple[Floats, Flags]:
    """Return outcomes and which rows have one. Raises InvalidInput for texts that are none."""
    column = table.columns[request.outcome]
    readers = [read_plain, read_yes_no, read_grouped, read_decimal_comma]
    values, share = read_numbers(column, readers)
    if share < 1:
        unread = next(
            level
            for level, value in zip(column.levels, _by_level(column, values), strict=True)
            if np.isnan(value) and not is_missing(level)
        )
        message = f"Column {request.outcome} of {table.name} holds {unread!r}, which is no number."
        raise InvalidInput(message, field="--outcome")
    known = ~np.isnan(values)
    largest = float(np.abs(values[known]).max(initial=0.0))
    if largest > _LARGEST_OUTCOME:
        message = (
            f"Column {request.outcome} of {table.name} holds {largest:g}: beyond"
            f" {_LARGEST_OUTCOME:g} figures lose their last digits."
        )
        raise InvalidInput(message, field="--outcome")
    return np.where(known, values, 0.0), known


def read_paid(table: Table, request: PolicyRequest) -> Floats | None:
    """Return what each row cost, None unless costs are measured. Raises InvalidInput."""
    if request.cost_on is not CostOn.MEASURED:
        return None
    assert request.paid is not None
    values, share = read_numbers(table.columns[request.paid], [read_plain, read_grouped])
    if share < 1 or np.isnan(values).any():
        message = f"Column {request.paid} of {table.name} must tell what every row cost."
        raise InvalidInput(message, field="--paid")
    return values


def _stakes(request: PolicyRequest, arms: Arms, *, number: Ints, paid: Floats | None) -> Stakes:
    """Costs as given; where they are measured, the most that any row of the arm cost."""
    cost = np.array(arms.cost_list())
    if paid is not None:
        cost = np.array(
            [paid[number == place].max(initial=0.0) for place in range(len(arms.names))]
        )
    return Stakes(value=request.value, cost=cost, cost_on=request.cost_on)


def _by_level(column: Column, values: Floats) -> Floats:
    found = np.full(len(column.levels), np.nan)
    found[column.codes] = values
    return found


def _check_columns(train: Table, request: PolicyRequest) -> None:
    wanted = [
        ("--arm", request.arm),
        ("--outcome", request.outcome),
        ("--propensity", request.propensity),
        ("--customer", request.customer),
        ("--paid", request.paid),
        ("--closed", request.closed),
    ]
    for option, name in wanted:
        if name is not None and name not in train.columns:
            message = (
                f"{train.name} has no column {name}; its columns are {', '.join(train.columns)}."
            )
            raise InvalidInput(message, field=option)
    if request.arm == request.outcome:
        raise InvalidInput("Arm and outcome are the same column.", field="--outcome")


def _feature_names(
    train: Table, test: Table, request: PolicyRequest, *, person: str | None, said: list[str]
) -> list[str]:
    special = {
        request.arm,
        request.outcome,
        request.propensity,
        request.paid,
        request.closed,
        person,
        *(limit.members for limit in request.limits),
    }
    special |= set(request.ignore)
    unknown = [name for name in request.ignore if name not in train.columns]
    if unknown:
        said.append(f"{train.name} has no column {', '.join(unknown)} to ignore.")
    candidates = [name for name in train.columns if name not in special]
    absent = [name for name in candidates if name not in test.columns]
    if absent:
        said.append(
            f"{test.name} lacks {', '.join(absent)}: not used, as a decision could not go by it."
        )
    return [name for name in candidates if name in test.columns]


def _say_dropped(
    train: Table, *, known: Flags, has_arm: Flags, request: PolicyRequest
) -> list[str]:
    said: list[str] = []
    if not has_arm.all():
        said.append(f"{int((~has_arm).sum())} rows of {train.name} have no arm and are not used.")
    lost = has_arm & ~known
    if lost.any():
        said.append(
            f"{int(lost.sum())} rows of {train.name} have no {request.outcome} and are not used."
        )
    return said


def _attrition(arm: Column, *, known: Flags, has_arm: Flags, said: list[str]) -> bool:
    """Whether outcomes are missing alike in all arms; if not, comparing what is left misleads."""
    if known[has_arm].all():
        return True
    codes = arm.codes[has_arm]
    p = independence((~known[has_arm]).astype(np.int64), codes, arms=len(arm.levels))
    if p >= _ATTRITION:
        return True
    said.append(
        f"Outcomes are missing more often in some arms than in others (p = {p:.1g}): those that"
        " are there may differ for that reason alone."
    )
    return False


def _suspect(
    used: Table, plan: FeaturePlan, *, outcome: Floats, arm: Ints, arms: int, said: list[str]
) -> tuple[FeaturePlan, bool, bool]:
    """Leave out what was recorded afterwards; tell whether arms look random, or need adjusting."""
    features, _, owners = plan.encode(used)
    p_of: dict[str, float] = {}
    for found in find_imbalances(features, arm, arms=arms):
        name = owners[found.column]
        p_of[name] = min(found.p, p_of.get(name, 1.0))
    telling: dict[str, float] = {}
    for column, name in enumerate(owners):
        auc = _tells_outcome(features[:, column], outcome)
        telling[name] = max(auc, telling.get(name, 0.5))
    dropped: dict[str, str] = {}
    for name, auc in telling.items():
        if auc >= (_LIKELY_LEAK if name in p_of else _NAMELY_LEAK):
            dropped[name] = f"tells the outcome (AUC {auc:.3f}), as if recorded together with it"
            said.append(f"Column {name} {dropped[name]}: left out.")
    for name, p in p_of.items():
        said.append(
            f"Column {name} differs between arms far beyond chance (p = {p:.1g}). Either it was"
            " recorded after the arm was given: then name it in --ignore. Or arms were not"
            " drawn by chance: then give the chances in --propensity."
        )
    adjust = any(name not in dropped for name in p_of)
    if adjust:
        said.append(
            "Chances of arms are estimated from the columns; this adjusts for what they record"
            " and for nothing else."
        )
    return plan.without(dropped), not p_of, adjust


def _tells_outcome(values: Floats, outcome: Floats) -> float:
    """Area under the ROC curve of a column alone, for the outcome being other than usual."""
    distinct, counts = np.unique(outcome, return_counts=True)
    commonest = int(counts.argmax())
    usual = counts[commonest] > 0.2 * len(outcome)
    event = outcome != distinct[commonest] if usual else outcome > np.median(outcome)
    if event.sum() < 5 or (~event).sum() < 5:
        return 0.5
    groups = group_values(values)
    hits = np.bincount(groups, weights=event)
    total = np.bincount(groups)
    order = np.argsort(-np.divide(hits, total, out=np.zeros_like(hits), where=total > 0))
    hit, miss = hits[order] / hits.sum(), (total - hits)[order] / (~event).sum()
    before = np.concatenate([[0.0], np.cumsum(hit)[:-1]])
    return float((miss * (before + hit / 2)).sum())


def known_chances(used: Table, request: PolicyRequest, *, arm: Ints, arms: int) -> Floats:
    """Put the given chance of the arm that each row got; the rest is shared by the other arms.

    Raises InvalidInput for what is no chance.
    """
    assert request.propensity is not None
    column = used.columns[request.propensity]
    chance, _ = read_numbers(column, [read_plain, read_grouped, read_decimal_comma])
    wrong = ~((chance > 0) & (chance <= 1))
    if wrong.any():
        text = column.levels[int(column.codes[np.flatnonzero(wrong)[0]])]
        message = (
            f"Column {request.propensity} must hold chances above 0 and up to 1, not {text!r}."
        )
        raise InvalidInput(message, field="--propensity")
    given = np.tile(((1 - chance) / max(arms - 1, 1))[:, None], (1, arms))
    given[np.arange(len(arm)), arm] = chance
    return given


def say_drift(plan: FeaturePlan, test: Table) -> list[str]:
    """Say which columns of the test file hold categories that learning never met."""
    return [
        f"{share:.0%} of {test.name} have a {name} that never occurs in training."
        for name, share in plan.unseen(test).items()
        if share > _DRIFTED
    ]
