"""``/management/v1/projects/{projectId}/users``: who belongs to a project, by a management key."""

from typing import Any, Literal

import msgspec
from litestar import Response, Router
from litestar.params import FromPath, JSONBody

from kaquan.api.call import Call, CurrentCall
from kaquan.api.management_key import get_named_project
from kaquan.api.problems import AnyRequest
from kaquan.api.routes import reads, removes, writes
from kaquan.api.values import Identifier, ShortText
from kaquan.outreach import deliver_ticket
from kaquan.runtime import InvalidInput, NotFound, Project, Tx, set_project
from kaquan.trust import (
    Role,
    User,
    assign_member,
    change_role,
    get_member,
    invite_member,
    list_family,
    list_members,
    list_memberships,
    read_role,
    remove_member,
)

_ROLES = {
    "ADMIN": Role.ADMIN,
    "USER": Role.MARKETER,
    "VIEWER": Role.ANALYST,
    "MERCHANT": Role.CASHIER,
    "APPROVER": Role.APPROVER,
    "TRAINING": Role.TRAINING,
}
"""The dialect's predefined roles, and our own that it does not have, by name."""

_NAMES = {role: name for name, role in _ROLES.items()} | {Role.OWNER: "ADMIN"}


class AssignBody(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to make a member: somebody of a project that the key looks after."""

    role: Identifier
    id: Identifier | None = None
    login: Identifier | None = None


class RoleBody(msgspec.Struct, frozen=True, kw_only=True):
    """Another role."""

    role: Identifier


class InviteBody(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to invite, and into which projects in which roles."""

    email: Identifier
    projects: dict[str, str]
    first_name: ShortText = ""
    last_name: ShortText = ""


class UserView(msgspec.Struct, frozen=True, kw_only=True):
    """A person as answered: ``projects`` are those that the key looks after, with the role there."""

    id: str
    login: str
    email: str
    first_name: str
    last_name: str
    projects: dict[str, str]
    is_owner: bool


class UserList(msgspec.Struct, frozen=True, kw_only=True):
    """The people of a project."""

    data: list[UserView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class InvitationView(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation: ``link`` is there when it could not be mailed, to be handed over."""

    id: str
    email: str
    mailed: bool
    link: str | None
    object: Literal["invitation"] = "invitation"


@reads("/users", "List users")
async def read_users(project_id: FromPath[str], call: CurrentCall) -> UserList:
    """List the people of a project by name."""
    async with call.transaction() as tx:
        await get_named_project(tx, project_id)
        people = [await get_member(tx, one.id) for one in await list_members(tx, now=call.now)]
        views = [await _view(tx, call, one) for one in people]
    return UserList(data=views, total=len(views))


@reads("/users/{user_id:str}", "Get user")
async def read_user(
    project_id: FromPath[str], user_id: FromPath[str], call: CurrentCall
) -> UserView:
    """Get a person of the project by id or login."""
    async with call.transaction() as tx:
        await get_named_project(tx, project_id)
        return await _view(tx, call, await get_member(tx, user_id))


@writes("POST", "/users", "Assign user")
async def assign_user(
    project_id: FromPath[str], data: JSONBody[AssignBody], call: CurrentCall
) -> UserView:
    """Make somebody of another project that the key looks after a member of this one."""
    if (data.id is None) == (data.login is None):
        raise InvalidInput("Name the person by id or by login.", field="id")
    role = read_dialect_role(data.role)
    reference = data.id or data.login or ""
    async with call.transaction() as tx:
        project = await get_named_project(tx, project_id)
        home_id = call.caller.home_id or call.caller.project_id
        account = await find_account(tx, reference, home_id=home_id)
        await set_project(tx, project.project_id)
        user = await assign_member(tx, account, role, at=account.project_id, now=call.now)
        return await _view(tx, call, user)


@writes("PUT", "/users/{user_id:str}", "Update user")
async def update_user(
    project_id: FromPath[str],
    user_id: FromPath[str],
    data: JSONBody[RoleBody],
    call: CurrentCall,
) -> UserView:
    """Give a person of the project another role."""
    async with call.transaction() as tx:
        await get_named_project(tx, project_id)
        user = await change_role(tx, user_id, read_dialect_role(data.role), changed_by=None)
        return await _view(tx, call, user)


@removes("/users/{user_id:str}", "Unassign user")
async def unassign_user(
    project_id: FromPath[str], user_id: FromPath[str], call: CurrentCall
) -> None:
    """Take a person out of the project; their sessions there end at once."""
    async with call.transaction() as tx:
        await get_named_project(tx, project_id)
        await remove_member(tx, user_id, removed_by=None)


@writes("POST", "/projects/users/invite", "Invite user")
async def invite_user(
    request: AnyRequest, data: JSONBody[InviteBody], call: CurrentCall
) -> Response[InvitationView]:
    """Invite somebody into projects that the key looks after, by mail or by the link answered."""
    if not data.projects:
        raise InvalidInput("Name a project with the role in it.", field="projects")
    async with call.transaction() as tx:
        family = {one.id: one for one in await list_family(tx)}
        places = [
            (_place(family, name), read_dialect_role(role, field=f"projects.{name}"))
            for name, role in data.projects.items()
        ]
        (first, role), *others = places
        await set_project(tx, first.project_id)
        known = await _search(tx, list(family.values()), data.email)
        await set_project(tx, first.project_id)
        issued = await invite_member(
            tx,
            data.email,
            role,
            name=f"{data.first_name} {data.last_name}".strip(),
            places={one.project_id: other for one, other in others},
            invited_by=None,
            user_id=None if known is None else known.id,
            now=call.now,
        )
    delivery = await deliver_ticket(
        request.app.state.settings,
        issued,
        project=first,
        here=str(request.base_url),
        now=call.now,
    )
    view = InvitationView(
        id=issued.ticket.id,
        email=issued.ticket.email,
        mailed=delivery.mailed,
        link=None if delivery.mailed else delivery.link,
    )
    return Response(view, headers={"Cache-Control": "no-store"})


def _place(family: dict[str, Project], name: str) -> Project:
    project = family.get(name)
    if project is None:
        message = f"There is no project '{name[:80]}' that this key looks after."
        raise InvalidInput(message, field="projects")
    return project


async def _search(tx: Tx, family: list[Project], reference: str) -> User | None:
    """The first of the family's projects' people with this id or login."""
    for project in family:
        await set_project(tx, project.project_id)
        try:
            return await get_member(tx, reference)
        except NotFound:
            continue
    return None


async def find_account(tx: Tx, reference: str, *, home_id: int) -> User:
    """Return a person of the projects that ``home_id``'s keys look after; ``tx`` ends up there.

    Raises NotFound.
    """
    await set_project(tx, home_id)
    found = await _search(tx, await list_family(tx), reference)
    if found is None:
        raise NotFound("user", reference)
    return found


def read_dialect_role(name: str, *, field: str = "role") -> Role:
    """Return our role for one of the dialect's, or for one of ours. Raises InvalidInput."""
    role = _ROLES.get(name)
    return role if role is not None else read_role(name.lower(), field=field)


async def _view(tx: Tx, call: Call, user: User) -> UserView:
    """Map a person with what they are in the projects of the key; ``tx`` stays in their project."""
    await set_project(tx, call.caller.home_id or call.caller.project_id)
    names = {one.project_id: one.id for one in await list_family(tx)}
    await set_project(tx, user.project_id or call.caller.project_id)
    memberships = {one.project_id: one for one in await list_memberships(tx, user)}
    first, _, last = user.name.partition(" ")
    roles: dict[str, str] = {
        names[number]: _NAMES[one.role] for number, one in memberships.items() if number in names
    }
    return UserView(
        id=user.id,
        login=user.email,
        email=user.email,
        first_name=first,
        last_name=last,
        projects=roles,
        is_owner=user.role is Role.OWNER,
    )


def users_routers() -> list[Router]:
    """Routes of a project's people, and of inviting some."""
    tags: Any = ["Management"]
    return [
        Router(
            path="/projects/{project_id:str}",
            route_handlers=[read_users, read_user, assign_user, update_user, unassign_user],
            tags=tags,
        ),
        Router(path="/", route_handlers=[invite_user], tags=tags),
    ]
