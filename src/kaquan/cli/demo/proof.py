"""What the measured campaign showed, beside the truth that was put in, as the product reads it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

import msgspec

from kaquan.campaigns import Campaign, find_campaign
from kaquan.cli.demo.autumn import EXPERIMENT, NAME, REHEARSAL, AutumnFacts, read_facts
from kaquan.cli.demo.response import SMALL
from kaquan.experiments import HOLDOUT, count_placements, get_experiment
from kaquan.insight import (
    Comparison,
    ExperimentResults,
    NoComparison,
    read_results,
    report_campaign,
    sentence,
)
from kaquan.runtime import Tx

Language = Literal["zh", "en"]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A coupon: its households, what its margin a household was found to be above the held-out's,
    and what it truly is. Minor units.
    """

    arm: str
    households: int
    truth_minor: float
    found: Comparison | NoComparison

    @property
    def covered(self) -> bool | None:
        """Whether the interval that holds however often one looks has the truth in it; None without
        an interval.
        """
        if isinstance(self.found, NoComparison):
            return None
        return self.found.always_low <= self.truth_minor <= self.found.always_high


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """The campaign, its experiment against the held-out, the two coupons against each other, and
    the rehearsal, all read by the product's own analysis.
    """

    campaign: Campaign
    facts: AutumnFacts
    results: ExperimentResults
    between: ExperimentResults
    rehearsal: ExperimentResults
    verdict: dict[Language, str]

    @property
    def rows(self) -> Iterator[Row]:
        """The coupons, in the order of the results; none where nobody was held out."""
        if self.results.control != HOLDOUT:
            return
        truth = {one.coupon: one.margin_minor for one in self.facts.truth}
        sizes = {size.arm: size.assigned for size in self.results.sizes}
        for one in self.results.reading.comparisons:
            yield Row(
                arm=one.arm,
                households=sizes[one.arm],
                truth_minor=truth[one.arm],
                found=one,
            )

    @property
    def is_quiet(self) -> bool:
        """Whether the rehearsal shows no lift, as it must, there having been none."""
        return not any(
            isinstance(one, Comparison) and one.certain
            for one in self.rehearsal.reading.comparisons
        )


async def read_proof(tx: Tx, *, now: datetime) -> Proof:
    """Read campaign, experiment and rehearsal as they stand, at ``now``."""
    campaign = await find_campaign(tx, NAME)
    assert campaign is not None
    experiment = await get_experiment(tx, EXPERIMENT)
    rehearsed = await get_experiment(tx, REHEARSAL)
    report = await report_campaign(tx, campaign.id, now=now)
    arms = await count_placements(tx, [experiment.id, rehearsed.id])
    # Of a handful of households the holdout may have none, and there is nothing to compare with.
    control = HOLDOUT if all(HOLDOUT in drawn for drawn in arms.values()) and arms else None
    return Proof(
        campaign=campaign,
        facts=read_facts(campaign),
        results=await read_results(tx, experiment, control=control, now=now),
        between=await read_results(tx, experiment, control=SMALL.name, now=now),
        rehearsal=await read_results(tx, rehearsed, control=control, now=now),
        verdict={language: sentence(report, language) for language in ("en", "zh")},
    )
