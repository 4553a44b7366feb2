"""What reports say: counts, money in minor units, estimates with intervals, and a verdict."""

from datetime import date, datetime
from enum import StrEnum

import msgspec

from kaquan.insight.statistics import Finding, Sample


class Verdict(StrEnum):
    """What may be concluded about a campaign's margin."""

    NO_HOLDOUT = "no_holdout"
    CANNOT_SAY = "cannot_say"
    TOO_EARLY = "too_early"
    EARNED = "earned"
    COST = "cost"


class Funnel(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a campaign's vouchers.

    ``published`` counts vouchers given to customers, ``used`` those of them with a redemption
    that stands; ``redeemed`` counts standing redemptions of any of the campaign's vouchers,
    ``rolled_back`` those that were undone. Discount is what the standing redemptions gave.
    Orders and revenue (after discounts) are of paid orders with such a redemption, each once.
    """

    published: int
    used: int
    redeemed: int
    rolled_back: int
    discount_minor: int
    orders: int
    revenue_minor: int

    @property
    def usage_rate_bps(self) -> int | None:
        """Share of published vouchers that were used, half-even; None when none were published."""
        return _share(self.used * 10_000, self.published)

    @property
    def average_order_minor(self) -> int | None:
        """Revenue per order, half-even; None without an order."""
        return _share(self.revenue_minor, self.orders)


class ArmSamples(msgspec.Struct, frozen=True, kw_only=True):
    """One arm's totals per customer: revenue in minor units, margin in ten-thousandths of one."""

    revenue: Sample = Sample()
    margin: Sample = Sample()


class Lift(msgspec.Struct, frozen=True, kw_only=True):
    """What being treated made of a customer, against the held-out.

    ``revenue`` and ``margin`` are minor units per customer, ``revenue_relative`` a share of the
    holdout's mean (0.1 is 10 % more), ``margin_total`` minor units for all treated customers.
    """

    treated: int
    held_out: int
    revenue: Finding
    revenue_relative: Finding
    margin: Finding
    margin_total: Finding


class CampaignReport(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign's figures as of ``generated_at``; lift counts orders up to ``until``.

    ``audience`` is how many customers were assigned to an arm, ``lift`` None without a holdout.
    """

    campaign_id: str
    campaign_name: str
    currency: str
    first_assigned_at: datetime | None
    until: datetime
    generated_at: datetime
    audience: int
    funnel: Funnel
    margin_rate_bps: int
    lift: Lift | None
    verdict: Verdict


class ReportedCampaign(msgspec.Struct, frozen=True, kw_only=True):
    """What a report needs to know of its campaign."""

    id: str
    name: str
    starts_at: datetime | None
    expires_at: datetime | None
    margin_rate: int | float | str | bool | None
    project_margin_rate: int | float | str | bool | None
    currency: str
    first_assigned_at: datetime | None


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """The project's customers, its paid orders and their revenue, and the latest such order."""

    customers: int
    orders: int
    revenue_minor: int
    last_order_at: datetime | None


class Week(msgspec.Struct, frozen=True, kw_only=True):
    """A week from Monday in the project's time zone; not complete while it runs."""

    starts_on: date
    orders: int
    revenue_minor: int
    complete: bool


class Recent(msgspec.Struct, frozen=True, kw_only=True):
    """The last seven days, and the revenue of the seven before them."""

    published: int
    redeemed: int
    revenue_minor: int
    previous_revenue_minor: int


class LiveCampaign(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign that is active now: vouchers published, and redemptions that stand."""

    id: str
    name: str
    expires_at: datetime | None
    published: int
    redeemed: int


class CampaignUse(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a campaign's vouchers, in short; the terms are those of `Funnel`."""

    campaign_id: str
    published: int = 0
    used: int = 0
    redeemed: int = 0
    discount_minor: int = 0

    @property
    def usage_rate_bps(self) -> int | None:
        """Share of published vouchers that were used, half-even; None when none were published."""
        return _share(self.used * 10_000, self.published)


class Dashboard(msgspec.Struct, frozen=True, kw_only=True):
    """The project at a glance, as of ``generated_at``; weeks in order, the latest last."""

    currency: str
    time_zone: str
    generated_at: datetime
    totals: Totals
    recent: Recent
    weeks: list[Week]
    live: list[LiveCampaign]


def _share(part: int, whole: int) -> int | None:
    if whole == 0:
        return None
    quotient, rest = divmod(part, whole)
    return quotient + (2 * rest > whole or (2 * rest == whole and quotient % 2 == 1))
