"""Calls of VouchersApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify
from voucherify import models

from contract.calls.shop import Call, Shop

API = voucherify.VouchersApi


def gift_card(shop: Shop) -> str:
    code = shop.name("GIFT")
    shop.api(API).create_voucher(
        code,
        models.VouchersCreateWithSpecificCodeRequestBody.model_validate(
            {"type": "GIFT_VOUCHER", "gift": {"amount": 5_000}}
        ),
    )
    return code


def update_voucher_balance(shop: Shop) -> object:
    return shop.api(API).update_voucher_balance(
        gift_card(shop), models.VouchersBalanceUpdateRequestBody(amount=100)
    )


def release_validation_session(shop: Shop) -> object:
    code, key = shop.voucher(), shop.name("session")
    shop.api(voucherify.ValidationsApi).validate_stacked_discounts(
        models.ValidationsValidateRequestBody.model_validate(
            {
                "redeemables": [{"object": "voucher", "id": code}],
                "order": {"amount": 5_000},
                "session": {"type": "LOCK", "key": key},
            }
        )
    )
    return shop.api(API).release_validation_session(code, key)


CALLS: Mapping[str, Call] = {
    "create_voucher": lambda shop: shop.voucher(),
    "delete_voucher": lambda shop: shop.api(API).delete_voucher(shop.voucher()),
    "disable_voucher": lambda shop: shop.api(API).disable_voucher(shop.voucher()),
    "enable_voucher": lambda shop: shop.api(API).enable_voucher(shop.voucher()),
    "generate_random_code": lambda shop: shop.api(API).generate_random_code(
        models.VouchersCreateRequestBody.model_validate(
            {
                "type": "DISCOUNT_VOUCHER",
                "discount": {"type": "AMOUNT", "amount_off": 100},
                "code_config": {"length": 14},
            }
        )
    ),
    "get_voucher": lambda shop: shop.api(API).get_voucher(shop.voucher()),
    "import_vouchers": lambda shop: shop.api(API).import_vouchers(
        [
            models.VouchersImportCreateItemRequestBody.model_validate(
                {
                    "code": shop.name("IMPORTED"),
                    "type": "DISCOUNT_VOUCHER",
                    "discount": {"type": "AMOUNT", "amount_off": 100},
                }
            )
        ]
    ),
    "import_vouchers_using_csv": lambda shop: shop.api(API).import_vouchers_using_csv(
        b"Code,Voucher Type,Discount Type,Value\nCSV-1,DISCOUNT_VOUCHER,AMOUNT,5\n"
    ),
    "export_voucher_transactions": lambda shop: shop.api(API).export_voucher_transactions(
        gift_card(shop), models.VouchersTransactionsExportCreateRequestBody()
    ),
    "list_voucher_transactions": lambda shop: shop.api(API).list_voucher_transactions(
        gift_card(shop)
    ),
    "list_vouchers": lambda shop: shop.api(API).list_vouchers(limit=5),
    "release_validation_session": release_validation_session,
    "update_voucher": lambda shop: shop.api(API).update_voucher(
        shop.voucher(), models.VouchersUpdateRequestBody(additional_info="hi")
    ),
    "update_voucher_balance": update_voucher_balance,
    "update_vouchers_in_bulk": lambda shop: shop.api(API).update_vouchers_in_bulk(
        [
            models.VouchersUpdateInBulkItemRequestBody(
                code=shop.voucher(), metadata={"season": "autumn"}
            )
        ]
    ),
    "update_vouchers_metadata_in_bulk": lambda shop: shop.api(API).update_vouchers_metadata_in_bulk(
        models.VouchersMetadataUpdateInBulkRequestBody(
            codes=[shop.voucher()], metadata={"season": "autumn"}
        )
    ),
}
