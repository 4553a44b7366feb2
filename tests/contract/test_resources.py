"""Each resource's other verbs through the official client."""

# The client's packages export by plain imports, which the type checker takes for private ones.
# pyright: reportPrivateImportUsage=false

from datetime import UTC, date, datetime

import pytest
import voucherify
from voucherify import models
from voucherify.exceptions import NotFoundException

from kaquan.campaigns import SYNCHRONOUS_LIMIT
from kaquan.runtime import Database, JobServices, load_settings, run_worker

MANY = 2 * SYNCHRONOUS_LIMIT + 500


def campaign_body(name: str, **more: object) -> models.CampaignsCreateRequestBody:
    """A campaign of 10 % coupons, at most 5.00 off."""
    return models.CampaignsCreateRequestBody.model_validate(
        {
            "name": name,
            "campaign_type": "DISCOUNT_COUPONS",
            "voucher": {
                "type": "DISCOUNT_VOUCHER",
                "discount": {"type": "PERCENT", "percent_off": 10, "amount_limit": 500},
            },
            **more,
        }
    )


def test_customers(client: voucherify.ApiClient) -> None:
    api = voucherify.CustomersApi(client)
    made = api.create_customer(
        models.CustomersCreateRequestBody(
            source_id="li",
            name="Li Lei",
            email="li@example.com",
            phone="+8613800000000",
            birthdate=date(1990, 5, 31),
            address=models.CustomersCreateRequestBodyAddress(city="Shanghai"),
            metadata={"a": 1, "b": 2},
        )
    )
    again = api.create_customer(
        models.CustomersCreateRequestBody(source_id="li", name="Li L.", metadata={"b": 3})
    )
    assert (again.id, again.name, again.metadata) == (made.id, "Li L.", {"a": 1, "b": 3})
    changed = api.update_customer("li", models.CustomersUpdateRequestBody(email="new@example.com"))
    assert (changed.email, changed.name) == ("new@example.com", "Li L.")
    found = api.list_customers(email="NEW@example.com").customers or []
    assert [one.id for one in found] == [made.id]
    assert made.id is not None
    api.delete_customer(made.id)
    with pytest.raises(NotFoundException):
        api.get_customer("li")


def test_products(client: voucherify.ApiClient) -> None:
    api = voucherify.ProductsApi(client)
    made = api.create_product(models.ProductsCreateRequestBody(source_id="p", price=100))
    changed = api.update_product("p", models.ProductsUpdateRequestBody(name="Pot", price=150))
    assert (changed.id, changed.name, changed.price) == (made.id, "Pot", 150)
    listed = api.list_products()
    assert (listed.total, [one.source_id for one in listed.products or []]) == (1, ["p"])
    api.delete_product("p")
    assert api.list_products().total == 0


def test_orders(client: voucherify.ApiClient) -> None:
    api = voucherify.OrdersApi(client)
    made = api.create_order(
        models.OrdersCreateRequestBody(
            source_id="o1",
            status="CREATED",
            customer=models.Customer(source_id="li"),
            items=[
                models.OrderItem(
                    quantity=3,
                    product=models.OrderItemProduct(
                        source_id="cup", override=True, name="Cup", price=400
                    ),
                )
            ],
            metadata={"till": 1},
        )
    )
    assert (made.amount, made.total_amount, made.status) == (1_200, 1_200, "CREATED")
    assert made.discount_amount is None
    assert made.customer is not None
    assert voucherify.ProductsApi(client).get_product("cup").name == "Cup"
    paid = api.update_order("o1", models.OrdersUpdateRequestBody(status="PAID"))
    assert (paid.id, paid.status, paid.customer_id) == (made.id, "PAID", made.customer.id)
    assert api.get_order("o1").items is not None
    assert api.list_orders(order=models.ParameterOrderListOrders.MINUS_CREATED_AT).total == 1


def test_campaigns(client: voucherify.ApiClient) -> None:
    api = voucherify.CampaignsApi(client)
    starts = datetime(2026, 1, 1, tzinfo=UTC)
    made = api.create_campaign(campaign_body("Autumn", vouchers_count=2, start_date=starts))
    assert made.id is not None
    assert made.start_date == starts
    assert made.voucher is not None
    assert made.voucher.discount is not None
    assert made.voucher.discount.percent_off == 10
    assert made.voucher.discount.amount_limit == 500
    changed = api.update_campaign(
        "Autumn",
        models.CampaignsUpdateRequestBody(description="leaves", metadata={"x": 1}),
    )
    assert (changed.id, changed.description, changed.metadata) == (made.id, "leaves", {"x": 1})
    api.disable_campaign(made.id)
    assert api.get_campaign(made.id).active is False
    api.enable_campaign(made.id)
    assert api.get_campaign("Autumn").active is True
    one = api.add_vouchers_to_campaign(made.id, vouchers_count=1)
    assert (one.campaign, one.async_action_id) == ("Autumn", None)
    several = api.add_vouchers_to_campaign(made.id, vouchers_count=4)
    assert several.async_action_id is not None
    named = api.add_voucher_with_specific_code_to_campaign(made.id, "LEAF-1")
    assert named.code == "LEAF-1"
    assert [c.vouchers_count for c in api.list_campaigns().campaigns or []] == [8]
    deleted = api.delete_campaign(made.id)
    actions = voucherify.AsyncActionsApi(client)
    assert deleted.async_action_id is not None
    assert actions.get_async_action(deleted.async_action_id).operation_status == "SUCCESS"
    assert len(actions.list_async_actions().async_actions or []) == 3


