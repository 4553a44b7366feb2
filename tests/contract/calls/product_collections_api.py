"""Calls of ProductCollectionsApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify
from voucherify import models

from contract.calls.shop import Call, Shop, required

API = voucherify.ProductCollectionsApi


def create_product_collection(shop: Shop) -> str:
    made = shop.api(API).create_product_collection(
        models.ProductCollectionsCreateRequestBody(
            name=shop.name("collection"),
            type="STATIC",
            products=[
                models.ProductCollectionsCreateRequestBodyProductsItem(
                    id=shop.product(), object="product"
                )
            ],
        )
    )
    return required(made.id)


CALLS: Mapping[str, Call] = {
    "create_product_collection": create_product_collection,
    "delete_product_collection": lambda shop: shop.api(API).delete_product_collection(
        create_product_collection(shop)
    ),
    "get_product_collection": lambda shop: shop.api(API).get_product_collection(
        create_product_collection(shop)
    ),
    "list_product_collections": lambda shop: shop.api(API).list_product_collections(),
    "list_products_in_collection": lambda shop: shop.api(API).list_products_in_collection(
        create_product_collection(shop)
    ),
}
