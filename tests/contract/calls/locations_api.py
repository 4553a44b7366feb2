"""Calls of LocationsApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify

from contract.calls.shop import Call, Shop

API = voucherify.LocationsApi


def get_location(shop: Shop) -> object:
    made = shop.post("/v1/locations", {"source_id": shop.name("store"), "name": "Shanghai"})
    return shop.api(API).get_location(made["id"])


CALLS: Mapping[str, Call] = {
    "get_location": get_location,
    "list_locations": lambda shop: shop.api(API).list_locations(),
}
