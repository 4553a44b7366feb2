"""One sentence that tells what an experiment showed, in Chinese and English."""

from typing import Literal, TypeAlias

from kaquan.experiments import HOLDOUT
from kaquan.insight.experiment.compare import Compared, Lack, NoComparison, Reading

Language: TypeAlias = Literal["zh", "en"]

_LACKS: dict[Lack, dict[Language, str]] = {
    Lack.EMPTY: {"en": "nobody is in the arm {}", "zh": "{} 组没有人"},
    Lack.SINGLE: {
        "en": "one unit in the arm {} tells nothing of how units vary",
        "zh": "{} 组只有一个样本,看不出个体差异",
    },
    Lack.NO_DENOMINATOR: {
        "en": "the denominator of the arm {} is zero",
        "zh": "{} 组的分母为零",
    },
    Lack.NO_VARIANCE: {
        "en": "all units of the arm {} are alike, so chance cannot be judged",
        "zh": "{} 组所有样本都相同,无法判断偶然性",
    },
    Lack.FEW: {
        "en": "fewer than 10 units of the arm {} count, too few to judge chance",
        "zh": "{} 组计入的样本不足 10 个,无法判断偶然性",
    },
    Lack.EXPLAINED: {
        "en": "the pre-period explains the arm {} wholly, so chance cannot be judged",
        "zh": "{} 组完全由前期数据决定,无法判断偶然性",
    },
}


_DISTRUSTED: dict[Language, str] = {
    "en": "Nothing can be said of {arm}: the arms' sizes do not fit their planned shares, so"
    " something decides who is counted.",
    "zh": "{arm} 无法下结论:各组人数与计划比例不符,说明有某种因素决定了谁被计入。",
}


def name_arm(arm: str, language: Language) -> str:
    """What an arm is called: the holdout by the language's word, others by their own name."""
    return "对照" if arm == HOLDOUT and language == "zh" else arm


def tell_verdict(reading: Reading, compared: Compared, language: Language) -> str:
    """Return the sentence for one arm. Figures are rounded to four significant digits."""
    zh = language == "zh"
    if isinstance(compared, NoComparison):
        return say_lack(compared, language)
    if reading.distrusted:
        return _DISTRUSTED[language].format(arm=name_arm(compared.arm, language))
    gap, control = compared.difference, name_arm(reading.control, language)
    arm = name_arm(compared.arm, language)
    span = f"{gap.low:.4g} … {gap.high:.4g}"
    if compared.p_adjusted < 0.05 and (gap.low > 0 or gap.high < 0):
        better = gap.value > 0
        if zh:
            return (
                f"{arm} 比 {control} {'高' if better else '低'} {abs(gap.value):.4g}"
                f"(95 % 区间 {span}),差异不是偶然。"
            )
        return (
            f"{arm} is {'above' if better else 'below'} {control} by"
            f" {abs(gap.value):.4g} (95 % interval {span}); chance does not explain it."
        )
    if zh:
        return (
            f"{arm} 与 {control} 的差异 {gap.value:.4g} 可能只是偶然"
            f"(95 % 区间 {span});以现有样本,小于 {compared.detectable:.4g} 的差异多半看不出来。"
        )
    return (
        f"The difference of {gap.value:.4g} between {arm} and {control} may be chance"
        f" (95 % interval {span}); with this many units a true difference below"
        f" {compared.detectable:.4g} would mostly go unseen."
    )


def say_lack(compared: NoComparison, language: Language) -> str:
    """Return the sentence on an arm of which nothing can be said."""
    cause = _LACKS[compared.lack][language].format(name_arm(compared.lacking_arm, language))
    arm = name_arm(compared.arm, language)
    if language == "zh":
        return f"{arm} 无法下结论:{cause}。"
    return f"Nothing can be said of {arm}: {cause}."
