"""Calls of SegmentsApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify
from voucherify import models

from contract.calls.shop import Call, Shop, required

API = voucherify.SegmentsApi


def create_segment(shop: Shop) -> str:
    made = shop.api(API).create_segment(
        models.SegmentsCreateRequestBody(
            name=shop.name("segment"), type="static", customers=[shop.customer()]
        )
    )
    return required(made.id)


CALLS: Mapping[str, Call] = {
    "create_segment": create_segment,
    "delete_segment": lambda shop: shop.api(API).delete_segment(create_segment(shop)),
    "get_segment": lambda shop: shop.api(API).get_segment(create_segment(shop)),
}
