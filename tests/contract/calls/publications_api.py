"""Calls of PublicationsApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify
from voucherify import models

from contract.calls.shop import Call, Shop

API = voucherify.PublicationsApi


def create_publication(shop: Shop) -> object:
    return shop.api(API).create_publication(
        publications_create_request_body=models.PublicationsCreateRequestBody(
            campaign=models.CreatePublicationCampaign(name=shop.campaign()),
            customer=models.Customer(source_id=shop.name("customer")),
        )
    )


def create_publication1(shop: Shop) -> object:
    return shop.api(API).create_publication1(
        customer=models.Customer(source_id=shop.name("customer")),
        campaign=models.CreatePublicationCampaign(name=shop.campaign()),
    )


CALLS: Mapping[str, Call] = {
    "create_publication": create_publication,
    "create_publication1": create_publication1,
    "list_publications": lambda shop: shop.api(API).list_publications(limit=5),
}
