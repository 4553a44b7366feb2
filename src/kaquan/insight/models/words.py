"""What models are called and say of themselves, in Chinese and English."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from kaquan.experiments import HOLDOUT
from kaquan.insight.models.model import (
    UPLIFT_PREFIX,
    Card,
    DriftState,
    Lack,
    LackCode,
    ModelKind,
    Verdict,
    VerdictCode,
)

Language: TypeAlias = Literal["zh", "en"]
Text: TypeAlias = Mapping[Language, str]


class About(msgspec.Struct, frozen=True, kw_only=True):
    """A kind's name, what it answers, and what it may and may not be used for."""

    name: Text
    answers: Text
    good_for: Text
    not_for: Text


KINDS: Mapping[ModelKind, About] = {
    ModelKind.NEXT_PURCHASE: About(
        name={"zh": "再次购买", "en": "Next purchase"},
        answers={
            "zh": "客户在接下来 {days} 天内购买的可能性；不购买的可能性即流失风险。",
            "en": "How likely a customer is to buy within {days} days; the rest to one is the"
            " risk of losing them.",
        },
        good_for={
            "zh": "挑选可能流失的客户去关怀，估计下一期的购买人数。",
            "en": "Choosing whom to care for before they leave; counting next month's buyers.",
        },
        not_for={
            "zh": "不说明优惠券能改变谁：可能不买的人，不一定会因为券而买。这要用对照实验判断。",
            "en": "It does not say whom a voucher would move: who is unlikely to buy may stay so"
            " with one. Only an experiment with a holdout tells that.",
        },
    ),
    ModelKind.REDEMPTION: About(
        name={"zh": "核销倾向", "en": "Redemption"},
        answers={
            "zh": "发出的券在 {days} 天内被核销的可能性。",
            "en": "How likely a voucher that is sent is redeemed within {days} days.",
        },
        good_for={
            "zh": "预估一次发券的核销量和预算。",
            "en": "Estimating how many of a mailing will be redeemed, and what that costs.",
        },
        not_for={
            "zh": "不说明券带来了多少增量：最爱用券的人，往往没有券也会买。",
            "en": "It does not say what a voucher earns: those fondest of vouchers often buy"
            " without one.",
        },
    ),
    ModelKind.LIFETIME_VALUE: About(
        name={"zh": "客户终身价值", "en": "Lifetime value"},
        answers={
            "zh": "未来 52 周的购买次数和金额，以及客户仍然活跃的可能性。",
            "en": "Purchases of the coming 52 weeks and their worth, and how likely a customer"
            " is still active.",
        },
        good_for={
            "zh": "比较客户群的价值，设定获客成本上限。",
            "en": "Comparing what groups of customers are worth; limits for the cost of winning"
            " one.",
        },
        not_for={
            "zh": "不适合对单个客户作承诺：单人的波动很大。金额是收入，不是毛利。",
            "en": "No promise about one person, whose purchases vary widely. The worth is"
            " revenue, not margin.",
        },
    ),
    ModelKind.UPLIFT: About(
        name={"zh": "增量（按人）", "en": "Uplift"},
        answers={
            "zh": "在一次实验中，券给不同客户带来的差别。",
            "en": "What a voucher of an experiment changed for whom.",
        },
        good_for={
            "zh": "看出券对哪些人有用，决定下一次实验怎么做。",
            "en": "Seeing whom a voucher moved, and what to try next.",
        },
        not_for={
            "zh": "不直接决定发给谁：发券方案要有证书（见方案）。对与实验客户不同的人，所知甚少。",
            "en": "It decides nothing: a plan does, with its certificate. Of people unlike those of"
            " the experiment it knows little.",
        },
    ),
}

