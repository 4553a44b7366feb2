"""Policies from plain files: what is written, what is said, and what cannot be."""

import numpy as np
import pytest

from insight.policy.samples import only, request_of, simulated, table_of
from kaquan.insight.allocation import LearningPlan
from kaquan.insight.policy import PolicyRequest, PolicyResult, evaluate_policy
from kaquan.insight.tabular import Table
from kaquan.insight.uplift import TreePlan
from kaquan.runtime import InvalidInput

LIGHT = LearningPlan(
    outcome=TreePlan(rounds=12, leaves=4, learning_rate=0.2),
    effect=TreePlan(rounds=12, leaves=4, learning_rate=0.2, shrinkage=20.0),
)

FEATURES = ("customer_no", "x", "colour", "joined", "same")
DIFFERING = simulated(2400, differ=0.3, seed=1)
TEST = simulated(900, differ=0.3, seed=2)
TRAIN_TABLE = table_of(DIFFERING)
TEST_TABLE = table_of(TEST, name="test.csv")
PLAIN_TEST = table_of(only(TEST, *FEATURES), name="test.csv")


def evaluate(train: Table, test: Table, request: PolicyRequest) -> PolicyResult:
    """By few small trees: the tests are about what is done with them."""
    return evaluate_policy(train, test, request, plan=LIGHT)


def test_customers_who_differ_get_their_own_arms() -> None:
    result = evaluate(TRAIN_TABLE, PLAIN_TEST, request_of())
    found = result.evaluation
    assert (found.status, found.certified, found.reason) == ("certified", True, "better")
    assert found.basis == "train_folds"
    assert found.difference_low is not None
    assert found.difference_low > 0
    assert found.left_out == {
        "customer_no": "an identifier: every row has its own",
        "same": "the same in every row",
    }
    assert result.identifiers == ["customer_no"]
    best = ["a" if float(str(x)) > 0 else "b" for x in TEST["x"] if x]
    chosen = [arm for arm, x in zip(result.chosen, TEST["x"], strict=True) if x]
    agreed = np.mean([one == other for one, other in zip(best, chosen, strict=True)])
    assert agreed > 0.9


def test_the_second_file_measures_but_never_teaches() -> None:
    blind = evaluate(TRAIN_TABLE, PLAIN_TEST, request_of())
    seen = evaluate(TRAIN_TABLE, TEST_TABLE, request_of())
    reversed_outcomes = {**TEST, "bought": [1 - int(str(value)) for value in TEST["bought"]]}
    contrary = evaluate(TRAIN_TABLE, table_of(reversed_outcomes, name="test.csv"), request_of())
    assert seen.chosen == blind.chosen == contrary.chosen
    assert seen.evaluation.train == blind.evaluation.train == contrary.evaluation.train
    assert (seen.evaluation.basis, blind.evaluation.test) == ("test", None)
    measured = seen.evaluation.difference
    assert measured is not None
    assert measured == pytest.approx(0.15, abs=0.08)
    assert any("contradicts" in said for said in contrary.evaluation.statements)


def test_customers_who_are_alike_get_one_arm() -> None:
    alike = table_of(simulated(1500, differ=0.0, seed=3))
    result = evaluate(alike, PLAIN_TEST, request_of())
    found = result.evaluation
    assert (found.status, found.certified) == ("uniform", False)
    assert len(set(result.chosen)) == 1
    assert found.policy_value == found.best_uniform_value


def test_a_budget_is_never_exceeded() -> None:
    budgeted = evaluate(TRAIN_TABLE, PLAIN_TEST, request_of(budget=2.0))
    assert sum(arm != "none" for arm in budgeted.chosen) <= 200
    assert budgeted.evaluation.policy_cost_total == pytest.approx(2.0)
    alike = table_of(simulated(1500, differ=0.0, seed=3))
    costs = {"a": 0.0, "b": 0.01}
    lottery = evaluate(alike, PLAIN_TEST, request_of(budget=2.0, costs=costs))
    assert lottery.chosen.count("b") <= 200


@pytest.mark.parametrize("budget", [0, 0.0])
def test_a_budget_of_nothing_leaves_the_free_arm(budget: float) -> None:
    result = evaluate(TRAIN_TABLE, PLAIN_TEST, request_of(budget=budget))
    assert result.evaluation.reason == "no_choice"
    assert set(result.chosen) == {"none"}


