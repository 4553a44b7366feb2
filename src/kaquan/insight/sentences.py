"""Reports in one sentence, written in Chinese and in English rather than translated."""

from collections.abc import Mapping
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from kaquan.insight.model import CampaignReport, Dashboard, Verdict
from kaquan.insight.statistics import Because, CannotSay, Estimate
from kaquan.runtime import format_money

Language: TypeAlias = Literal["zh", "en"]

_FUNNEL: Mapping[Language, str] = {
    "zh": "发放 {published:,} 张，核销 {usage}",
    "en": "{published:,} published, {usage} redeemed",
}
_NOTHING_PUBLISHED: Mapping[Language, str] = {"zh": "还没有发放", "en": "Nothing published yet"}
_DAYS: Mapping[Language, str] = {
    "zh": "{day.year}年{day.month}月{day.day}日",
    "en": "{day.day} {day:%B} {day.year}",
}
_FULL_STOP: Mapping[Language, str] = {"zh": "。", "en": "."}
_COMMA: Mapping[Language, str] = {"zh": "，", "en": ", "}
_SEMICOLON: Mapping[Language, str] = {"zh": "；", "en": "; "}

_VERDICTS: Mapping[Verdict, Mapping[Language, str]] = {
    Verdict.NO_HOLDOUT: {
        "zh": "没有对照组，无法判断增量",
        "en": "what it earned cannot be said, because nobody was held out",
    },
    Verdict.TOO_EARLY: {
        "zh": "现在下结论还太早：每位客户的增量利润为 {each}（95% 区间 {each_low} 至 {each_high}）",
        "en": "too early to tell: incremental margin per customer {each}"
        " (95% interval {each_low} to {each_high})",
    },
    Verdict.EARNED: {
        "zh": "增量利润 {total}（95% 区间 {total_low} 至 {total_high}），每位客户 {each}",
        "en": "incremental margin {total} (95% interval {total_low} to {total_high}),"
        " {each} per customer",
    },
    Verdict.COST: {
        "zh": "亏损：增量利润 {total}（95% 区间 {total_low} 至 {total_high}），每位客户 {each}",
        "en": "it cost more than it brought: incremental margin {total}"
        " (95% interval {total_low} to {total_high}), {each} per customer",
    },
}

CAUSES: Mapping[Because, Mapping[Language, str]] = {
    Because.EMPTY_TREATMENT: {
        "zh": "实验组没有客户，无法判断增量",
        "en": "what it earned cannot be said, because no customer was treated",
    },
    Because.EMPTY_HOLDOUT: {
        "zh": "没有对照组，无法判断增量",
        "en": "what it earned cannot be said, because nobody was held out",
    },
    Because.TOO_FEW: {
        "zh": "现在下结论还太早：发券 {treatment_n:,} 人，对照 {holdout_n:,} 人",
        "en": "too early to tell: {treatment_n:,} treated, {holdout_n:,} held out",
    },
    Because.NO_VARIANCE: {
        "zh": "现在下结论还太早：两组中有一组的客户消费完全相同（例如都没有下单）",
        "en": "too early to tell: in one of the groups all customers spent the same,"
        " such as nothing",
    },
    Because.BASELINE_NEAR_ZERO: {
        "zh": "对照组的消费接近零，无法给出百分比",
        "en": "no percentage can be given, because the held-out spent close to nothing",
    },
}

_HEADLINES: Mapping[str, Mapping[Language, str]] = {
    "active": {
        "zh": "近 7 天发放 {published:,} 张，核销 {redeemed:,} 张，销售额 {revenue}{change}。",
        "en": "Last 7 days: {published:,} published, {redeemed:,} redeemed,"
        " revenue {revenue}{change}.",
    },
    "quiet": {
        "zh": "近 7 天没有订单，最近一单在 {day}。",
        "en": "No orders in the last 7 days; the latest was on {day}.",
    },
    "empty": {
        "zh": "还没有订单。导入客户和订单后，这里会显示经营情况。",
        "en": "No orders yet. Import customers and orders to see figures here.",
    },
    "more": {"zh": "，比前 7 天多 {percent}", "en": ", {percent} more than the 7 days before"},
    "less": {"zh": "，比前 7 天少 {percent}", "en": ", {percent} less than the 7 days before"},
    "same": {"zh": "，与前 7 天持平", "en": ", as in the 7 days before"},
}


def sentence(report: CampaignReport, language: Language) -> str:
    """Say what a campaign did and what may be concluded, as one sentence with figures."""
    funnel = report.funnel
    rate = funnel.usage_rate_bps
    if rate is None:
        opening = _NOTHING_PUBLISHED[language]
    else:
        opening = _FUNNEL[language].format(published=funnel.published, usage=_percent(rate))
    certain = report.verdict in (Verdict.EARNED, Verdict.COST)
    link = (_COMMA if certain and language == "zh" else _SEMICOLON)[language]
    return opening + link + _conclusion(report, language) + _FULL_STOP[language]


def explain_gap(gap: CannotSay, language: Language) -> str:
    """Say why there is no estimate, without a full stop."""
    return CAUSES[gap.because][language].format(
        treatment_n=gap.treatment_n, holdout_n=gap.holdout_n
    )


def headline(figures: Dashboard, language: Language) -> str:
    """Say how the last seven days went, as one sentence with figures."""
    recent, last = figures.recent, figures.totals.last_order_at
    if last is None:
        return _HEADLINES["empty"][language]
    if not (recent.revenue_minor or recent.published or recent.redeemed):
        local = last.astimezone(ZoneInfo(figures.time_zone))
        day = _DAYS[language].format(day=local)
        return _HEADLINES["quiet"][language].format(day=day)
    return _HEADLINES["active"][language].format(
        published=recent.published,
        redeemed=recent.redeemed,
        revenue=format_money(recent.revenue_minor, currency=figures.currency, language=language),
        change=_change(recent.revenue_minor, recent.previous_revenue_minor, language),
    )


def _conclusion(report: CampaignReport, language: Language) -> str:
    lift = report.lift
    if lift is None:
        return _VERDICTS[Verdict.NO_HOLDOUT][language]
    each, total = lift.margin, lift.margin_total
    if isinstance(each, CannotSay) or isinstance(total, CannotSay):
        gap = each if isinstance(each, CannotSay) else total
        assert isinstance(gap, CannotSay)
        return explain_gap(gap, language)
    return _VERDICTS[report.verdict][language].format(
        **_amounts("each", each, report.currency, language=language),
        **_amounts("total", total, report.currency, language=language),
    )


def _amounts(name: str, estimate: Estimate, currency: str, *, language: Language) -> dict[str, str]:
    return {
        key: format_money(round(value), currency=currency, language=language)
        for key, value in (
            (name, estimate.value),
            (f"{name}_low", estimate.low),
            (f"{name}_high", estimate.high),
        )
    }


def _change(now_minor: int, before_minor: int, language: Language) -> str:
    if before_minor == 0:
        return ""
    bps = round((now_minor - before_minor) * 10_000 / before_minor)
    kind = "same" if bps == 0 else "more" if bps > 0 else "less"
    return _HEADLINES[kind][language].format(percent=_percent(abs(bps)))


def _percent(bps: int) -> str:
    """Basis points as a percentage with one decimal, half-even."""
    return f"{round(bps, -1) / 100:.1f}%"
