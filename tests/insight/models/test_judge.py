"""Who takes over: only what is known to beat counting, and is no worse than what is in use."""

from datetime import UTC, datetime

import pytest

from kaquan.insight.models import Card, Figure, ModelKind, Trained, judge_version, say_verdict
from kaquan.insight.models.facts import Facts

AT = datetime(2026, 1, 1, tzinfo=UTC)


def _trained(kind: ModelKind, error: float, gain: tuple[float, float, float] | None) -> Trained:
    name = "absolute_error" if kind is ModelKind.LIFETIME_VALUE else "log_loss"
    card = Card(
        kind=kind,
        horizon_days=30,
        seed=1,
        data_from=AT,
        data_until=AT,
        holdout_from=AT,
        train_rows=100,
        train_positives=50,
        test_rows=100,
        test_positives=50,
        features=(),
        parameters={},
        measures={name: Figure(value=error)},
        baseline={name: Figure(value=0.5)},
        gain=None if gain is None else Figure(value=gain[0], low=gain[1], high=gain[2]),
        bins=(),
    )
    return Trained(card=card, artifact=b"")


@pytest.mark.parametrize("kind", [ModelKind.NEXT_PURCHASE, ModelKind.LIFETIME_VALUE])
@pytest.mark.parametrize(
    ("error", "gain", "code", "says"),
    [
        (0.4, (0.1, 0.02, 0.18), "first", "below the 0.5000"),
        (0.4, (0.1, 0.0, 0.2), "not_known_better", "(0.0000 to 0.2000) holds zero"),
        (0.4, (0.1, -0.01, 0.2), "not_known_better", "so counting stays"),
        (0.4, None, "not_known_better", "so counting stays"),
        (0.5, (0.0, -0.1, 0.1), "worse_than_baseline", "not below the 0.5000"),
        (float("nan"), (0.1, 0.02, 0.18), "worse_than_baseline", "not below"),
        (0.4, (0.1, float("nan"), 0.2), "not_known_better", "so counting stays"),
    ],
    ids=["known", "ends at zero", "spans zero", "no gain", "equal", "no number", "no bound"],
)
def test_what_may_take_over(
    *,
    kind: ModelKind,
    error: float,
    gain: tuple[float, float, float] | None,
    code: str,
    says: str,
) -> None:
    with Facts({}) as facts:
        verdict = judge_version(_trained(kind, error, gain), None, facts)
    assert (verdict.code, verdict.activates) == (code, code == "first")
    assert says in say_verdict(verdict, "en")
    assert "{" not in say_verdict(verdict, "zh")


@pytest.mark.parametrize(
    ("gain", "code"),
    [
        ((5.0, 1.0, 9.0), "order_helps"),
        ((5.0, -1.0, 9.0), "order_unknown"),
        (None, "order_unknown"),
    ],
)
def test_an_uplift_scores_if_its_order_is_known_to_help(
    gain: tuple[float, float, float] | None, code: str
) -> None:
    verdict = judge_version(_trained(ModelKind.UPLIFT, 0.4, gain), None, None)
    assert (verdict.code, verdict.retires) == (code, True)
