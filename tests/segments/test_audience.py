"""Around a definition: attacks on every engine, size, sample, overlap, explanation, lists."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kaquan.customers import CustomerDraft, ProductDraft, upsert_customer, upsert_product
from kaquan.runtime import (
    Database,
    InvalidInput,
    JobServices,
    NotFound,
    Project,
    Settings,
    Tx,
)
from kaquan.segments import (
    AudienceCount,
    Engine,
    Explanation,
    SegmentKind,
    count_audience,
    create_segment,
    explain_membership,
    extract_tables,
    get_segment,
    keep_live_members,
    list_audience,
    list_member_ids,
    match_on_copy,
    open_instant,
    parse_definition,
    record_predictions,
    replace_listed_members,
    sample_audience,
    segment_ids_of,
)
from kaquan.segments.dialects import write_query
from kaquan.segments.frames import FrameCompiler
from segments.corpus import Author
from segments.world import NOW, make_world

ATTACKS = (
    "'; drop table customer; --",
    "x' or '1'='1",
    "\\'; select 1; --",
    '"; drop table customer; --',
    "`; drop table customer; --",
    "$b0 :b0 %(now)s {object} {{}} %s ?",
    "a\tb/* c */ -- d",
    "‘’“”；—𝕊",
)


def attacks_on(text: str) -> list[dict[str, Any]]:
    """Definitions that say a text in every place where a user's text may stand."""
    condition = {"property": f"metadata.{text}", "operator": "contains", "value": text}
    return [
        {"attribute": "name", "operator": "is", "value": text},
        {"attribute": "name", "operator": "in", "value": [text, "x"]},
        {"attribute": f"metadata.{text}", "operator": "contains", "value": text},
        {"attribute": f"metadata.{text}", "operator": "is", "value": text},
        {"attribute": f"metadata.{text}", "operator": "has_value"},
        {"attribute": f"score.{text}", "operator": "at_least", "value": 0},
        {"done": "event", "name": text, "where": [condition]},
        {
            "aggregate": "distinct",
            "over": "order_line",
            "of": f"attribute.{text}",
            "where": [{"property": f"attribute.{text}", "operator": "is", "value": text}],
            "operator": "at_least",
            "value": 1,
        },
        {"consent": {"channel": text, "purpose": text}},
        {"customers": [text]},
        {"sample": {"percent": 50, "salt": text}},
    ]


@pytest.mark.slow
async def test_no_text_of_a_user_reaches_a_query(tx: Tx, tmp_path: Path) -> None:
    for number, text in enumerate(ATTACKS):
        draft = CustomerDraft(source_id=f"a{number}", name=text, metadata={text: text})
        await upsert_customer(tx, draft, now=NOW)
    await upsert_product(tx, ProductDraft(source_id="p"), now=NOW)
    await extract_tables(tx, tmp_path)
    at = await open_instant(tx, now=NOW)
    for number, text in enumerate(ATTACKS):
        for place, definition in enumerate(attacks_on(text)):
            expected = await list_audience(tx, definition, now=NOW)
            rule = parse_definition(definition)
            # The first four find exactly the one who bears the text.
            assert expected == [f"a{number}"] or place > 4
            for engine in (Engine.DUCKDB, Engine.REFERENCE):
                assert match_on_copy(engine, rule, tmp_path, at=at, members={}) == expected
            for dialect in ("duckdb", "spark"):
                query = write_query(FrameCompiler(rule, at=at, members={}).named(), dialect)
                assert text not in query
    cursor = await tx.execute("select count(*) from customer")
    assert await cursor.fetchone() == (len(ATTACKS),)


