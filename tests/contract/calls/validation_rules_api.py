"""Calls of ValidationRulesApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify
from voucherify import models

from contract.calls.shop import Call, Shop, required

API = voucherify.ValidationRulesApi


def create_rule(shop: Shop) -> str:
    made = shop.api(API).create_validation_rules(
        models.ValidationRulesCreateRequestBody.model_validate(
            {
                "name": shop.name("rule"),
                "type": "basic",
                "rules": {
                    "1": {"name": "order.amount", "conditions": {"$more_than": [1_000]}},
                    "logic": "1",
                },
            }
        )
    )
    return required(made.id)


def assign(shop: Shop, rule: str) -> str:
    voucher = shop.api(voucherify.VouchersApi).get_voucher(shop.voucher())
    made = shop.api(API).create_validation_rule_assignment(
        rule,
        validation_rules_assignments_create_request_body=(
            models.ValidationRulesAssignmentsCreateRequestBody(
                related_object_type="voucher", related_object_id=voucher.id
            )
        ),
    )
    return required(made.id)


def delete_assignment(shop: Shop) -> object:
    rule = create_rule(shop)
    return shop.api(API).delete_validation_rule_assignment(rule, assign(shop, rule))


CALLS: Mapping[str, Call] = {
    "create_validation_rule_assignment": lambda shop: assign(shop, create_rule(shop)),
    "create_validation_rules": create_rule,
    "delete_validation_rule_assignment": delete_assignment,
    "delete_validation_rules": lambda shop: shop.api(API).delete_validation_rules(
        create_rule(shop)
    ),
    "get_validation_rule": lambda shop: shop.api(API).get_validation_rule(create_rule(shop)),
    "list_validation_rule_assignments": lambda shop: shop.api(API).list_validation_rule_assignments(
        create_rule(shop)
    ),
    "list_validation_rules": lambda shop: shop.api(API).list_validation_rules(),
    "list_validation_rules_assignments": lambda shop: shop.api(
        API
    ).list_validation_rules_assignments(),
    "update_validation_rule": lambda shop: shop.api(API).update_validation_rule(
        create_rule(shop), models.ValidationRulesUpdateRequestBody(name=shop.name("rule"))
    ),
}
