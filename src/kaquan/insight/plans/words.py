"""What a plan says of itself: its certificate, or what it lacks, in Chinese and English."""

from typing import Literal, TypeAlias

from kaquan.insight.allocation import Reason, Standing
from kaquan.insight.plans.model import Lack, LackCode, PlanResult, PlanWatch, Why
from kaquan.insight.policy import (
    NO_FEATURES,
    TOO_FEW_ROWS,
    PolicyEvaluation,
    describe_uniform,
)
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
    LackCode.EXPLORATION: {
        "en": "Giving every arm its smallest chance is expected to cost {need_money}, more than the"
        " budget of {have_money}. Raise the budget or lower floor_bps.",
        "zh": "让各组都保留最低概率，预计花费 {need_money}，超过预算 {have_money}。"
        "请提高预算或降低 floor_bps。",
    },
    LackCode.ALL_CLOSED: {
        "en": "The limits of a person leave nobody any arm but nothing: raise person_cap_minor or"
        " contact_limit.",
        "zh": "按每人上限，谁都不能再收到任何一组的券：请提高 person_cap_minor 或 contact_limit。",
    },
    LackCode.LIMITS: {
        "en": "The limits cannot be kept together: {limit}.",
        "zh": "这些上限无法同时满足：{limit}。",
    },
}

LIMITS_UNMEASURED = "limits_unmeasured"

