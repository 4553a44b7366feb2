"""The master key: a database by itself opens nothing, and no other key is written beside it."""

import base64
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from conftest import NOW
from kaquan.customers import CustomerDraft, get_customer, upsert_customer
from kaquan.runtime import (
    Database,
    InvalidInput,
    KaquanError,
    MasterKeyMissing,
    MasterKeys,
    MasterKeyWrong,
    Project,
    Settings,
    Tx,
    count_master_keys,
    create_project,
    find_project_key,
    generate_master_key,
    list_masters_in_use,
    migrate,
    open_database,
    prepare_master_keys,
    wrap_project_keys_anew,
    write_master_keys,
)
from kaquan.trust import close_project, open_vault, project_key, rotate_master_key

KEYS = [bytes([number]) * 32 for number in range(1, 4)]
LINES = [base64.b64encode(key).decode() for key in KEYS]


@pytest.fixture
def own_url(postgres_url: str) -> Generator[str]:
    """A migrated database of the test's own: a rotation is the whole database's."""
    # Test processes share a server.
    own = f"{conninfo_to_dict(postgres_url)['dbname']}_wrapped"
    name = sql.Identifier(own)
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(sql.SQL("drop database if exists {} with (force)").format(name))
        server.execute(sql.SQL("create database {}").format(name))
        url = make_conninfo(postgres_url, dbname=own)
        migrate(url)
        yield url
        server.execute(sql.SQL("drop database {} with (force)").format(name))


def test_a_key_is_bound_to_its_place_and_its_master() -> None:
    first, second, both = (MasterKeys(keys) for keys in (KEYS[:1], KEYS[1:2], KEYS[:2]))
    name, wrapped = first.wrap(KEYS[2], "here")
    assert name == first.names[0]
    assert KEYS[2] not in wrapped
    assert first.wrap(KEYS[2], "here")[1] != wrapped
    assert both.unwrap(wrapped, "here", name=name) == KEYS[2]
    changed = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
    for keys, text, place, called in (
        (first, wrapped, "there", name),
        (first, changed, "here", name),
        (second, wrapped, "here", name),
        (second, wrapped, "here", second.names[0]),
    ):
        with pytest.raises(MasterKeyWrong):
            keys.unwrap(text, place, name=called)


@pytest.mark.parametrize(
    ("given", "error", "field", "told"),
    [
        ({"master_key": "c2hvcnQ="}, InvalidInput, "KAQUAN_MASTER_KEY", "Key 1 is not 32 bytes"),
        ({"master_key": f"{LINES[0]} ?"}, InvalidInput, "KAQUAN_MASTER_KEY", "Key 2"),
        ({"master_key": " "}, InvalidInput, "KAQUAN_MASTER_KEY", "no key"),
        ({"master_key": LINES[0], "file": LINES[0]}, InvalidInput, "KAQUAN_MASTER_KEY_FILE", "both"),
        ({"file": "nonsense"}, InvalidInput, "master.key", "Key 1"),
        ({"file": "密"}, InvalidInput, "KAQUAN_MASTER_KEY_FILE", "cannot be read"),
        ({"absent": ""}, MasterKeyMissing, None, "absent.key is missing"),
        ({"master_key": LINES[1]}, MasterKeyWrong, None, "at hand is"),
        ({}, MasterKeyMissing, None, "Put the file back"),
    ],
)  # fmt: skip
def test_what_is_no_master_key_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: dict[str, str],
    *,
    error: type[KaquanError],
    field: str | None,
    told: str,
) -> None:
    monkeypatch.delenv("KAQUAN_MASTER_KEY")
    set_: dict[str, object] = {name: given[name] for name in given if name == "master_key"}
    if "file" in given:
        set_["master_key_file"] = tmp_path / "master.key"
        (tmp_path / "master.key").write_text(given["file"], encoding="utf-8")
    if "absent" in given:
        set_["master_key_file"] = tmp_path / "absent.key"
    settings = Settings.model_validate({"data_dir": tmp_path, **set_})
    with pytest.raises(error, match=told) as caught:
        prepare_master_keys(settings, MasterKeys(KEYS[:1]).names)
    assert isinstance(caught.value, KaquanError)
    assert (field or "") in str(caught.value.details.get("field", ""))
    assert [one.name for one in tmp_path.iterdir()] == ["master.key"] * ("file" in given)


