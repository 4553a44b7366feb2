"""``/management/v1/projects``: a project's settings, by a management key."""

from typing import Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from kaquan.api.call import CurrentCall
from kaquan.api.management_key import get_named_project
from kaquan.api.problems import NotSupported
from kaquan.api.routes import reads, removes, writes
from kaquan.api.stacking_rules import (
    StackingRulesBody,
    StackingRulesView,
    apply_change,
    view_stacking_rules,
)
from kaquan.api.values import LongText, ShortText
from kaquan.campaigns import get_stacking_rules, reset_stacking_rules
from kaquan.engine import StackingRules
from kaquan.runtime import InvalidInput, NotFound, Project, set_project
from kaquan.trust import (
    ClientAccess,
    ClientAccessChange,
    get_client_access,
    list_family,
    update_client_access,
)

_SWITCHES = {
    "client_trusted_domains": "trusted_domains",
    "client_redeem_enabled": "redeem",
    "client_publish_enabled": "publish",
    "client_create_customer_enabled": "create_customer",
    "client_list_vouchers_enabled": "list_vouchers",
}
_MISSING_SWITCHES = (
    "client_loyalty_events_enabled",
    "client_set_voucher_expiration_date_enabled",
)


class ProjectBody(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of a project: a member left out stays."""

    name: ShortText | UnsetType = UNSET
    currency: ShortText | UnsetType = UNSET
    timezone: ShortText | UnsetType = UNSET
    description: LongText | UnsetType = UNSET
    client_trusted_domains: list[ShortText] | UnsetType = UNSET
    client_redeem_enabled: bool | UnsetType = UNSET
    client_publish_enabled: bool | UnsetType = UNSET
    client_create_customer_enabled: bool | UnsetType = UNSET
    client_list_vouchers_enabled: bool | UnsetType = UNSET
    client_loyalty_events_enabled: bool | UnsetType = UNSET
    client_set_voucher_expiration_date_enabled: bool | UnsetType = UNSET


class ProjectView(msgspec.Struct, frozen=True, kw_only=True):
    """A project as answered."""

    id: str
    name: str
    timezone: str
    currency: str
    is_sandbox: bool
    client_trusted_domains: list[str]
    client_redeem_enabled: bool
    client_publish_enabled: bool
    client_create_customer_enabled: bool
    client_list_vouchers_enabled: bool
    client_loyalty_events_enabled: Literal[False] = False
    client_set_voucher_expiration_date_enabled: Literal[False] = False
    case_sensitive_codes: Literal[True] = True
    api_version: Literal["v2018-08-01"] = "v2018-08-01"


class ProjectList(msgspec.Struct, frozen=True, kw_only=True):
    """The projects that the key looks after: its own first."""

    data: list[ProjectView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class NamedRulesView(StackingRulesView, frozen=True, kw_only=True):
    """The stacking rules with the id they have once the project set them."""

    id: str | None


class RulesList(msgspec.Struct, frozen=True, kw_only=True):
    """The project's one set of stacking rules."""

    data: list[NamedRulesView]
    total: Literal[1] = 1
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


def view_project(project: Project, access: ClientAccess) -> ProjectView:
    """Map a project to the wire."""
    return ProjectView(
        id=project.id,
        name=project.name,
        timezone=project.time_zone,
        currency=project.currency,
        is_sandbox=project.sandbox,
        client_trusted_domains=list(access.trusted_domains),
        client_redeem_enabled=access.redeem,
        client_publish_enabled=access.publish,
        client_create_customer_enabled=access.create_customer,
        client_list_vouchers_enabled=access.list_vouchers,
    )


def read_access_change(body: ProjectBody) -> ClientAccessChange:
    """Return what a body says of public keys. Raises NotSupported."""
    for name in _MISSING_SWITCHES:
        if getattr(body, name) is True:
            message = f"'{name}' is not supported yet."
            raise NotSupported(message, field=name)
    given = {
        ours: value
        for wire, ours in _SWITCHES.items()
        if (value := getattr(body, wire)) is not UNSET
    }
    if "trusted_domains" in given:
        given["trusted_domains"] = tuple(given["trusted_domains"])
    return ClientAccessChange(**given)


@reads("/projects", "List projects")
async def read_projects(call: CurrentCall) -> ProjectList:
    """List the project that the key is of, and those that it made and looks after."""
    views: list[ProjectView] = []
    async with call.transaction() as tx:
        for project in await list_family(tx):
            await set_project(tx, project.project_id)
            views.append(view_project(project, await get_client_access(tx)))
    return ProjectList(data=views, total=len(views))


@reads("/projects/{project_id:str}", "Get project")
async def read_project(project_id: FromPath[str], call: CurrentCall) -> ProjectView:
    """Get a project's settings."""
    async with call.transaction() as tx:
        project = await get_named_project(tx, project_id)
        return view_project(project, await get_client_access(tx))


@writes("PUT", "/projects/{project_id:str}", "Update project")
async def change_project(
    project_id: FromPath[str], data: JSONBody[ProjectBody], call: CurrentCall
) -> ProjectView:
    """Change what may be done with public keys, and from which sites."""
    for name in ("name", "currency", "timezone", "description"):
        if getattr(data, name) is not UNSET:
            message = f"'{name}' cannot be changed yet."
            raise NotSupported(message, field=name)
    change = read_access_change(data)
    async with call.transaction() as tx:
        project = await get_named_project(tx, project_id)
        access = await update_client_access(tx, change, now=call.now)
    return view_project(project, access)


@reads("/projects/{project_id:str}/stacking-rules", "List stacking rules")
async def read_all_rules(project_id: FromPath[str], call: CurrentCall) -> RulesList:
    """List the project's one set of rules; without an id while they are the default ones."""
    async with call.transaction() as tx:
        project = await get_named_project(tx, project_id)
        rules = await get_stacking_rules(tx)
    own = view_stacking_rules(rules)
    rules_id = None if rules == StackingRules() else _rules_id(project)
    return RulesList(data=[_name_rules(own, rules_id)])


@writes("POST", "/projects/{project_id:str}/stacking-rules", "Create stacking rules")
async def create_rules(
    project_id: FromPath[str], data: JSONBody[StackingRulesBody], call: CurrentCall
) -> NamedRulesView:
    """Set the project's rules; what is not told is as every project starts with."""
    async with call.transaction() as tx:
        project = await get_named_project(tx, project_id)
        if await get_stacking_rules(tx) != StackingRules():
            message = "The project has stacking rules already; change or delete them."
            raise InvalidInput(message, field="", key="stacking_rules_exist")
    return _name_rules(view_stacking_rules(await apply_change(call, data)), _rules_id(project))


@reads("/projects/{project_id:str}/stacking-rules/{rules_id:str}", "Get stacking rules")
async def read_rules_by_id(
    project_id: FromPath[str], rules_id: FromPath[str], call: CurrentCall
) -> NamedRulesView:
    """Get the rules by their id."""
    async with call.transaction() as tx:
        _check_rules_id(await get_named_project(tx, project_id), rules_id)
        return _name_rules(view_stacking_rules(await get_stacking_rules(tx)), rules_id)


@writes("PUT", "/projects/{project_id:str}/stacking-rules/{rules_id:str}", "Update stacking rules")
async def change_rules_by_id(
    project_id: FromPath[str],
    rules_id: FromPath[str],
    data: JSONBody[StackingRulesBody],
    call: CurrentCall,
) -> NamedRulesView:
    """Change what is named of the rules; the next request goes by them."""
    async with call.transaction() as tx:
        _check_rules_id(await get_named_project(tx, project_id), rules_id)
    return _name_rules(view_stacking_rules(await apply_change(call, data)), rules_id)


@removes("/projects/{project_id:str}/stacking-rules/{rules_id:str}", "Delete stacking rules")
async def delete_rules_by_id(
    project_id: FromPath[str], rules_id: FromPath[str], call: CurrentCall
) -> None:
    """Go back to the rules that every project starts with."""
    async with call.transaction() as tx:
        _check_rules_id(await get_named_project(tx, project_id), rules_id)
        await reset_stacking_rules(tx)


def _rules_id(project: Project) -> str:
    return f"stack_{project.id.partition('_')[2]}"


def _check_rules_id(project: Project, rules_id: str) -> None:
    if rules_id != _rules_id(project):
        raise NotFound("stacking rules", rules_id)


def _name_rules(view: StackingRulesView, rules_id: str | None) -> NamedRulesView:
    return NamedRulesView(**msgspec.structs.asdict(view), id=rules_id)


def management_router() -> Router:
    """Routes of a project's settings."""
    return Router(
        path="/",
        route_handlers=[
            read_projects,
            read_project,
            change_project,
            read_all_rules,
            create_rules,
            read_rules_by_id,
            change_rules_by_id,
            delete_rules_by_id,
        ],
        tags=["Management"],
    )
