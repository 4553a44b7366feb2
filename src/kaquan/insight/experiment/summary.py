"""What is known of an experiment's arms: counts, sums, sums of squares and of products."""

import math
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, cast

import msgspec

from kaquan.insight.statistics import Sample
from kaquan.runtime import InvalidInput

MetricKind: TypeAlias = Literal["mean", "proportion", "ratio"]

_CONTROL_NAMES = ("control", "holdout", "none", "a")
_LARGEST = 1e300
_KNOWN = ("arms", "control", "kind", "expected_shares", "planned_n")


class Second(msgspec.Struct, frozen=True):
    """A second variable of the same units: its sample, and the sum of its products with the first.

    A pre-period's value for CUPED, or the denominator of a ratio metric.
    """

    sample: Sample
    products: int | float

    def covariance(self, first: Sample) -> float:
        """The unbiased covariance with the metric; needs two units at least."""
        n = first.n
        return (n * self.products - first.total * self.sample.total) / (n * (n - 1))


class Weighed(msgspec.Struct, frozen=True):
    """Sums over an arm's units where chances differ, ``w`` being one over the chance of the arm."""

    w: float
    wy: float
    w_sq: float
    w_sq_y: float
    w_sq_y_sq: float

    def __add__(self, other: "Weighed") -> "Weighed":
        return Weighed(
            *(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__)
        )


class ArmSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One arm: its name, the metric's sample, and what else was measured of the same units.

    ``weighed`` is given where units had different chances of the arm, and is then gone by.
    ``strata`` are the sample's parts by what units were beforehand.
    """

    name: str
    sample: Sample
    before: Second | None = None
    denominator: Second | None = None
    weighed: Weighed | None = None
    strata: Mapping[str, Sample] | None = None


class ExperimentSummary(msgspec.Struct, frozen=True, kw_only=True):
    """All arms, the control first; ``shares`` are the planned ones (they sum to 1).

    ``planned_n`` is the number of units for which the always-valid interval is narrowest.
    ``assigned`` are the arms' sizes where not everybody that was assigned is counted yet,
    ``ignored`` what was given and is not known here.
    """

    arms: tuple[ArmSummary, ...]
    kind: MetricKind = "mean"
    shares: tuple[float, ...] | None = None
    planned_n: int | None = None
    assigned: tuple[int, ...] = ()
    ignored: tuple[str, ...] = ()

    @property
    def control(self) -> ArmSummary:
        """What the others are compared with."""
        return self.arms[0]


def parse_summary(data: Any) -> ExperimentSummary:
    """Read a summary from JSON data, as docs/algorithms/experiments.md describes it.

    Raises InvalidInput that names the place for what is missing, impossible or contradictory.
    """
    given = _mapping(data, "summary")
    kind = given.get("kind", "mean")
    if kind not in ("mean", "proportion", "ratio"):
        message = "kind must be mean, proportion or ratio."
        raise InvalidInput(message, field="kind")
    arms = _arms(given.get("arms"), kind)
    arms = _control_first(arms, given.get("control"))
    return ExperimentSummary(
        arms=arms,
        kind=kind,
        shares=_shares(given.get("expected_shares"), arms),
        planned_n=_planned(given.get("planned_n")),
        ignored=tuple(name for name in given if name not in _KNOWN),
    )


def _arms(data: Any, kind: MetricKind) -> tuple[ArmSummary, ...]:
    if isinstance(data, dict):
        named = cast("Mapping[str, Any]", data)
        data = [{"name": name, **_mapping(arm, f"arms.{name}")} for name, arm in named.items()]
    if not isinstance(data, list) or len(cast("list[Any]", data)) < 2:
        message = "An experiment has two arms at least."
        raise InvalidInput(message, field="arms")
    arms = tuple(
        _arm(_mapping(arm, f"arms[{i}]"), f"arms[{i}]", kind)
        for i, arm in enumerate(cast("list[Any]", data))
    )
    names = [arm.name for arm in arms]
    if len(set(names)) < len(names):
        message = "Two arms have the same name."
        raise InvalidInput(message, field="arms")
    return arms


def _arm(data: Mapping[str, Any], place: str, kind: MetricKind) -> ArmSummary:
    name = data.get("name")
    if not isinstance(name, str) or not name:
        message = "An arm needs a name."
        raise InvalidInput(message, field=f"{place}.name")
    n = _number(data, "n", place, least=0)
    if n != int(n):
        message = "n must be a whole number."
        raise InvalidInput(message, field=f"{place}.n")
    sample = _sample(data, int(n), place)
    if kind == "proportion" and not 0 <= sample.total <= sample.n:
        message = "The sum of a proportion is between 0 and n."
        raise InvalidInput(message, field=f"{place}.sum")
    # Of zeros and ones the squares are what was squared; a mean and a deviation were rounded.
    slack = 1e-6 if "sum" in data else 0.01
    if kind == "proportion" and not math.isclose(
        sample.total_sq, sample.total, rel_tol=slack, abs_tol=slack
    ):
        message = "A proportion's outcomes are 0 or 1, so their squares sum to their sum."
        raise InvalidInput(message, field=f"{place}.{'sum_squares' if 'sum' in data else 'sd'}")
    if kind == "ratio" and "denominator" not in data:
        message = "A ratio metric needs the denominator's sums."
        raise InvalidInput(message, field=f"{place}.denominator")
    return ArmSummary(
        name=name,
        sample=sample,
        before=_second(data, "pre", sample, place),
        denominator=_second(data, "denominator", sample, place),
        strata=_strata(data.get("strata"), sample, f"{place}.strata"),
    )


def _strata(data: Any, whole: Sample, place: str) -> dict[str, Sample] | None:
    """The arm's parts, which must add up to it."""
    if data is None:
        return None
    parts: dict[str, Sample] = {}
    for name, given in _mapping(data, place).items():
        part = _mapping(given, f"{place}.{name}")
        n = _number(part, "n", f"{place}.{name}", least=0)
        if n != int(n):
            raise InvalidInput("n must be a whole number.", field=f"{place}.{name}.n")
        parts[name] = _sample(part, int(n), f"{place}.{name}")
    together = sum(parts.values(), start=Sample())
    near = math.isclose(together.total, whole.total, rel_tol=1e-6, abs_tol=1e-6)
    if together.n != whole.n or not near:
        raise InvalidInput("The strata do not add up to the arm.", field=place)
    return parts


