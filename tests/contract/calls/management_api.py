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
    project, *_ = answer.data or []
    return required(project.id)


def new_project(shop: Shop) -> str:
    """The id of a project that the key made."""
    body = {
        "name": shop.name("project"),
        "currency": "EUR",
        "timezone": "Europe/Warsaw",
        "case_sensitive_codes": True,
        "client_redeem_enabled": True,
    }
    made = shop.api(API).create_project(
        models.ManagementProjectsCreateRequestBody.model_validate(body)
    )
    assert (made.currency, made.client_redeem_enabled) == ("EUR", True)
    assert made.server_side_key is not None
    assert made.client_side_key is not None
    return required(made.id)


def delete_project(shop: Shop) -> None:
    project = new_project(shop)
    assert shop.api(API).get_project(project).currency == "EUR"
    shop.api(API).delete_project(project)
    listed = shop.api(API).list_projects()
    assert project not in {one.id for one in listed.data or []}


def user_of(shop: Shop) -> str:
    """The login of a person who accepted an invitation, into two projects."""
    login = f"{shop.name('person')}@shop.example"
    other = new_project(shop)
    body = {
        "email": login,
        "first_name": "Lin",
        "last_name": "Wei",
        "projects": {project_of(shop): "USER", other: "VIEWER"},
    }
    invited = shop.post("/management/v1/projects/users/invite", body)
    token = invited["link"].rpartition("/")[2]
    shop.accept(token)
    return login


def invite_user(shop: Shop) -> None:
    shop.api(API).invite_user(
        models.ManagementProjectsUsersInviteCreateRequestBody(
            email=f"{shop.name('invited')}@shop.example", projects={project_of(shop): "VIEWER"}
        )
    )


def list_users(shop: Shop) -> object:
    login = user_of(shop)
    answer = shop.api(API).list_users(project_of(shop))
    assert login in {one.login for one in answer.data or []}
    assert answer.total == len(answer.data or [])
    return answer


def get_user(shop: Shop) -> object:
    answer = shop.api(API).get_user(project_of(shop), user_of(shop))
    assert (answer.first_name, answer.last_name, answer.is_owner) == ("Lin", "Wei", False)
    assert sorted((answer.projects or {}).values()) == ["USER", "VIEWER"]
    return answer


def assign_user(shop: Shop) -> object:
    login, project = user_of(shop), new_project(shop)
    answer = shop.api(API).assign_user(
        project, models.ManagementProjectsUsersAssignRequestBody(login=login, role="MERCHANT")
    )
    assert (answer.projects or {})[project] == "MERCHANT"
    return answer


def update_user(shop: Shop) -> object:
    project, login = project_of(shop), user_of(shop)
    change = models.ManagementProjectsUsersUpdateRoleRequestBody(role="ADMIN")
    answer = shop.api(API).update_user(project, login, change)
    assert (answer.projects or {})[project] == "ADMIN"
    return answer


def unassign_user(shop: Shop) -> None:
    project, login = project_of(shop), user_of(shop)
    shop.api(API).unassign_user(project, login)
    listed = shop.api(API).list_users(project)
    assert login not in {one.login for one in listed.data or []}


def template_of(shop: Shop) -> str:
    """The id of a campaign template."""
    made = shop.api(voucherify.TemplatesApi).create_campaign_template(
        models.TemplatesCampaignsCreateRequestBody(
            campaign_id=shop.campaign(), name=shop.name("template")
        )
    )
    return required(made.id)


def list_templates(shop: Shop) -> object:
    template = template_of(shop)
    answer = shop.api(API).management_list_campaign_templates(project_of(shop), include_total=True)
    assert template in {one.id for one in answer.data or []}
    return answer


def copy_template(shop: Shop) -> object:
    template, target = template_of(shop), new_project(shop)
    answer = shop.api(API).management_copy_campaign_template(
        project_of(shop),
        template,
        models.ManagementProjectsTemplatesCampaignsCopyCreateRequestBody(
            name="The copy", destination_project_id=target
        ),
    )
    (found,) = shop.api(API).management_list_campaign_templates(target).data or []
    assert (found.id, found.name) == (answer.id, "The copy")
    return answer


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


def webhook_of(shop: Shop) -> str:
    """The id of a new webhook."""
    body = {"target_url": "https://hooks.example.com/in", "events": ["voucher.created"]}
    made = shop.api(API).create_webhook(
        project_of(shop),
        models.ManagementProjectsWebhooksCreateRequestBody.model_validate(body),
    )
    assert (made.target_url, made.events, made.active) == (*body.values(), True)
    return required(made.id)


def list_webhooks(shop: Shop) -> object:
    made = webhook_of(shop)
    answer = shop.api(API).list_webhooks(project_of(shop))
    assert made in {one.id for one in answer.data or []}
    return answer


def read_webhook(shop: Shop) -> object:
    answer = shop.api(API).get_webhook(project_of(shop), webhook_of(shop))
    assert answer.events == ["voucher.created"]
    return answer


def update_webhook(shop: Shop) -> object:
    change = models.ManagementProjectsWebhooksUpdateRequestBody(
        events=["redemption.succeeded", "voucher.gift.balance_aded"], active=False
    )
    answer = shop.api(API).update_webhook(project_of(shop), webhook_of(shop), change)
    assert set(answer.events or []) == set(change.events or [])
    assert answer.active is False
    return answer


def delete_webhook(shop: Shop) -> None:
    made = webhook_of(shop)
    shop.api(API).delete_webhook(project_of(shop), made)
    left = shop.api(API).list_webhooks(project_of(shop)).data or []
    assert made not in {one.id for one in left}


CALLS: Mapping[str, Call] = {
    "list_projects": project_of,
    "get_project": lambda shop: shop.api(API).get_project(project_of(shop)),
    "update_project": update_project,
    "create_project": new_project,
    "delete_project": delete_project,
    "invite_user": invite_user,
    "list_users": list_users,
    "get_user": get_user,
    "assign_user": assign_user,
    "update_user": update_user,
    "unassign_user": unassign_user,
    "management_list_campaign_templates": list_templates,
    "management_copy_campaign_template": copy_template,
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
    "create_webhook": webhook_of,
    "list_webhooks": list_webhooks,
    "get_webhook": read_webhook,
    "update_webhook": update_webhook,
    "delete_webhook": delete_webhook,
}
