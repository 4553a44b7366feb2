"""A project with whatever a call needs, made when it is first asked for."""

# The client's packages export by plain imports, which the type checker takes for private ones.
# pyright: reportPrivateImportUsage=false

import itertools
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

import httpx
import voucherify
from voucherify import models

Api = TypeVar("Api")


class Shop:
    """The client, its project's objects, and a worker for what is done later."""

    def __init__(self, client: voucherify.ApiClient, work: Callable[[], Awaitable[None]]) -> None:
        """Start with nothing; ``work`` does all background work that is queued."""
        self.client = client
        self.work = work
        self._numbers = itertools.count(1)

    def api(self, kind: Callable[[voucherify.ApiClient], Api]) -> Api:
        """Return one of the client's APIs."""
        return kind(self.client)

    def name(self, prefix: str) -> str:
        """Return a name that nothing has yet."""
        return f"{prefix}-{next(self._numbers)}"

    def post(self, path: str, body: object, *, method: str = "POST") -> Any:
        """Call a route of our own that the client does not know."""
        client: Any = self.client
        response = httpx.request(
            method,
            f"{client.configuration.host}{path}",
            json=body,
            headers=client.configuration.api_key,
        )
        response.raise_for_status()
        return response.json()

    def accept(self, token: str) -> None:
        """Accept an invitation as its reader does, in the console."""
        client: Any = self.client
        with httpx.Client(base_url=client.configuration.host) as browser:
            page = browser.get(f"/invitation/{token}").raise_for_status().text
            sent = page.partition('name="csrf_token" value="')[2].partition('"')[0]
            form = {"csrf_token": sent, "name": "Lin Wei", "password": "correct horse battery"}
            answer = browser.post(f"/invitation/{token}", data=form)
            assert answer.status_code == 303, answer.text

    def customer(self) -> str:
        """A new customer's id."""
        made = self.api(voucherify.CustomersApi).create_customer(
            models.CustomersCreateRequestBody(source_id=self.name("customer"), name="Li Lei")
        )
        return required(made.id)

    def product(self) -> str:
        """A new product's id."""
        made = self.api(voucherify.ProductsApi).create_product(
            models.ProductsCreateRequestBody(source_id=self.name("product"), price=1_000)
        )
        return required(made.id)

    def sku(self, product: str) -> str:
        """A new variant's id."""
        made = self.api(voucherify.ProductsApi).create_sku(
            product, models.ProductsSkusCreateRequestBody(source_id=self.name("sku"), sku="Red")
        )
        return required(made.id)

    def order(self) -> str:
        """A new order's id."""
        made = self.api(voucherify.OrdersApi).create_order(
            models.OrdersCreateRequestBody(source_id=self.name("order"), amount=5_000)
        )
        return required(made.id)

    def campaign(self) -> str:
        """The id of a new campaign of ten coupons that take 1.00 off."""
        made = self.api(voucherify.CampaignsApi).create_campaign(
            models.CampaignsCreateRequestBody.model_validate(
                {
                    "name": self.name("campaign"),
                    "campaign_type": "DISCOUNT_COUPONS",
                    "vouchers_count": 10,
                    "voucher": {
                        "type": "DISCOUNT_VOUCHER",
                        "discount": {"type": "AMOUNT", "amount_off": 100},
                    },
                }
            )
        )
        return required(made.id)

    def voucher(self) -> str:
        """The code of a new coupon that takes 1.00 off."""
        code = self.name("CODE")
        self.api(voucherify.VouchersApi).create_voucher(
            code,
            models.VouchersCreateWithSpecificCodeRequestBody(
                type="DISCOUNT_VOUCHER", discount=models.Discount(type="AMOUNT", amount_off=100)
            ),
        )
        return code

    def redemption(self) -> str:
        """The id of a new redemption of a coupon."""
        answer = self.api(voucherify.RedemptionsApi).redeem_stacked_discounts(
            models.RedemptionsRedeemRequestBody(
                redeemables=[
                    models.RedemptionsRedeemRequestBodyRedeemablesItem(
                        object="voucher", id=self.voucher()
                    )
                ],
                order=models.Order(amount=5_000),
            )
        )
        (redemption,) = answer.redemptions or []
        return required(redemption.id)


Call: TypeAlias = Callable[[Shop], object]
"""Makes the call; an awaitable answer is awaited."""


def required(value: str | None) -> str:
    """Return what the server must have said."""
    assert value is not None
    return value
