"""Calls of ManagementApi."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Mapping

import voucherify
from voucherify import models

from contract.calls.shop import Call, Shop, required

API = voucherify.ManagementApi


def project_of(shop: Shop) -> str:
    """The id of the key's project."""
    answer = shop.api(API).list_projects()
    assert answer.total == 1
    (project,) = answer.data or []
    return required(project.id)


def update_project(shop: Shop) -> object:
    change = models.ManagementProjectsUpdateRequestBody(client_publish_enabled=True)
    answer = shop.api(API).update_project(project_of(shop), change)
    assert answer.client_publish_enabled is True
    return answer


def rules_of(shop: Shop) -> str:
    """The id of the project's stacking rules, made anew."""
    project = project_of(shop)
    api = shop.api(API)
    (known,) = api.list_stacking_rules(project).data or []
    if known.id is not None:
        api.delete_stacking_rules(project, known.id)
    made = api.create_stacking_rules(
        project, models.ManagementProjectsStackingRulesCreateRequestBody(redeemables_limit=7)
    )
    assert made.redeemables_limit == 7
    return required(made.id)


def read_rules(shop: Shop) -> object:
    answer = shop.api(API).get_stacking_rules(project_of(shop), rules_of(shop))
    assert answer.redeemables_limit == 7
    return answer


def update_rules(shop: Shop) -> object:
    change = models.ManagementProjectsStackingRulesUpdateRequestBody(applicable_redeemables_limit=3)
    answer = shop.api(API).update_stacking_rules(project_of(shop), rules_of(shop), change)
    assert (answer.redeemables_limit, answer.applicable_redeemables_limit) == (7, 3)
    return answer


def delete_rules(shop: Shop) -> None:
    project = project_of(shop)
    shop.api(API).delete_stacking_rules(project, rules_of(shop))
    (known,) = shop.api(API).list_stacking_rules(project).data or []
    assert known.id is None
    assert known.redeemables_limit != 7


def schema_of(shop: Shop) -> str:
    """The id of a new metadata schema."""
    body = {"related_object": shop.name("nested"), "properties": {"color": {"type": "string"}}}
    made = shop.api(API).create_metadata_schema(
        project_of(shop),
        models.ManagementProjectsMetadataSchemasCreateRequestBody.model_validate(body),
    )
    return required(made.id)


def update_schema(shop: Shop) -> object:
    change = {"properties": {"size": {"type": "number"}}}
    answer = shop.api(API).update_metadata_schema(
        project_of(shop),
        schema_of(shop),
        models.ManagementProjectsMetadataSchemasUpdateRequestBody.model_validate(change),
    )
    assert set(answer.properties or {}) == {"color", "size"}
    return answer


def event_of(shop: Shop) -> str:
    """The id of a new custom event's schema."""
    body = {"name": shop.name("event"), "schema": {"properties": {"page": {"type": "string"}}}}
    made = shop.api(API).create_custom_event_schema(
        project_of(shop),
        models.ManagementProjectsCustomEventSchemasCreateRequestBody.model_validate(body),
    )
    return required(made.id)


def update_event(shop: Shop) -> object:
    change = {"schema": {"properties": {"seconds": {"type": "number"}}}}
    answer = shop.api(API).update_custom_event_schema(
        project_of(shop),
        event_of(shop),
        models.ManagementProjectsCustomEventSchemasUpdateRequestBody.model_validate(change),
    )
    assert answer.var_schema is not None
    assert set(answer.var_schema.properties or {}) == {"page", "seconds"}
    return answer


CALLS: Mapping[str, Call] = {
    "list_projects": project_of,
    "get_project": lambda shop: shop.api(API).get_project(project_of(shop)),
    "update_project": update_project,
    "list_stacking_rules": lambda shop: shop.api(API).list_stacking_rules(project_of(shop)),
    "create_stacking_rules": rules_of,
    "get_stacking_rules": read_rules,
    "update_stacking_rules": update_rules,
    "delete_stacking_rules": delete_rules,
    "list_metadata_schemas1": lambda shop: shop.api(API).list_metadata_schemas1(project_of(shop)),
    "create_metadata_schema": schema_of,
    "get_metadata_schema1": lambda shop: shop.api(API).get_metadata_schema1(
        project_of(shop), schema_of(shop)
    ),
    "update_metadata_schema": update_schema,
    "delete_metadata_schema": lambda shop: shop.api(API).delete_metadata_schema(
        project_of(shop), schema_of(shop)
    ),
    "list_custom_event_schemas": lambda shop: shop.api(API).list_custom_event_schemas(
        project_of(shop)
    ),
    "create_custom_event_schema": event_of,
    "get_custom_event_schema": lambda shop: shop.api(API).get_custom_event_schema(
        project_of(shop), event_of(shop)
    ),
    "update_custom_event_schema": update_event,
    "delete_custom_event_schema": lambda shop: shop.api(API).delete_custom_event_schema(
        project_of(shop), event_of(shop)
    ),
}
