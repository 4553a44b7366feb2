"""Regret and coverage where the truth is known: simulated redemption on real customers.

Customers are Hillstrom's. Each redeems by a rising, saturating curve of the face value whose
height and half-dose depend on the customer's history; a coupon costs its face value when used.
"""

from pathlib import Path

import msgspec
import numpy as np

from benchmarks.intelligence import hillstrom
from benchmarks.intelligence.nulls import LIGHT
from benchmarks.intelligence.told import Row, report_progress
from kaquan.insight.allocation import CostOn, Stakes, certify, choose_by_fold, learn
from kaquan.insight.uplift import Floats, Trial, randomised

SEED = 20260102
SIMULATIONS = 50
ROWS = 24_000
FACE_VALUES = np.array([0.0, 1.0, 2.0, 5.0, 10.0, 20.0])
MARGIN = 12.0


class World(msgspec.Struct, frozen=True, kw_only=True):
    """How much customers differ: 0 is one curve for all."""

    name: str
    spread: float


WORLDS = (
    World(name="customers alike", spread=0.0),
    World(name="customers differ", spread=1.5),
    World(name="differ much", spread=3.0),
)


def run(data: Path, rounds: int | None) -> list[Row]:
    """Print coverage of the interval, certificates, and regret beside the oracle's."""
    file = hillstrom.find(data)
    if file is None:
        return []
    told: list[Row] = []
    rounds = rounds or SIMULATIONS
    base = hillstrom.load(file, "visit")
    print(
        f"seed {SEED}; {rounds} simulations of {ROWS:,} customers, {len(FACE_VALUES)} face values"
    )
    print(
        "gains per customer over the best uniform policy, of what is learnt, deployed, and perfect"
    )
    print(
        f"{'world':<18} {'coverage':>8} {'certified':>9} {'false':>6} {'learnt':>8} {'deployed':>8}"
        f" {'oracle':>8}"
    )
    for world in WORLDS:
        found: list[tuple[float, ...]] = []
        for number in range(rounds):
            found.append(_simulate(base, world, SEED + number))
            report_progress(f"simulations, {world.name}", number + 1, rounds)
        results = np.array(found)
        covered, certified, false, learnt, deployed, oracle = results.mean(axis=0).tolist()
        print(
            f"{world.name:<18} {covered:>8.1%} {certified:>9.0%} {false:>6.1%} {learnt:>8.4f}"
            f" {deployed:>8.4f} {oracle:>8.4f}",
            flush=True,
        )
        told.append(
            {
                "world": world.name,
                "coverage": covered,
                "certified": certified,
                "false": false,
                "gain_learnt": learnt,
                "gain_deployed": deployed,
                "gain_oracle": oracle,
                "rounds": rounds,
                "seed": SEED,
            }
        )
    return told


def _simulate(base: Trial, world: World, seed: int) -> tuple[float, ...]:
    """Return covered, certified, falsely so, and the gains learnt, deployed and the oracle's."""
    random = np.random.default_rng(seed)
    customers = base.take(random.permutation(len(base.arm))[:ROWS])
    chance = _chances(customers.features, world.spread)
    arm = random.integers(0, len(FACE_VALUES), ROWS)
    outcome = (random.random(ROWS) < chance[np.arange(ROWS), arm]).astype(np.float64)
    trial = Trial(
        features=customers.features,
        categorical=customers.categorical,
        arm=arm,
        outcome=outcome,
        propensity=randomised(arm, len(FACE_VALUES)),
    )
    stakes = Stakes(value=MARGIN, cost=FACE_VALUES, cost_on=CostOn.OUTCOME)
    learnt = learn(trial, stakes, seed=seed, doses=FACE_VALUES, plan=LIGHT)
    found = certify([learnt], trial)
    net = chance * (MARGIN - FACE_VALUES)
    uniform = float(net.mean(axis=0).max())
    truly = float((net * choose_by_fold(learnt, budget=None)).sum(axis=1).mean()) - uniform
    gap = found.difference
    covered = gap is None or gap.low <= truly <= gap.high
    oracle = float(net.max(axis=1).mean()) - uniform
    deployed = truly if found.certified else float(net.mean(axis=0) @ found.best.shares) - uniform
    false = found.certified and truly <= 0
    return float(covered), float(found.certified), float(false), truly, deployed, oracle


def _chances(features: Floats, spread: float) -> Floats:
    """Chance of redeeming each face value: base + height · d / (d + half)."""
    history = np.nan_to_num(features[:, 2], nan=100.0)
    rank = np.argsort(np.argsort(history)) / len(history) - 0.5
    recency = (np.nan_to_num(features[:, 0], nan=6.0) - 6.0) / 12.0
    start = 0.05 + 0.125 * spread * (0.5 + rank)
    height = np.clip(0.35 - 0.6 * spread * rank, 0.0, 0.8)
    half = 4.0 * np.exp(3.0 * spread * recency)
    dose = FACE_VALUES / (FACE_VALUES + half[:, None])
    return np.clip(start[:, None] + height[:, None] * dose, 0.0, 0.95)
