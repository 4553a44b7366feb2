"""The form that designs an experiment: what was typed, read into a draft, and sized."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from kaquan.campaigns import Campaign
from kaquan.console.language import N_
from kaquan.experiments import ExperimentDraft, Metric, Overrides, Variant
from kaquan.insight import SizeRequest
from kaquan.runtime import InvalidInput, minor_digits

ARMS = 4
FIELDS = ("name", "campaign", "metric", "days", "detect", "cap", "step", "layer", "from", "to")
ARM_FIELDS = ("name", "share", "face", "subject", "valid", "delay", "what")
NAMES = FIELDS + tuple(f"arm{n}_{field}" for n in range(1, ARMS + 1) for field in ARM_FIELDS)
WHATS = (
    ("email", N_("Voucher with a message")),
    ("wallet", N_("Voucher without a message")),
    ("nothing", N_("Nothing at all")),
)
FRESH = {
    "metric": Metric.REVENUE.value,
    "days": "14",
    "detect": "10",
    "arm1_name": "A",
    "arm1_share": "50",
    "arm2_name": "B",
    "arm2_share": "50",
}
NOT_A_NUMBER = N_("This must be a number.")
NOT_WHOLE = N_("This must be a whole number.")
CAPS = (
    ("", N_("Take them as they are")),
    ("99", N_("Cap them at the 99th percentile of all arms")),
    ("95", N_("Cap them at the 95th percentile of all arms")),
)
NO_CHOICE = N_("Choose a campaign.")


class Mistake(Exception):
    """What was typed cannot be read: `field` of the form, and a catalogue key."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field
        self.words = words


def read_draft(
    given: dict[str, str], campaign: Campaign | None, *, currency: str
) -> ExperimentDraft:
    """The draft that the form means. Raises Mistake."""
    if campaign is None:
        raise Mistake("campaign", NO_CHOICE)
    layer = given["layer"] or None
    return ExperimentDraft(
        name=given["name"],
        campaign_id=campaign.id,
        arms=tuple(
            _arm(given, number, campaign, currency=currency)
            for number in range(1, ARMS + 1)
            if given[f"arm{number}_name"]
        ),
        metric=read_metric(given),
        horizon_days=_whole(given, "days"),
        winsor_bps=_bps(given, "cap") if given["cap"] else None,
        layer=layer,
        from_bps=_bps(given, "from") if layer and given["from"] else 0,
        to_bps=_bps(given, "to") if layer and given["to"] else 10_000,
    )


def read_size(given: dict[str, str], campaign: Campaign | None) -> SizeRequest:
    """What the planner is asked by the form. Raises Mistake."""
    shares = [
        float(_number(given, f"arm{number}_share"))
        for number in range(1, ARMS + 1)
        if given[f"arm{number}_name"]
    ]
    return SizeRequest(
        metric=read_metric(given),
        horizon_days=_whole(given, "days"),
        shares=tuple(shares),
        detect=float(_number(given, "detect")) / 100,
        campaign_id=None if campaign is None else campaign.id,
    )


def read_metric(given: dict[str, str]) -> Metric:
    """The metric that was chosen, revenue for what is none."""
    return Metric(given["metric"]) if given["metric"] in set(Metric) else Metric.REVENUE


def field_of(error: InvalidInput, given: dict[str, str]) -> str:
    """The field of the form that an error of the draft is about."""
    named = [n for n in range(1, ARMS + 1) if given[f"arm{n}_name"]]
    place = error.field.partition("arms[")[2]
    if place and place[0].isdigit() and int(place[0]) < len(named):
        arm = named[int(place[0])]
        for part, field in (
            ("weight_bps", "share"),
            ("offer", "face"),
            ("subject", "subject"),
            ("valid_days", "valid"),
            ("send_after_hours", "delay"),
            ("nothing", "what"),
        ):
            if part in error.field:
                return f"arm{arm}_{field}"
        return f"arm{arm}_name"
    known = {
        "winsor_bps": "cap",
        "horizon_days": "days",
        "campaign_id": "campaign",
        "from_bps": "from",
        "to_bps": "to",
    }
    field = known.get(error.field, error.field)
    return field if field in FIELDS else "arm1_share"


def _arm(given: dict[str, str], number: int, campaign: Campaign, *, currency: str) -> Variant:
    def text(field: str) -> str:
        return given[f"arm{number}_{field}"]

    what = text("what")
    overrides = Overrides(
        nothing=True if what == "nothing" else None,
        channel="wallet" if what == "wallet" else None,
        offer=_offer(given, f"arm{number}_face", campaign, currency=currency)
        if text("face")
        else None,
        subject=text("subject") or None,
        valid_days=_whole(given, f"arm{number}_valid") if text("valid") else None,
        send_after_hours=_whole(given, f"arm{number}_delay") if text("delay") else None,
    )
    return Variant(
        name=text("name"), weight_bps=_bps(given, f"arm{number}_share"), overrides=overrides
    )


def _offer(
    given: dict[str, str], field: str, campaign: Campaign, *, currency: str
) -> dict[str, Any]:
    """The campaign's offer with another face value; its conditions stay."""
    minor = _number(given, field) * 10 ** minor_digits(currency)
    if minor != int(minor):
        raise Mistake(field, NOT_A_NUMBER)
    offer = {name: value for name, value in campaign.offer.items() if name != "id"}
    effect = offer.get("effect", {})
    kept = effect if effect.get("code") == "amount_off" else {"code": "amount_off"}
    return offer | {"effect": {**kept, "amount_minor": int(minor)}}


def _bps(given: dict[str, str], field: str) -> int:
    return int((_number(given, field) * 100).to_integral_value())


def _whole(given: dict[str, str], field: str) -> int:
    value = _number(given, field)
    if value != int(value):
        raise Mistake(field, NOT_WHOLE)
    return int(value)


def _number(given: dict[str, str], field: str) -> Decimal:
    try:
        value = Decimal(given[field])
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value) > 10**9:
        raise Mistake(field, NOT_A_NUMBER)
    return value