_LACKS: Mapping[LackCode, Text] = {
    LackCode.CUSTOMERS: {
        "zh": "有 {have} 位客户有记录，至少需要 {need} 位才能看出规律。",
        "en": "{have} customers have a record; at least {need} are needed to tell habits apart.",
    },
    LackCode.TIME: {
        "zh": "数据覆盖 {have} 天，至少需要 {need} 天：一部分用来学习，最新的一部分用来检验。",
        "en": "The data covers {have} days; {need} are needed: some to learn from, and the"
        " newest to test on.",
    },
    LackCode.PUBLICATIONS: {
        "zh": "还没有给客户发过券，无从得知谁会核销。",
        "en": "No voucher was given to a customer yet, so nobody can say who redeems.",
    },
    LackCode.REDEMPTIONS: {
        "zh": "期限内的核销有 {have} 次，至少需要 {need} 次。",
        "en": "{have} vouchers were redeemed in time; at least {need} are needed.",
    },
    LackCode.ONE_CLASS: {
        "zh": "几乎所有客户的结果都一样：少见的一方有 {have} 例，至少需要 {need} 例。",
        "en": "Nearly everybody did the same: the rarer outcome has {have} cases, {need} are"
        " needed.",
    },
    LackCode.HOLDOUT: {
        "zh": "最新一段时间里少见的一方有 {have} 例，至少需要 {need} 例才能检验。",
        "en": "The newest part of the time has {have} cases of the rarer outcome; {need} are"
        " needed to test on.",
    },
    LackCode.CONSTANT_FEATURES: {
        "zh": "客户的特征完全一样，无法区分。",
        "en": "Nothing recorded tells customers apart.",
    },
    LackCode.REPEATERS: {
        "zh": "购买超过一天的客户有 {have} 位，至少需要 {need} 位，否则没有购买频率可学。",
        "en": "{have} customers bought on more than one day; without {need} there is no rate of"
        " buying to learn.",
    },
    LackCode.CONTROL: {
        "zh": "实验中作为对照且观察期满的客户有 {have} 位，至少需要 {need} 位。",
        "en": "{have} customers are there to compare with and have their days over; {need} are"
        " needed.",
    },
    LackCode.ARM: {
        "zh": "实验中属于所看分组且观察期满的客户有 {have} 位，至少需要 {need} 位。",
        "en": "{have} customers are in the arm that is looked at and have their days over; {need}"
        " are needed.",
    },
    LackCode.NOT_OVER: {
        "zh": "实验中还没有客户观察期满。",
        "en": "Nobody of the experiment has their days of observation over yet.",
    },
    LackCode.SAME_OUTCOMES: {
        "zh": "实验中的客户表现完全一样，无法区分。",
        "en": "Every customer of the experiment did the same.",
    },
}

_VERDICTS: Mapping[VerdictCode, Text] = {
    VerdictCode.FIRST: {
        "zh": "已启用：在最新数据上误差 {candidate}，低于简单计数的 {baseline}。",
        "en": "In use: on the newest data its error is {candidate}, below the {baseline} of mere"
        " counting.",
    },
    VerdictCode.BETTER: {
        "zh": "已启用：在最新数据上误差 {candidate}，不高于上一版的 {active}，低于简单计数的"
        " {baseline}。",
        "en": "In use: on the newest data its error is {candidate}, not above the former"
        " version's {active}, and below the {baseline} of mere counting.",
    },
    VerdictCode.WORSE_THAN_BASELINE: {
        "zh": "未启用：在最新数据上误差 {candidate}，不低于简单计数的 {baseline}。",
        "en": "Not in use: on the newest data its error is {candidate}, not below the {baseline}"
        " of mere counting.",
    },
    VerdictCode.NOT_KNOWN_BETTER: {
        "zh": "未启用：在最新数据上误差 {candidate}，虽低于简单计数的 {baseline}，但差距的 95% 区间"
        "（{low} 至 {high}）含零，不能断定更好，故仍以计数为准。",
        "en": "Not in use: on the newest data its error is {candidate}, below the {baseline} of"
        " mere counting, but the 95% interval of the difference ({low} to {high}) holds zero. It"
        " is not known to be better, so counting stays.",
    },
    VerdictCode.WORSE_THAN_ACTIVE: {
        "zh": "未启用：在最新数据上误差 {candidate}，高于在用版本的 {active}，故保留在用版本。",
        "en": "Not in use: on the newest data its error is {candidate}, above the {active} of the"
        " version in use, which stays.",
    },
    VerdictCode.ORDER_HELPS: {
        "zh": "已启用：在实验的客户中，按它挑选的人受券的影响大于随意挑选的人（95% 区间高于零）。"
        "分数每周更新，可用于客群规则；发给谁由方案决定。",
        "en": "In use: among the experiment's customers, the voucher changes those it puts first"
        " more than anybody at random (the 95% interval lies above zero). Its scores are renewed"
        " every week and may be asked for by segments; what is sent is decided by a plan.",
    },
    VerdictCode.ORDER_UNKNOWN: {
        "zh": "未启用：不能断定按它挑选的人受券的影响更大（95% 区间不高于零），故不给客户打分。",
        "en": "Not in use: it is not known that the voucher changes those it puts first more than"
        " anybody (the 95% interval does not lie above zero), so it scores nobody.",
    },
}

