"""SQL of notes about customers."""

from datetime import datetime

import msgspec
from psycopg.rows import dict_row

from kaquan.customers.sealing import open_sealers, unseal_texts
from kaquan.runtime import Page, Tx

NOTE_PLACES = {"text": "customer_note.text"}


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wrote down about a customer."""

    id: str
    customer_id: str
    text: str
    written_by: str
    created_at: datetime


async def insert_note(tx: Tx, note: Note) -> None:
    """Keep a note."""
    sealer = (await open_sealers(tx, [note.customer_id]))[note.customer_id]
    text = sealer.seal_text(note.text, f"{NOTE_PLACES['text']} {note.id}")
    await tx.execute(
        "insert into customer_note (id, customer_id, sealed_by, text, written_by, created_at)"
        " values (%(id)s, %(customer)s, %(customer)s, %(text)s, %(by)s, %(at)s)",
        {
            "id": note.id,
            "customer": note.customer_id,
            "text": text,
            "by": note.written_by,
            "at": note.created_at,
        },
    )


async def delete_note_row(tx: Tx, customer_id: str, note_id: str) -> bool:
    """Remove a note; tells whether there was one."""
    cursor = await tx.execute(
        "delete from customer_note where customer_id = %s and id = %s", (customer_id, note_id)
    )
    return cursor.rowcount > 0


async def list_notes(tx: Tx, customer_id: str, *, limit: int = 50, page: int = 1) -> Page[Note]:
    """Return a customer's (our id) notes, newest first, with the exact total."""
    counted = await tx.execute(
        "select count(*) from customer_note where customer_id = %s", (customer_id,)
    )
    total = await counted.fetchone()
    assert total is not None
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "select id, customer_id, sealed_by, text, written_by, created_at from customer_note"
            " where customer_id = %s order by created_at desc, id desc limit %s offset %s",
            (customer_id, limit, (page - 1) * limit),
        )
        rows = await cursor.fetchall()
    await unseal_texts(tx, rows, NOTE_PLACES)
    found = [msgspec.convert(row, Note) for row in rows]
    more = str(page + 1) if page * limit < total[0] else None
    return Page(found, total=total[0], next_cursor=more)
