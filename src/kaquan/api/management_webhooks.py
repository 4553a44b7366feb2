"""``/management/v1/projects/{projectId}/webhooks``: webhooks as the dialect has them.

What only we have (a new secret, the log, events that the dialect's own list lacks) is at
``/v1/kaquan/webhooks``. The dialect gives a secret nowhere but in its own console; here it is told
once, when a webhook is made.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from litestar import Request, Router
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from kaquan.api.call import CurrentCall
from kaquan.api.management_key import get_named_project
from kaquan.api.problems import NotSupported
from kaquan.api.routes import reads, removes, writes
from kaquan.api.values import Address
from kaquan.api.webhook_views import EventNames, private_allowed
from kaquan.runtime import InvalidInput
from kaquan.trust import Caller
from kaquan.webhooks import (
    EVENT_TYPES,
    MOST_ENDPOINTS,
    Endpoint,
    EndpointDraft,
    create_endpoint,
    delete_endpoint,
    get_endpoint,
    list_subscribers,
    update_endpoint,
    write_secret,
)

# The official clients refuse every other spelling of these, the documents have ours.
_SPELLINGS = {
    "campaign.vouchers.added": "campaign.vouchers.aded",
    "voucher.gift.balance_added": "voucher.gift.balance_aded",
    "voucher.loyalty_card.points_added": "voucher.loyalty_card.points_aded",
    "voucher.loyalty_card.pending_points.added": "voucher.loyalty_card.pending_points.aded",
}
_SPELLED = {spelling: name for name, spelling in _SPELLINGS.items()}
_OURS = (
    "customer.updated",
    "customer.consents.",
    "customer.custom_event",
    "customer.segment.",
    "customer.order.",
    "customer.loyalty.",
    "customer.reward_redemptions.",
)
_DIALECT = tuple(one.name for one in EVENT_TYPES if not one.name.startswith(_OURS))
_LATER = (
    "campaign.earning_rule.",
    "campaign.loyalty_tier.",
    "campaign.referral_tier.",
    "campaign.reward.",
    "campaign.vouchers.generation.",
    "customer.confirmed",
    "customer.rewarded",
    "voucher.gift.transaction.",
)


class ManagedWebhookBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller says of a webhook: a member left out stays. No ``events`` are all of them."""

    target_url: Address | UnsetType = UNSET
    events: EventNames | UnsetType | None = UNSET
    active: bool | UnsetType | None = UNSET


