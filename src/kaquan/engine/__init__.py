"""The pure promotion engine: a cart and its coupons in, a decision with its reasons out."""

from kaquan.engine.candidate import Candidate, CandidateKind
from kaquan.engine.cart import Cart, InvalidCart, Line, LineInput, build_cart
from kaquan.engine.conditions import (
    CONDITIONS,
    NO_CONDITION,
    AllOf,
    AnyOf,
    Condition,
    Finding,
    FirstOrder,
    HasItems,
    InSegment,
    MinimumSpend,
    Node,
    Not,
    PerCustomerCount,
    Verdict,
)
from kaquan.engine.context import Context, CustomerFacts
from kaquan.engine.decide import decide
from kaquan.engine.decision import (
    Applied,
    CandidateResult,
    Decision,
    Figures,
    LineFigures,
    Rejected,
    Skipped,
)
from kaquan.engine.effects import (
    EFFECTS,
    AmountOff,
    Effect,
    Outcome,
    PercentOff,
    PrintedValue,
    ThresholdOff,
    Tier,
)
from kaquan.engine.explain import Language, MoneyFormatter, explain
from kaquan.engine.facts import Facts, Remaining
from kaquan.engine.money import MAX_MINOR, allocate, divide_half_even, take_rate
from kaquan.engine.offer import Offer
from kaquan.engine.offer_json import (
    InvalidOffer,
    condition_to_data,
    list_conditions,
    list_effects,
    offer_to_data,
    parse_condition,
    parse_effect,
    parse_offer,
    parse_window,
)
from kaquan.engine.reasons import Reason, ReasonCode, ReasonFamily, headline
from kaquan.engine.registry import Description
from kaquan.engine.scope import Scope
from kaquan.engine.stacking import Application, StackingRules
from kaquan.engine.trace import CandidateTrace, Check, EffectStep, Trace
from kaquan.engine.validity import ALWAYS, Validity

__all__ = [
    "ALWAYS",
    "CONDITIONS",
    "EFFECTS",
    "MAX_MINOR",
    "NO_CONDITION",
    "AllOf",
    "AmountOff",
    "AnyOf",
    "Application",
    "Applied",
    "Candidate",
    "CandidateKind",
    "CandidateResult",
    "CandidateTrace",
    "Cart",
    "Check",
    "Condition",
    "Context",
    "CustomerFacts",
    "Decision",
    "Description",
    "Effect",
    "EffectStep",
    "Facts",
    "Figures",
    "Finding",
    "FirstOrder",
    "HasItems",
    "InSegment",
    "InvalidCart",
    "InvalidOffer",
    "Language",
    "Line",
    "LineFigures",
    "LineInput",
    "MinimumSpend",
    "MoneyFormatter",
    "Node",
    "Not",
    "Offer",
    "Outcome",
    "PerCustomerCount",
    "PercentOff",
    "PrintedValue",
    "Reason",
    "ReasonCode",
    "ReasonFamily",
    "Rejected",
    "Remaining",
    "Scope",
    "Skipped",
    "StackingRules",
    "ThresholdOff",
    "Tier",
    "Trace",
    "Validity",
    "Verdict",
    "allocate",
    "build_cart",
    "condition_to_data",
    "decide",
    "divide_half_even",
    "explain",
    "headline",
    "list_conditions",
    "list_effects",
    "offer_to_data",
    "parse_condition",
    "parse_effect",
    "parse_offer",
    "parse_window",
    "take_rate",
]
