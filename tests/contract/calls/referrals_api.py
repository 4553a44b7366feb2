"""Calls of ReferralsApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify
from voucherify import models

from contract.calls.shop import Call, Shop, required

API = voucherify.ReferralsApi


def new_code(shop: Shop) -> tuple[str, str]:
    """A new programme's id, and a code of it that a new customer hands on."""
    made = shop.api(voucherify.CampaignsApi).create_campaign(
        models.CampaignsCreateRequestBody.model_validate(
            {
                "name": shop.name("friends"),
                "campaign_type": "REFERRAL_PROGRAM",
                "type": "AUTO_UPDATE",
                "voucher": {
                    "type": "DISCOUNT_VOUCHER",
                    "discount": {"type": "AMOUNT", "amount_off": 100},
                },
            }
        )
    )
    programme = required(made.id)
    body = {"campaign": {"id": programme}, "customer": {"id": shop.customer()}}
    return programme, shop.post("/v1/publications", body)["voucher"]["code"]


def new_holders(shop: Shop) -> models.ReferralsMembersHoldersCreateInBulkRequestBody:
    """Two people whom a code brings along."""
    return models.ReferralsMembersHoldersCreateInBulkRequestBody(
        holders=[models.Customer(source_id=shop.name("friend")) for _ in range(2)],
        metadata={"from": "mail"},
    )


def add(shop: Shop) -> tuple[str, str, str]:
    """A programme, its code, and the id of somebody whom it brings along."""
    programme, code = new_code(shop)
    added = shop.api(API).referrals_add_holders(code, new_holders(shop)).holders or []
    assert [one.holder_role for one in added] == ["REFEREE", "REFEREE"]
    return programme, code, required(added[0].id)


def add_to_programme(shop: Shop) -> None:
    """Name people for a code of a programme."""
    programme, code = new_code(shop)
    added = shop.api(API).referrals_add_holders1(programme, code, new_holders(shop)).holders or []
    assert [one.metadata for one in added] == [{"from": "mail"}] * 2


def list_all(shop: Shop) -> None:
    """List whom a code concerns."""
    _, code, _ = add(shop)
    found = shop.api(API).referrals_code_holders1(
        code, limit=2, order=models.ParameterOrderListRedeemables.MINUS_ID
    )
    assert [one.holder_role for one in found.data or []] == ["REFERRER", "REFEREE"]
    assert (found.total, found.has_more) == (3, True)


def list_of_programme(shop: Shop) -> None:
    """List whom a code of a programme concerns."""
    programme, code, _ = add(shop)
    assert shop.api(API).referrals_code_holders(programme, code).total == 3


def remove(shop: Shop) -> None:
    """Let a code no longer bring somebody along."""
    _, code, holder = add(shop)
    shop.api(API).referrals_remove_holder(code, holder)
    assert shop.api(API).referrals_code_holders1(code).total == 2


def remove_from_programme(shop: Shop) -> None:
    """Let a code of a programme no longer bring somebody along."""
    programme, code, holder = add(shop)
    shop.api(API).referrals_remove_holder1(programme, code, holder)
    assert shop.api(API).referrals_code_holders1(code).total == 2


CALLS: Mapping[str, Call] = {
    "referrals_add_holders": add,
    "referrals_add_holders1": add_to_programme,
    "referrals_code_holders": list_of_programme,
    "referrals_code_holders1": list_all,
    "referrals_remove_holder": remove,
    "referrals_remove_holder1": remove_from_programme,
}
