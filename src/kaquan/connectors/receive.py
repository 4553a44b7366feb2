"""Taking in what sources post: verified, kept as it came, carried out once, and again on demand."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import psycopg
from msgspec import structs

from kaquan.checkout import Contended
from kaquan.connectors.apply import apply_customer, apply_order, apply_refund
from kaquan.connectors.mapping import Place
from kaquan.connectors.model import Applied, Receipt, ReceiptStatus, Source
from kaquan.connectors.objects import (
    find_kind,
    find_payload,
    map_customer,
    map_order,
    map_refund,
)
from kaquan.connectors.signatures import verify_signature
from kaquan.connectors.store.sources import (
    find_delivery,
    get_receipt,
    get_source,
    has_body,
    insert_receipt,
    insert_rejects,
    update_receipt,
)
from kaquan.connectors.tracking.message import read_message
from kaquan.connectors.tracking.track import receive_messages
from kaquan.runtime import (
    InvalidInput,
    KaquanError,
    Tx,
    get_project,
    minor_digits,
    new_id,
)

_LONGEST_NAME = 200
_LONGEST_ERROR = 1_000


async def receive_delivery(
    tx: Tx, source: Source, *, headers: Mapping[str, str], body: bytes, now: datetime
) -> Receipt:
    """Keep what a source posted and carry it out. Names of ``headers`` are in lower case.

    A delivery that came before, or whose body did, changes nothing; one that failed is tried
    again. What cannot be carried out fails in the receipt, with the place in the body, and leaves
    nothing else behind. Raises BadSignature, and Contended.
    """
    verify_signature(source, headers, body)
    digest = hashlib.sha256(body).digest()
    fresh = Receipt(
        id=new_id("rcp"),
        source_id=source.id,
        delivery=_header(headers, source.signing.delivery_header) or f"sha256:{digest.hex()}",
        topic=_header(headers, source.signing.topic_header),
        body=body,
        digest=digest,
        status=ReceiptStatus.IGNORED,
        received_at=now,
        processed_at=now,
    )
    if not await insert_receipt(tx, fresh):
        known = await find_delivery(tx, source.id, fresh.delivery)
        assert known is not None
        if known.status is not ReceiptStatus.FAILED or known.digest != digest:
            return structs.replace(known, status=ReceiptStatus.DUPLICATE)
        fresh = structs.replace(known, attempts=known.attempts + 1)
    done = await _process(tx, source, fresh, now=now)
    await update_receipt(tx, done)
    return done


async def process_again(tx: Tx, receipt_id: str, *, by: str, now: datetime) -> Receipt:
    """Carry a receipt out once more, with the mapping as it is now. Raises NotFound, Contended.

    Orders and customers that are newer than the receipt stay as they are, and a refund that was
    carried out is not carried out twice.
    """
    receipt = await get_receipt(tx, receipt_id, lock=True)
    again = structs.replace(receipt, attempts=receipt.attempts + 1)
    if receipt.source_id is None:
        done = await _track_again(tx, again, by=by, now=now)
    else:
        source = await get_source(tx, receipt.source_id)
        done = await _process(tx, source, again, now=now, repeated=True)
    await update_receipt(tx, done)
    return done


async def keep_rejects(
    tx: Tx, rejects: Sequence[tuple[Mapping[str, Any], KaquanError]], *, now: datetime
) -> None:
    """Keep messages of the tracking API that were refused, and why."""
    receipts: list[Receipt] = []
    for given, error in rejects:
        body = msgspec.json.encode(given)
        plain = Receipt(
            id=new_id("rcp"),
            source_id=None,
            delivery=_storable(str(given.get("messageId") or "")),
            topic=_storable(str(given.get("event") or given.get("type") or "")),
            body=body,
            digest=hashlib.sha256(body).digest(),
            status=ReceiptStatus.FAILED,
            received_at=now,
            processed_at=now,
        )
        receipts.append(_failed(plain, error, now=now))
    await insert_rejects(tx, receipts)


async def _process(
    tx: Tx, source: Source, receipt: Receipt, *, now: datetime, repeated: bool = False
) -> Receipt:
    """Carry out what a receipt says: all of it, or nothing and the reason."""
    try:
        async with tx.transaction():
            return await _carry_out(tx, source, receipt, now=now, repeated=repeated)
    except Contended:
        raise
    except KaquanError as error:
        return _failed(receipt, error, now=now)
    except psycopg.DataError:
        error = InvalidInput("A value is outside of what can be stored.", field="")
        return _failed(receipt, error, now=now)


async def _carry_out(
    tx: Tx, source: Source, receipt: Receipt, *, now: datetime, repeated: bool
) -> Receipt:
    body = _decode(receipt.body)
    topic = receipt.topic
    if not topic and source.signing.topic_path is not None:
        found = Place(body, "").follow(source.signing.topic_path).value
        topic = _storable(found) if isinstance(found, str) else ""
    named = structs.replace(
        receipt, topic=topic, error_key=None, error_field=None, error=None, processed_at=now
    )
    if not repeated and await has_body(tx, named):
        return structs.replace(named, status=ReceiptStatus.DUPLICATE)
    kind = find_kind(source.mapping, topic)
    if kind is None:
        return structs.replace(named, status=ReceiptStatus.IGNORED)
    place = find_payload(source.mapping, body)
    digits = minor_digits((await get_project(tx)).currency)
    applied = Applied()
    if kind == "order":
        order = map_order(source.mapping, place, digits=digits, now=receipt.received_at)
        applied = await apply_order(tx, order, now=now)
    elif kind == "refund":
        refund = map_refund(source.mapping, place, digits=digits)
        applied = await apply_refund(tx, refund, now=now)
    else:
        draft, at = map_customer(source.mapping, place, digits=digits, now=receipt.received_at)
        applied = await apply_customer(tx, draft, at=at, now=now)
    return structs.replace(named, status=ReceiptStatus.DONE, outcome=applied)


async def _track_again(tx: Tx, receipt: Receipt, *, by: str, now: datetime) -> Receipt:
    try:
        message = read_message(_decode(receipt.body), sent_at=None, now=receipt.received_at)
        (result,) = await receive_messages(tx, [message], by=by, now=now)
    except Contended:
        raise
    except KaquanError as error:
        return _failed(receipt, error, now=now)
    if isinstance(result, KaquanError):
        return _failed(receipt, result, now=now)
    return structs.replace(
        receipt,
        status=ReceiptStatus.DONE if result else ReceiptStatus.DUPLICATE,
        error_key=None,
        error_field=None,
        error=None,
        processed_at=now,
    )


def _failed(receipt: Receipt, error: KaquanError, *, now: datetime) -> Receipt:
    field = error.details.get("field")
    return structs.replace(
        receipt,
        status=ReceiptStatus.FAILED,
        error_key=error.key,
        error_field=_storable(field) if isinstance(field, str) else None,
        error=_storable(error.message, longest=_LONGEST_ERROR),
        processed_at=now,
    )


def _decode(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"The body is not valid JSON: {error}."
        raise InvalidInput(message, field="", key="invalid_json") from error


def _header(headers: Mapping[str, str], name: str | None) -> str:
    return "" if name is None else headers.get(name.lower(), "")[:_LONGEST_NAME]


def _storable(text: str, *, longest: int = _LONGEST_NAME) -> str:
    """What PostgreSQL can keep of a text that somebody else wrote."""
    return text[:longest].replace("\x00", "\N{REPLACEMENT CHARACTER}")
