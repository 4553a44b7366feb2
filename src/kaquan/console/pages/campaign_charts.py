"""The pictures of a campaign's page: from hand to till, and what it earned a customer."""

from __future__ import annotations

from kaquan.console import formats
from kaquan.console.chart import Chart, ChartKind, Series, Unit
from kaquan.console.language import translations
from kaquan.console.page import PageView
from kaquan.insight import CampaignReport, Estimate
from kaquan.runtime import format_money


def funnel_chart(report: CampaignReport, page: PageView) -> Chart:
    """Of the vouchers given out, those that were used."""
    say = translations(page.language).gettext
    funnel = report.funnel
    share = (funnel.usage_rate_bps or 0) / 10_000
    return Chart(
        name="funnel",
        kind=ChartKind.FUNNEL,
        title=say("From hand to till"),
        text=say("Vouchers given out: %(published)s, used: %(used)s (%(share)s).")
        % {
            "published": formats.number(funnel.published),
            "used": formats.number(funnel.used),
            "share": formats.percent(share),
        },
        categories=(say("Published"), say("Used")),
        category_label=say("Step"),
        series=(Series(name=say("Vouchers"), values=(funnel.published, funnel.used)),),
    )


def lift_chart(report: CampaignReport, page: PageView) -> Chart | None:
    """Treated against held-out customers, each figure with its 95 % interval; None without."""
    lift = report.lift
    if lift is None:
        return None
    say = translations(page.language).gettext
    estimates = [
        (say(label), finding)
        for label, finding in (("Revenue", lift.revenue), ("Margin", lift.margin))
        if isinstance(finding, Estimate)
    ]
    if not estimates:
        return None
    return Chart(
        name="lift",
        kind=ChartKind.WHISKER,
        title=say("Difference a customer: voucher against holdout"),
        text=_lift_in_words(report, page),
        categories=tuple(label for label, _ in estimates),
        category_label=say("Per customer"),
        unit=Unit.MONEY,
        currency=report.currency,
        series=(
            Series(
                name=say("Difference"),
                values=tuple(estimate.value for _, estimate in estimates),
                low=tuple(estimate.low for _, estimate in estimates),
                high=tuple(estimate.high for _, estimate in estimates),
            ),
        ),
    )


def _lift_in_words(report: CampaignReport, page: PageView) -> str:
    lift = report.lift
    assert lift is not None
    say = translations(page.language).gettext

    def money(value: float) -> str:
        return format_money(round(value), currency=report.currency, language=page.language)

    groups = say("%(treated)s customers got a voucher, %(held_out)s deliberately got none.") % {
        "treated": formats.number(lift.treated),
        "held_out": formats.number(lift.held_out),
    }
    revenue = lift.revenue
    if not isinstance(revenue, Estimate):
        return groups
    if revenue.value < 0:
        more = say("The former bought for %(value)s less each (95%% interval %(low)s to %(high)s).")
        revenue = revenue.scaled(-1)
    else:
        more = say("The former bought for %(value)s more each (95%% interval %(low)s to %(high)s).")
    figures = {
        "value": money(revenue.value),
        "low": money(revenue.low),
        "high": money(revenue.high),
    }
    return f"{groups} {more % figures}"
