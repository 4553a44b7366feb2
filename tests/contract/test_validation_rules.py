"""Validation rules through the official client: kept as said, assigned, and obeyed at checkout."""

# The client's packages export by plain imports, which the type checker takes for private ones.
# pyright: reportPrivateImportUsage=false

from typing import Any

import pytest
import voucherify
from voucherify import models
from voucherify.exceptions import ApiException, BadRequestException, NotFoundException

from contract.samples import make_voucher, problem_of

SEGMENT = {"name": "customer.segment", "conditions": {"$is": ["seg_none"]}}
BIG_ORDER = {
    "name": "order.amount",
    "rules": {},
    "conditions": {"$more_than_or_equal": [10_000]},
    "error": {"message": "Spend 100 first"},
}
ONCE = {
    "name": "redemption.count.per_customer",
    "conditions": {"$less_than_or_equal": [1]},
}


def make_rule(client: voucherify.ApiClient, rules: dict[str, Any], **more: Any) -> str:
    """A set of rules; returns its id."""
    body = models.ValidationRulesCreateRequestBody.model_validate(
        {"name": "Rules", "rules": rules, **more}
    )
    made = voucherify.ValidationRulesApi(client).create_validation_rules(body)
    assert made.id is not None
    return made.id


def assign(
    client: voucherify.ApiClient, rule_id: str, voucher: str, *, force: bool | None = None
) -> models.ValidationRulesAssignmentsCreateResponseBody:
    """Put a voucher under a set of rules."""
    return voucherify.ValidationRulesApi(client).create_validation_rule_assignment(
        rule_id,
        force=force,
        validation_rules_assignments_create_request_body=models.ValidationRulesAssignmentsCreateRequestBody(
            related_object_type="voucher", related_object_id=voucher
        ),
    )


def validate(
    client: voucherify.ApiClient, code: str, amount: int = 20_000, **more: Any
) -> tuple[bool, str | None, str | None]:
    """Whether a code applies to an order; else the key and the merchant's words."""
    body = models.ValidationsValidateRequestBody.model_validate(
        {
            "redeemables": [{"object": "voucher", "id": code}],
            "order": {"amount": amount},
            **more,
        }
    )
    answer = voucherify.ValidationsApi(client).validate_stacked_discounts(body)
    assert answer.valid is not None
    if answer.valid:
        return True, None, None
    assert answer.inapplicable_redeemables
    result = answer.inapplicable_redeemables[0].result
    error = None if result is None else result.error
    assert error is not None
    said = None if error.error is None else error.error.message
    return False, error.key, said


def test_a_set_of_rules_is_kept_as_it_was_said(client: voucherify.ApiClient) -> None:
    api = voucherify.ValidationRulesApi(client)
    said = {
        "name": "Set of Validation Rules",
        "error": {"message": "Your order does not meet at least one of the criteria."},
        "applicable_to": {
            "included_all": False,
            "excluded": [
                {
                    "object": "product",
                    "id": "prod_x",
                    "source_id": "second",
                    "effect": "APPLY_TO_EVERY",
                }
            ],
            "included": [
                {
                    "object": "products_collection",
                    "id": "pc_1",
                    "effect": "APPLY_TO_EVERY",
                    "quantity_limit": 5,
                }
            ],
        },
        "rules": {
            "1": {
                "name": "order.metadata",
                "property": "location",
                "rules": {},
                "conditions": {"$is": ["Santorini"]},
                "error": {"message": "Only in Santorini."},
            },
            "2": {
                "name": "custom_event.metadata",
                "property": "test",
                "rules": {},
                "conditions": {"$greater_than_or_equal": [1]},
            },
            "logic": "1 or 2",
        },
    }
    made = api.create_validation_rules(models.ValidationRulesCreateRequestBody.model_validate(said))
    assert made.id is not None
    got = api.get_validation_rule(made.id)
    assert (got.name, got.rules, got.type) == (said["name"], said["rules"], "expression")
    assert (got.context_type, got.assignments_count) == ("global", 0)
    changed = api.update_validation_rule(
        made.id, models.ValidationRulesUpdateRequestBody(name="Renamed")
    )
    assert (changed.name, changed.rules) == ("Renamed", said["rules"])
    assert api.list_validation_rules(limit=5).total == 1
    api.delete_validation_rules(made.id)
    with pytest.raises(NotFoundException):
        api.get_validation_rule(made.id)


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ({"1": {"name": "no.such.rule"}, "logic": "1"}, "rules.1.name"),
        ({"1": {"name": "order.metadata", "conditions": {}}}, "rules.1.property"),
        ({"1": {"name": "order.amount", "conditions": {"$odd": [1]}}}, "rules.1.conditions.$odd"),
        ({"1": ONCE, "logic": "1 and 2"}, "rules.logic"),
        ({"1": ONCE, "logic": "(1"}, "rules.logic"),
        ({"one": ONCE}, "rules.one"),
    ],
)
def test_rules_that_are_none_are_refused(
    client: voucherify.ApiClient, rules: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadRequestException) as refused:
        make_rule(client, rules)
    problem = problem_of(refused)
    assert (problem["key"], problem["field"]) == ("invalid_validation_rules", field)


