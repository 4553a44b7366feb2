"""The coupons that were used in 2017, redeemed again by the rules that hold for live ones."""

from collections import Counter

from kaquan.checkout import CheckoutRequest, Redeemable, redeem
from kaquan.cli.demo.attribution import Replay
from kaquan.cli.demo.model import Figures
from kaquan.cli.demo.store import list_booklets, list_replay_results, list_replayed
from kaquan.cli.demo.work import Done, Progress, Work
from kaquan.engine import NoEffect, StackingRules

CHANNEL = "till"
TRACKING_PREFIX = "complete-journey/"
CHUNK = 50
_RULES = StackingRules(no_effect=NoEffect.REDEEM_ANYWAY)
REFUSED = "refused: "
"""Begins the name of the figure that counts what one reason refused."""


async def replay_redemptions(work: Work, progress: Progress) -> Done:
    """Redeem each historical coupon at its time; what the rules refuse is kept as a failure.

    A coupon whose value is not to be found was used all the same: with nothing off.
    """
    replays = sorted(
        work.dataset.replays(),
        key=lambda replay: (replay.presented.placed_at, replay.presented.number),
    )
    async with work.transaction() as tx:
        booklets = await list_booklets(tx)
        known = await list_replayed(tx, TRACKING_PREFIX)
    waiting = [replay for replay in replays if _tracking_id(replay) not in known]
    for first in range(0, len(waiting), CHUNK):
        some = waiting[first : first + CHUNK]
        async with work.transaction() as tx:
            for replay in some:
                request, now = _request(replay, booklets), replay.presented.placed_at
                await redeem(tx, request, now=now, rules=_RULES)
        progress.reach(len(replays) - len(waiting) + first + len(some), len(replays))
    return Done(rows=len(replays), figures=await _count(work, replays))


def _request(replay: Replay, booklets: dict[tuple[int, str], str]) -> CheckoutRequest:
    presented = replay.presented
    household = f"household-{presented.household_id}"
    code = booklets[presented.campaign_id, household]
    return CheckoutRequest(
        redeemables=(Redeemable(id=code, face_value_minor=replay.face_value_minor or 0),),
        order=None if presented.is_empty else str(presented.basket_id),
        customer=household,
        channel=CHANNEL,
        tracking_id=_tracking_id(replay),
        metadata={
            "coupon_upc": str(presented.coupon_upc),
            "value_found": replay.evidence.value,
        },
        # What the till took off in 2017 is in the imported order.
        order_already_discounted=not presented.is_empty,
    )


def _tracking_id(replay: Replay) -> str:
    return f"{TRACKING_PREFIX}{replay.presented.number}"


async def _count(work: Work, replays: list[Replay]) -> Figures:
    """Where the values came from, and what became of the attempts."""
    evidence = Counter(f"value: {replay.evidence.value}" for replay in replays)
    figures: Counter[str] = Counter(evidence)
    async with work.transaction() as tx:
        for failure, count, discount_minor in await list_replay_results(tx, TRACKING_PREFIX):
            if failure is None:
                figures["redeemed"] += count
                figures["discount_minor"] += discount_minor
            else:
                figures[f"{REFUSED}{failure}"] += count
    return dict(figures)
