"""``kaquan evaluate experiment``: what an experiment showed, from its summary."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from kaquan.runtime import InvalidInput

if TYPE_CHECKING:
    from kaquan.insight.experiment import Reading

NOTHING_TO_SAY = 3


def experiment(
    summary: Annotated[Path, typer.Option(help="JSON file with the arms' counts and sums.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare an experiment's arms with its control.

    The file has arms with name, n, sum and sum_squares (or mean and sd), optionally pre (sum,
    sum_squares, sum_products) for CUPED, and control, kind (mean, proportion, ratio with a
    denominator), expected_shares, planned_n; with strata (parts of each arm by name) it is
    post-stratified too. Exit code 3: nothing can be said of any arm.
    """
    from kaquan.insight.experiment import (
        NoComparison,
        parse_summary,
        read_experiment,
        stratify_summary,
    )

    try:
        data: Any = msgspec.json.decode(summary.read_bytes())
    except msgspec.DecodeError as error:
        message = f"{summary} is not JSON: {error}"
        raise InvalidInput(message, field="summary") from error
    given = parse_summary(data)
    reading, stratified = read_experiment(given), stratify_summary(given)
    if as_json:
        report = msgspec.to_builtins(reading) | {"verdicts": _verdicts(reading)}
        if stratified:
            report["stratified"] = msgspec.to_builtins(stratified)
        typer.echo(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
    else:
        for sentences in _verdicts(reading).values():
            typer.echo(sentences["en"])
            typer.echo(sentences["zh"])
        for one in stratified:
            typer.echo(f"stratified: {msgspec.json.encode(one).decode()}")
        for note in reading.notes:
            typer.echo(f"note: {note}")
    if all(isinstance(one, NoComparison) for one in reading.comparisons):
        sys.exit(NOTHING_TO_SAY)


def _verdicts(reading: "Reading") -> dict[str, dict[str, str]]:
    from kaquan.insight.experiment import tell_verdict

    return {
        one.arm: {
            "en": tell_verdict(reading, one, "en"),
            "zh": tell_verdict(reading, one, "zh"),
        }
        for one in reading.comparisons
    }