def test_assignments(client: voucherify.ApiClient) -> None:
    api = voucherify.ValidationRulesApi(client)
    make_voucher(client, "RULED")
    rule = make_rule(client, {"1": BIG_ORDER, "logic": "1"})
    voucher = voucherify.VouchersApi(client).get_voucher("RULED")
    assert voucher.id is not None
    made = assign(client, rule, voucher.id)
    assert (made.rule_id, made.related_object_id) == (rule, voucher.id)
    with pytest.raises(ApiException) as twice:
        assign(client, rule, voucher.id)
    problem = problem_of(twice)
    assert (problem["status"], problem["key"]) == (409, "duplicate_found")
    again = assign(client, rule, voucher.id, force=True)
    assert again.id is not None
    assert api.list_validation_rule_assignments(rule).total == 1
    assert api.list_validation_rules_assignments(related_object_id=voucher.id).total == 1
    assert api.list_validation_rule_assignments("val_none").total == 0
    shown = voucherify.VouchersApi(client).get_voucher("RULED").validation_rules_assignments
    assert shown is not None
    assert [one.rule_id for one in shown.data or []] == [rule]
    assert validate(client, "RULED", 9_999) == (False, "order_rules_violated", "Spend 100 first")
    assert validate(client, "RULED", 10_000)[0]
    api.delete_validation_rule_assignment(rule, again.id)
    assert validate(client, "RULED", 9_999)[0]


def test_a_rule_that_no_checkout_can_carry_out_is_not_assigned(
    client: voucherify.ApiClient,
) -> None:
    make_voucher(client, "PLAIN")
    rule = make_rule(
        client,
        {"1": {"name": "custom_event.metadata", "property": "x", "conditions": {"$is": [1]}}},
    )
    with pytest.raises(ApiException) as refused:
        assign(client, rule, "PLAIN")
    problem = problem_of(refused)
    assert (problem["status"], problem["field"]) == (501, "rules.1")
    assert validate(client, "PLAIN")[0]


@pytest.mark.parametrize(
    ("rules", "request_", "expected"),
    [
        ({"1": BIG_ORDER}, {}, (True, None, None)),
        ({"1": BIG_ORDER, "2": SEGMENT, "logic": "1 OR 2"}, {}, (True, None, None)),
        (
            {"1": BIG_ORDER, "2": SEGMENT, "logic": "(1 and 2)"},
            {"customer": {"source_id": "li"}},
            (False, "customer_rules_violated", "Fallback"),
        ),
        ({"logic": ""}, {}, (True, None, None)),
        (
            {"1": {"name": "order.initial_amount", "conditions": {"$less_than": [20_000]}}},
            {},
            (False, "order_rules_violated", "Fallback"),
        ),
        (
            {"1": {"name": "order.metadata", "property": "shop", "conditions": {"$is": ["A"]}}},
            {"order": {"amount": 100, "metadata": {"shop": "A"}}},
            (True, None, None),
        ),
        (
            {
                "1": {
                    "name": "redemption.metadata",
                    "property": "card",
                    "conditions": {"$is": ["V"]},
                }
            },
            {"metadata": {"card": "V"}},
            (True, None, None),
        ),
        (
            {
                "1": {
                    "name": "redemption.metadata",
                    "property": "card",
                    "conditions": {"$is": ["V"]},
                }
            },
            {"metadata": {"card": "M"}},
            (False, "redemption_rules_violated", "Fallback"),
        ),
        (
            {
                "1": {
                    "name": "order.items.any",
                    "conditions": {"$is": [{"object": "product", "source_id": "tea"}]},
                    "rules": {
                        "1": {
                            "name": "order.items.aggregated_quantity",
                            "conditions": {"$more_than": [1]},
                        },
                        "logic": "1",
                    },
                }
            },
            {"order": {"items": [{"source_id": "tea", "price": 100, "quantity": 2}]}},
            (True, None, None),
        ),
        (
            {"1": {"name": "order.items.none", "conditions": {"$is": [{"source_id": "tea"}]}}},
            {"order": {"items": [{"source_id": "tea", "price": 100, "quantity": 2}]}},
            (False, "order_rules_violated", "Fallback"),
        ),
        (
            {"1": {"name": "order.items.count", "conditions": {"$is": [2]}}},
            {"order": {"items": [{"source_id": "tea", "price": 100, "quantity": 2}]}},
            (True, None, None),
        ),
        (
            {
                "1": {
                    "name": "order.items.most_expensive",
                    "conditions": {"$is": [{"source_id": "tea"}]},
                }
            },
            {
                "order": {
                    "items": [
                        {"source_id": "tea", "price": 100, "quantity": 1},
                        {"source_id": "pot", "price": 200, "quantity": 1},
                    ]
                }
            },
            (False, "order_rules_violated", "Fallback"),
        ),
        (
            {
                "1": {
                    "name": "order.items.metadata_any",
                    "property": "size",
                    "conditions": {"$in": ["L", "XL"]},
                }
            },
            {
                "order": {
                    "items": [
                        {"source_id": "t", "price": 9, "quantity": 1, "metadata": {"size": "L"}}
                    ]
                }
            },
            (True, None, None),
        ),
    ],
)
def test_rules_at_checkout(
    client: voucherify.ApiClient,
    rules: dict[str, Any],
    request_: dict[str, Any],
    expected: tuple[bool, str | None, str | None],
) -> None:
    rule = make_rule(client, rules, error={"message": "Fallback"})
    make_voucher(client, "RULED", validation_rules=[rule])
    assert validate(client, "RULED", **request_) == expected


