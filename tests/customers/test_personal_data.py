"""Personal data at rest: sealed wherever it stands, found by digests, gone after an erasure."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from psycopg import sql

from blocking import until_somebody_waits_for
from conftest import NOW
from kaquan.customers import (
    CUSTOMER_FILTERS,
    CustomerDraft,
    IdentityKind,
    Mapping,
    PathImport,
    Subject,
    add_note,
    delete_customer,
    enter_customers,
    erase_customer,
    export_person,
    get_customer,
    import_path,
    list_customers,
    list_identities,
    list_notes,
    load_customers,
    merge_customers,
    open_index,
    prove_identity,
    retire_wrapping_keys,
    rotate_wrapping_key,
    undo_merge,
    update_customer,
    upsert_customer,
)
from kaquan.customers.rotation import GRACE
from kaquan.customers.store.data_keys import list_data_keys
from kaquan.outreach import list_messages
from kaquan.runtime import (
    Database,
    Duplicate,
    InvalidInput,
    Project,
    Tx,
    compile_filter,
    create_project,
    open_database,
)
from kaquan.segments import list_audience
from kaquan.trust import CannotUnseal, DataKey, Vault, open_vault
from outreach.shop import open_shop, send

LATER = NOW + timedelta(days=1)
ZEBRA = CustomerDraft(
    source_id="z",
    name="Zebra Quokka",
    email="Zebra@quokka.example",
    phone="+8613912345678",
    address={"city": "Quokkaville", "line_1": "7 Zebra Street", "postal_code": "200 999"},
)
MARKS = ("zebra", "quokka.example", "quokka ", "3912345678", "200 999", "card-4711", "allergic")
"""What identifies her, in small letters; the city may be read."""


async def read_all(tx: Tx) -> dict[str, str]:
    """Everything that the project has in the database, by table, in small letters."""
    tables = await tx.execute(
        "select table_name from information_schema.tables"
        " where table_schema = 'kaquan' and table_type = 'BASE TABLE'"
    )
    found: dict[str, str] = {}
    for (table,) in await tables.fetchall():
        rows = await tx.execute(
            sql.SQL("select lower(to_jsonb(t)::text) from {} t").format(sql.Identifier(table))
        )
        found[table] = "\n".join(row[0] for row in await rows.fetchall())
    return found


def seen(found: dict[str, str]) -> set[tuple[str, str]]:
    return {(table, mark) for table, text in found.items() for mark in MARKS if mark in text}


async def test_nothing_of_a_person_stands_in_the_clear(
    database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        shop = await open_shop(tx, ["zebra@quokka.example"])
        zebra = await upsert_customer(tx, ZEBRA, now=NOW)
        other = await upsert_customer(
            tx, CustomerDraft(source_id="y", phone="13912345678"), now=NOW
        )
        for one, kind, value in (
            (zebra, IdentityKind.CARD, "card-4711"),
            (zebra, IdentityKind.EMAIL, "zebra@quokka.example"),
            (other, IdentityKind.PHONE, "139 1234 5678"),
        ):
            await prove_identity(
                tx, one.id, kind, value, proof="shown", source="till", by="Test", now=NOW
            )
        await add_note(tx, "z", "Allergic to nuts.", by="Ann", now=NOW)
        await update_customer(tx, shop.customers[0].id, CustomerDraft(name="Zebra"), now=NOW)
    await send(database, project.project_id, shop)
    async with database.transaction(project.project_id) as tx:
        merge = await merge_customers(tx, "z", "y", by="Test", reason="same phone", now=NOW)
        found = await read_all(tx)
        assert seen(found) == set()
        assert "quokkaville" in found["customer"]
        # And all of it can be read by who may.
        assert {one.value for one in await list_identities(tx, zebra.id)} >= {
            "card-4711", "zebra@quokka.example", "+8613912345678",
        }  # fmt: skip
        assert [note.text for note in (await list_notes(tx, zebra.id)).items] == [
            "Allergic to nuts."
        ]
        (message,) = (await list_messages(tx, limit=9)).items
        assert message.address == "zebra@quokka.example"
        assert (await get_customer(tx, "y")).address == ZEBRA.address
        assert b"PK" in await export_person(tx, "z", now=NOW)
        await undo_merge(tx, merge.id, by="Test", now=NOW)
        assert (await get_customer(tx, "y")).phone == "+8613912345678"
        assert seen(await read_all(tx)) == set()


async def test_without_the_cipher_it_would_be_seen(tx: Tx, monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(_key: DataKey, text: str, _place: str) -> str:
        return text

    monkeypatch.setattr(DataKey, "seal", leave)
    await upsert_customer(tx, ZEBRA, now=NOW)
    shown = {mark for table, mark in seen(await read_all(tx)) if table == "customer"}
    assert shown == {"zebra", "quokka.example", "3912345678", "200 999"}


async def _upsert(tx: Tx) -> None:
    await upsert_customer(tx, CustomerDraft(source_id="z"), now=NOW)
    await upsert_customer(tx, ZEBRA, now=NOW)


async def _enter(tx: Tx) -> None:
    await enter_customers(tx, [ZEBRA], now=NOW)


async def _load(tx: Tx) -> None:
    for source_id in ("a", "z"):
        row: dict[str, list[Any]] = {
            "source_id": [source_id],
            "name": [ZEBRA.name],
            "email": [ZEBRA.email],
            "phone": [ZEBRA.phone],
            "address": [
                '{"city": "Quokkaville", "line_1": "7 Zebra Street", "postal_code": "200 999"}'
            ],
        }
        await load_customers(tx, pa.table(row), now=NOW)
    await delete_customer(tx, "a", now=NOW)


WAYS = {"upsert": _upsert, "enter": _enter, "load": _load}
FILTERS: list[tuple[str, dict[str, Any], bool]] = [
    ("name", {"$is": "zebra  QUOKKA"}, True),
    ("name", {"$is": "zebra"}, False),
    ("name", {"$is_not": "Zebra Quokka"}, False),
    ("email", {"$in": ["x@y.example", "zebra@Quokka.example"]}, True),
    ("phone", {"$is": "139 1234 5678"}, True),
    ("phone", {"$is": "+86 139-1234-5678"}, True),
    ("phone", {"$has_value": True}, True),
    ("address.postal_code", {"$is": "200999"}, True),
    ("address.city", {"$starts_with": "Quok"}, True),
]


@pytest.mark.parametrize("way", list(WAYS))
async def test_whoever_wrote_it_it_is_found_and_read(tx: Tx, way: str) -> None:
    await WAYS[way](tx)
    index = await open_index(tx, country="CN")
    (zebra,) = (await list_customers(tx)).items
    assert (zebra.name, zebra.email, zebra.phone, zebra.address) == (
        ZEBRA.name, "Zebra@quokka.example", ZEBRA.phone, ZEBRA.address,
    )  # fmt: skip
    for field, conditions, found in FILTERS:
        condition = compile_filter(
            {field: {"conditions": conditions}}, CUSTOMER_FILTERS, now=NOW, digest=index.of
        )
        assert (await list_customers(tx, condition=condition)).total == found, conditions
    for search in ("quok", "zebra q", "zebra@quokka.example", "13912345678"):
        assert (await list_customers(tx, search=search)).total == 1, search
    rule = {"attribute": "phone", "operator": "in", "value": ["13912345678"]}
    assert await list_audience(tx, rule, now=NOW) == ["z"]
    await update_customer(tx, "z", CustomerDraft(name=None, phone=None), now=NOW)
    assert (await list_customers(tx, search="zebra")).total == 0
    assert await list_audience(tx, rule, now=NOW) == []


@pytest.mark.parametrize(
    ("field", "conditions"),
    [
        ("name", {"$contains": "ebr"}),
        ("email", {"$ends_with": "@quokka.example"}),
        ("phone", {"$starts_with": "139"}),
        ("address.line_1", {"$is": "7 Zebra Street"}),
    ],
)
async def test_what_cannot_be_answered_names_its_field(
    tx: Tx, field: str, conditions: dict[str, Any]
) -> None:
    index = await open_index(tx)
    with pytest.raises(InvalidInput) as caught:
        compile_filter(
            {field: {"conditions": conditions}}, CUSTOMER_FILTERS, now=NOW, digest=index.of
        )
    assert caught.value.field is not None
    assert f"filters.{field}" in caught.value.field


async def test_two_who_enter_one_person_do_not_mix_their_keys(
    database: Database, project: Project
) -> None:
    table = pa.table({"source_id": ["z"], "name": ["Loaded"]})

    async def load() -> None:
        async with database.transaction(project.project_id) as loading:
            await load_customers(loading, table, now=NOW)

    async with database.transaction(project.project_id) as entering:
        await upsert_customer(entering, ZEBRA, now=NOW)
        waiting = asyncio.create_task(load())
        await until_somebody_waits_for(entering)
    with pytest.raises(Duplicate):
        await waiting
    async with database.transaction(project.project_id) as tx:
        assert (await get_customer(tx, "z")).name == "Zebra Quokka"
        await load_customers(tx, table, now=NOW)
        assert (await get_customer(tx, "z")).name == "Loaded"


async def test_an_import_takes_the_key_of_whom_another_entered(
    database: Database, project: Project, tmp_path: Path
) -> None:
    path = tmp_path / "people.csv"
    path.write_text("id,name\ny,Y\nz,Imported\n", encoding="utf-8")
    asked = PathImport(
        subject=Subject.CUSTOMERS,
        path=path,
        mapping=Mapping(fields={"source_id": "id", "name": "name"}),
    )
    async with database.transaction(project.project_id) as entering:
        await upsert_customer(entering, ZEBRA, now=NOW)
        waiting = asyncio.create_task(
            import_path(database, project.project_id, asked, clock=lambda: NOW)
        )
        await until_somebody_waits_for(entering)
    _, action = await waiting
    assert action.result is not None
    assert action.result["failed_count"] == 0
    async with database.transaction(project.project_id) as tx:
        zebra = await get_customer(tx, "z")
        assert (zebra.name, zebra.phone) == ("Imported", ZEBRA.phone)
        assert (await get_customer(tx, "y")).name == "Y"


async def test_an_erasure_destroys_the_key(tx: Tx) -> None:
    zebra = await upsert_customer(tx, ZEBRA, now=NOW)
    other = await upsert_customer(tx, CustomerDraft(source_id="y", name="Zebra"), now=NOW)
    await merge_customers(tx, "z", "y", by="Test", reason="same", now=NOW)
    for id_ in (zebra.id, other.id, "cust_x"):
        await tx.execute(
            "insert into idempotency (route, key, fingerprint, status, body, created_at)"
            " values ('POST', %s, sha256(''), 200, convert_to(%s, 'UTF8'), %s)",
            (id_ * 3, f'{{"id":"{id_}","name":"Zebra"}}', NOW),
        )
    keys = await list_data_keys(tx, [zebra.id, other.id])
    assert None not in keys.values()
    await erase_customer(tx, "z", now=LATER)
    assert await list_data_keys(tx, [zebra.id, other.id]) == {zebra.id: None, other.id: None}
    left = await tx.execute(
        "select concat(name, email_index, phone_index, name_index, postal_index, name_tokens)"
        " from customer"
    )
    assert set(await left.fetchall()) == {("",)}
    answers = await tx.execute("select key from idempotency where body is not null")
    assert await answers.fetchall() == [("cust_x" * 3,)]
    logged = await tx.execute("select customer_id, thorough, at from erasure order by customer_id")
    assert await logged.fetchall() == [(id_, True, LATER) for id_ in sorted((zebra.id, other.id))]


async def test_the_projects_key_is_rotated_beside_the_shop(
    database: Database, project: Project, postgres_url: str
) -> None:
    async with database.transaction(project.project_id) as tx:
        for number in range(5):
            await upsert_customer(tx, CustomerDraft(source_id=f"c{number}", name="Ann"), now=NOW)
        before = await open_vault(tx)
    times = [NOW]

    def clock() -> datetime:
        return times[-1]

    async with open_database(postgres_url, pool_size=2) as other:
        async with other.transaction(project.project_id) as tx:
            await open_vault(tx)
        assert await rotate_wrapping_key(database, project.project_id, clock=clock) == 5
        # A process that remembers the old key writes with it, and reads what the new one wraps.
        async with other.transaction(project.project_id) as tx:
            await upsert_customer(tx, CustomerDraft(source_id="late", name="Lee"), now=NOW)
            assert {one.name for one in (await list_customers(tx)).items} == {"Ann", "Lee"}
    assert await retire_wrapping_keys(database, project.project_id, clock=clock) == ()
    times.append(NOW + GRACE)
    assert await retire_wrapping_keys(database, project.project_id, clock=clock) == (1,)
    async with database.transaction(project.project_id) as tx:
        people = (await list_customers(tx)).items
        assert sorted(one.name or "" for one in people) == ["Ann"] * 5 + ["Lee"]
        keys = await list_data_keys(tx, [one.id for one in people])
        assert {(key or "").partition(".")[0] for key in keys.values()} == {"2"}
        assert not any(before.knows(key or "") for key in keys.values())
    assert await rotate_wrapping_key(database, project.project_id, clock=clock) == 6


async def test_another_projects_vault_opens_nothing(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        zebra = await upsert_customer(tx, ZEBRA, now=NOW)
        wrapped = (await list_data_keys(tx, [zebra.id]))[zebra.id]
    async with database.transaction() as tx:
        await create_project(
            tx, "Other", currency="CNY", time_zone="Asia/Shanghai", language="en", now=NOW
        )
        other: Vault = await open_vault(tx)
        assert await list_data_keys(tx, [zebra.id]) == {}
    with pytest.raises(CannotUnseal):
        other.open(wrapped or "", zebra.id)