def test_the_first_start_makes_a_key_for_its_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAQUAN_MASTER_KEY")
    settings = Settings(data_dir=tmp_path / "new")
    names = prepare_master_keys(settings, []).names
    (file,) = (tmp_path / "new").iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == ("master.key", 0o600)
    assert prepare_master_keys(settings, names).names == names
    write_master_keys(file, [generate_master_key()], afresh=True)
    assert prepare_master_keys(settings, names).names == names
    write_master_keys(file, [generate_master_key(), *LINES])
    assert file.stat().st_mode & 0o777 == 0o600
    assert prepare_master_keys(settings, MasterKeys(KEYS).names).names[1:] == MasterKeys(KEYS).names


async def test_a_database_by_itself_opens_nothing(
    database: Database, project: Project, postgres_url: str
) -> None:
    async with database.transaction(project.project_id) as tx:
        await upsert_customer(tx, CustomerDraft(source_id="z", name="Zebra"), now=NOW)
        open_ = [await project_key(tx, "wallet"), await find_project_key(tx, "personal index")]
        stored = await (await tx.execute("select key from project_key")).fetchall()
    assert len(stored) == 3
    for key in open_:
        assert key is not None
        assert not any(key in row[0] for row in stored)
    async with open_database(postgres_url, pool_size=2, master=MasterKeys(KEYS)) as other:
        async with other.transaction(project.project_id) as tx:
            with pytest.raises(MasterKeyWrong):
                await get_customer(tx, "z")
        for purpose in ("wallet", "till"):
            with pytest.raises(MasterKeyWrong):
                async with other.transaction(project.project_id) as tx:
                    await project_key(tx, purpose)
        with pytest.raises(MasterKeyWrong, match="another master key"):
            async with other.transaction() as tx:
                await _open_shop(tx)
    async with database.transaction(project.project_id) as tx:
        assert await find_project_key(tx, "till") is None
        # Of another purpose, or of another project, a key is none.
        await tx.execute(
            "update project_key k set key = w.key from project_key w"
            " where k.purpose = 'personal index' and w.purpose = 'wallet'"
        )
        with pytest.raises(MasterKeyWrong, match="moved"):
            await open_vault(tx, afresh=True)
        await tx.rollback()


async def test_a_rotation_goes_on_where_it_was_beside_the_shop(
    own_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "master.key"
    write_master_keys(file, LINES[:1])
    first, second = (MasterKeys([key]).names[0] for key in KEYS[:2])

    def renew() -> None:
        write_master_keys(file, [LINES[1], LINES[0]])

    async with (
        open_database(own_url, pool_size=3, master=MasterKeys(KEYS[:1], file=file)) as database,
        open_database(own_url, pool_size=2, master=MasterKeys(KEYS[:1], file=file)) as shop,
        open_database(own_url, pool_size=2, master=MasterKeys(KEYS[:1])) as left_behind,
    ):
        shops: list[Project] = []
        for _ in range(3):
            async with shop.transaction() as tx:
                shops.append(await _open_shop(tx))
                await upsert_customer(tx, CustomerDraft(source_id="z", name="Zebra"), now=NOW)
        async with shop.transaction(shops[2].project_id) as tx:
            await close_project(tx, home_id=shops[0].project_id, now=NOW)
        # Killed after the first project.
        renew()
        database.master.refresh()
        async with database.transaction(shops[0].project_id) as tx:
            assert await wrap_project_keys_anew(tx) == 2
        assert set(list_masters_in_use(own_url)) == {first, second}
        async with left_behind.transaction(shops[1].project_id) as tx:
            await project_key(tx, "wallet")
        done = await rotate_master_key(database, renew=_not_again)
        assert (done.master, done.wrapped) == (second, 5)
        assert list_masters_in_use(own_url) == [second]
        async with database.transaction() as tx:
            assert await count_master_keys(tx) == {second: 7}
        with pytest.raises(MasterKeyWrong):
            async with left_behind.transaction() as tx:
                await _open_shop(tx)
        for one in shops:
            for opened in (shop, database):
                async with opened.transaction(one.project_id) as tx:
                    await open_vault(tx, afresh=True)
                    assert (await get_customer(tx, "z")).name == "Zebra"
        # Nothing is left over: the next one takes a fresh key.
        write_master_keys(file, LINES[1:2])
        done = await rotate_master_key(
            database, renew=lambda: write_master_keys(file, [LINES[2], LINES[1]])
        )
        assert (done.master, done.wrapped) == (MasterKeys(KEYS[2:]).names[0], 7)
        async with shop.transaction(shops[1].project_id) as tx:
            assert await project_key(tx, "till")
        file.unlink()
        with pytest.raises(MasterKeyMissing):
            async with shop.transaction() as tx:
                await _open_shop(tx)


async def _open_shop(tx: Tx) -> Project:
    return await create_project(
        tx, "Shop", currency="CNY", time_zone="Asia/Shanghai", language="en", now=NOW
    )


def _not_again() -> None:
    pytest.fail("there was a key to go on with")
