"""The crash harness in short: it finds nothing wrong, and without durability it does."""

import pytest
from benchmarks.crash import run


@pytest.mark.slow
def test_what_was_acknowledged_survives_any_kill() -> None:
    report = run(2, seed=2)
    assert report.is_clean, report
    assert report.acknowledged > 0
    assert report.unanswered > 0


@pytest.mark.slow
def test_without_durability_losses_are_found() -> None:
    report = run(2, seed=3, durable=False)
    assert report.lost > 0, report
