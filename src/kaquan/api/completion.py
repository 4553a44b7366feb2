"""What the OpenAPI document says beyond what the routes' types tell.

The generated document knows parameters, bodies and answers. Added here, by rules and not route by
route: every way to show a key, files in and out, bodies that may be left out, the headers of
answers, the web server's own refusal, and links from what makes an object to what works on it.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias, cast

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from kaquan.api.etag import IF_NONE_MATCH
from kaquan.api.ignored import IGNORED
from kaquan.api.once import REPLAYED
from kaquan.api.request_id import HEADER as REQUEST_ID
from kaquan.api.routes import FILE_IN, FILE_OUT
from kaquan.api.versions import VERSION, VERSIONS

Json: TypeAlias = dict[str, Any]

BEARER, BASIC = "Bearer", "Basic"
_API_KEY = "apiKey"

_ID_OF_VOUCHER = "code"
_DEEPER_IDS = {"/v1/redemptions": "redemptions/0/id", "/v1/publications": "voucher/code"}
"""Where an answer names what it made, when that is not its own ``id``."""

_ACTION, _ACTION_ROUTE = "async_action_id", "/v1/async-actions/{action_id}"

_HEADERS: dict[str, str] = {
    REQUEST_ID: "The request's id: the caller's own when it sent a usable one",
    VERSION: "The version of the API that answers",
    "ETag": f"Changes with the answer; sent back in {IF_NONE_MATCH} it saves the answer",
    IGNORED: "Members of the body that mean nothing here and were left out, by their paths",
    REPLAYED: "true: the first answer to this Idempotency-Key again",
    "RateLimit": "What is left of the key's limit, and for how many seconds",
    "RateLimit-Policy": "The key's limit, and its window in seconds",
    "Retry-After": "Seconds to wait before trying again",
}
_OF_STATUS = {"429": ("RateLimit", "RateLimit-Policy", "Retry-After"), "503": ("Retry-After",)}
_UNNAMED = {"414"}
"""Statuses that the web server answers before the application sees the request."""


def complete_document(app: Litestar, document: Json) -> Json:
    """Return the whole document of ``app``, from the one that was generated of its routes."""
    whole = cast("Json", _widen(document))
    _name_schemes(whole)
    _name_headers(whole)
    for path, method, handler in _list_handlers(app):
        operation = whole["paths"].get(path, {}).get(method.lower())
        if operation is not None:
            _describe(operation, handler)
    _add_links(whole)
    return whole


def _widen(part: Any) -> Any:
    """Copy, with ``anyOf`` for ``oneOf``: of a union's types several may hold, as for a number."""
    if isinstance(part, dict):
        return {
            "anyOf" if name == "oneOf" else name: _widen(inner)
            for name, inner in cast("Json", part).items()
        }
    if isinstance(part, list):
        return [_widen(inner) for inner in cast("list[Any]", part)]
    return part


def list_operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Every path, method (in lower case) and operation of a document."""
    for path, item in cast("dict[str, Json]", document["paths"]).items():
        for method, operation in item.items():
            if method in {"get", "post", "put", "delete", "patch"}:
                yield path, method, operation


def _list_handlers(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                for method in handler.http_methods:
                    yield route.path_format, method, handler


def _name_schemes(whole: Json) -> None:
    schemes: Json = whole["components"]["securitySchemes"]
    schemes[BEARER] = {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token of POST /v1/oauth/token, or the token of a key",
    }
    schemes[BASIC] = {
        "type": "http",
        "scheme": "basic",
        "description": "The two parts of a key as user and password",
    }
    whole["security"] += [{BEARER: []}, {BASIC: []}]
    for _, _, operation in list_operations(whole):
        if operation.get("security"):
            operation["security"] += [{BEARER: []}, {BASIC: []}]


def _name_headers(whole: Json) -> None:
    whole["components"]["headers"] = {
        name: {
            "description": text,
            "schema": {"type": "string", **({"enum": VERSIONS} if name == VERSION else {})},
        }
        for name, text in _HEADERS.items()
    }


def _describe(operation: Json, handler: HTTPRouteHandler) -> None:
    answers: Json = operation["responses"]
    moves_value = any(p["name"] == "Idempotency-Key" for p in operation.get("parameters", ()))
    for status, answer in answers.items():
        if status in _UNNAMED:
            continue
        named = [REQUEST_ID, VERSION, *_OF_STATUS.get(status, ())]
        if status == "200" and "304" in answers:
            named.append("ETag")
        if status.startswith("2") and "requestBody" in operation:
            named.append(IGNORED)
        if moves_value and status in ("200", "400", "404", "409"):
            named.append(REPLAYED)
        answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in named}
    file_in, file_out = handler.opt.get(FILE_IN), handler.opt.get(FILE_OUT)
    if file_in:
        operation["requestBody"] = _file_body()
    if file_out:
        _answer_file(answers["200"], file_out)
    body = handler.parsed_fn_signature.parameters.get("data")
    if body is not None and body.has_default:
        operation["requestBody"]["required"] = False


def _file_body() -> Json:
    file: Json = {"type": "string", "format": "binary", "description": "A CSV file"}
    schema: Json = {"type": "object", "properties": {"file": file}, "required": ["file"]}
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}


def _answer_file(answer: Json, media_type: str) -> None:
    """Say that an answer is a file, besides what its type tells, if that tells something."""
    told = {
        kind: content
        for kind, content in answer.get("content", {}).items()
        if "$ref" in content.get("schema", {})
    }
    answer["content"] = {**told, media_type: {"schema": {"type": "string", "format": "binary"}}}


def _add_links(whole: Json) -> None:
    operations = {(path, method): operation for path, method, operation in list_operations(whole)}
    for (path, method), operation in operations.items():
        answer = next(
            (
                operation["responses"][one]
                for one in ("200", "202")
                if one in operation["responses"]
            ),
            None,
        )
        if method != "post" or answer is None:
            continue
        links = dict(_links_from(path, _properties(whole, answer), operations))
        if links:
            answer["links"] = links


def _links_from(
    path: str, properties: set[str], operations: dict[tuple[str, str], Json]
) -> Iterator[tuple[str, Json]]:
    """Links from making something at ``path`` to all that names it right after that path."""
    made = _DEEPER_IDS.get(path) or (_ID_OF_VOUCHER if path == "/v1/vouchers" else "id")
    known = {name: f"$request.path.{name}" for name in _names_in(path)}
    for (other, _), target in operations.items():
        if _ACTION in properties and other == _ACTION_ROUTE:
            yield _link(target, {"action_id": f"$response.body#/{_ACTION}"})
        if made.partition("/")[0] not in properties or not other.startswith(f"{path}/{{"):
            continue
        names = _names_in(other)
        if len(names) == len(known) + 1 and names[: len(known)] == list(known):
            yield _link(target, known | {names[-1]: f"$response.body#/{made}"})


def _link(target: Json, parameters: dict[str, str]) -> tuple[str, Json]:
    name: str = target["operationId"]
    return name, {"operationId": name, "parameters": parameters}


def _names_in(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def _properties(whole: Json, answer: Json) -> set[str]:
    """The members that an answer may have."""
    found: set[str] = set()
    for content in answer.get("content", {}).values():
        schema: Json = content.get("schema", {})
        for one in [schema, *schema.get("anyOf", ())]:
            name = one.get("$ref", "").rpartition("/")[2]
            found |= set(whole["components"]["schemas"].get(name, {}).get("properties", {}))
    return found
