"""Sessions equal a recount whatever the order in which events come, move and go."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kaquan.customers import (
    BrowsingSession,
    CustomerDraft,
    EventDraft,
    TimelineKind,
    customer_timeline,
    find_customer,
    join_sessions,
    list_events_of_session,
    list_sessions,
    merge_customers,
    read_portrait,
    record_event,
    record_events,
    undo_merge,
    upsert_customer,
    upsert_location,
)
from kaquan.customers.model import LocationDraft
from kaquan.runtime import Database, InvalidInput, NotFound, Tx, create_project

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)
NAMES = ("Page Viewed", "Product Viewed", "Product Added", "Order Completed")
minute = st.integers(0, 240)
person = st.sampled_from(("a", "b"))
told = st.tuples(person, minute, st.sampled_from(NAMES), st.sampled_from(("tea", "cup")))
step = st.one_of(
    st.tuples(st.just("tell"), st.lists(told, min_size=1, max_size=5)),
    st.tuples(st.just("forget"), st.integers(0, 30)),
    st.tuples(st.just("merge")),
    st.tuples(st.just("undo")),
    st.tuples(st.just("join")),
)


async def told_events(tx: Tx, customer_id: str) -> list[tuple[datetime, str, str, str | None]]:
    cursor = await tx.execute(
        "select at, id, name, metadata ->> 'product_id' from event where customer_id = %s"
        " and name <> 'Order Completed' order by at, id",
        (customer_id,),
    )
    return await cursor.fetchall()


async def recount(tx: Tx, customer_id: str) -> list[BrowsingSession]:
    """Join a person's events from the first to the last."""
    groups: list[list[tuple[datetime, str, str, str | None]]] = []
    for event in await told_events(tx, customer_id):
        if not groups or event[0] - groups[-1][-1][0] > HALF_HOUR:
            groups.append([])
        groups[-1].append(event)
    return [
        BrowsingSession(
            id=f"bs_{group[0][1]}",
            customer_id=customer_id,
            started_at=group[0][0],
            ended_at=group[-1][0],
            event_count=len(group),
            page_count=sum(one[2] == "Page Viewed" for one in group),
            product_count=len({one[3] for one in group if one[2] == "Product Viewed"}),
            added_count=sum(one[2] == "Product Added" for one in group),
        )
        for group in reversed(groups)
    ]


async def play(tx: Tx, given_step: tuple[Any, ...], merges: list[str]) -> None:
    one, other = await find_customer(tx, "a"), await find_customer(tx, "b")
    assert one is not None
    assert other is not None
    people = {"a": one.id, "b": other.id}
    match given_step:
        case ("tell", events):
            drafts = [
                EventDraft(
                    customer_id=people[who],
                    name=name,
                    metadata={"product_id": product},
                    at=NOW + timedelta(minutes=ago),
                )
                for who, ago, name, product in events
            ]
            await record_events(tx, drafts, now=NOW)
        case ("forget", place):
            await tx.execute("set local role none")
            await tx.execute(
                "delete from event where project_id = current_project() and id in"
                " (select id from event where project_id = current_project()"
                "   order by at, id offset %s limit 1)",
                (place,),
            )
            await tx.execute("set local role kaquan_app")
        case ("merge",) if one.id != other.id:
            merge = await merge_customers(tx, one.id, other.id, by="t", reason="test", now=NOW)
            merges.append(merge.id)
        case ("undo",) if merges:
            await undo_merge(tx, merges.pop(), by="t", now=NOW)
        case ("join",):
            while await join_sessions(tx):
                pass
        case _:
            pass


@given(steps=st.lists(step, min_size=4, max_size=14))
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_sessions_are_those_of_a_recount(
    database: Database, steps: list[tuple[Any, ...]]
) -> None:
    async with database.transaction() as tx:
        project = await create_project(
            tx, "Browsing", currency="CNY", time_zone="Asia/Shanghai", language="en", now=NOW
        )
    merges: list[str] = []
    async with database.transaction(project.project_id) as tx:
        for name in ("a", "b"):
            await upsert_customer(tx, CustomerDraft(source_id=name), now=NOW)
        for one in [*steps, ("join",)]:
            await play(tx, one, merges)
            if one == ("join",):
                for name in ("a", "b"):
                    who = await find_customer(tx, name)
                    assert who is not None
                    assert await list_sessions(tx, who.id, limit=99) == await recount(tx, who.id)


