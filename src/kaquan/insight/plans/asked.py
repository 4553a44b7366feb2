"""What a plan asks of the allocator: its limits, and the experiment and audience as tables; pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TypeAlias

import msgspec

from kaquan.experiments import HOLDOUT, WHOLE_BPS
from kaquan.insight.allocation import CostOn
from kaquan.insight.plans.frontier import STEPS
from kaquan.insight.plans.limit_store import Had
from kaquan.insight.plans.model import PlanDraft
from kaquan.insight.plans.spread import Closures
from kaquan.insight.plans.store import Observed
from kaquan.insight.policy import CLOSED_BY, PolicyRequest, SumLimit
from kaquan.insight.tabular import Column, Table, make_column

Rows: TypeAlias = Mapping[str, tuple[float | None, ...]]
"""Features by customer."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What the limits go by: arms that send a message, what customers of the experiment had had
    when they got their arm and those of the audience have had, and who is in capped segments.

    ``past_members`` are those of the experiment who were in one when they got their arm; a segment
    of which that is not known is missing there.
    """

    contacting: frozenset[str] = frozenset()
    past: Mapping[str, Had] = {}
    now: Mapping[str, Had] = {}
    members: Mapping[str, frozenset[str]] = {}
    past_members: Mapping[str, frozenset[str]] = {}


def policy_request(request: PlanDraft, seen: Sequence[Observed], control: str) -> PolicyRequest:
    """The request to the allocator: margins are outcomes, discounts costs; limits of sums apart."""
    most = {control: 0.0}
    for one in seen:
        arm = control if one.arm == HOLDOUT else one.arm
        most[arm] = max(most.get(arm, 0.0), one.paid)
    chances = {(one.arm, one.propensity) for one in seen}
    return PolicyRequest(
        arm="arm",
        control=control,
        outcome="margin",
        value=1.0,
        costs=most,
        cost_on=CostOn.MEASURED,
        paid="paid",
        budget=None if request.budget_minor is None else float(request.budget_minor),
        propensity="chance" if len(chances) > len({arm for arm, _ in chances}) else None,
        ignore=("chance", "customer"),
        seed=request.seed,
        steps=STEPS,
        floor=request.floor_bps / WHOLE_BPS,
    )


def sum_limits(
    request: PlanDraft, bounds: Bounds, *, audience: Collection[str]
) -> Iterator[SumLimit]:
    """The limits beside the budget, a customer who counts."""
    count = max(len(audience), 1)
    if request.contacts is not None:
        most = request.contacts / count
        yield SumLimit(name="contacts", most=most, arms=bounds.contacting)
    for cap in request.segment_caps:
        if cap.segment_id not in bounds.past_members:
            continue
        members = sum(one in bounds.members[cap.segment_id] for one in audience)
        for kind, most, arms in (
            ("budget", cap.budget_minor, None),
            ("contacts", cap.contacts, bounds.contacting),
        ):
            if most is not None and members:
                yield SumLimit(
                    name=f"{cap.segment_id}/{kind}",
                    most=most / members,
                    arms=arms,
                    members=f"in {cap.segment_id}",
                )


def train_table(
    seen: Sequence[Observed], past: Rows, features: Sequence[str], control: str
) -> Table:
    """The experiment as a table; those whom the campaign held out count as ``control``."""
    table = plain_table(
        "experiment",
        [one.customer_id for one in seen],
        [past[one.customer_id] for one in seen],
        features,
    )
    columns = {
        "arm": [control if one.arm == HOLDOUT else one.arm for one in seen],
        "margin": [f"{one.margin + one.paid!r}" for one in seen],
        "paid": [f"{one.paid!r}" for one in seen],
        "chance": [f"{one.propensity!r}" for one in seen],
    }
    made = {name: make_column(name, texts) for name, texts in columns.items()}
    return msgspec.structs.replace(table, columns=table.columns | made)


def plain_table(
    name: str,
    customers: Sequence[str],
    rows: Sequence[tuple[float | None, ...]],
    features: Sequence[str],
) -> Table:
    """Customers and their features as a table."""
    texts = {
        feature: ["" if row[place] is None else f"{row[place]:.6g}" for row in rows]
        for place, feature in enumerate(features)
    }
    columns = {feature: make_column(feature, column) for feature, column in texts.items()}
    columns["customer"] = make_column("customer", list(customers))
    return Table(name=name, rows=len(customers), columns=columns)


def add_members(
    table: Table, customers: Sequence[str], limits: Sequence[SumLimit], bounds: Bounds
) -> Table:
    """The table with a column for each segment that ``limits`` count, of who was in it then."""
    names = {limit.members for limit in limits if limit.members is not None}
    found: dict[str, Column] = {}
    for name in names:
        who = bounds.past_members[name.removeprefix("in ")]
        found[name] = make_column(name, ["1" if one in who else "" for one in customers])
    return msgspec.structs.replace(table, columns=table.columns | found)


def add_closed(
    table: Table,
    customers: Sequence[str],
    closed: Mapping[str, Closures],
    contacting: frozenset[str],
) -> Table:
    """The table with the arms that are closed to each customer, by the column ``closed``."""
    texts = [_closed_names(closed.get(one), contacting) for one in customers]
    columns = table.columns | {"closed": make_column("closed", texts)}
    return msgspec.structs.replace(table, columns=columns)


def _closed_names(one: Closures | None, contacting: frozenset[str]) -> str:
    if one is None:
        return ""
    return CLOSED_BY.join(sorted({*one.dear, *(contacting if one.messages else ())}))