PREDICTIONS: Mapping[str, Text] = {
    "next_purchase": {"zh": "30 天内购买的可能性", "en": "Buys within 30 days"},
    "churn": {"zh": "流失风险（30 天内不购买）", "en": "Risk of losing (no purchase in 30 days)"},
    "redemption": {"zh": "30 天内核销的可能性", "en": "Redeems within 30 days"},
    "clv_purchases": {"zh": "未来 52 周购买次数", "en": "Purchases in 52 weeks"},
    "clv_value": {"zh": "未来 52 周价值", "en": "Worth in 52 weeks"},
    "alive": {"zh": "仍活跃的可能性", "en": "Still active"},
}
"""Names of the predictions that our own models write, by the name that rules know them by."""
_UPLIFT: Text = {
    "zh": "增量：{experiment} {arm}（对比 {control}）",
    "en": "Uplift: {experiment} {arm} against {control}",
}
_HELD_OUT: Text = {"zh": "对照组", "en": "holdout"}
SHARES = frozenset(("next_purchase", "churn", "redemption", "alive"))
MONEY = frozenset(("clv_value",))

DRIFTS: Mapping[DriftState, Text] = {
    DriftState.STABLE: {"zh": "稳定", "en": "Stable"},
    DriftState.WATCH: {"zh": "有变化", "en": "Moving"},
    DriftState.SHIFTED: {"zh": "已偏离", "en": "Moved away"},
    DriftState.UNKNOWN: {"zh": "数据不足", "en": "Not enough data"},
}


def say_model_lack(lack: Lack, language: Language) -> str:
    """Say one thing that is lacking."""
    return _LACKS[lack.code][language].format(have=lack.have, need=lack.need)


def say_verdict(verdict: Verdict, language: Language) -> str:
    """Say why a version is in use or not, with the errors compared."""
    errors = {
        name: "–" if value is None else f"{value:.4f}"
        for name, value in (
            ("candidate", verdict.candidate),
            ("baseline", verdict.baseline),
            ("active", verdict.active),
            ("low", None if verdict.gain is None else verdict.gain.low),
            ("high", None if verdict.gain is None else verdict.gain.high),
        )
    }
    return _VERDICTS[verdict.code][language].format(**errors)


def say_answers(card: Card, language: Language) -> str:
    """Say what a version answers."""
    return KINDS[card.kind].answers[language].format(days=card.horizon_days)


def name_prediction(
    name: str, language: Language, *, experiments: Mapping[str, str] | None = None
) -> str:
    """Return a prediction's name for people; that of a model of others' is as it is.

    ``experiments`` are the names of experiments by their ids, for the uplifts of their arms.
    """
    told = PREDICTIONS.get(name)
    if told is not None:
        return told[language]
    if not is_uplift(name):
        return name
    subject = subject_of(name)
    arm, _, control = name.removeprefix(f"{UPLIFT_PREFIX}{subject}.").rpartition(".")
    said = {
        "experiment": (experiments or {}).get(subject, ""),
        "arm": arm,
        "control": _HELD_OUT[language] if control == HOLDOUT else control,
    }
    return _UPLIFT[language].format(**said).replace("  ", " ").replace("： ", "：")


def is_amount(name: str) -> bool:
    """Whether a prediction is an amount in minor units."""
    return name in MONEY or is_uplift(name)


def subject_of(name: str) -> str:
    """Return the experiment's id in the name of an uplift."""
    return name.removeprefix(UPLIFT_PREFIX).partition(".")[0]


def is_uplift(name: str) -> bool:
    """Whether a prediction is the uplift of an experiment's arm, in minor units."""
    return name.startswith(UPLIFT_PREFIX)
