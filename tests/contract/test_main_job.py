"""The main job through the official client: its models parse every answer strictly."""

# The client's packages export by plain imports, which the type checker takes for private ones.
# pyright: reportPrivateImportUsage=false

import json
from typing import Any, cast

import httpx
import pytest
import voucherify
from voucherify import models
from voucherify.exceptions import ApiException

REGULARS = ("anna", "ben", "chen")
PRICE, OFF = 12_000, 2_000


@pytest.fixture
def campaign(client: voucherify.ApiClient) -> models.CampaignsCreateResponseBody:
    """A campaign of ten codes that take 20.00 off."""
    return voucherify.CampaignsApi(client).create_campaign(
        models.CampaignsCreateRequestBody(
            name="Spring",
            campaign_type="DISCOUNT_COUPONS",
            type="AUTO_UPDATE",
            join_once=True,
            vouchers_count=10,
            metadata={"season": "spring"},
            voucher=models.CampaignsCreateRequestBodyVoucher(
                type="DISCOUNT_VOUCHER",
                discount=models.Discount(type="AMOUNT", amount_off=OFF, effect="APPLY_TO_ORDER"),
                redemption=models.CampaignsCreateRequestBodyVoucherRedemption(quantity=1),
                code_config=models.CodeConfig(length=14, prefix="SPR-"),
            ),
        )
    )


def test_the_whole_loop(
    client: voucherify.ApiClient, campaign: models.CampaignsCreateResponseBody
) -> None:
    enter_customers(client)
    product = enter_product(client)
    assert campaign.vouchers_count == 10
    assert campaign.creation_status == "DONE"

    published = publish(client, "anna")
    assert published.voucher is not None
    code = published.voucher.code
    assert code is not None
    assert code.startswith("SPR-")
    assert publish(client, "anna").voucher.code == code  # pyright: ignore[reportOptionalMemberAccess]

    validate(client, code, product)
    redemption_id = redeem(client, code, product)
    refuse_a_second_use(client, code, product)
    read_it_everywhere(client, code, redemption_id)
    roll_back(client, redemption_id)
    assert redeem(client, code, product) != redemption_id

    funnel = read_funnel(client, campaign.id)
    assert (funnel["published"], funnel["redeemed"], funnel["rolled_back"]) == (1, 1, 1)
    assert funnel["discount_amount"] == OFF
    assert funnel["revenue_amount"] == 2 * PRICE - OFF


def read_funnel(client: voucherify.ApiClient, campaign_id: str | None) -> dict[str, int]:
    """Our own report, which the client has no method for."""
    settings = cast("Any", client.configuration)  # pyright: ignore[reportUnknownMemberType]
    url = f"{settings.host}/v1/reports/campaigns/{campaign_id}"
    return httpx.get(url, headers=settings.api_key).json()["funnel"]


def enter_customers(client: voucherify.ApiClient) -> None:
    api = voucherify.CustomersApi(client)
    for name in REGULARS:
        made = api.create_customer(
            models.CustomersCreateRequestBody(
                source_id=name, name=name.title(), metadata={"tier": "gold"}
            )
        )
        assert made.object == "customer"
        assert made.summary is not None
        assert made.summary.orders.total_count == 0
    listed = api.list_customers(
        limit=2, page=2, order=models.ParameterOrderListCustomers.CREATED_AT
    )
    assert listed.total == len(REGULARS)
    assert [one.source_id for one in listed.customers or []] == [REGULARS[2]]


def enter_product(client: voucherify.ApiClient) -> str:
    api = voucherify.ProductsApi(client)
    made = api.create_product(
        models.ProductsCreateRequestBody(
            source_id="tea", name="Tea", price=PRICE, attributes=["origin"]
        )
    )
    assert made.id is not None
    found = api.get_product("tea")
    assert (found.id, found.price, found.attributes) == (made.id, PRICE, ["origin"])
    return made.id


