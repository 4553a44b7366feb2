"""Made-up people: who they are, who is entered twice, and what the search makes of them."""

import phonenumbers
import pytest

from kaquan.cli.demo.people import (
    Entry,
    Judged,
    enter_again,
    judge_pairs,
    list_beside,
    make_up_head,
    make_up_household,
)
from kaquan.customers import PersonRecord

NUMBERS = range(1, 2_501)


@pytest.fixture(scope="module")
def heads() -> dict[int, PersonRecord]:
    return {number: make_up_head(number, None) for number in NUMBERS}


def test_nobody_can_be_called_or_written_to(heads: dict[int, PersonRecord]) -> None:
    people = [one for number in NUMBERS for one in make_up_household(number)]
    phones = {one.phone or "" for one in people}
    assert all(phone[5:10] == "55501" for phone in phones)
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(phone)) for phone in phones)
    hosts = {one.email.partition("@")[2] for one in people if one.email is not None}
    assert hosts == {"example.com", "example.org", "example.net"}
    assert all(one.email is not None for one in heads.values())


def test_no_two_households_share_a_phone(heads: dict[int, PersonRecord]) -> None:
    assert len({head.phone for head in heads.values()}) == len(heads)


@pytest.mark.parametrize(
    ("age", "born"),
    [("19-24", (1993, 1998)), ("45-54", (1963, 1972)), ("65+", (1932, 1952))],
    ids=["young", "middle", "old"],
)
def test_birthdays_fit_the_age_that_the_data_says(age: str, born: tuple[int, int]) -> None:
    years = {
        head.birth_date.year
        for number in range(1, 200)
        if (head := make_up_head(number, age)).birth_date is not None
    }
    assert born[0] <= min(years) <= max(years) <= born[1]


def test_who_is_entered_beside_is_the_same_whoever_else_is_there(
    heads: dict[int, PersonRecord],
) -> None:
    everybody = list(list_beside(heads.items()))
    some = list(list_beside((number, heads[number]) for number in range(100, 300)))
    assert some == [one for one in everybody if 100 <= one.number < 300]
    counts = {entry: sum(one.entry is entry for one in everybody) for entry in Entry}
    assert 120 < counts[Entry.SECOND_RECORD] < 200
    assert all(counts.values())


def test_a_second_record_differs_in_something(heads: dict[int, PersonRecord]) -> None:
    for number, head in heads.items():
        again = enter_again(head, number)
        assert again.id != head.id
        assert any(
            getattr(again, field) != getattr(head, field)
            for field in ("name", "email", "phone", "birth_date", "address_line")
        )


def test_judging_knows_no_order_and_no_share_of_nothing() -> None:
    truth: set[frozenset[str]] = {frozenset(("a", "b")), frozenset(("c", "d"))}
    judged = judge_pairs([("b", "a"), ("a", "c")], truth)
    assert (judged.precision, judged.recall) == (0.5, 0.5)
    assert Judged(pairs=0, right=0, known=0).precision is None
    assert Judged(pairs=0, right=0, known=0).recall is None
