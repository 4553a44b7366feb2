"""RFM: how lately, how often and for how much a customer bought, as scores and named bands.

The rule is set out in docs/algorithms/rfm.md.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from kaquan.customers import COUNTED_STATUSES
from kaquan.runtime import ActionStatus, Database, Tx, get_action, update_action
from kaquan.segments.model import RfmBand
from kaquan.segments.store.scores import replace_scores

_NAMES = (
    (
        "champions",
        "重要价值客户",
        "Champions",
        "优先体验新品，请他们推荐",
        "Give early access; ask for referrals",
    ),
    ("loyal", "忠诚客户", "Loyal", "升级推荐，邀请评价", "Offer upgrades; ask for reviews"),
    (
        "potential_loyal",
        "潜力客户",
        "Potential loyalists",
        "引导再次购买，邀请入会",
        "Invite to a second and third purchase",
    ),
    ("new", "新客户", "New", "欢迎礼，教会使用", "Welcome them; help them start"),
    ("promising", "有望客户", "Promising", "小额券培养习惯", "Small offers to build a habit"),
    (
        "needs_attention",
        "需关注客户",
        "Need attention",
        "限时优惠唤起兴趣",
        "Limited-time offers on what they like",
    ),
    (
        "about_to_sleep",
        "即将沉睡",
        "About to sleep",
        "推荐热销，及时提醒",
        "Remind them with popular goods",
    ),
    ("at_risk", "流失风险客户", "At risk", "个性化满减券召回", "Win back with a personal offer"),
    (
        "cannot_lose",
        "不可流失客户",
        "Cannot lose",
        "专人联系，重点挽回",
        "Contact personally; win back first",
    ),
    ("hibernating", "沉睡客户", "Hibernating", "低成本触达", "Reach at low cost"),
    ("lost", "已流失客户", "Lost", "仅在大促时触达", "Reach in big sales only"),
)

RFM_BANDS: tuple[RfmBand, ...] = tuple(
    RfmBand(code=code, label_zh=zh, label_en=en, advice_zh=do_zh, advice_en=do_en)
    for code, zh, en, do_zh, do_en in _NAMES
)
"""Every band, from the most to the least valuable to act on."""

BAND_GRID: Mapping[int, tuple[str, str, str, str, str]] = {
    5: ("new", "potential_loyal", "potential_loyal", "champions", "champions"),
    4: ("promising", "potential_loyal", "potential_loyal", "loyal", "loyal"),
    3: ("about_to_sleep", "about_to_sleep", "needs_attention", "loyal", "loyal"),
    2: ("hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose"),
    1: ("lost", "lost", "at_risk", "at_risk", "cannot_lose"),
}
"""The band by recency score (row) and by value score from 1 to 5 (column)."""


SCORING = "segments.score"
"""What long work is called that scores customers on request."""


async def run_scoring(
    database: Database, project_id: int, action_id: str, *, clock: Callable[[], datetime]
) -> None:
    """Score customers as was asked for. May be run again after it was stopped."""
    async with database.transaction(project_id) as tx:
        action = await get_action(tx, action_id)
        if action.status in (ActionStatus.DONE, ActionStatus.FAILED):
            return
        await update_action(tx, action_id, status=ActionStatus.RUNNING, done=0, now=clock())
    async with database.transaction(project_id) as tx:
        scored = await score_rfm(tx, as_of=clock())
        await update_action(
            tx,
            action_id,
            status=ActionStatus.DONE,
            done=1,
            result={"scored": scored},
            now=clock(),
        )


async def score_rfm(tx: Tx, *, as_of: datetime) -> int:
    """Score every customer who had bought by ``as_of``, replacing all scores; returns how many.

    Scores are quintiles among these customers, 5 being the latest, most frequent and highest
    spending; customers with equal figures get equal scores.
    """
    bands = [band for recency in sorted(BAND_GRID) for band in BAND_GRID[recency]]
    return await replace_scores(tx, as_of=as_of, counted=COUNTED_STATUSES, bands=bands)