def publish(client: voucherify.ApiClient, name: str) -> models.PublicationsCreateResponseBody:
    return voucherify.PublicationsApi(client).create_publication(
        join_once=True,
        publications_create_request_body=models.PublicationsCreateRequestBody(
            campaign=models.CreatePublicationCampaign(name="Spring"),
            customer=models.Customer(source_id=name),
        ),
    )


def order_of(product: str) -> models.Order:
    """Two units at the catalogue's price."""
    return models.Order(items=[models.OrderItem(product_id=product, quantity=2)])


def validate(client: voucherify.ApiClient, code: str, product: str) -> None:
    answer = voucherify.ValidationsApi(client).validate_stacked_discounts(
        models.ValidationsValidateRequestBody(
            redeemables=[
                models.ValidationsValidateRequestBodyRedeemablesItem(object="voucher", id=code)
            ],
            order=order_of(product),
            customer=models.Customer(source_id="anna"),
        )
    )
    assert answer.valid is True
    assert answer.order is not None
    assert answer.order.amount == 2 * PRICE
    assert answer.order.total_discount_amount == OFF
    assert answer.order.total_amount == 2 * PRICE - OFF
    assert answer.order.items_discount_amount is None
    (item,) = answer.order.items or []
    assert (item.product_id, item.quantity, item.price) == (product, 2, PRICE)
    assert item.subtotal_amount == 2 * PRICE
    assert answer.stacking_rules.redeemables_limit == 30


def ask_to_redeem(
    client: voucherify.ApiClient, code: str, product: str
) -> models.RedemptionsRedeemResponseBody:
    return voucherify.RedemptionsApi(client).redeem_stacked_discounts(
        models.RedemptionsRedeemRequestBody(
            redeemables=[
                models.RedemptionsRedeemRequestBodyRedeemablesItem(object="voucher", id=code)
            ],
            order=order_of(product),
            customer=models.Customer(source_id="anna"),
            metadata={"till": 3},
        )
    )


def redeem(client: voucherify.ApiClient, code: str, product: str) -> str:
    answer = ask_to_redeem(client, code, product)
    (redemption,) = answer.redemptions or []
    assert answer.parent_redemption is None
    assert (redemption.result, redemption.status) == ("SUCCESS", "SUCCEEDED")
    assert redemption.order is not None
    assert redemption.order.applied_discount_amount == OFF
    assert redemption.voucher is not None
    assert redemption.voucher.redemption is not None
    assert redemption.voucher.redemption.redeemed_quantity == 1
    assert answer.order is not None
    assert answer.order.status == "PAID"
    assert answer.order.total_amount == 2 * PRICE - OFF
    assert redemption.id is not None
    return redemption.id


def key_of(error: ApiException) -> tuple[int, str]:
    """The members that the dialect's users look at."""
    told = json.loads(cast("str", error.body))  # pyright: ignore[reportUnknownMemberType]
    return told["code"], told["key"]


def refuse_a_second_use(client: voucherify.ApiClient, code: str, product: str) -> None:
    with pytest.raises(ApiException) as refused:
        ask_to_redeem(client, code, product)
    assert key_of(refused.value) == (400, "quantity_exceeded")


def read_it_everywhere(client: voucherify.ApiClient, code: str, redemption_id: str) -> None:
    redemptions = voucherify.RedemptionsApi(client)
    found = redemptions.get_redemption(redemption_id)
    assert found.metadata == {"till": 3}
    assert found.customer is not None
    assert found.customer.source_id == "anna"
    listed = redemptions.list_redemptions(customer="anna")
    assert [one.result for one in listed.redemptions or []] == ["FAILURE", "SUCCESS"]
    history = redemptions.get_voucher_redemptions(code)
    assert (history.quantity, history.redeemed_quantity, history.total) == (1, 1, 2)
    customer = voucherify.CustomersApi(client).get_customer("anna")
    assert customer.summary is not None
    assert customer.summary.orders.total_amount == 2 * PRICE - OFF


