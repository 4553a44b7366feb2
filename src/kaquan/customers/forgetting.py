"""Taking a person out of what only their own words lead to: files, posts, rules, tries of guests."""

import asyncio
import tempfile
from collections.abc import Sequence

from kaquan.customers.mentions import ARCHIVE, LONGEST_MENTION, SEALED_SHUT, Mentions
from kaquan.customers.model import Customer
from kaquan.customers.store.identities import list_recorded
from kaquan.customers.store.mentions import (
    delete_attempts,
    delete_files,
    empty_posts,
    list_resting_files,
    list_written,
    stream_guest_attempts,
    stream_parts,
    stream_unclaimed_posts,
    update_written,
)
from kaquan.customers.store.merging import list_aliases
from kaquan.runtime import Tx

_KEPT_IN_MEMORY = 2**24


async def gather_mentions(tx: Tx, customer: Customer, parts: Sequence[str]) -> Mentions:
    """Return what tells who a person is, while it can still be read; ``parts`` are all their ids."""
    further = [*parts, *await list_aliases(tx, customer.id)]
    for part in parts:
        further += [one.value for one in await list_recorded(tx, part)]
    return Mentions([customer], further)


async def forget_mentions(tx: Tx, mentions: Mentions) -> None:
    """Delete files and tries, empty posts, and take values out of rules that mention the person.

    A file that an import is just reading stays; it goes when the import is done.
    """
    await _forget_files(tx, mentions)
    posts = [id_ async for id_, body in stream_unclaimed_posts(tx) if mentions.in_bytes(body)]
    await empty_posts(tx, posts)
    tries = [id_ async for id_, text in stream_guest_attempts(tx) if mentions.in_text(text)]
    await delete_attempts(tx, tries)
    for table, id_, values in await list_written(tx):
        scrubbed = mentions.scrub(values)
        if scrubbed != values:
            await update_written(tx, table, id_, scrubbed)


async def _forget_files(tx: Tx, mentions: Mentions) -> None:
    gone = [
        file_id
        for file_id in await list_resting_files(tx)
        if await _may_mention(tx, mentions, file_id)
    ]
    await delete_files(tx, gone)


async def _may_mention(tx: Tx, mentions: Mentions, file_id: str) -> bool:
    """Whether a file mentions the person, or cannot be looked through."""
    kept = b""
    with tempfile.SpooledTemporaryFile(_KEPT_IN_MEMORY) as archive:
        async for part in stream_parts(tx, file_id):
            if not kept and part.startswith(SEALED_SHUT):
                return True
            if archive.tell() or (not kept and part.startswith(ARCHIVE)):
                archive.write(part)
            elif mentions.in_bytes(kept + part):
                return True
            kept = part[-LONGEST_MENTION:]
        if archive.tell():
            return await asyncio.to_thread(mentions.in_archive, archive)
    return False
