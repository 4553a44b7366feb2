"""Calls of BinApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify

from contract.calls.shop import Call, Shop, required

API = voucherify.BinApi


def delete_bin_entry(shop: Shop) -> object:
    shop.api(voucherify.ProductsApi).delete_product(shop.product())
    (entry,) = shop.api(API).list_bin_entries(limit=1).data or []
    return shop.api(API).delete_bin_entry(required(entry.id))


CALLS: Mapping[str, Call] = {
    "delete_bin_entry": delete_bin_entry,
    "list_bin_entries": lambda shop: shop.api(API).list_bin_entries(),
}
