"""``kaquan evaluate policy``: who gets which arm, what it is worth, and whether that is known.

Exit codes: 0 when the policies were valued (certified or not), 3 when the training file says
nothing about any policy, 1 for files, columns, costs or a budget that make no sense.
"""

import csv
import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table as RichTable

from kaquan.runtime import InvalidInput

if TYPE_CHECKING:
    from kaquan.insight.policy import PolicyEvaluation, PolicyResult
    from kaquan.insight.tabular import Table

NOTHING_TO_SAY = 3


class CostFallsDue(StrEnum):
    """When an arm's cost falls due."""

    SEND = "send"
    OUTCOME = "outcome"


def policy(
    train: Annotated[Path, typer.Option(help="CSV to learn from: features, arm, outcome.")],
    test: Annotated[Path, typer.Option(help="CSV of the customers to choose arms for.")],
    arm: Annotated[str, typer.Option(help="Column with the arm that the customer got.")],
    control: Annotated[str, typer.Option(help="The arm that is no offer.")],
    outcome: Annotated[str, typer.Option(help="Column with the outcome, a number or yes/no.")],
    value: Annotated[float, typer.Option(help="What one unit of outcome is worth.")],
    cost: Annotated[str, typer.Option(help="ARM=C,…: each arm's cost; the control's is 0.")],
    assign: Annotated[Path, typer.Option(help="Where to write the arm chosen for each row.")],
    cost_on: Annotated[
        CostFallsDue,
        typer.Option(help="Costs fall due for everybody sent to, or once per outcome above zero."),
    ] = CostFallsDue.SEND,
    budget: Annotated[
        float | None, typer.Option(help="The most that all rows of --test may cost together.")
    ] = None,
    ignore: Annotated[
        str, typer.Option(help="Columns not to learn from, such as what came after the arm.")
    ] = "",
    propensity: Annotated[
        str | None, typer.Option(help="Column with the chance of the arm that the row got.")
    ] = None,
    customer: Annotated[
        str | None, typer.Option(help="Column that numbers customers with several rows.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same figures.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Learn from one file who should get which arm, and choose for the rows of another.

    Writes a personalised policy only if it is certified to beat the best uniform one at equal
    spend, else the uniform one. Exit codes: 0 valued, 3 nothing can be said (the cheapest arm is
    written), 1 bad input.
    """
    from kaquan.insight.allocation import CostOn
    from kaquan.insight.policy import PolicyRequest, evaluate_policy
    from kaquan.insight.tabular import read_csv

    request = PolicyRequest(
        arm=arm,
        control=control,
        outcome=outcome,
        value=_finite("--value", value),
        costs=read_costs(cost),
        cost_on=CostOn(cost_on),
        budget=None if budget is None else _not_negative("--budget", budget),
        ignore=tuple(name.strip() for name in ignore.split(",") if name.strip()),
        propensity=propensity,
        customer=customer,
        seed=seed,
    )
    table = read_csv(test)
    result = evaluate_policy(read_csv(train), table, request)
    write_assignment(assign, result, table)
    if as_json:
        typer.echo(msgspec.json.encode(result.evaluation).decode())
    else:
        _print(result.evaluation, assign)
    if result.evaluation.status == "cannot_say":
        raise typer.Exit(NOTHING_TO_SAY)


def read_costs(text: str) -> dict[str, float]:
    """Read ``ARM=C,…``; names may hold blanks, and commas where no cost would be left without.

    Raises InvalidInput for what is no list of arms with costs of zero or more.
    """
    costs: dict[str, float] = {}
    pending = ""
    for piece in text.split(","):
        pending = f"{pending},{piece}" if pending else piece
        name, equals, amount = pending.rpartition("=")
        if not equals:
            continue
        if name.strip() in costs:
            message = f"Two costs are given for {name.strip()}."
            raise InvalidInput(message, field="--cost")
        costs[name.strip()] = _amount(name.strip(), amount)
        pending = ""
    if pending.strip() or not all(costs):
        message = f"{text!r} is no list such as red=0.5,blue=1."
        raise InvalidInput(message, field="--cost")
    return costs


def write_assignment(path: Path, result: "PolicyResult", test: "Table") -> None:
    """Write a line for each row of the test file, in its order; the last column is ``arm``."""
    names = result.identifiers
    columns = [test.columns[name].texts() for name in names]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*names, "arm"])
        writer.writerows(zip(*columns, result.chosen, strict=True))


def _amount(name: str, text: str) -> float:
    try:
        return _not_negative("--cost", float(text))
    except ValueError:
        message = f"The cost of {name or 'an arm'} is {text.strip()!r}, which is no number."
        raise InvalidInput(message, field="--cost") from None


def _finite(option: str, number: float) -> float:
    if not math.isfinite(number):
        message = f"{option} must be a finite number, not {number}."
        raise InvalidInput(message, field=option)
    return number


def _not_negative(option: str, number: float) -> float:
    if _finite(option, number) < 0:
        message = f"{option} must be zero or more, not {number:g}."
        raise InvalidInput(message, field=option)
    return number


def _print(found: "PolicyEvaluation", assign: Path) -> None:
    console = Console(soft_wrap=True, highlight=False)
    verdict = {"certified": "Certified", "uniform": "Not certified", "cannot_say": "Cannot say"}
    console.print(f"{verdict[found.status]}: {found.why}", markup=False)
    table = RichTable("arm", "rows", "outcome", "cost", "value if all got it", "95 %", box=None)
    for arm in found.arms:
        table.add_row(
            arm.arm,
            f"{arm.rows:,}",
            _show(arm.mean_outcome),
            f"{arm.cost:g}",
            _show(arm.value.value if arm.value else None),
            f"{_show(arm.value.low)} to {_show(arm.value.high)}" if arm.value else "",
        )
    console.print(table)
    if found.best_uniform is not None:
        shares = ", ".join(f"{share:.1%} {arm}" for arm, share in found.best_uniform.items())
        console.print(f"Best uniform policy: {shares}", markup=False)
        console.print(
            f"Per customer, on {'the test file' if found.basis == 'test' else 'training folds'}:"
            f" written {_show(found.policy_value)}, uniform {_show(found.best_uniform_value)},"
            f" personal {_show(found.personalised_value)}; difference {_show(found.difference)}"
            f" ({_show(found.difference_low)} to {_show(found.difference_high)})",
            markup=False,
        )
    written = ", ".join(f"{share:.1%} {arm}" for arm, share in found.policy.items())
    console.print(f"{assign}: {written} of {found.test_rows:,} rows", markup=False)
    for statement in found.statements:
        console.print(f"- {statement}", markup=False)
    console.print(f"Seed {found.seed}.")


def _show(number: float | None) -> str:
    return "–" if number is None else f"{number:.4g}"
