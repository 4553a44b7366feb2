"""What an experiment of the project showed, one sentence an arm, in Chinese and English."""

from datetime import UTC, tzinfo

from kaquan.experiments import Metric
from kaquan.insight.experiment.compare import Compared, Lack, NoComparison
from kaquan.insight.experiment.results import ExperimentResults
from kaquan.insight.experiment.verdict import Language, name_arm, say_lack, tell_verdict
from kaquan.runtime import format_money

_METRICS: dict[Metric, dict[Language, str]] = {
    Metric.REVENUE: {"en": "revenue a customer", "zh": "人均销售额"},
    Metric.MARGIN: {"en": "margin a customer", "zh": "人均毛利"},
    Metric.BUYERS: {"en": "share of buyers", "zh": "购买率"},
    Metric.REDEEMERS: {"en": "share who redeemed", "zh": "核销率"},
    Metric.ORDER_VALUE: {"en": "order value", "zh": "客单价"},
}


def name_metric(metric: Metric, language: Language) -> str:
    """What a metric is called."""
    return _METRICS[metric][language]


def write_figure(value: float, metric: Metric, *, currency: str, language: Language) -> str:
    """Write a figure of a metric: money in the currency, a share in percentage points."""
    if metric in (Metric.BUYERS, Metric.REDEEMERS):
        return f"{value * 100:.2f} {'pp' if language == 'en' else '个百分点'}"
    return format_money(round(value), currency=currency, language=language)


def say_compared(
    results: ExperimentResults,
    compared: Compared,
    *,
    currency: str,
    language: Language,
    zone: tzinfo = UTC,
) -> str:
    """Say what one arm showed against the control, by the experiment's own metric.

    A difference is called certain only when the bounds that hold however often one looks, and the
    p-value corrected for all arms, agree. Days are of ``zone``'s calendar.
    """
    metric, zh = results.experiment.metric, language == "zh"
    name, arm = name_metric(metric, language), name_arm(compared.arm, language)
    if isinstance(compared, NoComparison):
        if results.next_at is not None and _waits(results, compared):
            day = f"{results.next_at.astimezone(zone):%Y-%m-%d}"
            return (
                f"{arm}：观察期未满，{day} 起有结果。"
                if zh
                else f"{arm}: nobody's {results.experiment.horizon_days} days are over"
                f" yet; the first figures come on {day}."
            )
        return say_lack(compared, language)
    if results.reading.distrusted:
        return tell_verdict(results.reading, compared, language)

    def write(value: float) -> str:
        return write_figure(value, metric, currency=currency, language=language)

    gap, control = compared.difference, name_arm(results.control, language)
    low, high = write(compared.always_low), write(compared.always_high)
    size = write(abs(gap.value))
    if compared.certain and zh:
        way = "高" if gap.value > 0 else "低"
        return f"{arm} 的{name}比 {control} {way} {size}（区间 {low} 至 {high}）。"
    if compared.certain:
        way = "higher" if gap.value > 0 else "lower"
        return f"{arm}: {name} is {size} {way} than with {control} (interval {low} to {high})."
    if zh:
        return (
            f"{arm} 与 {control} 的{name}相差 {write(gap.value)}，可能只是偶然"
            f"（区间 {low} 至 {high}）。"
        )
    return (
        f"{arm}: {name} differs from {control} by {write(gap.value)}, which may be chance"
        f" (interval {low} to {high})."
    )


def _waits(results: ExperimentResults, compared: NoComparison) -> bool:
    """Whether the arm that lacks customers has some whose days are just not over yet."""
    if compared.lack is not Lack.EMPTY:
        return False
    return any(
        size.assigned > 0 and size.counted == 0
        for size in results.sizes
        if size.arm == compared.lacking_arm
    )