def test_rows_of_few_customers_say_nothing() -> None:
    result = evaluate(table_of(simulated(12, differ=0.2, seed=4)), PLAIN_TEST, request_of())
    found = result.evaluation
    assert (found.status, found.reason) == ("cannot_say", "one_arm")
    assert (found.policy_value, found.best_uniform_value, found.difference) == (None, None, None)
    assert set(result.chosen) == {"none"}
    assert len(result.chosen) == 900


def test_some_rows_value_arms_but_teach_nothing_about_customers() -> None:
    result = evaluate(table_of(simulated(180, differ=0.2, seed=4)), PLAIN_TEST, request_of())
    found = result.evaluation
    assert (found.status, found.reason, found.difference) == ("uniform", "too_few_rows", None)
    assert found.best_uniform_low is not None


@pytest.mark.parametrize("outcome", [0, 1])
def test_outcomes_that_are_all_the_same_say_nothing(outcome: int) -> None:
    same = table_of({**DIFFERING, "bought": [outcome] * 2400})
    found = evaluate(same, PLAIN_TEST, request_of()).evaluation
    assert (found.status, found.reason, found.policy_value) == ("cannot_say", "no_variance", None)


def test_an_arm_that_is_missing_is_never_given() -> None:
    kept = [number for number, arm in enumerate(DIFFERING["arm"]) if arm != "b"]
    train = TRAIN_TABLE.take(np.array(kept))
    result = evaluate(train, PLAIN_TEST, request_of())
    assert "b" not in result.chosen
    assert any(said.startswith("Arm b occurs in no") for said in result.evaluation.statements)
    without_control = TRAIN_TABLE.take(np.array([arm != "none" for arm in DIFFERING["arm"]]))
    found = evaluate(
        without_control, PLAIN_TEST, request_of(costs={"a": 0.01, "b": 0.01, "none": 0.0})
    ).evaluation
    assert any("what any arm adds to no offer cannot be said" in one for one in found.statements)


def test_a_small_arm_beside_large_ones_is_not_planned_with() -> None:
    rare = [
        "b" if number % 50 == 0 else "a" if arm == "b" else arm
        for number, arm in enumerate(DIFFERING["arm"])
    ]
    found = evaluate(table_of({**DIFFERING, "arm": rare}), PLAIN_TEST, request_of()).evaluation
    assert "b" not in found.policy
    assert found.reason != "too_few_rows"
    assert any("Arm b has 48 usable training rows" in said for said in found.statements)


def test_a_test_file_that_cannot_be_measured_on_is_no_obstacle() -> None:
    for arm, outcome in (("zz", 1), ("a", ""), ("a", "x")):
        test = {**only(TEST, *FEATURES), "arm": [arm] * 900, "bought": [outcome] * 900}
        result = evaluate(TRAIN_TABLE, table_of(test, name="test.csv"), request_of())
        assert result.evaluation.test is None
        assert result.evaluation.certified
        assert any("test.csv" in said for said in result.evaluation.statements)


def test_a_policy_that_is_the_uniform_one_has_no_difference() -> None:
    dear = request_of(costs={"a": 1e6, "b": 1e6})
    found = evaluate(TRAIN_TABLE, PLAIN_TEST, dear).evaluation
    assert (found.reason, found.difference, found.best_uniform_arm) == ("all_alike", None, "none")


def test_a_column_recorded_with_the_outcome_is_left_out() -> None:
    random = np.random.default_rng(5)
    spent = [int(str(b)) * random.integers(5, 50) for b in DIFFERING["bought"]]
    leaky = {**only(DIFFERING, *FEATURES), "spent": spent, **only(DIFFERING, "arm", "bought")}
    test = {**only(TEST, *FEATURES), "spent": [0] * 900}
    found = evaluate(table_of(leaky), table_of(test, name="test.csv"), request_of()).evaluation
    assert "as if recorded together" in found.left_out["spent"]
    assert found.reason == "not_random"
    ignored = evaluate(
        table_of(leaky), table_of(test, name="test.csv"), request_of(ignore=("spent",))
    ).evaluation
    assert ignored.certified
    absent = evaluate(table_of(leaky), PLAIN_TEST, request_of()).evaluation
    assert absent.certified
    assert any("lacks spent" in said for said in absent.statements)