def _sample(data: Mapping[str, Any], n: int, place: str) -> Sample:
    """From sum and sum_squares, or from mean and sd."""
    if "mean" in data and "sum" not in data:
        mean, sd = _number(data, "mean", place), _number(data, "sd", place, least=0)
        return Sample(n, n * mean, (n - 1) * sd * sd + n * mean * mean if n else 0)
    total = _number(data, "sum", place)
    squares = "sum_of_squares" if "sum_of_squares" in data else "sum_squares"
    total_sq = _number(data, squares, place, least=0)
    if n == 0 and (total or total_sq):
        message = "Nobody is in this arm, so its sums must be 0."
        raise InvalidInput(message, field=f"{place}.sum")
    # Rounded sums may contradict each other in the last digits, not more.
    if n and total * total > n * total_sq * (1 + 1e-9):
        message = "The sum of squares is too small for this n and sum (Cauchy-Schwarz)."
        raise InvalidInput(message, field=f"{place}.{squares}")
    return Sample(n, total, total_sq)


def _second(data: Mapping[str, Any], key: str, first: Sample, place: str) -> Second | None:
    if data.get(key) is None:
        return None
    where = f"{place}.{key}"
    given = _mapping(data[key], where)
    second = Second(_sample(given, first.n, where), _number(given, "sum_products", where))
    if first.n >= 2:
        bound = math.sqrt(max(first.variance, 0) * max(second.sample.variance, 0))
        if abs(second.covariance(first)) > bound * (1 + 1e-6) + 1e-12:
            message = "The sum of products contradicts the sums of squares."
            raise InvalidInput(message, field=f"{where}.sum_products")
    return second


def _control_first(arms: tuple[ArmSummary, ...], control: Any) -> tuple[ArmSummary, ...]:
    names = [arm.name for arm in arms]
    if control is None:
        control = next((name for name in names if name.lower() in _CONTROL_NAMES), names[0])
    if control not in names:
        message = f"The control is not an arm; the arms are {', '.join(names)}."
        raise InvalidInput(message, field="control")
    return tuple(sorted(arms, key=lambda arm: arm.name != control))


def _shares(data: Any, arms: tuple[ArmSummary, ...]) -> tuple[float, ...] | None:
    if data is None:
        return None
    given = _mapping(data, "expected_shares")
    shares = [_number(given, arm.name, "expected_shares", least=0) for arm in arms]
    total = sum(shares)
    if len(given) != len(arms) or total <= 0 or min(shares) <= 0:
        message = "Every arm needs a positive share, and only arms have one."
        raise InvalidInput(message, field="expected_shares")
    return tuple(share / total for share in shares)


def _planned(data: Any) -> int | None:
    if data is None:
        return None
    if isinstance(data, bool) or not isinstance(data, int) or data < 1:
        message = "planned_n must be a whole number from 1."
        raise InvalidInput(message, field="planned_n")
    return data


def _mapping(data: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(data, dict):
        message = "This must be an object."
        raise InvalidInput(message, field=place)
    return cast("Mapping[str, Any]", data)


def _number(
    data: Mapping[str, Any], key: str, place: str, *, least: float | None = None
) -> int | float:
    value = data.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        message = f"{key} must be a number."
        raise InvalidInput(message, field=f"{place}.{key}")
    if not math.isfinite(value) or abs(value) > _LARGEST:
        message = f"{key} must be finite."
        raise InvalidInput(message, field=f"{place}.{key}")
    if least is not None and value < least:
        message = f"{key} must be {least} at least."
        raise InvalidInput(message, field=f"{place}.{key}")
    return value
