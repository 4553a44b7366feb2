"""Experiments of which little or nothing can be said: a clear statement, never a figure."""

from collections.abc import Sequence

import pytest

from conftest import NOW
from insight.plans.test_limits import LIGHT, OBSERVED, PAST, experiment
from kaquan.insight.plans import LackCode, PlanDraft, PlanResult, say_plan
from kaquan.insight.plans.decide import decide
from kaquan.insight.plans.store import Observed


def same(margin: float, paid: float) -> list[Observed]:
    """Everybody did the same."""
    return [
        Observed(one.customer_id, one.arm, one.propensity, NOW, margin, paid if one.paid else 0.0)
        for one in OBSERVED
    ]


def losing() -> list[Observed]:
    """Every voucher costs far more than what is sold with it brings."""
    return [
        Observed(
            one.customer_id, one.arm, one.propensity, NOW, one.margin - 40 * one.paid, one.paid
        )
        for one in OBSERVED
    ]


def redeemed() -> list[Observed]:
    """Everybody who was given a voucher redeemed it, and bought for the same."""
    face = {"five": 500.0, "twenty": 2000.0}
    return [
        Observed(
            one.customer_id,
            one.arm,
            one.propensity,
            NOW,
            4000.0 - face.get(one.arm, 0.0),
            face.get(one.arm, 0.0),
        )
        for one in OBSERVED
    ]


def make(observed: Sequence[Observed], past: dict[str, tuple[float, ...]]) -> PlanResult:
    draft = PlanDraft(name="x", learnt_from="e", segment_id="s")
    return decide(
        draft,
        observed=observed,
        past=past,
        audience=past,
        features=("kind", "noise"),
        control="nothing",
        learning=LIGHT,
    ).result


@pytest.mark.slow
@pytest.mark.parametrize(
    ("expected", "observed", "past"),
    [
        (LackCode.SAME_OUTCOMES, same(0.0, 0.0), PAST),
        (LackCode.SAME_OUTCOMES, redeemed(), PAST),
        ("no_features", OBSERVED, dict.fromkeys(PAST, (1.0, 1.0))),
        ("all_alike", experiment(alike=True)[0], PAST),
        ("nothing", losing(), PAST),
    ],
)
def test_what_cannot_be_said_is_said(
    expected: str,
    observed: Sequence[Observed],
    past: dict[str, tuple[float, ...]],
) -> None:
    result = make(observed, past)
    told = {lack.code.value for lack in result.lacks} or {result.reason, *result.best_uniform}
    assert expected in told, (result.reason, result.why)
    assert not result.certified
    zh = say_plan(result, currency="CNY", language="zh")
    en = say_plan(result, currency="CNY", language="en")
    assert any("\u4e00" <= letter <= "\u9fff" for letter in zh)
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in en)
    assert "{" not in zh + en
