"""One arm for each customer of an audience, within a plan's limits, and why; pure."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from kaquan.experiments import WHOLE_BPS
from kaquan.insight.allocation import (
    Infeasible,
    Limit,
    allocate,
    allocate_in_parts,
    blend,
)
from kaquan.insight.plans.limit_store import Had
from kaquan.insight.plans.model import Lack, LackCode, LimitUse, PlanDraft, SegmentCap, Why
from kaquan.insight.uplift import Flags, Floats, Ints

_BUDGET, _CONTACTS = "budget", "contacts"
SLACK = 1e-9
_WHYS = list(Why)


class Closures(msgspec.Struct, frozen=True, kw_only=True):
    """The arms that a limit closes to a customer: to whom messages, and which cost too much."""

    messages: bool = False
    dear: tuple[str, ...] = ()


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """A plan's limits as arrays over customers × arms; arm ``control`` is nothing.

    ``contacting`` tells which arms send a message, ``members`` who counts for a segment's cap,
    ``unmeasured`` the segments of which nobody knows who was in them during the experiment.
    """

    draft: PlanDraft
    control: int
    contacting: Flags
    over_contacts: Flags
    over_cap: Flags
    members: tuple[tuple[SegmentCap, Flags], ...] = ()
    unmeasured: frozenset[str] = frozenset()

    @property
    def allowed(self) -> Flags:
        """The arms open to each customer."""
        return ~(self.over_contacts | self.over_cap)

    def blend(self, figures: Floats) -> Floats:
        """What choosing each arm amounts to with the exploration around it, customers × arms."""
        return blend(figures, floor=self.floor, allowed=self.allowed)

    @property
    def measured(self) -> "Rules":
        """The rules without the caps of which nothing could be measured."""
        known = tuple(one for one in self.members if one[0].segment_id not in self.unmeasured)
        return msgspec.structs.replace(self, members=known, unmeasured=frozenset())

    def list_unmeasured(self, choice: Ints, cost: Floats) -> tuple[LimitUse, ...]:
        """What a choice uses of the caps of which nothing could be measured, exploration in it."""
        rows = np.arange(len(choice))
        return tuple(
            LimitUse(
                name=limit.name,
                most=limit.most,
                used=float(limit.matrix(cost.shape)[rows, choice].sum()),
                shadow_price=0.0,
            )
            for limit in _limits(self.blend(cost), self, order=np.arange(len(cost)))
            if limit.name.rpartition("/")[0] in self.unmeasured
        )

    @property
    def floor(self) -> float:
        """The chance that every open arm keeps."""
        return self.draft.floor_bps / WHOLE_BPS


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """The arm meant for each customer before chance, and what the limits are expected to bear."""

    choice: Ints
    gap: float
    limits: tuple[LimitUse, ...]

    def price(self, name: str) -> float:
        """What another unit of a limit would bring; 0 for one that is not set."""
        return next((one.shadow_price for one in self.limits if one.name == name), 0.0)


class TooTight(Exception):
    """The limits leave no choice: carries what is lacking."""

    def __init__(self, lack: Lack) -> None:
        super().__init__(lack.code)
        self.lack = lack


def close_arms(
    draft: PlanDraft, had: Mapping[str, Had], *, largest: Mapping[str, float]
) -> dict[str, Closures]:
    """Return what the limits of a person close to whom; ``largest`` is an arm's largest discount.

    Only customers to whom something is closed are in what is returned.
    """
    closed: dict[str, Closures] = {}
    for customer_id, one in had.items():
        messages = draft.contact_limit is not None and one.contacts >= draft.contact_limit
        left = None if draft.person_cap_minor is None else draft.person_cap_minor
        dear = tuple(
            arm
            for arm, most in largest.items()
            if left is not None and most > 0 and one.discount_minor + most > left
        )
        if messages or dear:
            closed[customer_id] = Closures(messages=messages, dear=dear)
    return closed


def choose(gain: Floats, cost: Floats, rules: Rules, *, seed: int) -> Chosen:
    """Choose the arms of the largest expected gain within the limits, exploration counted in.

    ``gain`` (beside the control) and ``cost`` are customers × arms. Equal customers are taken in
    random order. Raises TooTight.
    """
    order = np.random.default_rng(seed).permutation(len(gain))
    allowed = rules.allowed[order]
    value, spent = rules.blend(gain)[order], rules.blend(cost)[order]
    limits = _limits(spent, rules, order=order)
    _check_room(limits, cost[order], rules, allowed=allowed)
    choice = np.empty(len(gain), dtype=np.int64)
    if {limit.name for limit in limits} <= {_BUDGET}:
        nothing = [rules.control]
        one = allocate(
            np.where(allowed, value, value[:, nothing]),
            np.where(allowed, spent, spent[:, nothing]),
            budget=limits[0].most if limits else None,
        )
        open_arms = allowed[np.arange(len(gain)), one.choice]
        choice[order] = np.where(open_arms, one.choice, rules.control)
        price = one.shadow_price
        uses = (
            LimitUse(name=_BUDGET, most=limit.most, used=one.cost, shadow_price=price)
            for limit in limits
        )
        return Chosen(choice=choice, gap=one.gap, limits=tuple(uses))
    try:
        found = allocate_in_parts(value, limits, allowed=allowed, seed=seed)
    except Infeasible as error:
        raise TooTight(Lack(code=LackCode.LIMITS)) from error
    choice[order] = found.choice
    return Chosen(
        choice=choice,
        gap=found.gap,
        limits=tuple(
            LimitUse(
                name=limit.name,
                most=limit.most,
                used=found.used[limit.name],
                shadow_price=found.shadow_prices[limit.name],
            )
            for limit in limits
        ),
    )


def say_reasons(
    gain: Floats, rules: Rules, chosen: Chosen, *, given: Ints, certified: bool
) -> tuple[Sequence[Why], int]:
    """Return why each customer gets an arm, and how many a limit keeps from their best one."""
    rows = np.arange(len(gain))
    choice = chosen.choice
    best = gain.argmax(axis=1)
    open_gain = np.where(rules.allowed, gain, -np.inf)
    slack = SLACK * np.maximum(np.abs(gain).max(axis=1), 1.0)
    as_good = gain[rows, choice] >= gain[rows, best] - slack
    as_good_open = gain[rows, choice] >= open_gain.max(axis=1) - slack
    capped = np.zeros(len(gain), dtype=np.bool_)
    for cap, members in rules.members:
        names = (f"{cap.segment_id}/{kind}" for kind in (_BUDGET, _CONTACTS))
        if any(chosen.price(name) > 0 for name in names):
            capped |= members
    scarce = (
        Why.BUDGET if chosen.price(_BUDGET) > 0 or not chosen.price(_CONTACTS) else Why.CONTACTS
    )
    why = np.full(len(gain), _WHYS.index(scarce))
    for rows_of, reason in (
        (capped, Why.SEGMENT_CAP),
        (as_good_open & rules.over_cap[rows, best], Why.PERSON_CAP),
        (as_good_open & rules.over_contacts[rows, best], Why.CONTACT_LIMIT),
        (as_good, Why.BEST if certified else Why.UNIFORM),
        (given != choice, Why.DRAWN),
    ):
        why[rows_of] = _WHYS.index(reason)
    numbers: list[int] = why.tolist()
    return [_WHYS[number] for number in numbers], int((~as_good).sum())


def _limits(spent: Floats, rules: Rules, *, order: Ints) -> list[Limit]:
    draft = rules.draft
    reached = np.broadcast_to(rules.contacting.astype(np.float64), spent.shape)
    contacts = rules.blend(reached)[order]
    found: list[Limit] = []
    for name, use, most in (
        (_BUDGET, spent, draft.budget_minor),
        (_CONTACTS, contacts, draft.contacts),
    ):
        if most is not None:
            found.append(Limit(name=name, use=use, most=float(most)))
    for cap, members in rules.members:
        for kind, use, most in (
            (_BUDGET, spent, cap.budget_minor),
            (_CONTACTS, contacts, cap.contacts),
        ):
            if most is not None:
                name = f"{cap.segment_id}/{kind}"
                found.append(Limit(name=name, use=use, most=float(most), rows=members[order]))
    return found


def _check_room(limits: list[Limit], cost: Floats, rules: Rules, *, allowed: Flags) -> None:
    """Raise TooTight for a limit that even the least use of every customer exceeds."""
    for limit in limits:
        use = limit.matrix(cost.shape)
        least = float(np.where(allowed, use, np.inf).min(axis=1).sum())
        if least <= limit.most * (1 + SLACK) + SLACK:
            continue
        have, need = int(limit.most), int(np.ceil(least))
        if limit.name != _BUDGET:
            raise TooTight(Lack(code=LackCode.LIMITS, arm=limit.name, have=have, need=need))
        plain = float(np.where(allowed, cost, np.inf).min(axis=1).sum())
        affordable = plain <= limit.most * (1 + SLACK) + SLACK
        code = LackCode.EXPLORATION if affordable else LackCode.BUDGET
        raise TooTight(Lack(code=code, have=have, need=need))
