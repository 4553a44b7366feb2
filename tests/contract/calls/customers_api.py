"""Calls of CustomersApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify
from voucherify import models

from contract.calls.shop import Call

API = voucherify.CustomersApi
CSV = b"Name,Source_id\nHan Meimei,csv-1\n"

CALLS: Mapping[str, Call] = {
    "create_customer": lambda shop: shop.customer(),
    "customer_permanently_deletion": lambda shop: shop.api(API).customer_permanently_deletion(
        shop.customer()
    ),
    "delete_customer": lambda shop: shop.api(API).delete_customer(shop.customer()),
    "get_customer": lambda shop: shop.api(API).get_customer(shop.customer()),
    "import_customers_using_csv": lambda shop: shop.api(API).import_customers_using_csv(CSV),
    "list_customer_activity": lambda shop: shop.api(API).list_customer_activity(shop.customer()),
    "list_customer_redeemables": lambda shop: shop.api(API).list_customer_redeemables(
        shop.customer()
    ),
    "list_customer_segments": lambda shop: shop.api(API).list_customer_segments(shop.customer()),
    "list_customers": lambda shop: shop.api(API).list_customers(limit=5),
    "update_customer": lambda shop: shop.api(API).update_customer(
        shop.customer(), models.CustomersUpdateRequestBody(name="Han")
    ),
    "update_customers_in_bulk": lambda shop: shop.api(API).update_customers_in_bulk(
        [models.CustomersUpdateInBulkRequestBody(source_id="bulk-1", name="Han")]
    ),
    "update_customers_metadata_in_bulk": lambda shop: shop.api(
        API
    ).update_customers_metadata_in_bulk(
        models.CustomersMetadataUpdateInBulkRequestBody(
            source_ids=["bulk-1"], metadata={"vip": True}
        )
    ),
}
