"""The forecast of customers' purchases from a plain file: read, forecast, write, report."""

import csv
import math
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import typer

from kaquan.insight.lifetime import (
    Columns,
    Fit,
    Forecast,
    TooLittle,
    TransactionFile,
    count_purchases,
    forecast_purchases,
    merge_days,
    read_transactions,
)
from kaquan.runtime import InvalidInput

_EPOCH = date(1970, 1, 1)
_LONG_SILENCE_DAYS = 7


def forecast_file(
    path: Path,
    columns: Columns,
    *,
    train_until: date,
    weeks: float,
    out: Path,
    seed: int,
    today: date,
    as_json: bool,
) -> bool:
    """Write ``out``, print the report; False when there is too little data to say anything.

    Raises InvalidInput as ``read_transactions`` does, for a ``train_until`` before the first purchase
    or after ``today``, and for a place that cannot be written to.
    """
    _check_place(out)
    if train_until > today:
        message = f"{train_until} is in the future: nobody can have learnt until then."
        raise InvalidInput(message, field="train-until")
    file = read_transactions(path, columns, today=today)
    file = _note_silence(file, train_until)
    until_day = (train_until - _EPOCH).days
    forecast = forecast_purchases(file.transactions, until_day=until_day, weeks=weeks, seed=seed)
    if isinstance(forecast, TooLittle):
        said = {"forecast": None, "cause": forecast.cause, "notes": list(file.notes)}
        written = msgspec.json.encode(said).decode()
        typer.echo(written if as_json else f"No forecast: {forecast.cause}.")
        for note in () if as_json else file.notes:
            typer.echo(f"note: {note}")
        return False
    _write(out, file, forecast, customer=columns.customer)
    report = _report(file, forecast, until_day=until_day)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
    else:
        _print(report)
    return True


def _check_place(out: Path) -> None:
    if out.is_dir() or not out.parent.is_dir():
        message = f"{out} cannot be written: it is no file in a folder that is there."
        raise InvalidInput(message, field="out")


def _note_silence(file: TransactionFile, train_until: date) -> TransactionFile:
    """Say how long the file is silent before the last day that is learnt from."""
    first, last = (
        _EPOCH + timedelta(days=int(day))
        for day in (file.transactions.day.min(), file.transactions.day.max())
    )
    if first > train_until:
        message = f"No purchase was made until {train_until}; the first is of {first}."
        raise InvalidInput(message, field="train-until")
    silent = (train_until - last).days
    if silent < _LONG_SILENCE_DAYS:
        return file
    note = f"the last purchase is of {last}: the {silent} days after it count as days without any"
    return msgspec.structs.replace(file, notes=(*file.notes, note))


def _write(path: Path, file: TransactionFile, forecast: Forecast, *, customer: str) -> None:
    histories = forecast.histories
    header = [
        "customer" if customer.isdigit() else customer,
        "predicted_purchases",
        "predicted_purchases_low",
    ]
    header += ["predicted_purchases_high", "probability_alive", "predicted_amount"]
    header += ["predicted_value", "repeat_purchases", "recency_weeks", "age_weeks"]
    columns = (
        forecast.purchases,
        forecast.low,
        forecast.high,
        forecast.alive,
        forecast.amount,
        forecast.value,
        histories.frequency,
        histories.recency,
        histories.age,
    )
    numbers = np.column_stack(columns)
    with path.open("w", newline="", encoding="utf-8") as target:
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(header)
        for who, row in zip(histories.customer.tolist(), numbers.tolist(), strict=True):
            writer.writerow([file.customers[who], *(f"{value:.6g}" for value in row)])


def _report(file: TransactionFile, forecast: Forecast, *, until_day: int) -> dict[str, Any]:
    return {
        "customers": len(forecast.histories),
        "train_until": _day(until_day),
        "horizon_weeks": forecast.weeks,
        "model": forecast.model,
        "predicted_purchases": float(forecast.purchases.sum()),
        "predicted_purchases_interval_90": [forecast.total_low, forecast.total_high],
        "predicted_value": float(forecast.value.sum()),
        "parameters": {name: _fit(fit) for name, fit in forecast.fits},
        "gamma_gamma": None if forecast.amount_fit is None else _fit(forecast.amount_fit),
        "validation": [msgspec.to_builtins(one) for one in forecast.validated],
        "evaluation": _evaluate(file, forecast, until_day=until_day),
        "rows": file.rows,
        "date_format": file.date_format,
        "notes": [*file.notes, *forecast.notes],
    }


def _fit(fit: Fit) -> dict[str, Any]:
    return {
        "estimates": fit.parameters,
        "standard_errors": fit.standard_errors,
        "log_likelihood": fit.log_likelihood,
        "customers": fit.customers,
    }


def _evaluate(
    file: TransactionFile, forecast: Forecast, *, until_day: int
) -> dict[str, Any] | None:
    """Compare with what happened, when the file goes on to the end of the horizon."""
    end_day = until_day + round(forecast.weeks * 7)
    last_day = int(file.transactions.day.max())
    if last_day < end_day - 7:
        return None
    merged = merge_days(file.transactions)
    actual, amounts = count_purchases(
        merged, forecast.histories, after_day=until_day, until_day=end_day
    )
    errors = forecast.purchases - actual
    inside = (actual >= forecast.low) & (actual <= forecast.high)
    total = int(actual.sum())
    return {
        "until": _day(end_day),
        "actual_purchases": total,
        "total_error": None if total == 0 else float(forecast.purchases.sum() / total - 1),
        "mean_absolute_error": float(np.abs(errors).mean()),
        "root_mean_squared_error": math.sqrt(float((errors**2).mean())),
        "interval_coverage_90": float(inside.mean()),
        "actual_value": float(amounts.sum()),
    }


def _print(report: dict[str, Any]) -> None:
    low, high = report["predicted_purchases_interval_90"]
    typer.echo(
        f"{report['customers']} customers, learnt until {report['train_until']} ({report['model']})"
    )
    typer.echo(
        f"next {report['horizon_weeks']:g} weeks: {report['predicted_purchases']:.0f} purchases"
        f" (90 %: {low:.0f} to {high:.0f}), worth {report['predicted_value']:.2f}"
    )
    happened = report["evaluation"]
    if happened is not None:
        typer.echo(
            f"it became {happened['actual_purchases']}; mean absolute error a customer"
            f" {happened['mean_absolute_error']:.4f}"
        )
    else:
        typer.echo(
            "the file ends before the forecast weeks do, so there is nothing to compare with"
        )
    for note in report["notes"]:
        typer.echo(f"note: {note}")


def _day(number: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=number)
    return moment.date().isoformat()
