"""The pictures of a plan: value by spend, and the certificate's course since the approval."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from kaquan.console import formats
from kaquan.console.chart import Chart, ChartKind, Series, Unit
from kaquan.console.language import translations
from kaquan.console.page import PageView
from kaquan.insight import PlanResult, PlanWatch
from kaquan.runtime import format_money


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A budget of the frontier that the reader looks at; money in minor units."""

    number: int
    last: int
    budget: float
    cost: float
    gain: float
    measured: float | None
    low: float | None
    high: float | None
    uniform: float | None
    shadow_price: float
    gap: float
    planned: tuple[tuple[str, int], ...]


def choose_step(result: PlanResult, asked: str | None) -> Step | None:
    """The budget that the address names, else the one next to what the plan spends."""
    points = result.frontier
    if not points or not points[0].planned:
        return None
    near = min(
        range(len(points)), key=lambda at: abs(points[at].cost_minor - result.cost_total_minor)
    )
    valid = asked is not None and asked.isascii() and asked.isdecimal() and len(asked) < 4
    number = min(int(asked), len(points) - 1) if valid and asked is not None else near
    point = points[number]
    return Step(
        number=number,
        last=len(points) - 1,
        budget=point.budget_minor,
        cost=point.cost_minor,
        gain=point.gain_minor,
        measured=point.measured,
        low=point.gain_low,
        high=point.gain_high,
        uniform=point.uniform_gain,
        shadow_price=point.shadow_price,
        gap=point.gap,
        planned=tuple(zip(result.arm_names, point.planned, strict=True)),
    )


def frontier_chart(result: PlanResult, page: PageView) -> Chart | None:
    """What spending more brings when vouchers go where they bring most, beside one arm for all."""
    if not result.frontier:
        return None
    say = translations(page.language).gettext

    def money(value: float) -> str:
        return format_money(round(value), currency=page.currency, language=page.language)

    points, most = result.frontier, result.frontier[-1]
    measured = all(point.measured is not None for point in points)
    gain = most.measured if measured and most.measured is not None else most.gain_minor
    text = (
        say(
            "Chosen by customer, %(cost)s of vouchers bring %(gain)s, as the experiment measured"
            " it. The line at each point is its 95%% interval."
        )
        if measured
        else say(
            "Chosen by customer, %(cost)s of vouchers are expected to bring %(gain)s; expected,"
            " not measured."
        )
    )
    personal = Series(
        name=say("By customer"),
        values=tuple(point.measured if measured else point.gain_minor for point in points),
        low=tuple(point.gain_low for point in points) if measured else (),
        high=tuple(point.gain_high for point in points) if measured else (),
    )
    uniform = Series(name=say("One for all"), values=tuple(p.uniform_gain for p in points))
    return Chart(
        name="frontier",
        kind=ChartKind.LINE,
        title=say("What a larger budget brings"),
        text=text % {"cost": money(most.cost_minor), "gain": money(gain)},
        categories=tuple(money(point.cost_minor) for point in points),
        category_label=say("Expected cost"),
        unit=Unit.MONEY,
        currency=page.currency,
        series=(personal, uniform) if measured else (personal,),
    )


def watch_chart(looks: Sequence[PlanWatch], page: PageView) -> Chart | None:
    """The difference to one arm for all at each look, the first first."""
    seen = [look for look in reversed(looks) if look.low is not None]
    if not seen:
        return None
    say = translations(page.language).gettext
    return Chart(
        name="watch",
        kind=ChartKind.LINE,
        title=say("Since the approval"),
        text=say(
            "Difference a customer to one arm for all. The lines hold at all looks together;"
            " wholly below zero, the certificate is withdrawn."
        ),
        categories=tuple(
            formats.day(look.looked_at, language=page.language, zone=page.zone) for look in seen
        ),
        category_label=say("Day"),
        unit=Unit.MONEY,
        currency=page.currency,
        series=(
            Series(
                name=say("Difference"),
                values=tuple(look.value for look in seen),
                low=tuple(look.low for look in seen),
                high=tuple(look.high for look in seen),
            ),
        ),
    )
