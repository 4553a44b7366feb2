"""``kaquan evaluate policy`` on files."""

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from insight.policy.samples import only, simulated
from kaquan.cli.app import cli
from kaquan.cli.evaluate_policy import read_costs
from kaquan.runtime import InvalidInput

ROWS = simulated(300, differ=0.3, seed=1)


def write(path: Path, columns: dict[str, list[object]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def arguments(folder: Path, train: dict[str, list[object]]) -> list[str]:
    test = only(ROWS, "customer_no", "x", "colour")
    files = write(folder / "a.csv", train), write(folder / "b.csv", test)
    return [
        "evaluate", "policy", "--train", str(files[0]), "--test", str(files[1]),
        "--arm", "arm", "--control", "none", "--outcome", "bought", "--value", "2",
        "--cost", "a=0.1,b=0.2", "--assign", str(folder / "out.csv"),
    ]  # fmt: skip


def test_it_prints_json_and_writes_a_line_for_each_row(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, [*arguments(tmp_path, ROWS), "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["certified"] is False
    assert found["best_uniform_arm"] in {"none", "a", "b"}
    lines = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert [line["customer_no"] for line in lines] == [str(no) for no in ROWS["customer_no"]]
    assert {line["arm"] for line in lines} <= {"none", "a", "b"}
    again = CliRunner().invoke(cli, [*arguments(tmp_path, ROWS), "--json"])
    assert again.stdout == done.stdout


def test_it_says_in_words_what_it_found(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, arguments(tmp_path, ROWS))
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Not certified: ")
    assert "Best uniform policy" in done.stdout
    assert "Seed 1." in done.stdout


def test_what_cannot_be_said_has_an_exit_code_of_its_own(tmp_path: Path) -> None:
    nothing = {**ROWS, "bought": list[object]([0] * 300)}
    done = CliRunner().invoke(cli, [*arguments(tmp_path, nothing), "--json"])
    assert done.exit_code == 3
    assert json.loads(done.stdout)["policy_value"] is None
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 301


@pytest.mark.parametrize(
    ("extra", "field"),
    [
        (["--cost", "a=much"], "--cost"),
        (["--value", "nan"], "--value"),
        (["--budget", "-1"], "--budget"),
        (["--outcome", "sales"], "--outcome"),
    ],
)
def test_bad_input_names_the_option(tmp_path: Path, extra: list[str], field: str) -> None:
    done = CliRunner().invoke(cli, [*arguments(tmp_path, ROWS), *extra])
    assert isinstance(done.exception, InvalidInput)
    assert done.exception.field == field


def changed(rows: int, **columns: list[object]) -> dict[str, list[object]]:
    """The first rows of the file, with some columns put in place of its own."""
    return {name: columns.get(name, values)[:rows] for name, values in ROWS.items()}


ARM_A: list[object] = ["a" if one == "b" else one for one in ROWS["arm"]]


@pytest.mark.parametrize(
    ("reason", "code", "train", "extra"),
    [
        ("one_arm", 3, changed(12), []),
        ("one_arm", 3, changed(300, arm=["a"] * 300), ["--control", "a"]),
        ("no_variance", 3, changed(300, bought=[0] * 300), []),
        ("no_variance", 3, changed(300, bought=[1] * 300), []),
        (
            "too_few_people",
            3,
            changed(300, customer_no=[number % 9 for number in range(300)]),
            ["--customer", "customer_no"],
        ),
        ("too_few_rows", 0, changed(90), []),
        ("no_features", 0, changed(300, x=[1] * 300, colour=["red"] * 300, arm=ARM_A), []),
        ("no_choice", 0, changed(300, arm=ARM_A), ["--budget", "0"]),
    ],
)
def test_what_cannot_be_said_is_told_in_both_languages(
    tmp_path: Path, reason: str, code: int, train: dict[str, list[object]], extra: list[str]
) -> None:
    done = CliRunner().invoke(cli, [*arguments(tmp_path, train), *extra, "--json"])
    assert done.exit_code == code, done.output
    found = json.loads(done.stdout)
    assert (found["reason"], found["certified"]) == (reason, False)
    assert any("\u4e00" <= letter <= "\u9fff" for letter in found["why_zh"])
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in found["why"])
    assert "{" not in found["why"] + found["why_zh"]
    if code == 3:
        assert [found[name] for name in ("policy_value", "difference", "best_uniform_value")] == [
            None
        ] * 3


def test_an_arm_without_a_cost_is_refused_by_name(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, [*arguments(tmp_path, ROWS), "--cost", "a=0.1"])
    assert isinstance(done.exception, InvalidInput)
    assert (done.exception.field, "b" in done.exception.message) == ("--cost", True)


@pytest.mark.parametrize(
    ("text", "costs"),
    [
        ("a=1,b=0.5", {"a": 1.0, "b": 0.5}),
        ("Mens E-Mail = 1", {"Mens E-Mail": 1.0}),
        ("5 off, twice=5,x=y=2", {"5 off, twice": 5.0, "x=y": 2.0}),
    ],
)
def test_costs_are_read(text: str, costs: dict[str, float]) -> None:
    assert read_costs(text) == costs


@pytest.mark.parametrize("text", ["a", "a=1,b", "=1", "a=-1", "a=inf", "a=1,a=2"])
def test_costs_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_costs(text)
