"""Calls of ProductsApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify
from voucherify import models

from contract.calls.shop import Call, Shop

API = voucherify.ProductsApi
PRODUCTS = b"name,source_id,price\nTea,csv-tea,900\n"
SKUS = b"source_id,product_id,sku\ncsv-tea-red,csv-tea,Red\n"


def delete_sku(shop: Shop) -> object:
    product = shop.product()
    return shop.api(API).delete_sku(product, shop.sku(product))


def update_sku(shop: Shop) -> object:
    product = shop.product()
    return shop.api(API).update_sku(
        product, shop.sku(product), models.ProductsSkusUpdateRequestBody(price=900)
    )


CALLS: Mapping[str, Call] = {
    "create_product": lambda shop: shop.product(),
    "create_sku": lambda shop: shop.sku(shop.product()),
    "delete_product": lambda shop: shop.api(API).delete_product(shop.product()),
    "delete_sku": delete_sku,
    "get_product": lambda shop: shop.api(API).get_product(shop.product()),
    "get_sku": lambda shop: shop.api(API).get_sku(shop.sku(shop.product())),
    "import_products_using_csv": lambda shop: shop.api(API).import_products_using_csv(PRODUCTS),
    "import_skus_using_csv": lambda shop: shop.api(API).import_skus_using_csv(SKUS),
    "list_products": lambda shop: shop.api(API).list_products(),
    "list_skus_in_product": lambda shop: shop.api(API).list_skus_in_product(shop.product()),
    "update_product": lambda shop: shop.api(API).update_product(
        shop.product(), models.ProductsUpdateRequestBody(name="Tea")
    ),
    "update_products_in_bulk": lambda shop: shop.api(API).update_products_in_bulk(
        [models.ProductsUpdateInBulkRequestBody(source_id="bulk-tea", name="Tea")]
    ),
    "update_products_metadata_in_bulk": lambda shop: shop.api(API).update_products_metadata_in_bulk(
        models.ProductsMetadataUpdateInBulkRequestBody(
            source_ids=["bulk-tea"], metadata={"origin": "Fujian"}
        )
    ),
    "update_sku": update_sku,
}
