"""Reports, the statistics behind them, and exports: reads every room's tables, writes its own."""

from kaquan.insight.dashboard import dashboard
from kaquan.insight.exports.jobs import request_export
from kaquan.insight.exports.model import Export, ExportedObject, ExportParameters, ExportStatus
from kaquan.insight.exports.run import delete_export
from kaquan.insight.exports.store import get_export, list_exports
from kaquan.insight.holding_store import HOLDING_FILTERS, Holding, list_holdings
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
from kaquan.insight.summary_store import (
    CampaignSummary,
    TierUse,
    summarise_campaign,
    summarise_tiers,
)

__all__ = [
    "DEFAULT_MARGIN_RATE_BPS",
    "HOLDING_FILTERS",
    "SMALLEST_ARM",
    "ArmSamples",
    "Because",
    "CampaignReport",
    "CampaignSummary",
    "CampaignUse",
    "CannotSay",
    "Dashboard",
    "Estimate",
    "Export",
    "ExportParameters",
    "ExportStatus",
    "ExportedObject",
    "Finding",
    "Funnel",
    "Holding",
    "Lift",
    "LiveCampaign",
    "Recent",
    "Sample",
    "TierUse",
    "Totals",
    "Verdict",
    "Week",
    "compare_arms",
    "dashboard",
    "delete_export",
    "explain_gap",
    "get_export",
    "headline",
    "list_campaign_uses",
    "list_exports",
    "list_holdings",
    "relative_lift",
    "report_campaign",
    "request_export",
    "sentence",
    "summarise_campaign",
    "summarise_tiers",
    "welch_difference",
]
