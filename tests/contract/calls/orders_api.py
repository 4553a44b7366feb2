"""Calls of OrdersApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify
from voucherify import models

from contract.calls.shop import Call

API = voucherify.OrdersApi

CALLS: Mapping[str, Call] = {
    "create_order": lambda shop: shop.order(),
    "create_order_export": lambda shop: shop.api(API).create_order_export(
        models.OrdersExportCreateRequestBody()
    ),
    "get_order": lambda shop: shop.api(API).get_order(shop.order()),
    "import_orders": lambda shop: shop.api(API).import_orders(
        [models.OrdersImportCreateRequestBodyItem(source_id="imported", amount=500)]
    ),
    "list_orders": lambda shop: shop.api(API).list_orders(),
    "update_order": lambda shop: shop.api(API).update_order(
        shop.order(), models.OrdersUpdateRequestBody(status="PAID")
    ),
}
