"""Calls of ExportsApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify
from voucherify import models

from contract.calls.shop import Call, Shop, required

API = voucherify.ExportsApi


def create_export(shop: Shop) -> str:
    made = shop.api(API).create_export(models.ExportsCreateRequestBody(exported_object="order"))
    return required(made.id)


async def download_export(shop: Shop) -> object:
    export_id = create_export(shop)
    await shop.work()
    result = shop.api(API).get_export(export_id).result
    assert result is not None
    token = required(result.url).partition("token=")[2]
    return shop.api(API).download_export(export_id, token)


CALLS: Mapping[str, Call] = {
    "create_export": create_export,
    "delete_export": lambda shop: shop.api(API).delete_export(create_export(shop)),
    "download_export": download_export,
    "get_export": lambda shop: shop.api(API).get_export(create_export(shop)),
    "list_exports": lambda shop: shop.api(API).list_exports(),
}
