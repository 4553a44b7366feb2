"""Reading a JSON body: strictly typed, bounded, and free of what cannot be stored."""

import re
from collections.abc import Iterator
from typing import Any, TypeVar, cast

import msgspec
from litestar import Request
from litestar.dto import AbstractDTO
from litestar.openapi.spec import Reference, Schema
from litestar.typing import FieldDefinition

from kaquan.api.ignored import note_ignored
from kaquan.runtime import InvalidInput

MAX_BODY_BYTES = 1_000_000
MAX_DEPTH = 32

_T = TypeVar("_T")

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
_PATH = re.compile(r"^(?P<what>.*?)(?: - at `(?P<of_key>key in )?\$(?P<path>.*)`)?$", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>.*)`")
_NUL_ESCAPE = b"\\u0000"


class StrictBody(AbstractDTO[_T]):
    """Decodes a route's ``data`` as its annotated type, with every error naming its field.

    Unknown members are ignored, as the dialect does. Litestar's own decoding is lenient ("5"
    for 5), reads the body twice and knows no limit of depth.
    """

    @classmethod
    def create_for_field_definition(
        cls, field_definition: FieldDefinition, handler_id: str, backend_cls: Any = None
    ) -> None:
        """Remember the type that the route named."""
        cls._kinds[handler_id] = field_definition.annotation

    @classmethod
    def create_openapi_schema(
        cls, field_definition: FieldDefinition, handler_id: str, schema_creator: Any
    ) -> Reference | Schema:
        """Describe the body by its type."""
        return schema_creator.for_field_definition(field_definition)

    def decode_bytes(self, value: bytes) -> Any:
        """Decode the body of the route at hand."""
        connection = cast("Request[Any, Any, Any]", self.asgi_connection)  # pyright: ignore[reportUnknownMemberType]
        kind = self._kinds[connection.route_handler.handler_id]
        read = read_json(value, kind)
        try:
            note_ignored(connection.scope, value, kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            # What the type does not have was not looked at before.
            raise _not_json(error) from error
        return read

    _kinds: dict[str, Any] = {}


def read_json(raw: bytes, kind: Any, *, with_nul: bool = False) -> Any:
    """Decode JSON as ``kind``. Raises InvalidInput naming the path of the first wrong value.

    ``with_nul`` leaves texts with the NUL character to whoever stores them.
    """
    if _is_too_deep(raw):
        message = f"The JSON is nested more than {MAX_DEPTH} deep."
        raise InvalidInput(message, field="")
    try:
        if _NUL_ESCAPE in raw and not with_nul:
            _refuse_nul(msgspec.json.decode(raw))
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise read_violation(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _not_json(error) from error


def _not_json(error: Exception) -> InvalidInput:
    message = f"The body is not valid JSON: {error}."
    return InvalidInput(message, field="")


def read_value(value: Any, kind: Any) -> Any:
    """Convert what was read elsewhere than from a JSON body, as from an address."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise read_violation(error) from error


def read_violation(error: msgspec.ValidationError) -> InvalidInput:
    """Turn msgspec's message with its path into ours."""
    found = _PATH.match(str(error))
    assert found is not None
    path = (found["path"] or "").removeprefix(".")
    message = f"{found['what']} at '{path}'." if path else f"{found['what']}."
    missing = _MISSING.fullmatch(found["what"])
    names = (path, missing["name"] if missing is not None else "")
    return InvalidInput(message, field=".".join(filter(None, names)))


def _is_too_deep(raw: bytes) -> bool:
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return False
    depth = 0
    for token in _TOKEN.finditer(raw):
        match token[0][:1]:
            case b"[" | b"{":
                depth += 1
                if depth > MAX_DEPTH:
                    return True
            case b"]" | b"}":
                depth -= 1
            case _:
                pass
    return False


def _refuse_nul(decoded: Any) -> None:
    for path, text in _texts(decoded, ""):
        if "\x00" in text:
            message = f"A text may not contain the NUL character (at '{path}')."
            raise InvalidInput(message, field=path)


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for index, member in enumerate(cast("list[Any]", value)):
            yield from _texts(member, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, member in cast("dict[str, Any]", value).items():
            inner = f"{path}.{key}" if path else key
            yield inner.replace("\x00", "?"), key
            yield from _texts(member, inner)
