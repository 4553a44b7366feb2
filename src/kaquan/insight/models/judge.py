"""Whether a new version may take over: known to beat counting, and no worse than the active one."""

import msgspec
import numpy as np

from kaquan.insight.models.facts import Facts, to_day
from kaquan.insight.models.lifetime_value import LifetimeValue, forecast_until
from kaquan.insight.models.model import (
    Card,
    Lack,
    ModelKind,
    Trained,
    Verdict,
    VerdictCode,
)
from kaquan.insight.models.propensity import Propensity, list_outcomes, losses_of
from kaquan.insight.models.units import split_by_time

SCORING_KINDS = (ModelKind.NEXT_PURCHASE, ModelKind.REDEMPTION, ModelKind.LIFETIME_VALUE)
"""Kinds of which one version is active and scores everybody; of uplift, one a pair of arms is."""
LOSS = {
    ModelKind.NEXT_PURCHASE: "log_loss",
    ModelKind.REDEMPTION: "log_loss",
    ModelKind.LIFETIME_VALUE: "absolute_error",
}


def judge_version(trained: Trained, active: bytes | None, facts: Facts | None) -> Verdict:
    """Compare on the newest holdout, which neither version has learnt from.

    ``active`` is the artifact of the active version of the same kind, if there is one. An uplift
    needs neither it nor ``facts``: its rows were all predicted by models that had not seen them.
    """
    card = trained.card
    # Written so that a figure that is none never takes over.
    known = card.gain is not None and card.gain.low is not None and card.gain.low > 0
    if card.kind is ModelKind.UPLIFT:
        code = VerdictCode.ORDER_HELPS if known else VerdictCode.ORDER_UNKNOWN
        return Verdict(code=code, gain=card.gain)
    assert facts is not None
    loss = LOSS[card.kind]
    candidate, baseline = card.measures[loss].value, card.baseline[loss].value
    other = None if active is None else _loss_of(active, card, facts)
    if not candidate < baseline:
        code = VerdictCode.WORSE_THAN_BASELINE
    elif not known:
        code = VerdictCode.NOT_KNOWN_BETTER
    elif other is not None and not candidate <= other:
        code = VerdictCode.WORSE_THAN_ACTIVE
    else:
        code = VerdictCode.FIRST if active is None else VerdictCode.BETTER
    return Verdict(code=code, candidate=candidate, baseline=baseline, active=other, gain=card.gain)


def decode_artifact(kind: ModelKind, artifact: bytes) -> Propensity | LifetimeValue:
    """Return what predicts of a kind that scores."""
    if kind is ModelKind.LIFETIME_VALUE:
        return msgspec.json.decode(artifact, type=LifetimeValue)
    return msgspec.json.decode(artifact, type=Propensity)


def _loss_of(artifact: bytes, card: Card, facts: Facts) -> float | None:
    model = decode_artifact(card.kind, artifact)
    until = to_day(card.data_until)
    if isinstance(model, LifetimeValue):
        found = forecast_until(model, facts, since=to_day(card.holdout_from), until=until)
        if found is None:
            return None
        expected, actual, _ = found
        return float(np.abs(expected - actual).mean())
    outcomes = list_outcomes(card.kind, facts, until=until, days=card.horizon_days)
    if isinstance(outcomes, Lack):
        return None
    losses, _ = losses_of(model, facts, split_by_time(outcomes).test)
    return float(losses.mean())
