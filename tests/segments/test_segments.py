"""Segments: who matches, references, members, and the live check, on a small known shop."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from kaquan.customers import (
    CustomerDraft,
    OrderDraft,
    OrderStatus,
    create_order,
    delete_customer,
    update_customer,
    upsert_customer,
)
from kaquan.runtime import Database, Duplicate, InvalidInput, NotFound, Project, Tx, create_project
from kaquan.segments import (
    SegmentInUse,
    SegmentKind,
    create_segment,
    delete_segment,
    evaluate_segment,
    find_segment,
    get_segment,
    list_member_ids,
    list_segments,
    preview_count,
    score_rfm,
    segment_ids_of,
    update_segment,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EVERYBODY: dict[str, Any] = {"all": []}
NOBODY: dict[str, Any] = {"any": []}


def compare(attribute: str, operator: str, value: Any = None) -> dict[str, Any]:
    rule = {"attribute": attribute, "operator": operator}
    return rule if value is None else rule | {"value": value}


async def open_shop(tx: Tx) -> dict[str, str]:
    """Four customers: ann bought often, bob once long ago, cy and dee never."""
    people: list[CustomerDraft] = [
        CustomerDraft(
            source_id="ann",
            name="Ann Lee",
            email="ann@example.com",
            birth_date=date(1990, 5, 31),
            address={"city": "北京", "country": "CN"},
            metadata={"tier": "gold", "visits": 12, "vip": True, "tags": ["tea", "coffee"]},
        ),
        CustomerDraft(
            source_id="bob",
            name="bob_%",
            email="Bob@example.com",
            metadata={"tier": "silver", "visits": 2.5, "vip": False, "a.b": "dotted"},
        ),
        CustomerDraft(source_id="cy", metadata={"tier": 7, "visits": "many"}),
        CustomerDraft(source_id="dee", name="Dee", phone="+8610123456"),
    ]
    ids: dict[str, str] = {}
    for days, draft in enumerate(people):
        customer = await upsert_customer(tx, draft, now=NOW - timedelta(days=days))
        ids[str(draft.source_id)] = customer.id
    for source_id, days_ago, amount in [
        ("ann", 1, 5000),
        ("ann", 20, 3000),
        ("ann", 100, 1001),
        ("bob", 200, 700),
    ]:
        draft = OrderDraft(
            customer_id=source_id,
            amount_minor=amount,
            status=OrderStatus.PAID,
            placed_at=NOW - timedelta(days=days_ago),
        )
        await create_order(tx, draft, now=NOW)
    await create_order(tx, OrderDraft(customer_id="cy", amount_minor=9), now=NOW)
    await score_rfm(tx, as_of=NOW)
    return ids


MATCHES: list[tuple[dict[str, Any], str]] = [
    (EVERYBODY, "ann bob cy dee"),
    (NOBODY, ""),
    (compare("name", "is", "Ann Lee"), "ann"),
    (compare("name", "is", "ANN  lee"), "ann"),
    (compare("name", "is", "Ann"), ""),
    (compare("name", "is_not", "Ann Lee"), "bob cy dee"),
    (compare("name", "in", ["Dee", "bob_%"]), "bob dee"),
    (compare("name", "not_in", ["Dee", "bob_%"]), "ann cy"),
    (compare("name", "in", []), ""),
    (compare("source_id", "contains", "_%"), ""),
    (compare("source_id", "contains", "e"), "dee"),
    (compare("source_id", "starts_with", "de"), "dee"),
    (compare("name", "has_value"), "ann bob dee"),
    (compare("name", "has_no_value"), "cy"),
    (compare("source_id", "in", ["ann", "cy"]), "ann cy"),
    (compare("email", "in", ["ANN@example.com", "mailto:bob@EXAMPLE.com"]), "ann bob"),
    (compare("phone", "is", "+86 10 123 456"), "dee"),
    (compare("phone", "has_value"), "dee"),
    (compare("city", "is", "北京"), "ann"),
    (compare("country", "is_not", "CN"), "bob cy dee"),
    (compare("birth_date", "is", "1990-05-31"), "ann"),
    (compare("birth_date", "before", "1990-05-31"), ""),
    (compare("birth_date", "after", "1990-05-30"), "ann"),
    (compare("order_count", "is", 0), "cy dee"),
    (compare("order_count", "at_least", 1), "ann bob"),
    (compare("order_count", "less_than", 3), "bob cy dee"),
    (compare("order_count", "in", [0, 3]), "ann cy dee"),
    (compare("order_count", "more_than", 0.5), "ann bob"),
    (compare("spend_minor", "more_than", 9001), ""),
    (compare("spend_minor", "at_least", 9001), "ann"),
    (compare("spend_minor", "at_most", 700), "bob cy dee"),
    (compare("average_order_minor", "is", 3000), "ann"),
    (compare("average_order_minor", "has_no_value"), "cy dee"),
    (compare("days_since_last_order", "is", 1), "ann"),
    (compare("days_since_last_order", "at_least", 100), "bob"),
    ({"not": compare("days_since_last_order", "at_least", 100)}, "ann cy dee"),
    (compare("last_order_at", "within_days", 30), "ann"),
    (compare("last_order_at", "within_days", 1), ""),
    (compare("last_order_at", "not_within_days", 30), "bob"),
    (compare("first_order_at", "not_within_days", 150), "bob"),
    (compare("created_at", "within_days", 2), "ann bob"),
    # In the project's zone, Shanghai, the 1st of March 2026 runs from 16:00 UTC to 16:00 UTC.
    (compare("created_at", "after", "2026-02-27"), "ann bob"),
    (compare("created_at", "before", "2026-02-27"), "dee"),
    (compare("created_at", "before", "2026-02-27T12:00:00Z"), "dee"),
    (compare("created_at", "after", "2026-02-27T20:00:00+08:00"), "ann bob"),
    (compare("metadata.tier", "is", "gold"), "ann"),
    (compare("metadata.tier", "is", 7), "cy"),
    (compare("metadata.tier", "is_not", "gold"), "bob cy dee"),
    (compare("metadata.tier", "in", ["gold", "silver"]), "ann bob"),
    (compare("metadata.tier", "has_value"), "ann bob cy"),
    (compare("metadata.visits", "more_than", 2), "ann bob"),
    (compare("metadata.visits", "is", 2.5), "bob"),
    (compare("metadata.visits", "in", [12, 2.5]), "ann bob"),
    (compare("metadata.vip", "is", True), "ann"),
    (compare("metadata.vip", "is", False), "bob"),
    (compare("metadata.a.b", "is", "dotted"), "bob"),
    (compare("metadata.tags", "contains", "tea"), "ann"),
    (compare("metadata.tags", "contains", "te"), ""),
    (compare("metadata.tier", "contains", "ol"), "ann"),
    (compare("metadata.none", "has_no_value"), "ann bob cy dee"),
    (compare("metadata.tier'; drop table customer; --", "is", "x"), ""),
    (compare("name", "is", "'; drop table customer; --"), ""),
    (compare("rfm.recency_score", "at_least", 2), "ann"),
    (compare("rfm.band", "has_value"), "ann bob"),
    (compare("rfm.band", "is_not", "champions"), "ann bob cy dee"),
    (
        {"all": [compare("order_count", "at_least", 1), compare("metadata.vip", "is", False)]},
        "bob",
    ),
    ({"any": [compare("name", "is", "Dee"), compare("metadata.vip", "is", True)]}, "ann dee"),
    (
        {"not": {"any": [compare("name", "is", "Dee"), {"not": compare("name", "has_value")}]}},
        "ann bob",
    ),
]


async def test_who_matches(tx: Tx) -> None:
    """All rows in one shop: by evaluation, by counting, and by the live check of each person."""
    ids = await open_shop(tx)
    names = {customer_id: source_id for source_id, customer_id in ids.items()}
    expected = {str(definition): people for definition, people in MATCHES}
    evaluated: dict[str, str] = {}
    counted: dict[str, int] = {}
    rule_of: dict[str, str] = {}
    for definition, _ in MATCHES:
        segment = await create_segment(tx, str(definition), definition, now=NOW)
        rule_of[segment.id] = str(definition)
        await evaluate_segment(tx, segment.id, now=NOW)
        members = await list_member_ids(tx, segment.id)
        evaluated[str(definition)] = " ".join(sorted(names[member] for member in members))
        counted[str(definition)] = await preview_count(tx, definition, now=NOW)
    live: dict[str, list[str]] = {rule: [] for rule in expected}
    for source_id, customer_id in ids.items():
        for segment_id in await segment_ids_of(tx, customer_id, now=NOW):
            live[rule_of[segment_id]].append(source_id)
    assert evaluated == expected
    assert counted == {rule: len(people.split()) for rule, people in expected.items()}
    assert {rule: " ".join(people) for rule, people in live.items()} == expected


async def test_segments_may_refer_to_segments(tx: Tx) -> None:
    ids = await open_shop(tx)
    buyers = await create_segment(tx, "Buyers", compare("order_count", "at_least", 1), now=NOW)
    gold = await create_segment(tx, "Gold", compare("metadata.tier", "is", "gold"), now=NOW)
    frozen = await create_segment(
        tx, "Frozen", compare("name", "is", "Dee"), kind=SegmentKind.STATIC, now=NOW
    )
    rows = [
        (compare("segment", "is", "Buyers"), 2),
        (compare("segment", "is", buyers.id), 2),
        (compare("segment", "is_not", "Buyers"), 2),
        (compare("segment", "in", ["Gold", "Frozen"]), 2),
        (compare("segment", "not_in", ["Gold", "Frozen"]), 2),
        ({"all": [compare("segment", "is", "Buyers"), compare("segment", "is_not", "Gold")]}, 1),
    ]
    for number, (definition, count) in enumerate(rows):
        segment = await create_segment(tx, f"S{number}", definition, now=NOW)
        assert await evaluate_segment(tx, segment.id, now=NOW) == count
    both = await get_segment(tx, "S3")
    assert both.definition["value"] == [gold.id, frozen.id]
    assert await segment_ids_of(tx, ids["dee"], now=NOW, among={both.id, buyers.id}) == {both.id}
    # A name may change; who referred to it does not notice.
    await update_segment(tx, "Buyers", name="Shoppers", now=NOW)
    assert await evaluate_segment(tx, "S0", now=NOW) == 2


async def test_circles_and_unknown_segments_are_refused(tx: Tx) -> None:
    a = await create_segment(tx, "A", EVERYBODY, now=NOW)
    await create_segment(tx, "B", compare("segment", "is", "A"), now=NOW)
    await create_segment(tx, "C", {"not": compare("segment", "in", ["B"])}, now=NOW)
    for definition in (
        compare("segment", "is", "C"),
        {"all": [compare("segment", "is", "A")]},
    ):
        with pytest.raises(InvalidInput, match="contain itself"):
            await update_segment(tx, a.id, definition=definition, now=NOW)
    with pytest.raises(InvalidInput) as caught:
        await create_segment(tx, "D", {"any": [compare("segment", "in", ["B", "BB"])]}, now=NOW)
    assert caught.value.field == "definition.any[0].value[1]"
    with pytest.raises(SegmentInUse):
        await delete_segment(tx, "A")
    await delete_segment(tx, "C")
    assert await find_segment(tx, "C") is None


async def test_references_cannot_swell_without_bound(tx: Tx) -> None:
    async def double(number: int) -> None:
        twice = [compare("segment", "is", f"S{number - 1}")] * 2
        await create_segment(tx, f"S{number}", {"any": twice}, now=NOW)

    await create_segment(tx, "S0", EVERYBODY, now=NOW)
    for number in range(1, 10):
        await double(number)
    await double(10)
    with pytest.raises(InvalidInput, match="exceeds"):
        await double(11)
    await open_shop(tx)
    assert await evaluate_segment(tx, "S9", now=NOW) == 4


async def test_static_members_stay_and_live_ones_follow(tx: Tx) -> None:
    ids = await open_shop(tx)
    rule = compare("metadata.tier", "is", "gold")
    static = await create_segment(tx, "Static", rule, kind=SegmentKind.STATIC, now=NOW)
    live = await create_segment(tx, "Live", rule, now=NOW)
    assert (static.member_count, static.evaluated_at) == (1, NOW)
    assert live.evaluated_at is None
    later = NOW + timedelta(days=1)
    await update_customer(tx, "ann", CustomerDraft(metadata={"tier": "none"}), now=later)
    await update_customer(tx, "dee", CustomerDraft(metadata={"tier": "gold"}), now=later)
    assert await segment_ids_of(tx, ids["ann"], now=later) == {static.id}
    assert await segment_ids_of(tx, ids["dee"], now=later) == {live.id}
    assert await evaluate_segment(tx, static.id, now=later) == 1
    assert await list_member_ids(tx, static.id) == [ids["ann"]]
    changed = await update_segment(tx, "Static", definition=EVERYBODY, now=later)
    assert (changed.member_count, changed.evaluated_at) == (4, later)


async def test_who_stays_keeps_their_entry_date(tx: Tx) -> None:
    ids = await open_shop(tx)
    segment = await create_segment(tx, "S", compare("name", "has_value"), now=NOW)
    await evaluate_segment(tx, segment.id, now=NOW)
    later = NOW + timedelta(days=1)
    await update_customer(tx, "ann", CustomerDraft(name=None), now=later)
    await update_customer(tx, "cy", CustomerDraft(name="Cy"), now=later)
    assert await evaluate_segment(tx, segment.id, now=later) == 3
    cursor = await tx.execute("select customer_id, since from segment_member")
    assert dict(await cursor.fetchall()) == {ids["bob"]: NOW, ids["dee"]: NOW, ids["cy"]: later}
    assert len(await list_member_ids(tx, segment.id)) == 3
    ordered = sorted([ids["bob"], ids["dee"], ids["cy"]])
    assert await list_member_ids(tx, segment.id, limit=2) == ordered[:2]
    assert await list_member_ids(tx, segment.id, limit=2, after=ordered[1]) == ordered[2:]
    await delete_customer(tx, "cy", now=later)
    assert len(await list_member_ids(tx, segment.id)) == 2
    assert await segment_ids_of(tx, ids["cy"], now=later) == frozenset()
    assert await preview_count(tx, EVERYBODY, now=later) == 3


async def test_time_based_rules_follow_the_clock(tx: Tx) -> None:
    ids = await open_shop(tx)
    segment = await create_segment(
        tx, "Lapsing", compare("last_order_at", "not_within_days", 30), now=NOW
    )
    for days, member in [(0, False), (28, False), (29, True), (400, True)]:
        at = NOW + timedelta(days=days)
        assert (segment.id in await segment_ids_of(tx, ids["ann"], now=at)) is member


@pytest.mark.parametrize("name", ["", "   ", "x" * 256, "a\0b"])
async def test_names_are_checked(tx: Tx, name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await create_segment(tx, name, EVERYBODY, now=NOW)
    assert caught.value.field == "name"


async def test_a_taken_name_is_a_duplicate(tx: Tx) -> None:
    await create_segment(tx, "S", EVERYBODY, now=NOW)
    with pytest.raises(Duplicate):
        await create_segment(tx, "S", NOBODY, now=NOW)
    other = await create_segment(tx, "T", NOBODY, now=NOW)
    with pytest.raises(Duplicate):
        await update_segment(tx, other.id, name="S", now=NOW)
    assert [segment.name for segment in await list_segments(tx)] == ["S", "T"]
    assert [segment.name for segment in await list_segments(tx, search="t")] == ["T"]


async def test_another_project_sees_nothing(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        ids = await open_shop(tx)
        segment = await create_segment(tx, "S", EVERYBODY, now=NOW)
        await evaluate_segment(tx, segment.id, now=NOW)
    async with database.transaction() as other:
        await create_project(
            other, "Other", currency="CNY", time_zone="UTC", language="en", now=NOW
        )
        await create_segment(other, "Theirs", EVERYBODY, now=NOW)
        assert await preview_count(other, EVERYBODY, now=NOW) == 0
        assert await segment_ids_of(other, ids["ann"], now=NOW) == frozenset()
        assert await list_member_ids(other, segment.id) == []
        for verb in (get_segment(other, segment.id), delete_segment(other, "S")):
            with pytest.raises(NotFound):
                await verb
        with pytest.raises(InvalidInput):
            await create_segment(other, "X", compare("segment", "is", segment.id), now=NOW)


@pytest.mark.slow
async def test_hundreds_of_segments_are_checked_for_one_customer(tx: Tx) -> None:
    ids = await open_shop(tx)
    wide = {"any": [compare("metadata.tier", "is", f"t{n}") for n in range(300)]}
    expected: set[str] = set()
    for number in range(60):
        rule = {"any": [wide, compare("order_count", "at_least", number % 5)]}
        segment = await create_segment(tx, f"S{number}", rule, now=NOW)
        if number % 5 <= 3:
            expected.add(segment.id)
    assert await segment_ids_of(tx, ids["ann"], now=NOW) == expected