async def test_the_largest_tree_runs_on_every_engine(tx: Tx, tmp_path: Path) -> None:
    await upsert_customer(tx, CustomerDraft(source_id="ann", name="n998"), now=NOW)
    names = [{"attribute": "name", "operator": "is", "value": f"n{n}"} for n in range(999)]
    wide = {"any": names}
    deep: dict[str, Any] = names[998]
    for _ in range(18):
        deep = {"not": deep}
    await extract_tables(tx, tmp_path, tables=frozenset({"customer"}))
    at = await open_instant(tx, now=NOW)
    for definition in (wide, deep):
        assert await list_audience(tx, definition, now=NOW) == ["ann"]
        rule = parse_definition(definition)
        for engine in (Engine.DUCKDB, Engine.REFERENCE):
            assert match_on_copy(engine, rule, tmp_path, at=at, members={}) == ["ann"]


async def test_numbers_are_exact_and_dates_are_days(tx: Tx, tmp_path: Path) -> None:
    """Sums that floating point gets wrong, and texts that are no dates."""
    ann = (await upsert_customer(tx, CustomerDraft(source_id="ann"), now=NOW)).id
    for number, value in enumerate((0.1, 0.2, 10**17, 10**18, 1e300)):
        await tx.execute(
            "insert into event (id, customer_id, name, metadata, at, created_at)"
            " values (%s, %s, %s, jsonb_build_object('v', %s::numeric), %s, %s)",
            (f"e{number}", ann, "pay" if number < 2 else "huge", str(value), NOW, NOW),
        )
    await upsert_customer(
        tx,
        CustomerDraft(source_id="bob", metadata={"d": "2026-02-30x", "e": "2026-02-28 1"}),
        now=NOW,
    )
    rows: list[tuple[dict[str, Any], list[str]]] = [
        (sum_of("pay", "is", 0.3), ["ann"]),
        (sum_of("pay", "more_than", 0.3), []),
        (sum_of("huge", "more_than", 9_007_199_254_740_991), ["ann"]),
        ({"attribute": "metadata.d", "operator": "after", "value": "2000-01-01"}, []),
        ({"attribute": "metadata.e", "operator": "before", "value": "2026-03-01"}, ["bob"]),
    ]
    await extract_tables(tx, tmp_path)
    at = await open_instant(tx, now=NOW)
    for definition, expected in rows:
        assert await list_audience(tx, definition, now=NOW) == expected, definition
        rule = parse_definition(definition)
        for engine in (Engine.DUCKDB, Engine.REFERENCE):
            assert match_on_copy(engine, rule, tmp_path, at=at, members={}) == expected, definition


def sum_of(name: str, operator: str, value: float) -> dict[str, Any]:
    return {
        "aggregate": "sum",
        "over": "event",
        "name": name,
        "of": "metadata.v",
        "operator": operator,
        "value": value,
    }


async def test_counts_and_samples(tx: Tx) -> None:
    await make_world(tx, people=30)
    buyers = {"attribute": "order_count", "operator": "at_least", "value": 1}
    count = await count_audience(tx, buyers, now=NOW)
    people = await list_audience(tx, buyers, now=NOW)
    assert count == AudienceCount(count=len(people), exact=True, low=len(people), high=len(people))
    assert len(set(await sample_audience(tx, buyers, limit=3, now=NOW))) == 3
    with pytest.raises(InvalidInput):
        await count_audience(tx, {"done": "x"}, now=NOW)


async def test_a_sampled_count_says_so_and_reading_all_pages_is_exact(tx: Tx) -> None:
    for number in range(40):
        await upsert_customer(tx, CustomerDraft(source_id=f"c{number}"), now=NOW)
    await tx.execute("set local role none")
    await tx.execute("analyze customer")
    await tx.execute("set local role kaquan_app")
    count = await count_audience(tx, {"all": []}, exact_up_to=0, now=NOW)
    assert (count.count, count.exact, count.low) == (40, False, 40)
    exact = await count_audience(tx, {"all": []}, exact=True, exact_up_to=0, now=NOW)
    assert (exact.count, exact.exact) == (40, True)