_REASONS: dict[str, dict[Language, str]] = {
    Reason.BETTER: {
        "en": "Certified: choosing by customer earns {difference} more a customer than {best} at"
        " equal spend (95 % interval {low} to {high}).",
        "zh": "已认证：花费相同，按人选择比“{best}”每人多赚 {difference}（95 % 区间 {low} 至 {high}）。",
    },
    Reason.COVERS_ZERO: {
        "en": "Not certified: choosing by customer is not known to beat {best}: {difference} a"
        " customer (95 % interval {low} to {high}). So the plan is {best}.",
        "zh": "未认证：按人选择不能确定胜过“{best}”：每人 {difference}"
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
    Reason.NO_CHOICE: {
        "en": "Not certified: the budget leaves nothing to choose; the plan is {best}.",
        "zh": "未认证：预算之内没有选择余地；方案是{best}。",
    },
    Reason.NO_VARIANCE: {
        "en": "Not certified: every outcome is the same; the plan is {best}.",
        "zh": "未认证：所有结果都一样；方案是{best}。",
    },
    TOO_FEW_ROWS: {
        "en": "Not certified: too few customers to learn who should get what; the plan is {best}.",
        "zh": "未认证：客户太少，学不出谁该得到什么；方案是{best}。",
    },
    LIMITS_UNMEASURED: {
        "en": "Not certified: the caps of segments change who gets what, and who was in them when"
        " the experiment ran is not known, so that the plan under its caps cannot be measured; the"
        " plan is {best}.",
        "zh": "未认证：客群上限改变了谁得到什么，而实验进行时谁属于这些客群已无从得知，"
        "无法衡量按上限执行的方案；方案是{best}。",
    },
    NO_FEATURES: {
        "en": "Not certified: all customers look the same beforehand; the plan is {best}.",
        "zh": "未认证：事先看来所有客户都一样；方案是{best}。",
    },
}
_UNMEASURED: dict[Language, str] = {
    "en": "The caps of segments change who gets what, and who was in these segments when the"
    " experiment's customers got their arms is not known any more: what the plan under its caps"
    " would gain cannot be measured. Best single choice: {best}.",
    "zh": "客群上限改变了谁得到什么，而实验分组时谁属于这些客群已无从得知："
    "无法衡量按上限执行的方案能带来多少。最好的单一选择：{best}。",
}
_OTHERWISE: dict[Language, str] = {
    "en": "Not certified; the plan is {best}.",
    "zh": "未认证；方案是{best}。",
}
_NEEDED: dict[Language, str] = {
    "en": " About {rows} customers in the experiment would show a difference of this size.",
    "zh": " 实验约需 {rows} 位客户才能看出这样的差异。",
}
_MOVED: dict[Language, str] = {
    "en": " Limits keep {moved} of {audience} customers from their best arm; what is certified is"
    " the choice under all of them.",
    "zh": " 因为各项上限，{audience} 位客户中有 {moved} 位得不到最适合的一组；认证针对的是遵守全部上限的选择。",
}
_LIMITED: dict[Language, str] = {
    "en": "{name} needs {need} at least, {have} are allowed",
    "zh": "{name} 至少需要 {need}，只允许 {have}",
}
_TOGETHER: dict[Language, str] = {
    "en": "no choice of arms fits all of them",
    "zh": "没有任何分配能同时满足",
}
_WHYS: dict[Why, dict[Language, str]] = {
    Why.DRAWN: {
        "en": "Drawn by chance, so that every arm stays measurable",
        "zh": "随机抽中，以便各组始终可以衡量",
    },
    Why.UNIFORM: {"en": "The same for everybody", "zh": "人人相同"},
    Why.BEST: {"en": "Expected to earn most", "zh": "预计收益最高"},
    Why.CONTACT_LIMIT: {
        "en": "Has had as many messages as the limit allows",
        "zh": "收到的消息已达上限",
    },
    Why.PERSON_CAP: {
        "en": "A better arm could exceed the cap of a person",
        "zh": "更好的一组可能超出每人上限",
    },
    Why.SEGMENT_CAP: {
        "en": "The segment's cap goes where it brings more",
        "zh": "客群额度留给收益更高的客户",
    },
    Why.CONTACTS: {
        "en": "The contacts allowed go where they bring more",
        "zh": "触达名额留给收益更高的客户",
    },
    Why.BUDGET: {
        "en": "The budget goes where it brings more",
        "zh": "预算留给收益更高的客户",
    },
}
_STANDINGS: dict[Standing, dict[Language, str]] = {
    Standing.STANDS: {
        "en": "The certificate holds: nothing since speaks against it.",
        "zh": "认证仍然成立：至今没有相反的证据。",
    },
    Standing.CONFIRMED: {
        "en": "The certificate is confirmed by what happened since.",
        "zh": "执行以来的结果证实了认证。",
    },
    Standing.WITHDRAWN: {
        "en": "The certificate is withdrawn: choosing by customer did worse than one arm for all."
        " Nothing more of this plan is sent.",
        "zh": "认证已撤回：按人选择不如人人相同。此方案不再发送任何内容。",
    },
}
_WATCHED: dict[Language, str] = {
    "en": " {observed} customers count, {waiting} have days left. Difference a customer: {value}"
    " ({low} to {high}, however often one looks).",
    "zh": " 已计入 {observed} 位客户，{waiting} 位观察期未满。每人差异：{value}"
    "（{low} 至 {high}，无论查看多少次都有效）。",
}
_EARLY: dict[Language, str] = {
    "en": " {observed} customers count, {waiting} have days left: too few for bounds.",
    "zh": " 已计入 {observed} 位客户，{waiting} 位观察期未满：还不足以给出区间。",
}


def say_lack(lack: Lack, language: Language, *, currency: str) -> str:
    """Say one thing that is lacking."""

    def money(value: int | None) -> str:
        return format_money(value or 0, currency=currency, language=language)

    limit = _TOGETHER[language]
    if lack.arm is not None:
        limit = _LIMITED[language].format(name=lack.arm, need=lack.need, have=lack.have)
    return _LACKS[lack.code][language].format(
        arm=lack.arm,
        have=lack.have,
        need=lack.need,
        have_money=money(lack.have),
        need_money=money(lack.need),
        limit=limit,
    )


def say_unmeasured(evaluation: PolicyEvaluation, language: Language) -> str:
    """Say why a plan is not certified although the choice without its caps would be."""
    best = describe_uniform(evaluation.best_uniform or {}, language=language)
    return _UNMEASURED[language].format(best=best)


def say_reason(reason: str | None, language: Language) -> str:
    """Say why a customer gets an arm; nothing for a plan made before reasons were kept."""
    return _WHYS[Why(reason)][language] if reason else ""


def say_watch(watch: PlanWatch, *, currency: str, language: Language) -> str:
    """Say whether a certificate still holds, and on what."""

    def money(value: float | None) -> str:
        return format_money(round(value or 0), currency=currency, language=language)

    told = _EARLY if watch.low is None or watch.high is None else _WATCHED
    return _STANDINGS[watch.standing][language] + told[language].format(
        observed=f"{watch.observed:,}",
        waiting=f"{watch.waiting:,}",
        value=money(watch.value),
        low=money(watch.low),
        high=money(watch.high),
    )


def say_plan(result: PlanResult, *, currency: str, language: Language) -> str:
    """Say whether personal choice is certified, against what, and with which figures."""
    if result.lacks:
        return " ".join(say_lack(lack, language, currency=currency) for lack in result.lacks)

    def money(value: float | None) -> str:
        return format_money(round(value or 0), currency=currency, language=language)

    text = _REASONS.get(result.reason, _OTHERWISE)[language].format(
        best=describe_uniform(result.best_uniform, language=language),
        difference=money(result.difference),
        low=money(result.difference_low),
        high=money(result.difference_high),
    )
    if result.rows_needed is not None:
        text += _NEEDED[language].format(rows=f"{result.rows_needed:,}")
    if result.certified and any(one.name != "budget" for one in result.limits) and result.moved:
        text += _MOVED[language].format(moved=f"{result.moved:,}", audience=f"{result.audience:,}")
    return text
