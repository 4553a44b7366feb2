"""``kaquan evaluate clv`` and ``evaluate experiment``, as an analyst runs them."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from cli.conftest import CalledLine


def _write_purchases(path: Path, customers: int) -> None:
    random = np.random.default_rng(4)
    with path.open("w") as file:
        file.write("member,bought,paid\n")
        for one in range(customers):
            days = np.unique(random.integers(0, 300, 2 + random.poisson(5)))
            for day in days.tolist():
                moment = np.datetime64("2024-01-01") + day
                file.write(f"m{one},{moment},{random.gamma(3, 10):.2f}\n")


def test_clv_writes_a_row_a_customer_and_compares(called_line: CalledLine, tmp_path: Path) -> None:
    purchases, out = tmp_path / "purchases.csv", tmp_path / "pred.csv"
    _write_purchases(purchases, 120)
    arguments = ["--transactions", str(purchases), "--customer", "member", "--date", "bought"]
    arguments += ["--amount", "paid", "--train-until", "2024-08-01", "--horizon-weeks", "8"]
    done = called_line.run("evaluate", "clv", *arguments, "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == report["customers"]
    total = sum(float(row["predicted_purchases"]) for row in rows)
    assert total == pytest.approx(report["predicted_purchases"], rel=1e-4)
    assert rows[0]["member"].startswith("m")
    assert report["evaluation"]["actual_purchases"] > 0
    assert abs(report["evaluation"]["total_error"]) < 0.25


def test_clv_says_when_there_is_too_little(called_line: CalledLine, tmp_path: Path) -> None:
    purchases = tmp_path / "purchases.csv"
    _write_purchases(purchases, 12)
    arguments = ["--transactions", str(purchases), "--customer", "member", "--date", "bought"]
    arguments += ["--amount", "paid", "--train-until", "2024-08-01", "--horizon-weeks", "8"]
    arguments += ["--out", str(tmp_path / "pred.csv")]
    done = called_line.run("evaluate", "clv", *arguments)
    assert done.returncode == 3
    assert "12 customers" in done.stdout
    assert not (tmp_path / "pred.csv").exists()
    wrong = called_line.run("evaluate", "clv", *["who" if a == "member" else a for a in arguments])
    assert wrong.returncode == 1
    assert "it has member, bought, paid" in wrong.stderr


def test_experiment_reads_a_summary(called_line: CalledLine, tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    arms = {"none": {"n": 400, "mean": 5.0, "sd": 2}, "mail": {"n": 380, "mean": 6.0, "sd": 2}}
    summary.write_text(json.dumps({"arms": arms}))
    done = called_line.run("evaluate", "experiment", "--summary", str(summary), "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["control"] == "none"
    assert report["comparisons"][0]["difference"]["value"] == pytest.approx(1.0)
    assert report["verdicts"]["mail"]["zh"].startswith("mail 比 none 高")
    told = called_line.run("evaluate", "experiment", "--summary", str(summary))
    assert "mail is above none by 1" in told.stdout
    summary.write_text(
        json.dumps({"arms": {"a": {"n": 0, "sum": 0, "sum_squares": 0}, "b": arms["mail"]}})
    )
    empty = called_line.run("evaluate", "experiment", "--summary", str(summary))
    assert empty.returncode == 3
    assert "nobody is in the arm a" in empty.stdout
    summary.write_text("{")
    broken = called_line.run("evaluate", "experiment", "--summary", str(summary))
    assert (broken.returncode, "is not JSON" in broken.stderr) == (1, True)
