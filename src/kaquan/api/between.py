"""Times between which a list's items lie: ``created_at[after]=…&created_at[before]=…``."""

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from kaquan.api.problems import AnyRequest
from kaquan.api.values import read_moment
from kaquan.runtime import InvalidInput, Tx, get_project

_SIDES = ("after", "before")


class Between(msgspec.Struct, frozen=True):
    """After one moment and before another; None leaves a side open."""

    after: datetime | None = None
    before: datetime | None = None


async def read_between(tx: Tx, request: AnyRequest, *names: str) -> dict[str, Between]:
    """Read the bounds of each of these times from an address. Raises InvalidInput.

    The dialect's documents also put brackets around the first word.
    """
    zone = (await get_project(tx)).zone
    found: dict[str, dict[str, datetime]] = {name: {} for name in names}
    for given, value in request.query_params.multi_items():
        for name in names:
            for side, text in _list_sides(name, given, value):
                found[name][side] = _read(text, zone, given)
    return {name: Between(**sides) for name, sides in found.items()}


def _list_sides(name: str, given: str, value: str) -> list[tuple[str, str]]:
    """The sides that one parameter tells: one in brackets, or both as a JSON object."""
    if given == name:
        try:
            sides = msgspec.json.decode(value, type=dict[str, str])
        except msgspec.MsgspecError as error:
            message = f"'{name}' takes [after] or [before] behind it."
            raise InvalidInput(message, field=name, key="invalid_query_params") from error
        return [(side, sides[side]) for side in _SIDES if side in sides]
    return [(side, value) for side in _SIDES if given in (f"{name}[{side}]", f"[{name}][{side}]")]


def _read(text: str, zone: ZoneInfo, field: str) -> datetime:
    try:
        return read_moment(text, zone, field=field)
    except InvalidInput as error:
        raise InvalidInput(error.message, field=field, key="invalid_query_params") from error
