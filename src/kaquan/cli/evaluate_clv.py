"""``kaquan evaluate clv``: what customers will buy, learnt from a plain file of purchases."""

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from kaquan.runtime import utc_now

TOO_LITTLE = 3
AHEAD = timedelta(days=1)
"""Somewhere it is tomorrow already."""


def clv(
    transactions: Annotated[
        Path, typer.Option(help="CSV, spaced or Parquet file, a purchase a row.")
    ],
    customer: Annotated[
        str, typer.Option(help="Column with the customer's id, by name, or by number if no header.")
    ],
    date: Annotated[str, typer.Option(help="Column with the date.")],
    amount: Annotated[str, typer.Option(help="Column with the amount.")],
    train_until: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day that is learnt from.")
    ],
    horizon_weeks: Annotated[float, typer.Option(min=0.1, max=1040, help="Weeks to forecast.")],
    out: Annotated[Path, typer.Option(help="CSV file to write, a customer a row.")],
    date_format: Annotated[
        str | None, typer.Option(help="How dates are written, such as %d.%m.%Y.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the intervals' random numbers.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Forecast each customer's purchases and their value.

    Purchases after --train-until are never learnt from; when the file has the whole horizon, the
    forecast is compared with them. Exit code 1: input that cannot be used, with the option it is
    about; 3: too little data to say anything.
    """
    from kaquan.cli.clv_forecast import forecast_file
    from kaquan.insight.lifetime import Columns

    enough = forecast_file(
        transactions,
        Columns(customer=customer, date=date, amount=amount, date_format=date_format),
        train_until=train_until.date(),
        weeks=horizon_weeks,
        out=out,
        seed=seed,
        today=utc_now().date() + AHEAD,
        as_json=as_json,
    )
    if not enough:
        sys.exit(TOO_LITTLE)
