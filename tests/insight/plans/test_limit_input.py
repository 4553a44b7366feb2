"""What a plan's limits go by in the database, and limits that contradict each other."""

from datetime import timedelta
from typing import Any

import pytest

from conftest import NOW
from insight.plans.test_plans import tried
from insight.rows import add_campaign, add_customers
from kaquan.insight.plans import PlanDraft, SegmentCap
from kaquan.insight.plans.limit_store import Had, find_members_then, list_had
from kaquan.insight.plans.run import create_plan
from kaquan.runtime import InvalidInput, NotFound, Tx
from kaquan.segments import create_segment


async def test_what_came_later_closes_nothing(tx: Tx) -> None:
    campaign = await add_campaign(tx)
    await add_customers(tx, "p", at=NOW - timedelta(days=40))
    for number, days in enumerate((40, 20, 1, 0, -1)):
        at = NOW - timedelta(days=days)
        await tx.execute(
            "insert into redemption (id, kind, result, customer_id, campaign_id, channel,"
            " discount_minor, created_at) values (%s, 'redemption', 'SUCCESS', 'p', %s, 'API',"
            " 100, %s)",
            (f"r{number}", campaign, at),
        )
        await tx.execute(
            "insert into message (id, customer_id, channel, address, subject, html, plain, status,"
            " created_at) values (%s, 'p', 'email', '', '', '', '', 'kept', %s)",
            (f"m{number}", at),
        )
    found = await list_had(tx, [("p", NOW)], contact_days=30, person_days=7)
    assert found == {"p": Had(contacts=2, discount_minor=100)}


async def test_who_was_in_a_segment_is_told_by_who_came_and_left_since(tx: Tx) -> None:
    people = ("stayed", "came", "left", "came and left", "never")
    await add_customers(tx, *people, at=NOW - timedelta(days=9))
    rule = {"attribute": "order_count", "operator": "at_least", "value": 9}
    segment = await create_segment(tx, "vip", rule, now=NOW - timedelta(days=9))
    await tx.execute(
        "insert into segment_member (segment_id, customer_id, since)"
        " select %s, c, %s from unnest(%s::text[]) as c",
        (segment.id, NOW, ["stayed", "came"]),
    )
    moves = ((5, "came and left", True), (1, "came", True), (1, "left", False),
             (1, "came and left", False))  # fmt: skip
    for days, name, entered in moves:
        await tx.execute(
            "insert into segment_change (segment_id, customer_id, entered, at)"
            " values (%s, %s, %s, %s)",
            (segment.id, name, entered, NOW - timedelta(days=days)),
        )
    for days, expected in (
        (8, {"stayed", "left"}),
        (3, {"stayed", "left", "came and left"}),
        (0, {"stayed", "came"}),
    ):
        then = [(name, NOW - timedelta(days=days)) for name in people]
        assert await find_members_then(tx, segment, then, now=NOW) == expected
    # Before the segment was there, and before what is remembered of it, nothing is known.
    early = [("came", NOW - timedelta(days=10))]
    assert await find_members_then(tx, segment, early, now=NOW) is None
    late = NOW + timedelta(days=40)
    assert await find_members_then(tx, segment, [("came", NOW)], now=late) is None


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("person_cap_minor", {"person_cap_minor": 0}),
        ("person_cap_minor", {"person_cap_minor": 200, "budget_minor": 100}),
        ("person_days", {"person_cap_minor": 200, "person_days": 0}),
        ("contact_limit", {"contact_limit": 0}),
        ("contact_days", {"contact_limit": 1, "contact_days": 999}),
        ("contacts", {"contacts": 0}),
        ("segment_caps[0]", {"segment_caps": (SegmentCap(segment_id="all"),)}),
        (
            "segment_caps[0].budget_minor",
            {"budget_minor": 9, "segment_caps": (SegmentCap(segment_id="all", budget_minor=10),)},
        ),
        (
            "segment_caps[0].contacts",
            {"contacts": 9, "segment_caps": (SegmentCap(segment_id="all", contacts=10),)},
        ),
        (
            "segment_caps[1].segment_id",
            {"segment_caps": (SegmentCap(segment_id="all", contacts=1),) * 2},
        ),
        ("segment_caps", {"segment_caps": (SegmentCap(segment_id="all", contacts=1),) * 9}),
    ],
)
async def test_contradictory_limits_are_refused(tx: Tx, field: str, given: dict[str, Any]) -> None:
    tried_out = await tried(tx, 3)
    draft = PlanDraft(name="x", learnt_from=tried_out.id, segment_id="all", **given)
    with pytest.raises(InvalidInput) as refused:
        await create_plan(tx, draft, now=NOW)
    assert refused.value.field == field


async def test_a_cap_of_nobodys_segment_is_refused(tx: Tx) -> None:
    tried_out = await tried(tx, 3)
    caps = (SegmentCap(segment_id="who", contacts=1),)
    draft = PlanDraft(name="x", learnt_from=tried_out.id, segment_id="all", segment_caps=caps)
    with pytest.raises(NotFound):
        await create_plan(tx, draft, now=NOW)