class ManagedWebhookView(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook as the dialect shows it; of its events those that the dialect lists.

    ``secret`` is our own addition, shown once, when the webhook is made.
    """

    id: str
    target_url: str
    events: list[str]
    active: bool
    created_at: datetime
    secret: str | UnsetType = UNSET
    object: Literal["webhook"] = "webhook"


class ManagedWebhookList(msgspec.Struct, frozen=True, kw_only=True):
    """All webhooks."""

    data: list[ManagedWebhookView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


def view_managed(endpoint: Endpoint, *, with_secret: bool = False) -> ManagedWebhookView:
    """Map an endpoint to the dialect."""
    return ManagedWebhookView(
        id=endpoint.id,
        target_url=endpoint.url,
        events=[_SPELLINGS.get(name, name) for name in _DIALECT if endpoint.wants(name)],
        active=endpoint.active,
        created_at=endpoint.created_at,
        secret=write_secret(endpoint.secret) if with_secret else UNSET,
    )


def _draft(body: ManagedWebhookBody, stored: Sequence[str] = ()) -> EndpointDraft:
    """Map what a caller says. Of the events ``stored`` those stay that the dialect cannot name:
    also all of them, when all that it can name are sent back."""
    events = UNSET
    if not isinstance(body.events, UnsetType | None):
        named = _read_events(body.events)
        events = (*named, *(name for name in stored if name not in _DIALECT))
        if not stored and set(named) == set(_DIALECT):
            events = ()
    return EndpointDraft(
        url=body.target_url, events=events, active=UNSET if body.active is None else body.active
    )


def _read_events(given: Sequence[str]) -> list[str]:
    named: list[str] = []
    for place, said in enumerate(given):
        name = _SPELLED.get(said, said)
        if name not in _DIALECT and name.startswith(_LATER):
            message = f"The event '{name[:80]}' is not supported yet."
            raise NotSupported(message, field=f"events[{place}]")
        named.append(name)
    return named


@reads("/webhooks", "List webhooks of a project")
async def read_managed_webhooks(project_id: FromPath[str], call: CurrentCall) -> ManagedWebhookList:
    """List all webhooks."""
    async with call.transaction() as tx:
        await get_named_project(tx, project_id)
        found = await list_subscribers(tx, limit=MOST_ENDPOINTS, page=1)
    return ManagedWebhookList(data=list(map(view_managed, found.items)), total=found.total)


@writes("POST", "/webhooks", "Create webhook of a project")
async def create_managed_webhook(
    project_id: FromPath[str],
    data: JSONBody[ManagedWebhookBody],
    call: CurrentCall,
    request: Request[Any, Caller, Any],
) -> ManagedWebhookView:
    """Subscribe an address to events; the secret that signs is told in this answer only."""
    if data.target_url is UNSET:
        raise InvalidInput("'target_url' is missing.", field="target_url")
    async with call.transaction() as tx:
        await get_named_project(tx, project_id)
        try:
            endpoint = await create_endpoint(
                tx, _draft(data), private_allowed=private_allowed(request), now=call.now
            )
        except InvalidInput as error:
            raise _name_field(error) from error
    return view_managed(endpoint, with_secret=True)


@reads("/webhooks/{webhook_id:str}", "Get webhook of a project")
async def read_managed_webhook(
    project_id: FromPath[str], webhook_id: FromPath[str], call: CurrentCall
) -> ManagedWebhookView:
    """Get a webhook."""
    async with call.transaction() as tx:
        await get_named_project(tx, project_id)
        return view_managed(await get_endpoint(tx, webhook_id))


@writes("PUT", "/webhooks/{webhook_id:str}", "Update webhook of a project")
async def change_managed_webhook(
    project_id: FromPath[str],
    webhook_id: FromPath[str],
    data: JSONBody[ManagedWebhookBody],
    call: CurrentCall,
    request: Request[Any, Caller, Any],
) -> ManagedWebhookView:
    """Change, disable or enable a webhook; events that the dialect does not list stay."""
    async with call.transaction() as tx:
        await get_named_project(tx, project_id)
        stored = await get_endpoint(tx, webhook_id)
        try:
            endpoint = await update_endpoint(
                tx,
                webhook_id,
                _draft(data, stored.events),
                private_allowed=private_allowed(request),
                now=call.now,
            )
        except InvalidInput as error:
            raise _name_field(error) from error
    return view_managed(endpoint)


@removes("/webhooks/{webhook_id:str}", "Delete webhook of a project")
async def remove_managed_webhook(
    project_id: FromPath[str], webhook_id: FromPath[str], call: CurrentCall
) -> None:
    """Delete a webhook with its log."""
    async with call.transaction() as tx:
        await get_named_project(tx, project_id)
        await delete_endpoint(tx, webhook_id)


def _name_field(error: InvalidInput) -> InvalidInput:
    if error.field != "url":
        return error
    message = error.message.replace("'url'", "'target_url'")
    return InvalidInput(message, field="target_url", key=error.key)


def management_webhooks_router() -> Router:
    """Routes of a project's webhooks."""
    return Router(
        path="/projects/{project_id:str}",
        route_handlers=[
            read_managed_webhooks,
            create_managed_webhook,
            read_managed_webhook,
            change_managed_webhook,
            remove_managed_webhook,
        ],
        tags=["Management"],
    )