def test_counts_include_the_attempt_itself(client: voucherify.ApiClient) -> None:
    rule = make_rule(client, {"1": ONCE}, error={"message": "Only once"})
    make_voucher(client, "ONCE", validation_rules=[rule])
    redeem = models.RedemptionsRedeemRequestBody.model_validate(
        {
            "redeemables": [{"object": "voucher", "id": "ONCE"}],
            "order": {"amount": 5_000},
            "customer": {"source_id": "li"},
        }
    )
    api = voucherify.RedemptionsApi(client)
    api.redeem_stacked_discounts(redeem)
    with pytest.raises(BadRequestException) as refused:
        api.redeem_stacked_discounts(redeem)
    problem = problem_of(refused)
    assert problem["key"] == "redemption_rules_violated"
    assert problem["error"] == {"message": "Only once"}


def test_a_campaigns_rules_hold_for_its_vouchers(client: voucherify.ApiClient) -> None:
    rule = make_rule(client, {"1": BIG_ORDER})
    made = voucherify.CampaignsApi(client).create_campaign(
        models.CampaignsCreateRequestBody.model_validate(
            {
                "name": "Ruled",
                "campaign_type": "DISCOUNT_COUPONS",
                "validation_rules": [rule],
                "voucher": {
                    "type": "DISCOUNT_VOUCHER",
                    "discount": {"type": "PERCENT", "percent_off": 10, "effect": "APPLY_TO_ORDER"},
                },
            }
        )
    )
    assert made.id is not None
    assert made.validation_rules_assignments is not None
    assert made.validation_rules_assignments.total == 1
    voucherify.CampaignsApi(client).add_voucher_with_specific_code_to_campaign(made.id, "OF-IT")
    assert validate(client, "OF-IT", 9_999)[1:] == ("order_rules_violated", "Spend 100 first")
    voucherify.ValidationRulesApi(client).update_validation_rule(
        rule,
        models.ValidationRulesUpdateRequestBody(
            rules={"1": {**BIG_ORDER, "conditions": {"$more_than": [100]}}, "logic": "1"}
        ),
    )
    assert validate(client, "OF-IT", 9_999)[0]


def test_a_discount_of_named_goods(client: voucherify.ApiClient) -> None:
    rule = make_rule(
        client,
        {"logic": ""},
        applicable_to={
            "included": [
                {
                    "object": "product",
                    "source_id": "tea",
                    "id": "prod_tea",
                    "effect": "APPLY_TO_EVERY",
                    "aggregated_quantity_limit": 1,
                }
            ]
        },
    )
    make_voucher(
        client,
        "TEA",
        discount={"type": "PERCENT", "percent_off": 50, "effect": "APPLY_TO_ITEMS"},
        validation_rules=[rule],
    )
    answer = voucherify.ValidationsApi(client).validate_stacked_discounts(
        models.ValidationsValidateRequestBody.model_validate(
            {
                "redeemables": [{"object": "voucher", "id": "TEA"}],
                "order": {
                    "items": [
                        {"source_id": "tea", "price": 1_000, "quantity": 2},
                        {"source_id": "pot", "price": 5_000, "quantity": 1},
                    ]
                },
            }
        )
    )
    assert answer.order is not None
    assert (answer.order.items_discount_amount, answer.order.total_amount) == (500, 6_500)
