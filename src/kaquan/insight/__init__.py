"""Reports and the statistics behind them: reads every room's tables, writes nothing."""

from kaquan.insight.dashboard import dashboard
from kaquan.insight.model import (
    ArmSamples,
    CampaignReport,
    CampaignUse,
    Dashboard,
    Funnel,
    Lift,
    LiveCampaign,
    Recent,
    Totals,
    Verdict,
    Week,
)
from kaquan.insight.report import (
    DEFAULT_MARGIN_RATE_BPS,
    SMALLEST_ARM,
    compare_arms,
    report_campaign,
)
from kaquan.insight.sentences import explain_gap, headline, sentence
from kaquan.insight.statistics import (
    Because,
    CannotSay,
    Estimate,
    Finding,
    Sample,
    relative_lift,
    welch_difference,
)
from kaquan.insight.store import list_campaign_uses

__all__ = [
    "DEFAULT_MARGIN_RATE_BPS",
    "SMALLEST_ARM",
    "ArmSamples",
    "Because",
    "CampaignReport",
    "CampaignUse",
    "CannotSay",
    "Dashboard",
    "Estimate",
    "Finding",
    "Funnel",
    "Lift",
    "LiveCampaign",
    "Recent",
    "Sample",
    "Totals",
    "Verdict",
    "Week",
    "compare_arms",
    "dashboard",
    "explain_gap",
    "headline",
    "list_campaign_uses",
    "relative_lift",
    "report_campaign",
    "sentence",
    "welch_difference",
]
