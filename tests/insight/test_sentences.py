"""Verdicts as people read them, in both languages."""

from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from kaquan.insight import (
    Because,
    CampaignReport,
    CannotSay,
    Estimate,
    Finding,
    Funnel,
    Lift,
    Verdict,
    explain_gap,
    sentence,
)

NOW = datetime(2026, 3, 31, tzinfo=UTC)


def interval(value: float, low: float, high: float) -> Estimate:
    return Estimate(
        value=value, low=low, high=high, standard_error=1, p=0.04, degrees_of_freedom=50
    )


def report(verdict: Verdict, margin: Finding | None, *, published: int = 1204) -> CampaignReport:
    scaled = margin.scaled(1000) if isinstance(margin, Estimate) else margin
    lift = (
        None
        if margin is None or scaled is None
        else Lift(
            treated=1000,
            held_out=100,
            revenue=margin,
            revenue_relative=margin,
            margin=margin,
            margin_total=scaled,
        )
    )
    funnel = Funnel(
        published=published,
        used=224 if published else 0,
        redeemed=240,
        rolled_back=0,
        discount_minor=0,
        orders=0,
        revenue_minor=0,
    )
    return CampaignReport(
        campaign_id="camp_1",
        campaign_name="Spring",
        currency="CNY",
        first_assigned_at=None,
        until=NOW,
        generated_at=NOW,
        audience=1100,
        funnel=funnel,
        margin_rate_bps=3000,
        lift=lift,
        verdict=verdict,
    )


class Said(NamedTuple):
    report: CampaignReport
    zh: str
    en: str


SAID = {
    "earned": Said(
        report(Verdict.EARNED, interval(342, 90, 590)),
        "发放 1,204 张，核销 18.6%，增量利润 ¥3,420.00（95% 区间 ¥900.00 至 ¥5,900.00），"
        "每位客户 ¥3.42。",
        "1,204 published, 18.6% redeemed; incremental margin ¥3,420.00"
        " (95% interval ¥900.00 to ¥5,900.00), ¥3.42 per customer.",
    ),
    "cost": Said(
        report(Verdict.COST, interval(-342, -590, -90)),
        "发放 1,204 张，核销 18.6%，亏损：增量利润 -¥3,420.00（95% 区间 -¥5,900.00 至"
        " -¥900.00），每位客户 -¥3.42。",
        "1,204 published, 18.6% redeemed; it cost more than it brought: incremental margin"
        " -¥3,420.00 (95% interval -¥5,900.00 to -¥900.00), -¥3.42 per customer.",
    ),
    "too early": Said(
        report(Verdict.TOO_EARLY, interval(342, -90, 774)),
        "发放 1,204 张，核销 18.6%；现在下结论还太早：每位客户的增量利润为 ¥3.42"
        "（95% 区间 -¥0.90 至 ¥7.74）。",
        "1,204 published, 18.6% redeemed; too early to tell: incremental margin per customer"
        " ¥3.42 (95% interval -¥0.90 to ¥7.74).",
    ),
    "no holdout": Said(
        report(Verdict.NO_HOLDOUT, None),
        "发放 1,204 张，核销 18.6%；没有对照组，无法判断增量。",
        "1,204 published, 18.6% redeemed; what it earned cannot be said,"
        " because nobody was held out.",
    ),
    "too few": Said(
        report(
            Verdict.CANNOT_SAY,
            CannotSay(because=Because.TOO_FEW, treatment_n=1204, holdout_n=1),
        ),
        "发放 1,204 张，核销 18.6%；现在下结论还太早：发券 1,204 人，对照 1 人。",
        "1,204 published, 18.6% redeemed; too early to tell: 1,204 treated, 1 held out.",
    ),
    "nothing published": Said(
        report(Verdict.NO_HOLDOUT, None, published=0),
        "还没有发放；没有对照组，无法判断增量。",
        "Nothing published yet; what it earned cannot be said, because nobody was held out.",
    ),
}


@pytest.mark.parametrize("case", SAID.values(), ids=SAID.keys())
def test_a_report_is_said_in_one_sentence(case: Said) -> None:
    assert sentence(case.report, "zh") == case.zh
    assert sentence(case.report, "en") == case.en


@pytest.mark.parametrize("because", Because)
def test_every_gap_has_words_in_both_languages(because: Because) -> None:
    gap = CannotSay(because=because, treatment_n=12, holdout_n=1)
    chinese, english = explain_gap(gap, "zh"), explain_gap(gap, "en")
    assert chinese != english
    assert "{" not in chinese + english
