"""Who is entered twice: what a search proposes, and what is decided about it."""

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from msgspec import structs

from conftest import NOW
from kaquan.customers import (
    CustomerDraft,
    Likeness,
    PairState,
    PersonRecord,
    accept_pair,
    accept_pairs,
    enter_pairs,
    find_likely,
    get_customer,
    get_pair,
    list_pairs,
    reject_pair,
    request_search,
    run_search,
    undo_merge,
    upsert_customer,
)
from kaquan.runtime import (
    ActionStatus,
    Database,
    InvalidInput,
    NotFound,
    Project,
    Tx,
    get_action,
)

SURNAMES = ["Lee", "Wang", "Ortiz", "Novak", "Okoye", "Haas", "Silva", "Ito", "Khan", "Berg"]
GIVEN = ["Ann", "Bo", "Carla", "Dmitri", "Eve", "Femi", "Greta", "Hugo", "Ines", "Jun"]


def person(number: int, **fields: Any) -> PersonRecord:
    """One of a crowd of strangers, no two of whom share more than a name's part."""
    known: dict[str, Any] = {
        "name": f"{GIVEN[number % 10]} {SURNAMES[number // 10 % 10]}{number // 100 or ''}",
        "email": f"user{number}@mail{number % 7}.example",
        "phone": f"+86138{number:08d}",
        "birth_date": date(1950, 1, 1) + timedelta(days=number * 37 % 20_000),
        "postal_code": f"{20_000 + number % 90}",
        "address_line": f"{number} Long Road",
    }
    return msgspec.convert({"id": f"p{number:04d}"} | known | fields, PersonRecord)


CROWD = [person(number) for number in range(300)]
COPIES: list[tuple[str, dict[str, Any], Likeness]] = [
    ("same phone and name", {"email": None, "birth_date": None}, Likeness.PHONE),
    ("mistyped name", {"name": "Anm Lee", "phone": None}, Likeness.EMAIL),
    ("mail with a tag", {"email": "user0+shop@mail0.example", "phone": None}, Likeness.EMAIL),
    (
        "name and birthday at the old address",
        {"email": None, "phone": None},
        Likeness.BIRTH_DATE,
    ),
]


@pytest.mark.parametrize(
    ("fields", "reason"), [row[1:] for row in COPIES], ids=[row[0] for row in COPIES]
)
def test_a_copy_is_found_among_strangers(fields: dict[str, Any], reason: Likeness) -> None:
    copy = person(0, **fields)
    records = [*CROWD, structs.replace(copy, id="copy")]
    found = find_likely(records)
    assert [(one.first_id, one.second_id) for one in found] == [("copy", "p0000")]
    assert reason in found[0].reasons
    assert find_likely(records) == found


def test_a_family_of_one_phone_is_no_person() -> None:
    shared = {"phone": "+8613800138000", "address_line": "1 Home", "postal_code": "99999"}
    parent, child = person(3, **shared), person(177, **shared)
    others = [one for one in CROWD if one.id not in (parent.id, child.id)]
    assert find_likely([*others, parent, child], least_ppm=950_000) == []


def test_an_identity_in_common_is_certain() -> None:
    first, second = (
        person(1, identities=("card:C-1",)),
        person(2, identities=("card:C-1", "device:D")),
    )
    (pair,) = find_likely([first, second])
    assert (pair.score_ppm, pair.reasons[0]) == (999_999, Likeness.IDENTITY)
    assert find_likely([first]) == find_likely([]) == []


async def test_the_queue_is_searched_and_decided(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        for one in CROWD[:60]:
            await _enter(tx, one)
        twin = await _enter(tx, CROWD[5], id="twin", email=None)
        other = await _enter(tx, CROWD[7], id="other", name="Anders Person")
        action = await request_search(tx, now=NOW)
    await run_search(database, project.project_id, action.id, clock=lambda: NOW)
    async with database.transaction(project.project_id) as tx:
        done = await get_action(tx, action.id)
        assert (done.status, done.done) == (ActionStatus.DONE, done.total)
        assert done.result is not None
        assert (done.result["compared"], done.result["added"]) == (62, 2)
        pairs = {twin, other} & {
            one for pair in (await list_pairs(tx)).items for one in (pair.first_id, pair.second_id)
        }
        assert pairs == {twin, other}
        by_person = (await list_pairs(tx, customer_id=twin)).items[0]
        merge = await accept_pair(
            tx, by_person.first_id, by_person.second_id, survivor=twin, by="Ann", now=NOW
        )
        assert (merge.survivor_id, merge.score_ppm) == (twin, by_person.score_ppm)
        with pytest.raises(InvalidInput) as refused:
            await accept_pair(tx, by_person.first_id, by_person.second_id, by="Ann", now=NOW)
        assert refused.value.key == "pair_decided"
        rest = (await list_pairs(tx)).items
        assert len(rest) == 1
        rejected = await reject_pair(tx, rest[0].second_id, rest[0].first_id, by="Bo", now=NOW)
        assert (rejected.state, rejected.decided_by) == (PairState.REJECTED, "Bo")
        again = await request_search(tx, now=NOW)
    await run_search(database, project.project_id, again.id, clock=lambda: NOW)
    async with database.transaction(project.project_id) as tx:
        assert (await list_pairs(tx)).total == 0
        await undo_merge(tx, merge.id, by="Cy", now=NOW)
        assert (
            await get_pair(tx, by_person.first_id, by_person.second_id)
        ).state is PairState.REJECTED


async def test_many_are_accepted_at_once(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        ids = [await _enter(tx, one) for one in CROWD[:3]]
        ids += [await _enter(tx, CROWD[n], id=f"twin{n}") for n in range(3)]
        triple = await _enter(tx, CROWD[0], id="triple")
        found = find_likely(
            [_record(number, ids) for number in range(6)] + [structs.replace(CROWD[0], id=triple)]
        )
        assert await enter_pairs(tx, found, now=NOW) == 5
        assert await enter_pairs(tx, found, now=NOW) == 0
        decided = await accept_pairs(tx, least_ppm=900_000, by="Ann", now=NOW)
        assert decided.decided + decided.passed_over == 5
        assert decided.decided >= 4
        left = {(await get_customer(tx, one)).id for one in [*ids, triple]}
        assert len(left) == 3
    with pytest.raises(NotFound):
        async with database.transaction(project.project_id) as tx:
            await get_pair(tx, "a", "b")


@pytest.mark.parametrize("least", [0, 499_999, 1_000_001])
async def test_a_search_without_sense_is_refused(tx: Tx, least: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        await request_search(tx, least_ppm=least, now=NOW)
    assert refused.value.field == "least_ppm"


def _record(number: int, ids: list[str]) -> PersonRecord:
    return structs.replace(CROWD[number % 3], id=ids[number])


async def _enter(tx: Tx, record: PersonRecord, **changed: Any) -> str:
    one = structs.replace(record, **changed)
    draft = CustomerDraft(
        source_id=one.id,
        name=one.name,
        email=one.email,
        phone=one.phone,
        birth_date=one.birth_date,
        address={"postal_code": one.postal_code, "line_1": one.address_line},
    )
    return (await upsert_customer(tx, draft, now=NOW)).id
