"""What a campaign did to goods beside its own, and to the time after it, as far as a holdout says.

All are differences of means a customer, treated against held out, over the same stretches of days
from each customer's assignment. What happened to the treated alone says nothing here.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeAlias

import ibis
import msgspec

from kaquan.campaigns import get_campaign
from kaquan.insight.metrics.engine import Engine
from kaquan.insight.statistics import Because, Finding, Sample, welch_difference
from kaquan.runtime import InvalidInput, Tx, words

IBIS: Any = ibis
USUAL_DAYS = 28
MOST_DAYS = 365
_DAY_S = 86_400
_ARMS = ("treatment", "holdout")


class Spill(StrEnum):
    """What is looked at; the first three in the days of the campaign, the last in those after."""

    PROMOTED = "promoted"
    SIMILAR = "similar"
    OTHER = "other"
    AFTERWARDS = "afterwards"


class NotTold(StrEnum):
    """Why there is no difference, besides what `Because` has."""

    WHOLE_ORDER = "whole_order"
    BY_ATTRIBUTE = "by_attribute"
    NO_CATEGORIES = "no_categories"


class PromotedGoods(msgspec.Struct, frozen=True, kw_only=True):
    """The goods that an offer names, by our ids and the merchant's; ``lack`` where it names none."""

    ids: frozenset[str] = frozenset()
    lack: NotTold | None = None


class SpillEffect(msgspec.Struct, frozen=True, kw_only=True):
    """A difference in minor units a customer, of goods as sold; None with why."""

    spill: Spill
    treated: int
    held_out: int
    finding: Finding | NotTold


class Spillover(msgspec.Struct, frozen=True, kw_only=True):
    """All four of a campaign, over ``days`` from each assignment and as many afterwards."""

    campaign_id: str
    days: int
    effects: tuple[SpillEffect, ...]


_Sums: TypeAlias = dict[tuple[str, str, str], tuple[float, float]]


async def find_promoted(tx: Tx, campaign_id: str) -> PromotedGoods:
    """Read which goods a campaign's offer is about. Raises NotFound."""
    campaign = await get_campaign(tx, campaign_id)
    effect: Mapping[str, Any] = campaign.offer.get("effect", {})
    scope: Mapping[str, Any] = effect.get("scope", {})
    if any(name in scope for name in ("attributes", "excluded_attributes")):
        return PromotedGoods(lack=NotTold.BY_ATTRIBUTE)
    ids = {*scope.get("product_ids", ()), *scope.get("sku_ids", ())}
    return PromotedGoods(ids=frozenset(ids), lack=None if ids else NotTold.WHOLE_ORDER)


def read_spillover(
    engine: Engine, campaign_id: str, goods: PromotedGoods, *, days: int = USUAL_DAYS
) -> Spillover:
    """Compare the arms of a campaign's log; only customers whose days are all over count.

    Welch's interval each (docs/algorithms/lift.md). Halo and cannibalisation are differences on
    goods beside those promoted, pull-forward one on everything afterwards: van Heerde, Leeflang,
    Wittink (2004), Decomposing the sales promotion bump with store data, Marketing Science 23(3).
    Raises InvalidInput for days outside 1 to 365.
    """
    if not 1 <= days <= MOST_DAYS:
        message = words("The days are 1 to %(most)s.", most=MOST_DAYS)
        raise InvalidInput(message, field="days")
    people = _people(engine, campaign_id)
    both = _count(engine, people, days=days), _count(engine, people, days=2 * days)
    sums, told = _sum_up(engine, people, goods, days=days)
    return Spillover(
        campaign_id=campaign_id,
        days=days,
        effects=tuple(
            _effect(spill, both[spill is Spill.AFTERWARDS], sums, goods, told=told)
            for spill in Spill
        ),
    )


def _people(engine: Engine, campaign_id: str) -> Any:
    exposed = engine.table("exposure")
    ours = exposed.filter(exposed["campaign_id"] == IBIS.literal(campaign_id))
    age = int(engine.source.as_of.timestamp()) - ours["at"].epoch_seconds()
    return ours.select("customer_id", "arm", since=ours["at"].epoch_seconds(), age=age)


