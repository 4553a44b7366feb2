"""SQL of the copy for other engines: every table as it is read, flat and with names instead of ids."""

from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from typing import LiteralString, TypeAlias

from psycopg import sql

from kaquan.runtime import Tx
from kaquan.segments.columns import ALWAYS, EXPRESSIONS, PRODUCT_JOIN
from kaquan.segments.deeds import DeedKind


class ColumnType(StrEnum):
    """How a column of the copy is typed; OBJECT is a JSON object, spread into maps."""

    TEXT = "text"
    WHOLE = "whole"
    NUMBER = "number"
    FLAG = "flag"
    DATE = "date"
    TIME = "time"
    OBJECT = "object"


_T, _W, _N = ColumnType.TEXT, ColumnType.WHOLE, ColumnType.NUMBER
Columns: TypeAlias = dict[str, tuple[ColumnType, LiteralString]]
_CUSTOMER: Columns = {
    "id": (_T, "c.id"),
    "source_id": (_T, "c.source_id"),
    "name": (_T, "c.name_index"),
    "email": (_T, "c.email_index"),
    "phone": (_T, "c.phone_index"),
    "city": (_T, "c.address ->> 'city'"),
    "state": (_T, "c.address ->> 'state'"),
    "country": (_T, "c.address ->> 'country'"),
    "postal_code": (_T, "c.postal_index"),
    "birth_date": (ColumnType.DATE, "c.birth_date"),
    "created_at": (ColumnType.TIME, "c.created_at"),
    "created_on": (ColumnType.DATE, "(c.created_at at time zone {zone})::date"),
    "metadata": (ColumnType.OBJECT, "c.metadata"),
    "order_count": (_W, "coalesce(s.order_count, 0)"),
    "spend_minor": (_W, "coalesce(s.spend_minor, 0)"),
    "average_order_minor": (_W, "s.spend_minor / s.order_count"),
    "first_order_at": (ColumnType.TIME, "s.first_order_at"),
    "first_order_on": (ColumnType.DATE, "(s.first_order_at at time zone {zone})::date"),
    "last_order_at": (ColumnType.TIME, "s.last_order_at"),
    "recency_score": (_W, "r.recency_score"),
    "frequency_score": (_W, "r.frequency_score"),
    "monetary_score": (_W, "r.monetary_score"),
    "band": (_T, "r.band"),
}
_CUSTOMER_FROM: LiteralString = (
    "customer c"
    " left join customer_summary s on s.project_id = c.project_id and s.customer_id = c.id"
    " left join rfm_score r on r.project_id = c.project_id and r.customer_id = c.id"
    " where c.erased_at is null order by c.id"
)
_LATEST_CONSENT: LiteralString = (
    "(select distinct on (customer_id, channel, purpose) * from consent"
    " order by customer_id, channel, purpose, at desc) d"
)
_STATIC_MEMBER: LiteralString = (
    "segment_member d join segment g on g.project_id = d.project_id and g.id = d.segment_id"
    " where g.kind = 'static'"
)
_KNOWN: LiteralString = "d.customer_id is not null"


def _of(kind: DeedKind, **types: ColumnType) -> Columns:
    return {name: (type_, EXPRESSIONS[f"{kind}.{name}"]) for name, type_ in types.items()}


def _deed(at: LiteralString) -> Columns:
    return {"customer_id": (_T, "d.customer_id"), "at": (ColumnType.TIME, at)}


_METADATA: Columns = {"metadata": (ColumnType.OBJECT, "d.metadata")}
_PRODUCT_ID: Columns = {"product_id": (_T, "d.product_id")}
_EVENT_NAME: Columns = {"name": (_T, "d.name")}
_TABLES: Mapping[str, tuple[Columns, LiteralString]] = {
    "customer": (_CUSTOMER, _CUSTOMER_FROM),
    "order": (
        _deed("d.placed_at")
        | _of(
            DeedKind.ORDER,
            status=_T,
            total_minor=_W,
            amount_minor=_W,
            discount_minor=_W,
            line_count=_W,
            source_id=_T,
            location=_T,
        )
        | _METADATA,
        f"orders d where {_KNOWN}",
    ),
    "order_line": (
        _deed("d.placed_at")
        | _PRODUCT_ID
        | _of(
            DeedKind.ORDER_LINE,
            product=_T,
            status=_T,
            quantity=_W,
            amount_minor=_W,
            discount_minor=_W,
            unit_price_minor=_W,
            location=_T,
        ),
        f"order_line d{PRODUCT_JOIN} where {_KNOWN}",
    ),
    "product": (
        {"id": (_T, "d.id"), "attribute": (ColumnType.OBJECT, "d.attributes")},
        "product d",
    ),
    "redemption": (
        _deed("d.created_at")
        | _of(
            DeedKind.REDEMPTION,
            campaign=_T,
            campaign_name=_T,
            voucher=_T,
            channel=_T,
            location=_T,
            discount_minor=_W,
            order_amount_minor=_W,
        )
        | _METADATA,
        f"redemption d where {_KNOWN} and {ALWAYS[DeedKind.REDEMPTION]}",
    ),
    "publication": (
        _deed("d.created_at")
        | _of(DeedKind.PUBLICATION, campaign=_T, campaign_name=_T, channel=_T)
        | _METADATA,
        f"publication d where {_KNOWN}",
    ),
    "message": (
        _deed("d.created_at")
        | _of(DeedKind.MESSAGE, campaign=_T, campaign_name=_T, channel=_T, status=_T),
        f"message d where {_KNOWN}",
    ),
    "event": (
        _deed("d.at") | _EVENT_NAME | _of(DeedKind.EVENT, source_id=_T) | _METADATA,
        f"event d where {_KNOWN}",
    ),
    "consent": (
        {
            "customer_id": (_T, "d.customer_id"),
            "channel": (_T, "d.channel"),
            "purpose": (_T, "d.purpose"),
            "granted": (ColumnType.FLAG, "d.granted"),
        },
        _LATEST_CONSENT,
    ),
    "member": (
        {"segment_id": (_T, "d.segment_id"), "customer_id": (_T, "d.customer_id")},
        _STATIC_MEMBER,
    ),
    "score": (
        {
            "customer_id": (_T, "d.customer_id"),
            "name": (_T, "d.name"),
            "value": (_N, "d.value"),
        },
        "customer_score d",
    ),
}
COLUMNS: Mapping[str, Mapping[str, ColumnType]] = {
    table: {name: type_ for name, (type_, _) in columns.items()}
    for table, (columns, _) in _TABLES.items()
}
"""The columns of each table of the copy, before objects are spread."""


async def copy_table(tx: Tx, table: str, *, zone: str) -> AsyncIterator[bytes]:
    """Yield the rows of a table as CSV, in parts of one row or more; moments are microseconds."""
    columns, source = _TABLES[table]
    texts = [_column(type_, text, zone) for type_, text in columns.values()]
    query = sql.SQL("copy (select {} from {}) to stdout (format csv)").format(
        sql.SQL(", ").join(texts), sql.SQL(source)
    )
    async with tx.cursor() as cursor, cursor.copy(query) as copy:
        async for part in copy:
            yield bytes(part)


def _column(type_: ColumnType, text: LiteralString, zone: str) -> sql.Composable:
    if type_ is ColumnType.TIME:
        return sql.SQL("(extract(epoch from {}) * 1000000)::bigint").format(sql.SQL(text))
    if "{zone}" in text:
        return sql.SQL(text).format(zone=sql.Literal(zone))
    return sql.SQL(text)
