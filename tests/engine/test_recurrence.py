"""Windows that open again and again, second by second."""

from datetime import UTC, datetime, timedelta

import pytest

from kaquan.engine import Context, Reason, Validity
from kaquan.engine.recurrence import Recurrence

SINCE = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVERY_TEN = Recurrence(since=SINCE, every_s=10, open_s=3)


@pytest.mark.parametrize("second", range(-5, 45))
def test_open_and_next_opening(second: int) -> None:
    """Against the list of the seconds that are open."""
    moment = SINCE + timedelta(seconds=second)
    assert EVERY_TEN.is_open(moment) is (
        second in {s + d for s in (0, 10, 20, 30, 40) for d in range(3)}
    )
    following = next(s for s in range(0, 60, 10) if s > second)
    assert EVERY_TEN.find_opening(moment) == SINCE + timedelta(seconds=following)


def test_a_window_that_never_closes() -> None:
    always = Recurrence(since=SINCE, every_s=60, open_s=60)
    assert all(always.is_open(SINCE + timedelta(seconds=s)) for s in range(200))


@pytest.mark.parametrize(
    ("since", "open_s"), [(SINCE.replace(tzinfo=None), 1), (SINCE, 11)], ids=["no zone", "too long"]
)
def test_what_is_no_recurrence(since: datetime, open_s: int) -> None:
    with pytest.raises(ValueError, match=r"since needs a zone|open_s cannot exceed"):
        Recurrence(since=since, every_s=10, open_s=open_s)


@pytest.mark.parametrize(("second", "opens"), [(2, None), (3, 10), (9, 10), (10, None)])
def test_an_offer_outside_its_window(second: int, opens: int | None) -> None:
    moment = SINCE + timedelta(seconds=second)
    context = Context(now=moment, currency="CNY", time_zone="UTC")
    reason = Validity(recurring=EVERY_TEN).check(context)
    if opens is None:
        assert reason is None
    else:
        assert isinstance(reason, Reason)
        assert str((SINCE + timedelta(seconds=opens)).isoformat()) in map(
            str, reason.params.values()
        )
