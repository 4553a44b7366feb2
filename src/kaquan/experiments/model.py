"""The nouns of an experiment: arms, variants, assignments, and the log of them."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, TypeAlias

import msgspec

HOLDOUT = "holdout"
"""The arm, in every log, of customers who deliberately get nothing."""


class Arm(StrEnum):
    """What a campaign does with a customer: the offer, or deliberately nothing."""

    TREATMENT = "treatment"
    HOLDOUT = HOLDOUT


class Assignment(msgspec.Struct, frozen=True):
    """An arm and the probability, in (0, 1], with which such a customer is put into it."""

    arm: Arm
    propensity: float


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """An assignment as it was first recorded; it never changes."""

    campaign_id: str
    customer_id: str
    arm: Arm
    propensity: float
    assigned_at: datetime

    @property
    def assignment(self) -> Assignment:
        """The assignment alone."""
        return Assignment(self.arm, self.propensity)


class ExposureCounts(msgspec.Struct, frozen=True):
    """How many customers of a campaign are in each arm."""

    treatment: int
    holdout: int

    @property
    def total(self) -> int:
        """All that were assigned."""
        return self.treatment + self.holdout


class ExperimentKind(StrEnum):
    """What is tried: variants of a campaign, no campaigns at all, or a plan's choices."""

    CAMPAIGN = "campaign"
    GLOBAL_HOLDOUT = "global_holdout"
    PLAN = "plan"


class ExperimentStatus(StrEnum):
    """Where an experiment stands; a stopped one never runs again."""

    DRAFT = "draft"
    RUNNING = "running"
    STOPPED = "stopped"


class Metric(StrEnum):
    """What is compared, per customer, over the days after the assignment.

    ``revenue`` and ``margin`` (less the discount) are minor units of paid orders net of returns;
    ``buyers`` and ``redeemers`` are shares of customers; ``order_value`` is revenue per order.
    """

    REVENUE = "revenue"
    MARGIN = "margin"
    BUYERS = "buyers"
    REDEEMERS = "redeemers"
    ORDER_VALUE = "order_value"


Way: TypeAlias = Literal["email", "wallet"]
"""How a voucher reaches a customer: with a message, or in the wallet without one."""


class Overrides(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an arm does otherwise than its campaign; what is None stays as it is.

    ``nothing`` gives no voucher at all. ``offer`` is the engine's JSON, ``subject`` and ``mjml``
    parts of the message's template, ``valid_days`` days of use from the sending,
    ``send_after_hours`` how much later the message leaves, ``channel`` whether there is one.
    """

    nothing: bool | None = None
    offer: dict[str, Any] | None = None
    subject: str | None = None
    mjml: str | None = None
    valid_days: int | None = None
    send_after_hours: int | None = None
    channel: Way | None = None


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """An arm of an experiment: its share in basis points, and what it does otherwise.

    ``levels`` names the level of each factor in a factorial experiment.
    """

    name: str
    weight_bps: int
    overrides: Overrides = Overrides()
    levels: dict[str, str] = {}


class Factor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A thing that a factorial experiment varies: its levels by name, each with its overrides."""

    name: str
    levels: dict[str, Overrides]


class ExperimentDraft(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment to be created. The first arm is what the others are compared with.

    A campaign's experiment has ``arms`` or ``factors``, whose levels are crossed; a global holdout
    has ``holdout_bps`` alone. ``planned_n`` is how many customers it is to have; it must not be
    chosen by the data. ``adaptive`` moves customers to the better arms as results come in.
    ``winsor_bps`` 9900 takes amounts above the 99th percentile of all customers for that percentile.
    """

    name: str
    kind: ExperimentKind = ExperimentKind.CAMPAIGN
    campaign_id: str | None = None
    arms: tuple[Variant, ...] = ()
    factors: tuple[Factor, ...] = ()
    holdout_bps: int | None = None
    layer: str | None = None
    from_bps: int = 0
    to_bps: int = 10_000
    metric: Metric = Metric.REVENUE
    horizon_days: int = 14
    planned_n: int | None = None
    adaptive: bool = False
    winsor_bps: int | None = None


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment; ``campaign_id`` is None for the global holdout.

    ``weights_bps`` are the arms' weights now, once an adaptive experiment has moved them. A plan
    ``halted_at`` a moment gives nobody anything from then on, until somebody stops it.
    """

    id: str
    name: str
    kind: ExperimentKind
    campaign_id: str | None
    status: ExperimentStatus
    arms: tuple[Variant, ...]
    layer: str | None
    from_bps: int
    to_bps: int
    metric: Metric
    horizon_days: int
    planned_n: int | None
    adaptive: bool
    weights_bps: list[int] | None = None
    winsor_bps: int | None = None
    created_at: datetime
    started_at: datetime | None
    stopped_at: datetime | None
    halted_at: datetime | None = None

    @property
    def factors(self) -> tuple[str, ...]:
        """The names of its factors; none unless it is factorial."""
        return tuple(self.arms[0].levels)

    @property
    def weights(self) -> list[int]:
        """The arms' weights in basis points as they are now."""
        return self.weights_bps or [arm.weight_bps for arm in self.arms]

    def variant(self, name: str) -> Variant | None:
        """The arm of this name; None for the holdout."""
        return next((arm for arm in self.arms if arm.name == name), None)


class Placement(msgspec.Struct, frozen=True):
    """The arm of an experiment, and the probability with which such a customer is in it."""

    arm: str
    propensity: float


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What is logged already: arms by campaign and customer, and, where a global holdout runs
    (``everywhere``), its placements by customer.
    """

    arms: dict[tuple[str, str], Assignment] = {}
    everywhere: Experiment | None = None
    placed: dict[str, Placement] = {}


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan chose for a customer; gain beside the control and cost in minor units.

    ``arm`` is what is sent, drawn with chance ``propensity``; ``intended`` is what was chosen
    before the draw, ``reason`` why. ``chances`` and ``expected`` (net value in minor units) are of
    all the plan's arms, in its order.
    """

    customer_id: str
    arm: str
    propensity: float
    gain_minor: float | None
    cost_minor: float | None
    intended: str | None = None
    reason: str | None = None
    chances: list[float] = []
    expected: list[float] = []
