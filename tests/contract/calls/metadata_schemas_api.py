"""Calls of MetadataSchemasApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify

from contract.calls.shop import Call, Shop

API = voucherify.MetadataSchemasApi


def get_metadata_schema(shop: Shop) -> object:
    body = {"properties": {"origin": {"type": "string"}}}
    shop.post("/v1/kaquan/metadata-schemas/publication", body, method="PUT")
    return shop.api(API).get_metadata_schema("publication")


CALLS: Mapping[str, Call] = {
    "get_metadata_schema": get_metadata_schema,
    "list_metadata_schemas": lambda shop: shop.api(API).list_metadata_schemas(),
}
