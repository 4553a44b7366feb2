"""The audit chain: proving that no record was altered, left out or put in between."""

import hashlib

import msgspec

from kaquan.runtime import Tx
from kaquan.trust.audit_store import stream_chain

FIRST = bytes(32)
"""What the first record's hash is chained to."""


class BrokenLink(msgspec.Struct, frozen=True, kw_only=True):
    """The first place at which a chain does not hold."""

    seq: int
    rule: str


class ChainVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What looking through a project's chain found: ``head`` is the last record's hash.

    A chain that was cut off or written anew as a whole holds in itself: whoever keeps a head
    elsewhere finds that out: it was not ``seen`` then.
    """

    records: int
    head: bytes
    broken: BrokenLink | None
    seen: bool


async def verify_audit(tx: Tx, *, expected: bytes | None = None) -> ChainVerdict:
    """Work out the hash of every record anew, SHA-256 over the hash before it and its content.

    ``expected`` is a hash that was the head once; ``seen`` says whether it is in the chain.
    """
    previous, count, seen = FIRST, 0, expected is None
    async for link in stream_chain(tx):
        rule = None
        if link.seq != count + 1:
            rule = "a record is missing before it"
        elif link.previous != previous:
            rule = "it is chained to another record than the one before it"
        elif hashlib.sha256(previous + link.text.encode()).digest() != link.hash:
            rule = "its content is not what its hash is of"
        if rule is not None:
            broken = BrokenLink(seq=link.seq, rule=rule)
            return ChainVerdict(records=count, head=previous, broken=broken, seen=seen)
        previous, count = link.hash, count + 1
        seen = seen or link.hash == expected
    return ChainVerdict(records=count, head=previous, broken=None, seen=seen)
