"""Which arms there are, what they cost, and which rows had which."""

import msgspec
import numpy as np

from kaquan.insight.policy.model import CLOSED_BY, PolicyRequest
from kaquan.insight.tabular import Column, Table, read_plain
from kaquan.insight.uplift import Flags, Ints
from kaquan.runtime import InvalidInput

FEWEST_ROWS = 30
"""Rows of an arm below which not even its mean is given an interval."""


FEWEST_TO_LEARN = 100
"""Rows of an arm below which nothing is learnt about single customers."""


class Arms(msgspec.Struct, frozen=True, kw_only=True):
    """``names`` are the arms that can be valued, the control first if it is one of them.

    ``rows`` counts the training rows of every arm that was named or met, ``costs`` is theirs.
    """

    names: list[str]
    rows: dict[str, int]
    costs: dict[str, float]
    control: str

    def number(self, column: Column) -> Ints:
        """Return each row's place in ``names``, −1 for any other arm or none."""
        spelled = {_key(name): number for number, name in enumerate(self.names)}
        places = np.array([spelled.get(_key(level), -1) for level in column.levels], dtype=np.int64)
        return places[column.codes] if len(column.codes) else column.codes

    def open_to(self, column: Column) -> Flags:
        """Return rows × ``names``: which arms a column of closed arms leaves open.

        The control is open to everybody: it is what closed arms are replaced by.
        """
        spelled = {_key(name): number for number, name in enumerate(self.names)}
        levels = np.ones((max(len(column.levels), 1), len(self.names)), dtype=np.bool_)
        for level, text in enumerate(column.levels):
            for name in text.split(CLOSED_BY):
                if spelled.get(_key(name), 0):
                    levels[level, spelled[_key(name)]] = False
        return levels[column.codes] if len(column.codes) else levels[:0]

    def cost_list(self) -> list[float]:
        """The costs of ``names``."""
        return [self.costs[name] for name in self.names]


def find_arms(train: Table, request: PolicyRequest, *, usable: Column) -> tuple[Arms, list[str]]:
    """Return the arms and statements on those of which nothing can be said.

    ``usable`` is the arm column of the training rows whose outcome is known. Raises InvalidInput
    for an arm without a cost, and for a control that occurs nowhere.
    """
    column = train.columns[request.arm]
    met = {_key(level): level for level in column.levels if level}
    if not met:
        message = f"Column {request.arm} of {train.name} is empty: no row tells its arm."
        raise InvalidInput(message, field="--arm")
    names = {_key(name): name for name in (request.control, *request.costs)} | met
    costs = {_key(name): cost for name, cost in request.costs.items()}
    control = _key(request.control)
    costs.setdefault(control, 0.0)
    if control not in met and control not in {_key(name) for name in request.costs}:
        message = (
            f"No row of {train.name} has arm {request.control}, the control; the arms there are"
            f" {', '.join(sorted(met.values()))}. To go without, give it a cost."
        )
        raise InvalidInput(message, field="--control")
    missing = [names[key] for key in sorted(met) if key not in costs]
    if missing:
        message = (
            f"No cost is given for {', '.join(missing)}: without it, nothing can be said about"
            f" what it earns. Write --cost {missing[0]}=0 if it costs nothing."
        )
        raise InvalidInput(message, field="--cost")
    counts = dict.fromkeys(names, 0)
    for level, count in zip(usable.levels, usable.counts.tolist(), strict=True):
        if level:
            counts[_key(level)] += count
    order = [control, *sorted(key for key in names if key != control)]
    # A small arm beside large ones would only add a lucky winner, and spoil the others' learning.
    many = sum(count >= FEWEST_TO_LEARN for count in counts.values()) >= 2
    fewest = FEWEST_TO_LEARN if many else FEWEST_ROWS
    arms = Arms(
        names=[names[key] for key in order if counts[key] >= fewest],
        rows={names[key]: counts[key] for key in order},
        costs={names[key]: costs[key] for key in order},
        control=names[control],
    )
    said = [_say_few(name, count, fewest) for name, count in arms.rows.items() if count < fewest]
    return arms, said


def cheapest(arms: Arms, *, budget_per_customer: float | None) -> str:
    """Return the arm that costs least and so does least harm when nothing is known.

    Among equals the control. Raises InvalidInput when even that exceeds the budget.
    """
    name = min(arms.rows, key=lambda one: (arms.costs[one], one != arms.control))
    if budget_per_customer is not None and arms.costs[name] > budget_per_customer * (1 + 1e-9):
        message = (
            f"The budget is {budget_per_customer:g} per customer, and no arm costs less than"
            f" {arms.costs[name]:g} ({name})."
        )
        raise InvalidInput(message, field="--budget")
    return name


def _key(text: str) -> str:
    """How arms are compared: ``1`` and ``1.0`` are one arm."""
    number = read_plain(text)
    return text.strip() if number is None else f"{number:g}"


def _say_few(name: str, count: int, fewest: int) -> str:
    if count == 0:
        return f"Arm {name} occurs in no usable training row: nothing can be said of it."
    return (
        f"Arm {name} has {count} usable training rows, fewer than {fewest}: too few to say"
        " what it brings."
    )
