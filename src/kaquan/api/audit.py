"""``/v1/kaquan/audit``: our own addition, what people, keys and the system changed, in a chain."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from litestar import Router

from kaquan.api.call import CurrentCall
from kaquan.api.listing import CurrentFilters, CurrentPaging, read_condition
from kaquan.api.routes import reads
from kaquan.runtime import InvalidInput
from kaquan.trust import AUDIT_FILTERS, AuditRecord, list_audit_records

_ORDERS = {None: True, "-created_at": True, "created_at": False}


class AuditRecordView(msgspec.Struct, frozen=True, kw_only=True):
    """A change: ``actor`` is ``user:…``, ``key:…`` or ``system``; ``before`` and ``after`` hold
    what changed. ``hash`` is SHA-256 over ``previous_hash`` and the record.
    """

    sequence: int
    created_at: datetime
    actor: str
    action: Literal["created", "changed", "deleted"]
    related_object_type: str
    related_object_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str
    previous_hash: str
    hash: str
    object: Literal["audit_record"] = "audit_record"


class AuditList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the chain."""

    data: list[AuditRecordView]
    total: int
    has_more: bool
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


def view_audit_record(record: AuditRecord) -> AuditRecordView:
    """Map a record to the wire."""
    return msgspec.convert(
        {
            "sequence": record.seq,
            "created_at": record.at,
            "actor": record.actor,
            "action": record.action,
            "related_object_type": record.object,
            "related_object_id": record.object_id,
            "before": record.was,
            "after": record.became,
            "request_id": record.request_id,
            "previous_hash": record.previous.hex(),
            "hash": record.hash.hex(),
        },
        AuditRecordView,
    )


@reads("/", "List audit records")
async def read_audit(
    call: CurrentCall, paging: CurrentPaging, filters: CurrentFilters
) -> AuditList:
    """List what was changed, the latest first unless ``order`` is ``created_at``.

    Filters are by ``actor``, ``action``, ``object``, ``object_id``, ``request_id``, ``created_at``.
    """
    if paging.order not in _ORDERS:
        message = "The audit chain can be ordered by created_at or -created_at."
        raise InvalidInput(message, field="order", key="invalid_query_params")
    async with call.transaction() as tx:
        found = await list_audit_records(
            tx,
            condition=await read_condition(tx, filters, AUDIT_FILTERS, now=call.now),
            descending=_ORDERS[paging.order],
            limit=paging.limit,
            page=paging.page,
        )
    return AuditList(
        data=list(map(view_audit_record, found.items)),
        total=found.total,
        has_more=paging.has_more(found.total),
    )


def audit_router() -> Router:
    """Routes of the audit chain."""
    return Router(path="/kaquan/audit", route_handlers=[read_audit], tags=["Audit"])