LATE: list[tuple[str, list[int], list[list[int]]]] = [
    ("half an hour is no silence", [0, 30], [[0, 30]]),
    ("a minute more is", [0, 31], [[0], [31]]),
    ("a late one joins two", [0, 50, 25], [[0, 25, 50]]),
    ("an early one comes last", [20, 10], [[10, 20]]),
    ("a chain", [0, 90, 60, 30], [[0, 30, 60, 90]]),
]


@pytest.mark.parametrize(
    ("minutes", "expected"), [row[1:] for row in LATE], ids=[row[0] for row in LATE]
)
async def test_late_events_are_put_right(
    tx: Tx, minutes: list[int], expected: list[list[int]]
) -> None:
    who = await upsert_customer(tx, CustomerDraft(source_id="a"), now=NOW)
    for one in minutes:
        at = NOW + timedelta(minutes=one)
        await record_event(tx, who.id, "Page Viewed", at=at, now=NOW)
        await join_sessions(tx)
    found = await list_sessions(tx, who.id, limit=9)
    walked = [
        [
            int((event.at - NOW).total_seconds() // 60)
            for event in (await list_events_of_session(tx, one.id))[1].items
        ]
        for one in reversed(found)
    ]
    assert walked == expected
    timeline = await customer_timeline(tx, who.id)
    assert [one.kind for one in timeline.items] == [TimelineKind.SESSION] * len(expected)
    assert timeline.total == len(expected)
    session, page = await list_events_of_session(tx, found[0].id, limit=1)
    rest = [event.id for event in page.items]
    while page.next_cursor:
        _, page = await list_events_of_session(tx, session.id, limit=1, after=page.next_cursor)
        rest += [event.id for event in page.items]
    assert len(set(rest)) == len(rest) == session.event_count
    with pytest.raises(NotFound):
        await list_events_of_session(tx, "bs_nobody")


async def test_visits_and_surveys_are_in_timeline_and_portrait(tx: Tx) -> None:
    who = await upsert_customer(tx, CustomerDraft(source_id="a"), now=NOW)
    place = await upsert_location(tx, LocationDraft(source_id="s1", name="Main St"), now=NOW)
    for hours, location in ((0, "s1"), (1, place.id), (30, "s1"), (31, "elsewhere")):
        at = NOW + timedelta(hours=hours)
        await record_event(
            tx, who.id, "Store Visited", metadata={"location_id": location}, at=at, now=NOW
        )
    for days, score in ((2, 9), (1, 3)):
        given_answers = {"survey": "nps", "score": score, "comment": "Fine"}
        at = NOW + timedelta(days=days)
        await record_event(tx, who.id, "Survey Answered", metadata=given_answers, at=at, now=NOW)
    entries = (await customer_timeline(tx, who.id)).items
    assert [one.kind for one in entries] == ["survey", "visit", "visit", "survey", "visit", "visit"]
    assert [one.facts["location"] for one in entries if one.kind is TimelineKind.VISIT] == [
        None,
        "Main St",
        "Main St",
        "Main St",
    ]
    portrait = await read_portrait(tx, who.id, now=NOW)
    assert [(one.name, one.day_count) for one in portrait.visits] == [("Main St", 2)]
    assert [(one.survey, one.score, one.comment) for one in portrait.surveys] == [
        ("nps", 9, "Fine")
    ]


REFUSED: list[tuple[str, str, dict[str, Any], str]] = [
    ("visit of nowhere", "Store Visited", {}, "location_id"),
    ("visit of a number", "Store Visited", {"location_id": 7}, "location_id"),
    ("survey without a name", "Survey Answered", {"score": 9}, "survey"),
    ("score too high", "Survey Answered", {"survey": "nps", "score": 11}, "score"),
    ("score below none", "Survey Answered", {"survey": "nps", "score": -1}, "score"),
    ("score a fraction", "Survey Answered", {"survey": "nps", "score": 9.5}, "score"),
    ("score a yes", "Survey Answered", {"survey": "nps", "score": True}, "score"),
    ("answers a list", "Survey Answered", {"survey": "nps", "answers": [1]}, "answers"),
    ("comment a number", "Survey Answered", {"survey": "nps", "comment": 1}, "comment"),
    ("nothing answered", "Survey Answered", {"survey": "nps"}, "score"),
]


@pytest.mark.parametrize(
    ("name", "metadata", "field"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
async def test_what_visits_and_surveys_cannot_say(
    tx: Tx, name: str, metadata: dict[str, Any], field: str
) -> None:
    who = await upsert_customer(tx, CustomerDraft(source_id="a"), now=NOW)
    with pytest.raises(InvalidInput) as caught:
        await record_event(tx, who.id, name, metadata=metadata, now=NOW)
    assert caught.value.field == f"metadata.{field}"
