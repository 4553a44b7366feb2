"""Calls of AsyncActionsApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify
from voucherify import models

from contract.calls.shop import Call, Shop, required

API = voucherify.AsyncActionsApi


def get_async_action(shop: Shop) -> object:
    started = shop.api(voucherify.CustomersApi).update_customers_in_bulk(
        [models.CustomersUpdateInBulkRequestBody(source_id=shop.name("customer"), name="Han")]
    )
    return shop.api(API).get_async_action(required(started.async_action_id))


CALLS: Mapping[str, Call] = {
    "get_async_action": get_async_action,
    "list_async_actions": lambda shop: shop.api(API).list_async_actions(limit=5),
}
