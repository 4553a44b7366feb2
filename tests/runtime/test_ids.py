"""Identifiers sort by the time of their making and do not repeat."""

import re

import pytest

from kaquan.runtime import ids, new_id, new_ids


@pytest.mark.parametrize("prefix", ["v", "camp", "cust", "r"])
def test_shape(prefix: str) -> None:
    assert re.fullmatch(rf"{prefix}_[0-9a-v]{{20}}", new_id(prefix))


def test_ten_thousand_at_once_are_distinct() -> None:
    made = new_ids("v", 10_000)
    assert len(made) == len(set(made)) == 10_000
    assert new_ids("v", 0) == []


@pytest.mark.parametrize(
    ("earlier_ms", "later_ms"),
    [(0, 1), (31, 32), (1_772_366_400_000, 1_772_366_400_001), (2**40 - 1, 2**40), (0, 2**48 - 1)],
)
def test_order_is_that_of_time(
    monkeypatch: pytest.MonkeyPatch, earlier_ms: int, later_ms: int
) -> None:
    made: list[list[str]] = []
    for moment in (earlier_ms, later_ms):
        monkeypatch.setattr(ids.time, "time_ns", lambda moment=moment: moment * 1_000_000)
        made.append(new_ids("v", 50))
    assert max(made[0]) < min(made[1])
