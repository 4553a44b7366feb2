"""The measured campaign's coupons, redeemed as the simulated households answer them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from kaquan.checkout import Asked, CheckoutRequest, Redeemable, redeem_together
from kaquan.cli.demo.autumn import (
    DAYS,
    EXPERIMENT,
    FIRST_DAY,
    ends_at,
    read_own_baskets,
)
from kaquan.cli.demo.dataset import TIME_ZONE, CopiedLine, Dataset
from kaquan.cli.demo.model import Figures
from kaquan.cli.demo.replay import CHANNEL
from kaquan.cli.demo.response import TRIED, Answer, answer
from kaquan.cli.demo.store import (
    CouponHeld,
    list_coupons_held,
    list_replay_results,
    list_replayed,
)
from kaquan.cli.demo.work import Done, Progress, Work
from kaquan.customers import OrderDraft, OrderLineDraft, OrderStatus
from kaquan.experiments import ExperimentStatus, get_experiment, stop_experiment
from kaquan.runtime import KaquanError

TRACKING_PREFIX = "autumn-basket/"
SIMULATED = "simulated"
DISCOUNT_MARK = "simulated_discount_minor"
"""Metadata of a real order: what a simulated use of a coupon took off it."""
CHUNK = 50


async def answer_coupons(work: Work, progress: Progress) -> Done:
    """Let the households of both arms use their coupons, each at its time, and end the experiment.

    An extra basket is a new order; a coupon used on a basket that was bought anyway is taken off
    the real order. All of it is marked as simulated.
    """
    async with work.transaction() as tx:
        experiment = await get_experiment(tx, EXPERIMENT)
        held = {one.household_id: one for one in await list_coupons_held(tx, experiment.id)}
        known = await list_replayed(tx, TRACKING_PREFIX)
    answers = _list_answers(work.dataset, held.values())
    waiting = [one for one in answers if _tracking_id(one) not in known]
    goods = _copy_goods(work.dataset, waiting)
    for first in range(0, len(waiting), CHUNK):
        some = waiting[first : first + CHUNK]
        asked = [
            Asked(request=_request(one, held[one.household_id].code, goods), now=_moment(one))
            for one in some
        ]
        async with work.transaction() as tx:
            for outcome in await redeem_together(tx, asked):
                if isinstance(outcome, KaquanError):
                    raise outcome
        progress.reach(len(known) + first + len(some), len(answers))
    async with work.transaction() as tx:
        experiment = await get_experiment(tx, EXPERIMENT)
        if experiment.status is ExperimentStatus.RUNNING:
            await stop_experiment(tx, experiment.id, now=ends_at())
    return Done(rows=len(answers), figures=await _count(work, answers))


def _list_answers(dataset: Dataset, held: Iterable[CouponHeld]) -> list[Answer]:
    """What the holders of coupons do, the earliest first."""
    found: list[Answer] = []
    by_arm = {coupon.name: (coupon, read_own_baskets(dataset, coupon)) for coupon in TRIED}
    for one in held:
        coupon, baskets = by_arm[one.arm]
        made = answer(one.household_id, coupon, baskets.get(one.household_id, ()), days=DAYS)
        if made is not None:
            found.append(made)
    return sorted(found, key=lambda one: (_moment(one), one.household_id))


def _moment(made: Answer) -> datetime:
    """An extra trip is made on its day, at the time of day of the one that it is like."""
    if not made.extra:
        return made.basket.placed_at
    then = made.basket.placed_at.astimezone(ZoneInfo(TIME_ZONE))
    day = FIRST_DAY + timedelta(days=made.day)
    return datetime.combine(day, then.time(), tzinfo=then.tzinfo)


def _copy_goods(dataset: Dataset, answers: Sequence[Answer]) -> dict[int, list[CopiedLine]]:
    goods: defaultdict[int, list[CopiedLine]] = defaultdict(list)
    for line in dataset.copied_lines([one.basket.basket_id for one in answers if one.extra]):
        goods[line.basket_id].append(line)
    return dict(goods)


def _request(made: Answer, code: str, goods: Mapping[int, Sequence[CopiedLine]]) -> CheckoutRequest:
    return CheckoutRequest(
        redeemables=(Redeemable(id=code),),
        order=_extra_order(made, goods) if made.extra else _real_order(made),
        customer=f"household-{made.household_id}",
        channel=CHANNEL,
        tracking_id=_tracking_id(made),
        metadata={SIMULATED: True, "bought_anyway": not made.extra},
    )


def _extra_order(made: Answer, goods: Mapping[int, Sequence[CopiedLine]]) -> OrderDraft:
    lines = goods[made.basket.basket_id]
    return OrderDraft(
        source_id=f"simulated-autumn-{made.household_id}",
        location_id=lines[0].store_id,
        status=OrderStatus.FULFILLED,
        lines=tuple(
            OrderLineDraft(
                source_id=line.product_id, quantity=line.quantity, amount_minor=line.paid_minor
            )
            for line in lines
        ),
        metadata={SIMULATED: True, "copied_from": str(made.basket.basket_id)},
    )


def _real_order(made: Answer) -> OrderDraft:
    return OrderDraft(
        source_id=str(made.basket.basket_id), metadata={DISCOUNT_MARK: made.coupon.off_minor}
    )


def _tracking_id(made: Answer) -> str:
    return f"{TRACKING_PREFIX}{made.household_id}"


async def _count(work: Work, answers: Sequence[Answer]) -> Figures:
    """What was simulated, and what became of it."""
    extra = [one.basket.paid_minor for one in answers if one.extra]
    figures: Counter[str] = Counter(
        extra_orders=len(extra),
        extra_minor=sum(extra),
        bought_anyway=len(answers) - len(extra),
        discount_minor=0,
    )
    async with work.transaction() as tx:
        for failure, count, discount_minor in await list_replay_results(tx, TRACKING_PREFIX):
            figures["redeemed" if failure is None else "refused"] += count
            figures["discount_minor"] += discount_minor
    return dict(figures)