def _count(engine: Engine, people: Any, *, days: int) -> dict[str, int]:
    over = people.filter(people["age"] >= days * _DAY_S)
    counted = over.group_by("arm").aggregate(n=over.count())
    return {row["arm"]: int(row["n"]) for row in engine.rows(counted)}


def _sum_up(engine: Engine, people: Any, goods: PromotedGoods, *, days: int) -> tuple[_Sums, bool]:
    """Sums and sums of squares by arm, stretch and goods; and whether goods have categories."""
    lines = engine.table("order_line")
    bought = lines.filter(lines["paid"] & lines["customer_id"].notnull())
    product = engine.table("product")
    ids = sorted(goods.ids)
    named = product["id"].isin(ids) | product["source_id"].isin(ids) if ids else IBIS.literal(False)
    categories = sorted(
        {
            row["category"]
            for row in engine.rows(product.filter(named).select("category").distinct())
            if row["category"] is not None
        }
    )
    label = product.select(
        product_id=product["id"], own=named, alike=product["category"].isin(categories or [""])
    )
    joined = bought.join(people, "customer_id").left_join(label, "product_id")
    gap = joined["at"].epoch_seconds() - joined["since"]
    own = IBIS.coalesce(joined["own"], IBIS.literal(False)) | joined["source_id"].isin(ids or [""])
    alike = IBIS.coalesce(joined["alike"], IBIS.literal(False))
    inside = joined.filter((gap >= 0) & (gap < 2 * days * _DAY_S)).mutate(
        stretch=IBIS.ifelse(gap < days * _DAY_S, "during", "after"),
        goods=IBIS.cases((own, "promoted"), (alike, "similar"), else_="other"),
        net=(joined["amount_minor"] - joined["discount_minor"]).cast("float64"),
    )
    done = IBIS.ifelse(inside["stretch"] == "during", days * _DAY_S, 2 * days * _DAY_S)
    whole = inside.filter(inside["age"] >= done)
    sums = dict(_grouped(engine, whole, ["arm", "stretch", "goods"]))
    after = whole.filter(whole["stretch"] == "after").mutate(goods=IBIS.literal("all"))
    sums |= dict(_grouped(engine, after, ["arm", "stretch", "goods"]))
    return sums, bool(categories)


def _grouped(
    engine: Engine, rows: Any, keys: Sequence[str]
) -> Iterator[tuple[tuple[str, str, str], tuple[float, float]]]:
    person = rows.group_by([*keys, "customer_id"]).aggregate(net=rows["net"].sum())
    summed = person.group_by(list(keys)).aggregate(
        total=person["net"].sum(), total_sq=(person["net"] * person["net"]).sum()
    )
    for row in engine.rows(summed):
        arm, stretch, goods = (str(row[key]) for key in keys)
        yield (arm, stretch, goods), (float(row["total"]), float(row["total_sq"]))


def _effect(
    spill: Spill, counts: Mapping[str, int], sums: _Sums, goods: PromotedGoods, *, told: bool
) -> SpillEffect:
    stretch, group = ("after", "all") if spill is Spill.AFTERWARDS else ("during", spill.value)
    treated, held_out = (
        Sample(counts.get(arm, 0), *sums.get((arm, stretch, group), (0.0, 0.0))) for arm in _ARMS
    )
    finding: Finding | NotTold = welch_difference(treated, held_out)
    if spill is not Spill.AFTERWARDS and goods.lack is not None:
        finding = goods.lack
    elif spill is Spill.SIMILAR and not told:
        finding = NotTold.NO_CATEGORIES
    return SpillEffect(spill=spill, treated=treated.n, held_out=held_out.n, finding=finding)


def lacks_holdout(spillover: Spillover) -> bool:
    """Whether nobody was held out, or nobody's days are over, so that nothing can be said."""
    return all(
        getattr(one.finding, "because", None) in (Because.EMPTY_HOLDOUT, Because.EMPTY_TREATMENT)
        for one in spillover.effects
        if not isinstance(one.finding, NotTold)
    )