def test_arms_given_by_choice_are_not_certified_without_their_chances() -> None:
    random = np.random.default_rng(6)
    x = random.normal(size=2000)
    chance = np.where(x > 0, 0.8, 0.2)
    offered = random.random(2000) < chance
    columns = {
        "x": [f"{value:.3f}" for value in x],
        "arm": np.where(offered, "a", "none").tolist(),
        "bought": (random.random(2000) < 0.1 + 0.2 * (x > 0)).astype(np.int64).tolist(),
        "p": np.where(offered, chance, 1 - chance).tolist(),
    }
    test = table_of({"x": columns["x"][:500]}, name="test.csv")
    found = evaluate(
        table_of(columns), test, request_of(costs={"a": 0.01}, ignore=("p",))
    ).evaluation
    assert (found.certified, found.reason) == (False, "not_random")
    assert any("--propensity" in said for said in found.statements)
    # The offer does nothing: who bought, bought anyway.
    assert found.best_uniform_arm == "none"
    known = evaluate(
        table_of(columns), test, request_of(costs={"a": 0.01}, propensity="p")
    ).evaluation
    assert known.reason != "not_random"


def test_outcomes_missing_in_one_arm_are_no_fair_comparison() -> None:
    bought = [
        "" if arm == "a" and number % 4 == 0 else value
        for number, (arm, value) in enumerate(
            zip(DIFFERING["arm"], DIFFERING["bought"], strict=True)
        )
    ]
    found = evaluate(table_of({**DIFFERING, "bought": bought}), PLAIN_TEST, request_of()).evaluation
    assert found.reason == "not_random"
    assert any("missing more often in some arms" in said for said in found.statements)


def test_rows_of_one_person_count_once() -> None:
    people = {**DIFFERING, "customer_id": [number // 3 for number in range(2400)]}
    single = evaluate(TRAIN_TABLE, PLAIN_TEST, request_of()).evaluation
    found = evaluate(table_of(people), PLAIN_TEST, request_of()).evaluation
    assert any("same customer_id" in said for said in found.statements)
    assert "customer_id" not in found.features
    assert found.train is not None
    assert single.train is not None
    assert found.train.rows == single.train.rows


def test_the_same_seed_gives_the_same_answer() -> None:
    small = table_of(simulated(900, differ=0.25, seed=7))
    once, again = (evaluate(small, TEST_TABLE, request_of(seed=3)) for _ in range(2))
    assert (once.evaluation, once.chosen) == (again.evaluation, again.chosen)
    assert once.predicted is not None
    assert again.predicted is not None
    assert (once.predicted.net == again.predicted.net).all()


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"arm": "colours"}, "--arm", "has no column colours"),
        ({"outcome": "colour"}, "--outcome", "which is no number"),
        ({"outcome": "arm"}, "--outcome", "same column"),
        ({"control": "nobody"}, "--control", "No row of train.csv has arm nobody"),
        ({"costs": {"a": 1.0}}, "--cost", "No cost is given for b"),
        ({"propensity": "x"}, "--propensity", "chances above 0"),
        ({"budget": 1.0, "costs": {"none": 1, "a": 1, "b": 1}}, "--budget", "no arm costs less"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_makes_no_sense_is_refused(
    changes: dict[str, object], field: str, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message) as refused:
        evaluate(TRAIN_TABLE, PLAIN_TEST, request_of(**changes))
    assert refused.value.field == field


def test_an_outcome_beyond_all_reckoning_is_refused() -> None:
    vast = table_of({**DIFFERING, "bought": [1e300, *DIFFERING["bought"][1:]]})
    with pytest.raises(InvalidInput, match="beyond") as refused:
        evaluate(vast, PLAIN_TEST, request_of())
    assert refused.value.field == "--outcome"


def test_files_without_rows_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no rows to choose"):
        evaluate(TRAIN_TABLE, PLAIN_TEST.take(np.zeros(0, dtype=np.int64)), request_of())
    with pytest.raises(InvalidInput, match="no rows to learn"):
        evaluate(TRAIN_TABLE.take(np.zeros(0, dtype=np.int64)), PLAIN_TEST, request_of())


def test_chances_that_the_second_file_does_not_tell_are_not_made_up() -> None:
    """Shares of arms would stand for them wrongly: with the column it measures, without not."""
    request = request_of(propensity="chance")
    train = table_of(DIFFERING | {"chance": [1 / 3] * len(DIFFERING["arm"])})
    known = table_of(TEST | {"chance": [1 / 3] * len(TEST["arm"])}, name="test.csv")
    measured = evaluate(train, known, request).evaluation
    assert measured.basis == "test"
    silent = evaluate(train, TEST_TABLE, request).evaluation
    assert silent.basis == "train_folds"
    assert any("lacks chance" in said for said in silent.statements)
