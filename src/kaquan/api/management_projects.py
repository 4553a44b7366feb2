"""``/management/v1/projects``: opening and shutting projects, and copying templates between them."""

from typing import Annotated, Literal

import msgspec
from litestar import Response, Router
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from kaquan.api.call import CurrentCall
from kaquan.api.listing import CurrentFilters
from kaquan.api.management import ProjectBody, ProjectView, read_access_change, view_project
from kaquan.api.management_key import get_named_project
from kaquan.api.problems import NotSupported
from kaquan.api.routes import reads, removes, writes
from kaquan.api.templates import TemplateList, TemplateView, load_templates, view_template
from kaquan.api.users import AssignBody, find_account, read_dialect_role
from kaquan.api.values import Identifier, LongText
from kaquan.campaigns import create_template, get_template
from kaquan.runtime import InvalidInput, NotFound, Project, Tx, get_project, set_project
from kaquan.trust import (
    Caller,
    IssuedKey,
    KeyKind,
    assign_member,
    close_project,
    create_api_key,
    found_project,
    list_family,
    update_client_access,
)


class NewProjectBody(ProjectBody, frozen=True, kw_only=True):
    """A project to open; its people are taken over from projects that the key looks after."""

    case_sensitive_codes: bool = True
    users: list[AssignBody] = []


class KeyPairView(msgspec.Struct, frozen=True, kw_only=True):
    """A key, shown this once."""

    app_id: str
    app_token: str


class NewProjectView(ProjectView, frozen=True, kw_only=True):
    """A new project with its keys: they cannot be read again."""

    server_side_key: KeyPairView
    client_side_key: KeyPairView


class CopyBody(msgspec.Struct, frozen=True, kw_only=True):
    """What the copy is called, and where it goes; the same project unless another is named."""

    name: Identifier | UnsetType | None = UNSET
    description: LongText | UnsetType | None = UNSET
    destination_project_id: Identifier | UnsetType | None = UNSET


@writes("POST", "/projects", "Create project")
async def create_new_project(
    data: JSONBody[NewProjectBody], call: CurrentCall
) -> Response[NewProjectView]:
    """Open a project that this key looks after, with a server key and a public key of its own."""
    if not data.case_sensitive_codes:
        message = "Codes are always case-sensitive here."
        raise NotSupported(message, field="case_sensitive_codes")
    if isinstance(data.name, UnsetType) or not data.name.strip():
        raise InvalidInput("A project needs a name.", field="name")
    change = read_access_change(data)
    async with call.transaction() as tx:
        home = await get_project(tx)
        project = await found_project(
            tx,
            data.name,
            currency=home.currency if isinstance(data.currency, UnsetType) else data.currency,
            time_zone=home.time_zone if isinstance(data.timezone, UnsetType) else data.timezone,
            language=home.language,
            description=None if isinstance(data.description, UnsetType) else data.description,
            now=call.now,
        )
        access = await update_client_access(tx, change, now=call.now)
        server = await create_api_key(tx, KeyKind.SERVER, name="First server key", now=call.now)
        public = await create_api_key(tx, KeyKind.CLIENT, name="First client key", now=call.now)
        for index, one in enumerate(data.users):
            await _take_over(tx, one, home, project, field=f"users[{index}]")
        view = view_project(project, access)
    told = NewProjectView(
        **msgspec.structs.asdict(view),
        server_side_key=_view_key(server),
        client_side_key=_view_key(public),
    )
    return Response(told, headers={"Cache-Control": "no-store"})


async def _take_over(
    tx: Tx, body: AssignBody, home: Project, project: Project, *, field: str
) -> None:
    if (body.id is None) == (body.login is None):
        raise InvalidInput("Name the person by id or by login.", field=f"{field}.id")
    role = read_dialect_role(body.role, field=f"{field}.role")
    reference = body.id or body.login or ""
    try:
        account = await find_account(tx, reference, home_id=home.project_id)
    except NotFound as error:
        raise InvalidInput(error.message, field=field) from error
    await set_project(tx, project.project_id)
    await assign_member(tx, account, role, at=account.project_id, now=project.created_at)


def _view_key(key: IssuedKey) -> KeyPairView:
    return KeyPairView(app_id=key.app_id, app_token=key.token)


@removes("/projects/{project_id:str}", "Delete project")
async def delete_project(project_id: FromPath[str], call: CurrentCall) -> None:
    """Shut a project for good: its keys and people open nothing, its jobs rest.

    A key cannot shut the project that it is of. What was counted stays in the database.
    """
    async with call.transaction() as tx:
        await get_named_project(tx, project_id)
        home_id = call.caller.home_id
        if home_id is None:
            message = "A key cannot delete the project that it is of."
            raise InvalidInput(message, field="project_id", key="project_in_use")
        await close_project(tx, home_id=home_id, now=call.now)


@reads("/projects/{project_id:str}/templates/campaigns", "List campaign templates")
async def read_project_templates(
    project_id: FromPath[str],
    call: CurrentCall,
    filters: CurrentFilters,
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 10,
    starting_after_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    order: FromQuery[Literal["id", "-id"]] = "-id",
    include_total: FromQuery[bool] = False,
) -> TemplateList:
    """List a project's templates, the newest first unless ``order`` says otherwise."""
    async with call.transaction() as tx:
        await get_named_project(tx, project_id)
        return await load_templates(
            tx,
            filters,
            limit=limit,
            after=starting_after_id,
            order=order,
            include_total=include_total,
            now=call.now,
        )


@writes(
    "POST",
    "/projects/{project_id:str}/templates/campaigns/{template_id:str}/copy",
    "Copy campaign template",
)
async def copy_template(
    project_id: FromPath[str],
    template_id: FromPath[str],
    data: JSONBody[CopyBody],
    call: CurrentCall,
) -> TemplateView:
    """Copy a template within its project, or into another one that the key looks after."""
    async with call.transaction() as tx:
        await get_named_project(tx, project_id)
        known = await get_template(tx, template_id)
        if data.destination_project_id:
            target = await _find_target(tx, call.caller, data.destination_project_id)
            await set_project(tx, target.project_id)
        copy = await create_template(
            tx,
            name=data.name or known.name,
            description=known.description
            if isinstance(data.description, UnsetType)
            else data.description,
            kind=known.campaign_kind,
            content=known.content,
            now=call.now,
        )
    return view_template(copy)


async def _find_target(tx: Tx, caller: Caller, project_id: str) -> Project:
    await set_project(tx, caller.home_id or caller.project_id)
    for project in await list_family(tx):
        if project.id == project_id:
            return project
    raise NotFound("project", project_id)


def management_projects_router() -> Router:
    """Routes of projects as wholes."""
    return Router(
        path="/",
        route_handlers=[
            create_new_project,
            delete_project,
            read_project_templates,
            copy_template,
        ],
        tags=["Management"],
    )
