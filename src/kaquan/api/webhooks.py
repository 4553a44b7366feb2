"""``/v1/kaquan/webhooks``: our own addition, who is told of what happens, and how that goes."""

from datetime import timedelta
from typing import Annotated, Any

from litestar import Request, Router
from litestar.params import FromPath, JSONBody, QueryParameter

from kaquan.api.call import CurrentCall
from kaquan.api.listing import (
    CurrentFilters,
    CurrentPaging,
    conditions_of,
    merge_filters,
    read_condition,
    read_unordered_paging,
)
from kaquan.api.routes import reads, removes, writes
from kaquan.api.webhook_views import (
    DeliveryDetail,
    DeliveryList,
    DeliveryView,
    EventTypeList,
    ReplayBody,
    ReplayView,
    RotateBody,
    WebhookBody,
    WebhookList,
    WebhookView,
    draft_endpoint,
    private_allowed,
    require_offset,
    view_delivery,
    view_detail,
    view_event_type,
    view_webhook,
)
from kaquan.trust import Caller
from kaquan.webhooks import (
    DELIVERY_FILTERS,
    EVENT_TYPES,
    create_endpoint,
    delete_endpoint,
    get_endpoint,
    get_logged,
    list_log,
    list_subscribers,
    replay_delivery,
    replay_events,
    rotate_secret,
    send_test,
    update_endpoint,
)

StatusText = Annotated[
    str | None, QueryParameter(max_length=20, description="pending, succeeded or failed")
]
EventText = Annotated[
    str | None, QueryParameter(max_length=255, description="Only messages of this kind of event")
]


@reads("/event-types", "List kinds of events")
async def read_event_types(call: CurrentCall) -> EventTypeList:
    """List what a webhook can ask for."""
    return EventTypeList(data=list(map(view_event_type, EVENT_TYPES)), total=len(EVENT_TYPES))


@writes("POST", "/", "Create webhook")
async def create_webhook(
    data: JSONBody[WebhookBody], call: CurrentCall, request: Request[Any, Caller, Any]
) -> WebhookView:
    """Subscribe an address to events from here on; the secret is told in this answer only."""
    async with call.transaction() as tx:
        endpoint = await create_endpoint(
            tx, draft_endpoint(data), private_allowed=private_allowed(request), now=call.now
        )
    return view_webhook(endpoint, call, with_secret=True)


@reads("/", "List webhooks", paging=read_unordered_paging)
async def read_webhooks(call: CurrentCall, paging: CurrentPaging) -> WebhookList:
    """List webhooks, the oldest first."""
    async with call.transaction() as tx:
        found = await list_subscribers(tx, limit=paging.limit, page=paging.page)
    return WebhookList(
        data=[view_webhook(one, call) for one in found.items],
        total=found.total,
        has_more=paging.has_more(found.total),
    )


@reads("/{webhook_id:str}", "Get webhook")
async def read_webhook(webhook_id: FromPath[str], call: CurrentCall) -> WebhookView:
    """Get a webhook."""
    async with call.transaction() as tx:
        return view_webhook(await get_endpoint(tx, webhook_id), call)


@writes("PUT", "/{webhook_id:str}", "Update webhook")
async def change_webhook(
    webhook_id: FromPath[str],
    data: JSONBody[WebhookBody],
    call: CurrentCall,
    request: Request[Any, Caller, Any],
) -> WebhookView:
    """Change, disable or enable a webhook; enabled again, it gets what had been waiting for it."""
    async with call.transaction() as tx:
        endpoint = await update_endpoint(
            tx,
            webhook_id,
            draft_endpoint(data),
            private_allowed=private_allowed(request),
            now=call.now,
        )
    return view_webhook(endpoint, call)


@removes("/{webhook_id:str}", "Delete webhook")
async def remove_webhook(webhook_id: FromPath[str], call: CurrentCall) -> None:
    """Delete a webhook with its log."""
    async with call.transaction() as tx:
        await delete_endpoint(tx, webhook_id)


@writes("POST", "/{webhook_id:str}/rotate", "Rotate a webhook's secret")
async def rotate_webhook(
    webhook_id: FromPath[str], data: JSONBody[RotateBody], call: CurrentCall
) -> WebhookView:
    """Make a new secret, told in this answer only; the one before signs along for a while."""
    overlap = timedelta(seconds=data.overlap_s)
    async with call.transaction() as tx:
        endpoint = await rotate_secret(tx, webhook_id, overlap=overlap, now=call.now)
    return view_webhook(endpoint, call, with_secret=True)


@writes("POST", "/{webhook_id:str}/test", "Send a test event")
async def test_webhook(webhook_id: FromPath[str], call: CurrentCall) -> DeliveryView:
    """Send an event ``webhook.test``; the log tells how it went."""
    async with call.transaction() as tx:
        return view_delivery(await send_test(tx, webhook_id, now=call.now))


@writes("POST", "/{webhook_id:str}/replay", "Send a period's events again")
async def replay_webhook(
    webhook_id: FromPath[str], data: JSONBody[ReplayBody], call: CurrentCall
) -> ReplayView:
    """Send again what happened in a period, also what happened while the webhook was disabled."""
    async with call.transaction() as tx:
        count = await replay_events(
            tx,
            webhook_id,
            start=require_offset(data.start, "start"),
            end=require_offset(data.end, "end"),
            failed_only=data.failed_only,
            now=call.now,
        )
    return ReplayView(messages=count)


@reads("/{webhook_id:str}/deliveries", "List a webhook's messages")
async def read_deliveries(
    webhook_id: FromPath[str],
    call: CurrentCall,
    paging: CurrentPaging,
    filters: CurrentFilters,
    status: StatusText = None,
    event: EventText = None,
) -> DeliveryList:
    """List what was sent to a webhook, the latest first unless ``order`` says otherwise."""
    given = merge_filters(filters, conditions_of(status=("$is", status), event=("$is", event)))
    async with call.transaction() as tx:
        found = await list_log(
            tx,
            webhook_id,
            condition=await read_condition(tx, given, DELIVERY_FILTERS, now=call.now),
            order=paging.order or "-created_at",
            limit=paging.limit,
            page=paging.page,
        )
    return DeliveryList(
        data=list(map(view_delivery, found.items)),
        total=found.total,
        has_more=paging.has_more(found.total),
    )


@reads("/{webhook_id:str}/deliveries/{delivery_id:str}", "Get a webhook's message")
async def read_delivery(
    webhook_id: FromPath[str], delivery_id: FromPath[str], call: CurrentCall
) -> DeliveryDetail:
    """Get a message with its attempts and what it says."""
    async with call.transaction() as tx:
        _, delivery, event = await get_logged(tx, webhook_id, delivery_id)
    return view_detail(delivery, event)


@writes("POST", "/{webhook_id:str}/deliveries/{delivery_id:str}/replay", "Send a message again")
async def replay_one(
    webhook_id: FromPath[str], delivery_id: FromPath[str], call: CurrentCall
) -> DeliveryView:
    """Send a message again, at once, whatever became of it."""
    async with call.transaction() as tx:
        return view_delivery(await replay_delivery(tx, webhook_id, delivery_id, now=call.now))


def webhooks_router() -> Router:
    """Routes of webhooks."""
    return Router(
        path="/kaquan/webhooks",
        route_handlers=[
            read_event_types,
            create_webhook,
            read_webhooks,
            read_webhook,
            change_webhook,
            remove_webhook,
            rotate_webhook,
            test_webhook,
            replay_webhook,
            read_deliveries,
            read_delivery,
            replay_one,
        ],
        tags=["Webhooks"],
    )