def roll_back(client: voucherify.ApiClient, redemption_id: str) -> None:
    api = voucherify.RedemptionsApi(client)
    undone = api.rollback_redemption(redemption_id, reason="changed their mind")
    assert (undone.result, undone.status) == ("SUCCESS", "SUCCEEDED")
    assert (undone.redemption, undone.reason) == (redemption_id, "changed their mind")
    assert undone.order is not None
    assert (undone.order.status, undone.order.total_discount_amount) == ("CANCELED", None)
    assert api.get_redemption(redemption_id).status == "ROLLED_BACK"
    with pytest.raises(ApiException) as refused:
        api.rollback_redemption(redemption_id)
    assert key_of(refused.value) == (400, "already_rolled_back")


def test_two_vouchers_on_one_order(
    client: voucherify.ApiClient, campaign: models.CampaignsCreateResponseBody
) -> None:
    vouchers = voucherify.VouchersApi(client)
    vouchers.create_voucher(
        "TEN",
        models.VouchersCreateWithSpecificCodeRequestBody(
            type="DISCOUNT_VOUCHER", discount=models.Discount(type="PERCENT", percent_off=10)
        ),
    )
    fixed = vouchers.list_vouchers(campaign_id=campaign.id, limit=1).vouchers or []
    code = fixed[0].code
    assert code is not None
    answer = voucherify.RedemptionsApi(client).redeem_stacked_discounts(
        models.RedemptionsRedeemRequestBody(
            redeemables=[
                models.RedemptionsRedeemRequestBodyRedeemablesItem(object="voucher", id=one)
                for one in (code, "TEN")
            ],
            order=models.Order(amount=12_000),
        )
    )
    first, second = (one.order for one in answer.redemptions or [])
    assert first is not None
    assert second is not None
    assert (first.discount_amount, first.applied_discount_amount) == (2_000, 2_000)
    assert (second.discount_amount, second.applied_discount_amount) == (3_000, 1_000)
    assert answer.order is not None
    assert (answer.order.total_discount_amount, answer.order.total_amount) == (3_000, 9_000)
    parent = answer.parent_redemption
    assert parent is not None
    assert parent.id is not None
    assert {one.redemption for one in answer.redemptions or []} == {parent.id}
    undone = voucherify.RedemptionsApi(client).rollback_stacked_redemptions(parent.id)
    assert undone.parent_rollback is not None
    assert len(undone.rollbacks or []) == 2
    assert undone.order is not None
    assert (undone.order.status, undone.order.total_amount) == ("CANCELED", 12_000)


def test_a_voucher_used_without_an_order(
    client: voucherify.ApiClient, campaign: models.CampaignsCreateResponseBody
) -> None:
    listed = voucherify.VouchersApi(client).list_vouchers(campaign_id=campaign.id, limit=1)
    code = (listed.vouchers or [])[0].code
    assert code is not None
    anna = models.Customer(source_id="anna")
    validated = voucherify.ValidationsApi(client).validate_stacked_discounts(
        models.ValidationsValidateRequestBody(
            redeemables=[
                models.ValidationsValidateRequestBodyRedeemablesItem(object="voucher", id=code)
            ],
            customer=anna,
        )
    )
    assert (validated.valid, validated.order) == (True, None)
    api = voucherify.RedemptionsApi(client)
    answer = api.redeem_stacked_discounts(
        models.RedemptionsRedeemRequestBody(
            redeemables=[
                models.RedemptionsRedeemRequestBodyRedeemablesItem(object="voucher", id=code)
            ],
            customer=anna,
        )
    )
    (redemption,) = answer.redemptions or []
    assert (redemption.result, redemption.order, answer.order) == ("SUCCESS", None, None)
    for order in models.ParameterOrderListRedemptions.CREATED_AT, None:
        found = api.list_redemptions(result="SUCCESS", customer="anna", order=order)
        assert [one.id for one in found.redemptions or []] == [redemption.id]
    assert api.list_redemptions(result="FAILURE").total == 0
    customer = voucherify.CustomersApi(client).get_customer("anna")
    assert customer.summary is not None
    assert customer.summary.redemptions.total_succeeded == 1
    undone = api.rollback_redemption(redemption.id or "")
    assert (undone.result, undone.order) == ("SUCCESS", None)