async def test_many_vouchers_are_made_in_the_background(
    client: voucherify.ApiClient, database: Database, postgres_url: str
) -> None:
    api = voucherify.CampaignsApi(client)
    made = api.create_campaign(campaign_body("Big", vouchers_count=MANY))
    assert made.creation_status == "IN_PROGRESS"
    await run_worker(postgres_url, JobServices(database, load_settings()), until_empty=True)
    done = api.get_campaign("Big")
    assert (done.creation_status, done.vouchers_count) == ("DONE", MANY)
    action = (voucherify.AsyncActionsApi(client).list_async_actions().async_actions or [])[0]
    assert (action.status, action.progress) == ("DONE", 100)


def test_vouchers(client: voucherify.ApiClient) -> None:
    api = voucherify.VouchersApi(client)
    body = {"type": "DISCOUNT_VOUCHER", "discount": {"type": "AMOUNT", "amount_off": 100}}
    random = api.generate_random_code(
        models.VouchersCreateRequestBody.model_validate(
            body | {"code_config": {"pattern": "TEA-#############"}, "redemption": {"quantity": 5}}
        )
    )
    assert random.code is not None
    assert random.code.startswith("TEA-")
    assert random.redemption is not None
    assert (random.redemption.quantity, random.redemption.redeemed_quantity) == (5, 0)
    made = api.create_voucher(
        "HELLO",
        models.VouchersCreateWithSpecificCodeRequestBody.model_validate(
            body | {"metadata": {"a": 1}, "expiration_date": "2030-05-31T00:00:00Z"}
        ),
    )
    assert made.id is not None
    assert api.get_voucher(made.id).code == "HELLO"
    changed = api.update_voucher(
        "HELLO",
        models.VouchersUpdateRequestBody(
            additional_info="hi", discount=models.Discount(type="AMOUNT", amount_off=250)
        ),
    )
    assert changed.discount is not None
    assert (changed.additional_info, changed.discount.amount_off) == ("hi", 250)
    assert api.disable_voucher("HELLO").active is False
    assert api.enable_voucher("HELLO").active is True
    assert api.list_vouchers(code="HEL").total == 1
    api.delete_voucher("HELLO")
    with pytest.raises(NotFoundException):
        api.get_voucher("HELLO")


def test_publications(client: voucherify.ApiClient) -> None:
    voucherify.CampaignsApi(client).create_campaign(campaign_body("Gifts"))
    api = voucherify.PublicationsApi(client)
    choice = models.CreatePublicationCampaign(name="Gifts")
    who = models.Customer(source_id="han")
    by_get = api.create_publication1(customer=who, campaign=choice, source_id="mail-1")
    again = api.create_publication1(customer=who, campaign=choice, source_id="mail-1")
    assert again.id == by_get.id
    other = api.create_publication(
        publications_create_request_body=models.PublicationsCreateRequestBody(
            campaign=choice, customer=who
        )
    )
    assert other.voucher is not None
    assert by_get.voucher is not None
    assert other.voucher.code != by_get.voucher.code
    listed = api.list_publications(
        customer="han", order=models.ParameterOrderListPublications.CREATED_AT
    )
    assert [one.id for one in listed.publications or []] == [by_get.id, other.id]


def test_segments_and_locations(client: voucherify.ApiClient) -> None:
    with pytest.raises(NotFoundException):
        voucherify.SegmentsApi(client).get_segment("seg_none")
    assert voucherify.LocationsApi(client).list_locations().total == 0


def test_a_refused_validation_is_an_answer(client: voucherify.ApiClient) -> None:
    voucherify.VouchersApi(client).create_voucher(
        "ONE",
        models.VouchersCreateWithSpecificCodeRequestBody(
            type="DISCOUNT_VOUCHER", discount=models.Discount(type="AMOUNT", amount_off=100)
        ),
    )
    answer = voucherify.ValidationsApi(client).validate_stacked_discounts(
        models.ValidationsValidateRequestBody(
            redeemables=[
                models.ValidationsValidateRequestBodyRedeemablesItem(object="voucher", id=code)
                for code in ("ONE", "NOBODY-KNOWS", "LATER")
            ],
            order=models.Order(amount=1_000),
        )
    )
    assert answer.valid is False
    shown = [(one.id, one.status) for one in answer.redeemables or []]
    assert shown == [("ONE", "APPLICABLE"), ("NOBODY-KNOWS", "INAPPLICABLE")]
    (culprit,) = answer.inapplicable_redeemables or []
    assert culprit.result is not None
    assert culprit.result.error is not None
    assert (culprit.result.error.code, culprit.result.error.key) == (404, "not_found")
    (skipped,) = answer.skipped_redeemables or []
    assert skipped.result is not None
    assert skipped.result.details is not None
    assert skipped.result.details.key == "preceding_validation_failed"
