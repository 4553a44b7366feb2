"""Calls of CategoriesApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify
from voucherify import models

from contract.calls.shop import Call, Shop, required

API = voucherify.CategoriesApi


def create_category(shop: Shop) -> str:
    made = shop.api(API).create_category(
        models.CategoriesCreateRequestBody(name=shop.name("category"), hierarchy=1)
    )
    return required(made.id)


CALLS: Mapping[str, Call] = {
    "create_category": create_category,
    "delete_category": lambda shop: shop.api(API).delete_category(create_category(shop)),
    "get_category": lambda shop: shop.api(API).get_category(create_category(shop)),
    "list_categories": lambda shop: shop.api(API).list_categories(),
    "update_category": lambda shop: shop.api(API).update_category(
        create_category(shop),
        models.CategoriesUpdateRequestBody(name=shop.name("category"), hierarchy=2),
    ),
}
