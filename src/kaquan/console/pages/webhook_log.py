"""What was sent to a webhook, how that went, and sending it again."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from kaquan.console.language import N_
from kaquan.console.listing import Choice, Column, Count, Filter, Listing, ListShape
from kaquan.console.pages.paging import PAGE_SIZE, page_number
from kaquan.console.pages.webhooks import WEBHOOKS_PATH, explain, say
from kaquan.console.pages.words_of_webhooks import DELIVERY_STATES, REFUSALS
from kaquan.console.render import page_of, redirect, render
from kaquan.console.session import page_snapshot, page_transaction, project_of, read_form
from kaquan.runtime import InvalidInput, compile_filter, utc_now
from kaquan.webhooks import (
    DELIVERY_FILTERS,
    get_endpoint,
    get_logged,
    list_log,
    replay_delivery,
    replay_events,
    send_test,
)

_ONE = f"{WEBHOOKS_PATH}/{{webhook_id:str}}"
_LOG = f"{_ONE}/log"
SHAPE = ListShape(
    columns=(
        Column(key="event", label=N_("Event")),
        Column(key="status", label=N_("Status")),
        Column(key="answer", label=N_("Answer")),
        Column(key="tries", label=N_("Tries"), numeric=True),
        Column(key="at", label=N_("When")),
    ),
    filters=(
        Filter(
            name="status",
            label=N_("Status"),
            choices=tuple(
                Choice(value=status.value, label=badge.word)
                for status, badge in DELIVERY_STATES.items()
            ),
        ),
    ),
    search_label=N_("Search by the event's name"),
)

AnyRequest = Request[Any, Any, Any]


@get(_LOG, include_in_schema=False)
async def show_log(request: AnyRequest, webhook_id: FromPath[str]) -> Response[str]:
    """What was sent, the latest first."""
    return await _show_log(request, webhook_id)


@get(f"{_LOG}/{{delivery_id:str}}", include_in_schema=False)
async def show_delivery(
    request: AnyRequest, webhook_id: FromPath[str], delivery_id: FromPath[str]
) -> Response[str]:
    """One message: what it says and each time it was sent."""
    async with page_snapshot(request) as tx:
        endpoint, delivery, event = await get_logged(tx, webhook_id, delivery_id)
    return render(
        request,
        "pages/webhook_delivery.html",
        endpoint=endpoint,
        delivery=delivery,
        badge=DELIVERY_STATES[delivery.status],
        event=event,
        says=msgspec.json.format(msgspec.json.encode(event.data), indent=2).decode(),
    )


@post(f"{_LOG}/{{delivery_id:str}}/replay", include_in_schema=False)
async def send_again(
    request: AnyRequest, webhook_id: FromPath[str], delivery_id: FromPath[str]
) -> Response[str]:
    """Send one message again."""
    here = f"{WEBHOOKS_PATH}/{webhook_id}/log"
    try:
        async with page_transaction(request) as tx:
            await replay_delivery(tx, webhook_id, delivery_id, now=utc_now())
    except InvalidInput as error:
        return await _show_log(request, webhook_id, error=error)
    return redirect(f"{here}/{delivery_id}", notice=say(request, N_("It is being sent again.")))


@post(f"{_ONE}/test", include_in_schema=False)
async def send_a_test(request: AnyRequest, webhook_id: FromPath[str]) -> Response[str]:
    """Send an event that means nothing, and show it in the log."""
    try:
        async with page_transaction(request) as tx:
            delivery = await send_test(tx, webhook_id, now=utc_now())
    except InvalidInput as error:
        return await _show_log(request, webhook_id, error=error)
    notice = say(request, N_("A test event is on its way."))
    return redirect(f"{WEBHOOKS_PATH}/{webhook_id}/log/{delivery.id}", notice=notice)


@post(f"{_ONE}/replay", include_in_schema=False)
async def send_period_again(request: AnyRequest, webhook_id: FromPath[str]) -> Response[str]:
    """Send the events of some days again."""
    given = await read_form(request, "start", "end", "failed_only")
    try:
        start, end = _read_days(request, given)
        async with page_transaction(request) as tx:
            count = await replay_events(
                tx,
                webhook_id,
                start=start,
                end=end,
                failed_only=given["failed_only"] == "yes",
                now=utc_now(),
            )
    except InvalidInput as error:
        return await _show_log(request, webhook_id, error=error, given=given)
    notice = say(request, N_("Messages that are sent again: %(count)s.")) % {"count": count}
    return redirect(f"{WEBHOOKS_PATH}/{webhook_id}/log", notice=notice)


def _read_days(request: AnyRequest, given: dict[str, str]) -> tuple[datetime, datetime]:
    """The first moment of the first day, and the moment after the last day, in the shop's zone."""
    try:
        first, last = (date.fromisoformat(given[name]) for name in ("start", "end"))
        after = last + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(REFUSALS["start"], field="start") from error
    zone = project_of(request).zone
    return datetime.combine(first, time(), zone), datetime.combine(after, time(), zone)


async def _show_log(
    request: AnyRequest,
    webhook_id: str,
    *,
    error: InvalidInput | None = None,
    given: dict[str, str] | None = None,
) -> Response[str]:
    query = SHAPE.read(page_of(request).query)
    asked = {"status": query.filters.get("status"), "event": query.search or None}
    operators = {"status": "$is", "event": "$contains"}
    wanted = {
        name: {"conditions": {operators[name]: value}}
        for name, value in asked.items()
        if value is not None
    }
    number = page_number(query.cursor)
    async with page_snapshot(request) as tx:
        endpoint = await get_endpoint(tx, webhook_id)
        found = await list_log(
            tx,
            webhook_id,
            condition=compile_filter(wanted, DELIVERY_FILTERS, now=utc_now()),
            limit=PAGE_SIZE,
            page=number,
        )
    listing = Listing(
        shape=SHAPE,
        query=query,
        rows=[(one, DELIVERY_STATES[one.status]) for one in found.items],
        count=Count(value=found.total),
        next_cursor=str(number + 1) if number * PAGE_SIZE < found.total else None,
    )
    return render(
        request,
        "pages/webhook_log.html",
        status_code=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        endpoint=endpoint,
        listing=listing,
        given=given or {"start": "", "end": "", "failed_only": "yes"},
        errors={} if error is None else explain(request, error),
    )