async def test_why_somebody_is_in_a_segment_or_not(tx: Tx) -> None:
    draft = CustomerDraft(source_id="ann", name="Ann", metadata={"level": "gold"})
    ann = await upsert_customer(tx, draft, now=NOW)
    await record_predictions(tx, "churn", {ann.id: 0.75}, as_of=NOW)
    gold = {"attribute": "metadata.level", "operator": "is", "value": "gold"}
    await create_segment(tx, "Gold", gold, now=NOW)
    definition = {
        "all": [
            {"attribute": "segment", "operator": "is", "value": "Gold"},
            {"not": {"attribute": "score.churn", "operator": "at_least", "value": 0.5}},
            {"done": "order", "within": {"last_days": 30}, "times": {"at_least": 2}},
        ]
    }
    told = await explain_membership(tx, definition, "ann", now=NOW)
    assert flat(told) == [
        (0, "all of these hold", False, None),
        (1, "in the segment Gold", True, None),
        (2, "Custom field level is “gold”", True, "gold"),
        (1, "this does not hold", False, None),
        (2, "Prediction churn at least 0.5", True, 0.75),
        (1, "number of: Order within the last 30 days at least 2", False, 0),
    ]
    assert told.parts[2].text_zh == "下单 最近 30 天次数不低于 2"
    with pytest.raises(NotFound):
        await explain_membership(tx, definition, "nobody", now=NOW)


def flat(told: Explanation, depth: int = 0) -> list[tuple[int, str, bool, Any]]:
    below = [row for part in told.parts for row in flat(part, depth + 1)]
    return [(depth, told.text_en, told.holds, told.found), *below]


async def test_explanations_agree_with_live_checks(tx: Tx) -> None:
    world = await make_world(tx, people=12)
    author = Author(5, (world.live, world.static), tuple(world.customers))
    rules: dict[str, dict[str, Any]] = {}
    for number in range(12):
        segment = await create_segment(tx, f"S{number}", author.definition(), now=NOW)
        rules[segment.id] = segment.definition
    for source_id, customer_id in list(world.customers.items())[:4]:
        inside = await segment_ids_of(tx, customer_id, now=NOW, among=list(rules))
        for segment_id, rule in rules.items():
            told = await explain_membership(tx, rule, source_id, now=NOW)
            assert told.holds is (segment_id in inside), rule
            assert told.text_zh
            assert told.text_en


async def test_a_list_becomes_the_members_of_a_static_segment(tx: Tx) -> None:
    ids = [(await upsert_customer(tx, CustomerDraft(source_id=s), now=NOW)).id for s in "abc"]
    nobody: dict[str, Any] = {"any": []}
    segment = await create_segment(tx, "List", nobody, kind=SegmentKind.STATIC, now=NOW)
    count, unknown = await replace_listed_members(tx, "List", ["a", ids[1], "zz", "a"], now=NOW)
    assert (count, unknown) == (2, ["zz"])
    assert await list_member_ids(tx, segment.id) == sorted(ids[:2])
    assert (await replace_listed_members(tx, "List", ["c"], now=NOW)) == (1, [])
    assert await list_member_ids(tx, segment.id) == [ids[2]]
    await create_segment(tx, "Live", nobody, now=NOW)
    with pytest.raises(InvalidInput, match="follows its rule"):
        await replace_listed_members(tx, "Live", ["a"], now=NOW)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e18])
async def test_predictions_are_numbers(tx: Tx, value: float) -> None:
    with pytest.raises(InvalidInput, match="not a number"):
        await record_predictions(tx, "x", {"c": value}, as_of=datetime(2026, 1, 1, tzinfo=UTC))


async def test_the_upkeep_of_members(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        await upsert_customer(tx, CustomerDraft(source_id="ann"), now=NOW)
        segment = await create_segment(tx, "S", {"all": []}, now=NOW)
    await keep_live_members(JobServices(database, Settings()), project)
    async with database.transaction(project.project_id) as tx:
        assert (await get_segment(tx, segment.id)).member_count == 1
