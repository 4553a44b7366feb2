"""The whole shop against a tiny one in plain Python; broken on purpose, it must be found out."""

import pytest

from kaquan.runtime import Database
from simulation.reference.play import Reference
from simulation.run import Diverged, Simulation
from simulation.sabotage import SYSTEMS, WithoutBudgets
from simulation.system import System

STEPS = 6000
FEW_STEPS = 1500
FEW_CUSTOMERS = 80


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 5))
async def test_the_shop_does_what_the_reference_does(database: Database, seed: int) -> None:
    report = await Simulation(database, seed=seed).run(STEPS)
    assert report.steps == STEPS
    # The run was worth its time: the verbs that matter went well, and were refused, many times.
    assert min(report.crashes, report.repetitions) > 100
    for often in ("Redeem: redeemed", "Redeem: refused", "RollBack: rolled back"):
        assert report.outcomes[often] > 100, often


async def test_a_seed_repeats_its_run_exactly(database: Database) -> None:
    first, again, other = [
        await Simulation(database, seed=seed, population=FEW_CUSTOMERS).run(300)
        for seed in (7, 7, 8)
    ]
    assert first == again
    assert first.digest != other.digest


@pytest.mark.slow
@pytest.mark.parametrize("broken", SYSTEMS)
async def test_a_broken_verb_is_found_out(database: Database, broken: type[System]) -> None:
    simulation = Simulation(
        database, seed=2, system=broken(), population=FEW_CUSTOMERS, compare_every=250
    )
    with pytest.raises(Diverged):
        await simulation.run(FEW_STEPS)


async def test_a_broken_reference_is_found_out(database: Database) -> None:
    reference = Reference(WithoutBudgets())
    simulation = Simulation(database, seed=3, reference=reference, population=FEW_CUSTOMERS)
    with pytest.raises(Diverged) as difference:
        await simulation.run(FEW_STEPS)
    said = str(difference.value)
    assert said.startswith("seed 3, step ")
    assert "expected: " in said
    assert "make simulate SEED=3 STEPS=" in said
