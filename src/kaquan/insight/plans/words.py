"""What a plan says of itself: its certificate, or what it lacks, in Chinese and English."""

from typing import Literal, TypeAlias

from kaquan.insight.allocation import Reason
from kaquan.insight.plans.model import Lack, LackCode, PlanResult
from kaquan.runtime import format_money

Language: TypeAlias = Literal["zh", "en"]

_LACKS: dict[LackCode, dict[Language, str]] = {
    LackCode.MARGIN: {
        "en": "No margin is set: without it, nobody can say what a voucher earns. Set"
        " margin_rate_bps on the campaign or the project.",
        "zh": "没有设置毛利率，无法判断一张券赚多少。请在活动或项目中设置 margin_rate_bps。",
    },
    LackCode.HOLDOUT: {
        "en": "The experiment had nobody who deliberately got nothing: at least {need} such"
        " customers are needed.",
        "zh": "实验没有对照组：至少需要 {need} 位什么都没收到的客户。",
    },
    LackCode.MIXED_CONTROLS: {
        "en": "Two groups got nothing, the campaign's holdout and the arm {arm}; they must be one.",
        "zh": "有两组什么都没收到：活动的对照组和 {arm} 组；只能有一个。",
    },
    LackCode.ONE_ARM: {
        "en": "No arm of the experiment gave anything.",
        "zh": "实验的各组都没有发券。",
    },
    LackCode.NOT_OVER: {
        "en": "Nobody's days of observation are over yet.",
        "zh": "还没有客户观察期满。",
    },
    LackCode.ARM_TOO_SMALL: {
        "en": "Arm {arm} has {have} customers whose days are over; {need} are needed.",
        "zh": "{arm} 组观察期满的客户有 {have} 位，需要 {need} 位。",
    },
    LackCode.AUDIENCE: {
        "en": "The segment has {have} customers; a plan needs {need}.",
        "zh": "客群有 {have} 位客户，至少需要 {need} 位。",
    },
    LackCode.SAME_OUTCOMES: {
        "en": "Every customer of the experiment did the same, so no arm can be told from another.",
        "zh": "实验中的客户表现完全一样，无法区分各组。",
    },
    LackCode.BUDGET: {
        "en": "Even the cheapest choice is expected to cost more than the budget.",
        "zh": "最省的方案预计也会超出预算。",
    },
}

_REASONS: dict[str, dict[Language, str]] = {
    Reason.BETTER: {
        "en": "Certified: choosing by customer earns {difference} more a customer than {best} at"
        " equal spend (95 % interval {low} to {high}).",
        "zh": "已认证：花费相同，按人选择比{best}每人多赚 {difference}（95 % 区间 {low} 至 {high}）。",
    },
    Reason.COVERS_ZERO: {
        "en": "Not certified: choosing by customer is not known to beat {best}: {difference} a"
        " customer (95 % interval {low} to {high}). So the plan is {best}.",
        "zh": "未认证：按人选择不能确定胜过{best}：每人 {difference}"
        "（95 % 区间 {low} 至 {high}）。因此方案是{best}。",
    },
    Reason.ALL_ALIKE: {
        "en": "Not certified: nothing tells customers apart, so the plan is {best}.",
        "zh": "未认证：客户之间看不出差别，因此方案是{best}。",
    },
    Reason.WORSE: {
        "en": "Not certified: choosing by customer did no better than {best}, which is the plan.",
        "zh": "未认证：按人选择不比{best}好，因此方案是{best}。",
    },
    Reason.TOO_FEW_OUTCOMES: {
        "en": "Not certified: too few customers bought for an interval; the plan is {best}.",
        "zh": "未认证：购买的客户太少，区间不可靠；方案是{best}。",
    },
    Reason.NOT_RANDOM: {
        "en": "Not certified: the arms do not look drawn by chance, so no difference can be put"
        " down to them; the plan is {best}.",
        "zh": "未认证：分组看来不是随机的，差异不能归因于分组；方案是{best}。",
    },
}
_OTHERWISE: dict[Language, str] = {
    "en": "Not certified; the plan is {best}.",
    "zh": "未认证；方案是{best}。",
}
_NEEDED: dict[Language, str] = {
    "en": " About {rows} customers in the experiment would show a difference of this size.",
    "zh": " 实验约需 {rows} 位客户才能看出这样的差异。",
}


def say_lack(lack: Lack, language: Language) -> str:
    """Say one thing that is lacking."""
    return _LACKS[lack.code][language].format(arm=lack.arm, have=lack.have, need=lack.need)


def say_plan(result: PlanResult, *, currency: str, language: Language) -> str:
    """Say whether personal choice is certified, against what, and with which figures."""
    if result.lacks:
        return " ".join(say_lack(lack, language) for lack in result.lacks)

    def money(value: float | None) -> str:
        return format_money(round(value or 0), currency=currency, language=language)

    text = _REASONS.get(result.reason, _OTHERWISE)[language].format(
        best=_best(result, language),
        difference=money(result.difference),
        low=money(result.difference_low),
        high=money(result.difference_high),
    )
    if result.rows_needed is not None:
        text += _NEEDED[language].format(rows=f"{result.rows_needed:,}")
    return text


def _best(result: PlanResult, language: Language) -> str:
    shares = result.best_uniform
    if len(shares) == 1:
        name = next(iter(shares))
        return f"人人都是 {name}" if language == "zh" else f"{name} for all"
    parts = [f"{share:.1%} {name}" for name, share in shares.items()]
    return "抽签 " + "、".join(parts) if language == "zh" else "a lottery of " + " and ".join(parts)
