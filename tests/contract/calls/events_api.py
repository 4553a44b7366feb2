"""Calls of EventsApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify
from voucherify import models

from contract.calls.shop import Call

CALLS: Mapping[str, Call] = {
    "track_custom_event": lambda shop: shop.api(voucherify.EventsApi).track_custom_event(
        models.EventsCreateRequestBody(
            event="page_viewed", customer=models.Customer(source_id="viewer")
        )
    ),
}
