"""A campaign's pictures say the same as its figures."""

from datetime import UTC, datetime

import pytest

from console.conftest import PROJECT
from kaquan.console import ChartKind, Language, Theme
from kaquan.console.page import PageView
from kaquan.console.pages.campaign_charts import funnel_chart, lift_chart
from kaquan.insight import (
    ArmSamples,
    CampaignReport,
    Funnel,
    Lift,
    Sample,
    Verdict,
    compare_arms,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def page(language: Language) -> PageView:
    return PageView(language=language, theme=Theme.AUTO, path="/", project=PROJECT)


def report(lift: Lift | None, *, published: int = 80, used: int = 20) -> CampaignReport:
    return CampaignReport(
        campaign_id="camp_1",
        campaign_name="Spring",
        currency="CNY",
        first_assigned_at=NOW,
        until=NOW,
        generated_at=NOW,
        audience=0,
        funnel=Funnel(
            published=published,
            used=used,
            redeemed=used,
            rolled_back=0,
            discount_minor=0,
            orders=0,
            revenue_minor=0,
        ),
        margin_rate_bps=3000,
        lift=lift,
        verdict=Verdict.TOO_EARLY,
    )


def arm(*revenue_minor: int) -> ArmSamples:
    return ArmSamples(
        revenue=Sample.of(revenue_minor), margin=Sample.of(one * 3000 for one in revenue_minor)
    )


def test_the_funnel_starts_with_what_was_given_out() -> None:
    chart = funnel_chart(report(None), page(Language.EN))
    assert chart.kind is ChartKind.FUNNEL
    assert chart.series[0].values == (80, 20)
    assert chart.text == "Vouchers given out: 80, used: 20 (25.0%)."


@pytest.mark.parametrize(
    ("treated", "held_out", "english", "chinese"),
    [
        ((3000, 5000, 7000), (1000, 3000, 5000), "for ¥20.00 more each", "人均多消费 ¥20.00"),
        ((1000, 3000, 5000), (3000, 5000, 7000), "for ¥20.00 less each", "人均少消费 ¥20.00"),
    ],
)
def test_lift_is_drawn_with_its_interval(
    treated: tuple[int, ...], held_out: tuple[int, ...], english: str, chinese: str
) -> None:
    figures = report(compare_arms(arm(*treated), arm(*held_out)))
    chart = lift_chart(figures, page(Language.EN))
    other = lift_chart(figures, page(Language.ZH))
    assert chart is not None
    assert other is not None
    revenue, margin = chart.series[0].values
    assert revenue is not None
    assert margin is not None
    assert margin == pytest.approx(revenue * 0.3)
    for value, low, high in zip(
        (revenue, margin), chart.series[0].low, chart.series[0].high, strict=True
    ):
        assert low is not None
        assert high is not None
        assert low < value < high
    assert english in chart.text
    assert chinese in other.text


@pytest.mark.parametrize(
    "lift", [None, compare_arms(arm(0, 0), arm(0, 0)), compare_arms(arm(), arm(5))]
)
def test_without_an_estimate_there_is_no_picture(lift: Lift | None) -> None:
    assert lift_chart(report(lift), page(Language.EN)) is None
