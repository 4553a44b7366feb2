"""The nouns of models: kinds, what a card says, what is lacking, versions and runs."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

WAITS_AT_MOST = timedelta(hours=12)
"""How long a request may wait for a worker to begin."""
UPLIFT_PREFIX = "uplift."
"""How the names of uplifts' scores begin."""
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class ModelKind(StrEnum):
    """What a model says of customers."""

    NEXT_PURCHASE = "next_purchase"
    REDEMPTION = "redemption"
    LIFETIME_VALUE = "lifetime_value"
    UPLIFT = "uplift"


class ModelStatus(StrEnum):
    """Where a version stands; the active one of a kind scores the customers."""

    CANDIDATE = "candidate"
    ACTIVE = "active"
    RETIRED = "retired"


class RunStatus(StrEnum):
    """Where a request to train stands."""

    PENDING = "pending"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class LackCode(StrEnum):
    """What a model needs and does not have."""

    CUSTOMERS = "customers"
    TIME = "time"
    PUBLICATIONS = "publications"
    REDEMPTIONS = "redemptions"
    ONE_CLASS = "one_class"
    HOLDOUT = "holdout"
    CONSTANT_FEATURES = "constant_features"
    REPEATERS = "repeaters"
    CONTROL = "control"
    ARM = "arm"
    NOT_OVER = "not_over"
    SAME_OUTCOMES = "same_outcomes"


class Lack(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is lacking: how many there are, and how many are needed."""

    code: LackCode
    have: int | None = None
    need: int | None = None


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A measured figure with its 95 % interval; ends are None where there is none."""

    value: float
    low: float | None = None
    high: float | None = None


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the holdout by what was predicted: the means of both, and how sure the second is.

    Of uplift, ``predicted`` is the mean predicted uplift and ``observed`` the measured one.
    """

    rows: int
    predicted: float
    observed: float
    low: float
    high: float


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How a column's values lay when a model learnt: inner edges of its bins, shares of each.

    The last share is of missing values; there is one more bin than edges before it.
    """

    name: str
    edges: tuple[float, ...]
    shares: tuple[float, ...]
    rows: int
    weight: float = 0.0


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a version. Moments bound the facts used; the holdout is the newest of them.

    ``measures`` are of the holdout, ``baseline`` the same of what counting alone says, ``gain`` how
    much less than it the model loses (paired; above zero is better). ``spreads`` are of the
    features at the time of learning, ``score_spread`` of the predictions on the holdout.
    ``subject`` is the experiment's id of an uplift model, ``arm`` its arm.
    """

    kind: ModelKind
    horizon_days: int
    seed: int
    data_from: datetime
    data_until: datetime
    holdout_from: datetime
    train_rows: int
    train_positives: int | None
    test_rows: int
    test_positives: int | None
    features: tuple[str, ...]
    parameters: dict[str, float | str]
    measures: dict[str, Figure]
    baseline: dict[str, Figure]
    gain: Figure | None
    bins: tuple[Bin, ...]
    spreads: tuple[Spread, ...] = ()
    score_spread: Spread | None = None
    subject: str | None = None
    arm: str | None = None
    control: str | None = None

    @property
    def scope(self) -> str:
        """What one version of the kind is active for: a pair of arms, or nothing in particular."""
        return "" if self.subject is None else f"{self.subject}.{self.arm}.{self.control}"


class Trained(msgspec.Struct, frozen=True, kw_only=True):
    """A model as it comes from training: its card, and what predicts."""

    card: Card
    artifact: bytes


class Refused(msgspec.Struct, frozen=True):
    """Nothing was trained, and why."""

    lacks: tuple[Lack, ...]


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """What a model says: customers' ids, and for each prediction's name their values."""

    customers: list[str]
    values: dict[str, Floats]


class VerdictCode(StrEnum):
    """Why a version was activated or kept a candidate."""

    FIRST = "first"
    BETTER = "better"
    WORSE_THAN_BASELINE = "worse_than_baseline"
    NOT_KNOWN_BETTER = "not_known_better"
    WORSE_THAN_ACTIVE = "worse_than_active"
    ORDER_HELPS = "order_helps"
    ORDER_UNKNOWN = "order_unknown"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a version takes over; losses of the candidate, baseline and active one alike.

    ``gain`` is how much less than the baseline the candidate loses; of uplift, how much more the
    offer changes those whom the order puts first than it changes anybody.
    """

    code: VerdictCode
    candidate: float | None = None
    baseline: float | None = None
    active: float | None = None
    gain: Figure | None = None

    @property
    def activates(self) -> bool:
        """Whether the version becomes the active one."""
        return self.code in (VerdictCode.FIRST, VerdictCode.BETTER, VerdictCode.ORDER_HELPS)

    @property
    def retires(self) -> bool:
        """Whether the active version goes: replaced, or no longer borne out by its experiment."""
        return self.activates or self.code is VerdictCode.ORDER_UNKNOWN


class ModelVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version in the registry."""

    id: str
    kind: ModelKind
    version: int
    status: ModelStatus
    card: Card
    verdict: Verdict
    trained_at: datetime
    activated_at: datetime | None
    retired_at: datetime | None
    scored_at: datetime | None
    scored_count: int | None


class ModelRun(msgspec.Struct, frozen=True, kw_only=True):
    """A request to train, and what became of it.

    ``alive_until`` is how long it may be silent: whoever works on it moves it on again and again;
    None while nobody has begun.
    """

    id: str
    kind: ModelKind
    status: RunStatus
    subject: str | None
    arm: str | None
    control: str | None
    asked_by: str
    model_id: str | None
    lacks: tuple[Lack, ...]
    created_at: datetime
    finished_at: datetime | None
    alive_until: datetime | None

    def died(self, now: datetime) -> bool:
        """Whether it was cut off: its worker went silent, or nobody ever began."""
        if self.status is not RunStatus.PENDING:
            return False
        last = self.alive_until or self.created_at + WAITS_AT_MOST
        return last < now


class DriftState(StrEnum):
    """How far from the time of learning things are."""

    STABLE = "stable"
    WATCH = "watch"
    SHIFTED = "shifted"
    UNKNOWN = "unknown"


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """A column's population stability index, and what chance alone exceeds one time in twenty."""

    name: str
    index: float
    by_chance: float
    state: DriftState


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at an active model found.

    ``expected`` and ``observed`` are of those scored a horizon ago: what was predicted and what
    came, in all; ``z`` is their difference in standard errors. None when nobody's time is over.
    """

    state: DriftState
    checked_at: datetime
    rows: int
    shifts: tuple[Shift, ...]
    scores: Shift | None
    outcomes: int
    expected: float | None
    observed: float | None
    z: float | None
    outcome_state: DriftState
