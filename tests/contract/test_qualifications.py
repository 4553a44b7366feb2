"""Qualifications through the official client: its models parse every answer strictly."""

# The client's packages export by plain imports, which the type checker takes for private ones.
# pyright: reportPrivateImportUsage=false

import pytest
import voucherify
from voucherify import models

SCENARIOS = [
    ("ALL", {"campaign", "voucher"}),
    ("CUSTOMER_WALLET", {"voucher"}),
    ("AUDIENCE_ONLY", {"campaign", "voucher"}),
    ("PRODUCTS", set[str]()),
    ("PRODUCTS_DISCOUNT", set[str]()),
    ("PROMOTION_STACKS", set[str]()),
    ("PRODUCTS_BY_CUSTOMER", set[str]()),
    ("PRODUCTS_DISCOUNT_BY_CUSTOMER", set[str]()),
]


@pytest.fixture
def code(client: voucherify.ApiClient) -> str:
    """A code of a campaign that gives several, held by Anna."""
    voucherify.CampaignsApi(client).create_campaign(
        models.CampaignsCreateRequestBody(
            name="Spring",
            campaign_type="DISCOUNT_COUPONS",
            type="AUTO_UPDATE",
            join_once=False,
            voucher=models.CampaignsCreateRequestBodyVoucher(
                type="DISCOUNT_VOUCHER",
                discount=models.Discount(type="AMOUNT", amount_off=2_000, effect="APPLY_TO_ORDER"),
            ),
        )
    )
    given = voucherify.PublicationsApi(client).create_publication(
        publications_create_request_body=models.PublicationsCreateRequestBody(
            campaign=models.CreatePublicationCampaign(name="Spring"),
            customer=models.Customer(source_id="anna"),
        )
    )
    assert given.voucher is not None
    assert given.voucher.code is not None
    return given.voucher.code


def ask(
    client: voucherify.ApiClient, scenario: str, options: models.QualificationsOption | None = None
) -> models.QualificationsCheckEligibilityResponseBody:
    return voucherify.QualificationsApi(client).check_eligibility(
        models.QualificationsCheckEligibilityRequestBody(
            scenario=scenario,
            customer=models.Customer(source_id="anna"),
            order=models.Order(amount=12_000),
            options=options,
        )
    )


@pytest.mark.parametrize(("scenario", "objects"), SCENARIOS)
def test_scenarios(
    client: voucherify.ApiClient, code: str, *, scenario: str, objects: set[str]
) -> None:
    answer = ask(client, scenario)
    assert answer.redeemables is not None
    found = answer.redeemables.data or []
    assert {one.object for one in found} == objects
    assert {one.id for one in found if one.object == "voucher"} <= {code}
    for one in found:
        assert one.order is not None
        assert (one.order.amount, one.order.total_applied_discount_amount) == (12_000, 2_000)
        assert one.result is not None
        assert one.result.discount is not None
        assert one.result.discount.amount_off == 2_000
    assert answer.stacking_rules is not None
    assert answer.stacking_rules.redeemables_limit == 30


def test_options_and_the_next_page(client: voucherify.ApiClient, code: str) -> None:
    options = models.QualificationsOption(
        limit=1, sorting_rule="DEFAULT", expand=["redeemable", "category", "validation_rules"]
    )
    seen: list[str | None] = []
    for _ in range(2):
        page = ask(client, "ALL", options).redeemables
        assert page is not None
        assert page.data is not None
        seen += [one.object for one in page.data]
        options.starting_after = page.more_starting_after
    assert sorted(map(str, seen)) == ["campaign", "voucher"]
    assert options.starting_after is None


def test_filters(client: voucherify.ApiClient, code: str) -> None:
    condition = models.QualificationsFiltersCondition.from_dict({"$is": [code]})
    filters = models.QualificationsOptionFilters(
        code=models.QualificationsFieldConditions(conditions=condition)
    )
    answer = ask(client, "ALL", models.QualificationsOption(filters=filters, limit=50))
    assert answer.redeemables is not None
    assert [one.id for one in answer.redeemables.data or []] == [code]
