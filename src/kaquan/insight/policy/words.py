"""Why a policy is certified or not, in a sentence that names the figures."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from kaquan.insight.allocation import FEWEST_OUTCOMES, Certificate, Reason

TOO_FEW_ROWS = "too_few_rows"
NO_FEATURES = "no_features"
ONE_ARM = "one_arm"
TOO_FEW_PEOPLE = "too_few_people"


Language: TypeAlias = Literal["zh", "en"]

_WHYS: dict[str, dict[Language, str]] = {
    Reason.BETTER: {
        "en": "Personal arms beat {best} at equal spend: {figures}.",
        "zh": "花费相同时，按人选择优于{best}：{figures}。",
    },
    Reason.COVERS_ZERO: {
        "en": "Personal arms are not known to beat {best}: {figures}.{needed}",
        "zh": "不能确定按人选择优于{best}：{figures}。{needed}",
    },
    Reason.WORSE: {
        "en": "The personal policy learnt here did no better than {best}: {figures}."
        " No number of rows would certify it.",
        "zh": "学到的按人选择并不比{best}好：{figures}。再多数据也无法认证。",
    },
    Reason.TOO_FEW_OUTCOMES: {
        "en": "Fewer than {fewest} outcomes on a side of the comparison with {best}: an interval"
        " would look narrower than it is.",
        "zh": "与{best}比较时，有一侧的结果不足 {fewest} 个：区间会显得过窄。",
    },
    Reason.ALL_ALIKE: {
        "en": "The training rows show no difference between customers that would change anybody's"
        " arm: {best}.",
        "zh": "训练数据看不出客户之间有足以改变选择的差别：{best}。",
    },
    Reason.NO_VARIANCE: {
        "en": "Every outcome is the same, so no arm can be told from another.",
        "zh": "所有结果都一样，无法区分各组。",
    },
    Reason.NO_CHOICE: {
        "en": "The budget leaves nothing to choose: {best}.",
        "zh": "预算之内没有选择余地：{best}。",
    },
    Reason.NOT_RANDOM: {
        "en": "Arms cannot be taken as drawn by chance (see the statements), so no difference can"
        " be put down to them. Best by what was recorded: {best}.",
        "zh": "分组不能视为随机（见说明），差异不能归因于分组。按记录看最好的是{best}。",
    },
    TOO_FEW_ROWS: {
        "en": "{rows} training rows are too few to learn who should get what; the best single"
        " choice is {best}.",
        "zh": "{rows} 行训练数据太少，学不出谁该得到什么；最好的单一选择是{best}。",
    },
    NO_FEATURES: {
        "en": "No column tells customers apart; the best single choice is {best}.",
        "zh": "没有任何列能区分客户；最好的单一选择是{best}。",
    },
}
_FIGURES: dict[Language, str] = {
    "en": "{value:+.4g} per customer, 95 % interval {low:.4g} to {high:.4g}",
    "zh": "每人 {value:+.4g}，95 % 区间 {low:.4g} 至 {high:.4g}",
}
_UNMEASURED: dict[Language, str] = {"en": "not measured", "zh": "未能测量"}
_NEEDED: dict[Language, str] = {
    "en": " If it is as large as it looks, about {needed:,} rows would show it, against {rows:,}.",
    "zh": "若差异真有这么大，约需 {needed:,} 行才能看出，现有 {rows:,} 行。",
}
_SILENCES: dict[str, dict[Language, str]] = {
    TOO_FEW_PEOPLE: {
        "en": "The training rows are of fewer than 30 customers: no interval can be given.",
        "zh": "训练数据来自不到 30 位客户：给不出区间。",
    },
    ONE_ARM: {
        "en": "Fewer than two arms have enough training rows: nothing can be compared.",
        "zh": "训练数据足够的组不到两个：无从比较。",
    },
    Reason.NO_VARIANCE: {
        "en": "Every training outcome is the same: no arm can be told from another.",
        "zh": "训练数据的结果都一样：无法区分各组。",
    },
    Reason.NO_CHOICE: {
        "en": "No arm that can be valued is within the budget.",
        "zh": "能够估值的各组都超出预算。",
    },
}
_SILENT: dict[Language, str] = {
    "en": "{why} What any policy would bring cannot be said; {arm}, the cheapest arm, is written"
    " for every row.",
    "zh": "{why}任何策略的收益都无法判断；每一行都写入最便宜的 {arm}。",
}


def say_why(
    certificate: Certificate, *, reason: str, best: str, rows: int, language: Language = "en"
) -> str:
    """Say what the certificate's reason means here; ``best`` describes the uniform policy."""
    found = certificate.difference
    figures = _UNMEASURED[language]
    if found is not None:
        figures = _FIGURES[language].format(value=found.value, low=found.low, high=found.high)
    needed = ""
    if certificate.rows_needed is not None:
        needed = _NEEDED[language].format(needed=max(certificate.rows_needed, rows + 1), rows=rows)
    return _WHYS[reason][language].format(
        best=best, figures=figures, needed=needed, fewest=FEWEST_OUTCOMES, rows=rows
    )


def say_silence(reason: str, arm: str, *, language: Language = "en") -> str:
    """Say why nothing can be said, and what was done: ``arm`` for everybody."""
    return _SILENT[language].format(why=_SILENCES[reason][language], arm=arm)


def describe_uniform(shares: Mapping[str, float], *, language: Language = "en") -> str:
    """Say what a uniform policy is: an arm for all, or a lottery."""
    if len(shares) == 1:
        name = next(iter(shares))
        return f"人人都是 {name}" if language == "zh" else f"{name} for all"
    parts = [f"{share:.1%} {name}" for name, share in shares.items()]
    return "抽签 " + "、".join(parts) if language == "zh" else "a lottery of " + " and ".join(parts)
