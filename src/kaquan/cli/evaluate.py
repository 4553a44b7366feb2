"""``kaquan evaluate``: for analysts, on plain files, without a project."""

import typer

from kaquan.cli.evaluate_clv import clv
from kaquan.cli.evaluate_experiment import experiment
from kaquan.cli.evaluate_policy import policy

evaluate = typer.Typer(
    help="Evaluate policies, forecasts and experiments from plain files, without a project.",
    no_args_is_help=True,
)
evaluate.command(name="policy")(policy)
evaluate.command(name="clv")(clv)
evaluate.command(name="experiment")(experiment)
