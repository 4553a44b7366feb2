"""Links to a wallet: what was signed opens, and nothing else does."""

import base64

import pytest

from campaigns.samples import OFFER, make_project
from conftest import NOW
from kaquan.campaigns import (
    Voucher,
    VoucherDraft,
    WalletTicket,
    add_voucher,
    open_wallet_token,
    wallet_token,
)
from kaquan.runtime import Database, NotFound, Project


async def make_token(database: Database, project: Project) -> tuple[Voucher, str]:
    async with database.transaction(project.project_id) as tx:
        voucher = await add_voucher(tx, VoucherDraft(offer=OFFER), now=NOW)
        return voucher, await wallet_token(tx, voucher)


async def open_token(database: Database, token: str) -> WalletTicket:
    async with database.transaction() as tx:
        return await open_wallet_token(tx, token)


async def test_a_token_opens_its_voucher(database: Database, project: Project) -> None:
    voucher, token = await make_token(database, project)
    assert await open_token(database, token) == WalletTicket(project.project_id, voucher.id)
    assert len(token) == 44
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    async with database.transaction(project.project_id) as tx:
        assert await wallet_token(tx, voucher) == token


async def test_opening_shows_the_project_to_the_transaction(
    database: Database, project: Project
) -> None:
    voucher, token = await make_token(database, project)
    async with database.transaction() as tx:
        await open_wallet_token(tx, token)
        cursor = await tx.execute("select id from voucher")
        assert await cursor.fetchall() == [(voucher.id,)]


async def test_every_flipped_bit_is_noticed(database: Database, project: Project) -> None:
    _, token = await make_token(database, project)
    raw = base64.urlsafe_b64decode(token)
    answers: set[str] = set()
    for bit in range(len(raw) * 8):
        forged = bytearray(raw)
        forged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(NotFound) as refusal:
            await open_token(database, base64.urlsafe_b64encode(forged).decode())
        answers.add(f"{refusal.value.message} {refusal.value.details}")
    assert len(answers) == 1


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "=" * 44,
        " " * 44,
        "A" * 44,
        "A" * 43,
        "A" * 45,
        "_" * 44,
        "券" * 44,
        "\x00" * 44,
        "\ud800" * 44,
        "A" * 100_000,
        base64.urlsafe_b64encode(bytes(range(33))).decode(),
        "+" + "A" * 43,
    ],
)
async def test_what_was_never_a_token(database: Database, token: str) -> None:
    with pytest.raises(NotFound) as refusal:
        await open_token(database, token)
    assert refusal.value.message == "There is no wallet link 'of this address'."


async def test_a_token_has_one_spelling(database: Database, project: Project) -> None:
    _, token = await make_token(database, project)
    for other in (token + "=", token + "A", " " + token, token + "\n", token.swapcase()):
        with pytest.raises(NotFound):
            await open_token(database, other)


async def test_a_key_signs_for_its_own_project_only(database: Database, project: Project) -> None:
    _, token = await make_token(database, project)
    neighbour = await make_project(database)
    await make_token(database, neighbour)
    raw = bytearray(base64.urlsafe_b64decode(token))
    raw[:4] = neighbour.project_id.to_bytes(4)
    with pytest.raises(NotFound):
        await open_token(database, base64.urlsafe_b64encode(raw).decode())


async def test_a_key_signs_for_the_voucher_named_only(database: Database, project: Project) -> None:
    _, token = await make_token(database, project)
    other, other_token = await make_token(database, project)
    name = base64.urlsafe_b64decode(other_token)[:17]
    tag = base64.urlsafe_b64decode(token)[17:]
    with pytest.raises(NotFound):
        await open_token(database, base64.urlsafe_b64encode(name + tag).decode())
    assert (await open_token(database, other_token)).voucher_id == other.id
