"""What staff write down about a customer."""

from datetime import datetime

from kaquan.customers.people import get_customer
from kaquan.customers.store.notes import Note, delete_note_row, insert_note
from kaquan.runtime import InvalidInput, NotFound, Tx, check_text, new_id

LONGEST_NOTE = 4000


async def add_note(tx: Tx, reference: str, text: str, *, by: str, now: datetime) -> Note:
    """Add a note to a customer (id ours or the merchant's); ``by`` is who wrote it.

    Raises NotFound, and InvalidInput for an empty note or one of over 4,000 characters.
    """
    customer = await get_customer(tx, reference)
    checked = check_text(text, "text", longest=LONGEST_NOTE)
    if not checked:
        raise InvalidInput("A note says something.", field="text")
    note = Note(
        id=new_id("note"), customer_id=customer.id, text=checked, written_by=by, created_at=now
    )
    await insert_note(tx, note)
    return note


async def delete_note(tx: Tx, reference: str, note_id: str) -> None:
    """Remove a note of a customer. Raises NotFound."""
    customer = await get_customer(tx, reference)
    if not await delete_note_row(tx, customer.id, note_id):
        raise NotFound("note", note_id)
