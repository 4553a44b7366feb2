"""The measured campaign and the search for duplicates in words that a marketer understands."""

from collections.abc import Iterator

from rich.table import Table

from kaquan.cli.demo.autumn import DAYS, FIRST_DAY, NAME
from kaquan.cli.demo.model import StepReport
from kaquan.cli.demo.proof import Proof
from kaquan.experiments import HOLDOUT
from kaquan.insight import (
    SMALLEST_ARM,
    Comparison,
    ExperimentResults,
    advise,
    needed_in_all,
    say_advice,
    say_compared,
)
from kaquan.runtime import format_money

CURRENCY = "USD"


def proof_table(proof: Proof) -> Table:
    """Each coupon's margin a household beside the held-out's: found, with interval, and true."""
    table = Table("Coupon", title=f"{NAME}: did it pay?", title_justify="left")
    headings = ("households", "margin a\nhousehold", "interval", "truth\nput in", "inside")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in proof.rows:
        found = row.found
        if isinstance(found, Comparison):
            value = _signed(found.difference.value)
            span = f"{_signed(found.always_low)} … {_signed(found.always_high)}"
        else:
            value, span = "cannot be said", "–"
        inside = {True: "yes", False: "no", None: "–"}[row.covered]
        table.add_row(row.arm, f"{row.households:,}", value, span, _signed(row.truth_minor), inside)
    return table


def tell_proof(proof: Proof, answers: StepReport) -> dict[str, str]:
    """Say how the campaign was made, what it showed, and what to do."""
    return {
        NAME: _tell_design(proof, answers),
        "Size": _tell_size(proof),
        "A/A check": _tell_rehearsal(proof),
        "Result": " ".join([*_sentences(proof.results, "en"), *_tell_truth(proof)]),
        "What to do": _tell_next(proof),
        "结论": "".join(
            [*_sentences(proof.results, "zh"), say_advice(advise(proof.results), "zh")]
        ),
    }


def tell_doubles(step: StepReport) -> str:
    """Say how well the search for duplicates found those who were entered twice."""
    figures = step.figures
    twice, right, proposed = figures["second_records"], figures["right"], figures["proposed"]
    return (
        f"{twice:,} of the households were entered a second time with mistakes, and"
        f" {step.rows - twice:,} people who only seem the same were entered beside others. The"
        f" search proposes {proposed:,} pairs, of which {right:,} are right"
        f" (precision {_share(right, proposed)}); so it found {_share(right, twice)} of those"
        f" entered twice (recall). Certain enough to accept at once are {figures['sure']:,},"
        f" {figures['sure_right']:,} of them right. Nobody was merged: that is for you to decide."
    )


def _tell_design(proof: Proof, answers: StepReport) -> str:
    figures = answers.figures
    share = proof.campaign.holdout_bps // 100
    return (
        f"{DAYS} days from {FIRST_DAY.day} {FIRST_DAY:%B %Y}, {proof.facts.audience:,} households, {share} % of"
        " them held out. What they bought is real. Who answers the coupons is simulated by a"
        f" declared rule: {figures['extra_orders']:,} extra baskets ({_money(figures['extra_minor'])},"
        f" copies of earlier ones) and {figures['bought_anyway']:,} coupons used on baskets bought"
        f" anyway, {_money(figures['discount_minor'])} off in all."
    )


def _tell_size(proof: Proof) -> str:
    facts = proof.facts
    if facts.detectable_minor is None or facts.mean_minor is None:
        return (
            "From so few households nothing can be planned: what follows shows the way, and no"
            " conclusion is to be drawn from it."
        )
    text = (
        f"With {facts.audience:,} households a coupon that changes the margin of"
        f" {_money(facts.mean_minor)} a household by {_money(facts.detectable_minor)} or more would"
        " be noticed in four cases out of five."
    )
    smallest = min(size.counted for size in proof.results.sizes)
    if smallest < SMALLEST_ARM:
        text += (
            f" The smallest group has {smallest:,} households, fewer than {SMALLEST_ARM}: the"
            " figures show the way, and no conclusion is to be drawn from them."
        )
    return text


def _tell_rehearsal(proof: Proof) -> str:
    known = [c for c in proof.rehearsal.reading.comparisons if isinstance(c, Comparison)]
    begun = f"In the {DAYS} days before, the same households were held out and nobody got anything."
    if not known:
        return f"{begun} There are too few households to say anything of it."
    said = " ".join(_sentences(proof.rehearsal, "en"))
    if proof.is_quiet:
        return f"{begun} {said} No lift is shown, as it must be."
    return f"{begun} {said} A lift is shown where none is: so it goes in fewer than 5 of 100 draws."


def _tell_truth(proof: Proof) -> Iterator[str]:
    for row in proof.rows:
        if row.covered is not None:
            truth = f"The truth put in for {row.arm} is {_signed(row.truth_minor)},"
            yield (
                f"{truth} within the interval."
                if row.covered
                else f"{truth} outside of the interval: so it may go in 5 of 100 draws."
            )


def _tell_next(proof: Proof) -> str:
    advice = say_advice(advise(proof.results), "en")
    between = [
        one
        for one in proof.between.reading.comparisons
        if isinstance(one, Comparison) and one.arm != HOLDOUT
    ]
    if min(size.counted for size in proof.results.sizes) < SMALLEST_ARM or not between:
        return advice
    said = say_compared(proof.between, between[0], currency=CURRENCY, language="en")
    text = f"{advice} The two coupons against each other: {said}"
    needed = needed_in_all(between[0], proof.facts.audience)
    if not between[0].certain and needed is not None:
        text += (
            f" If it truly is that much, {needed:,} households in all would most likely show it."
        )
    return text


def _sentences(results: ExperimentResults, language: str) -> list[str]:
    return [
        say_compared(results, one, currency=CURRENCY, language="zh" if language == "zh" else "en")
        for one in results.reading.comparisons
    ]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


def _signed(amount_minor: float) -> str:
    return ("+" if amount_minor > 0 else "") + _money(round(amount_minor))


def _money(amount_minor: int) -> str:
    return format_money(amount_minor, currency=CURRENCY, language="en")
