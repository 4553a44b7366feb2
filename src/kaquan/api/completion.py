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
from kaquan.api.if_match import CHANGING, IF_MATCH, list_readable
from kaquan.api.ignored import IGNORED
from kaquan.api.links import add_links, list_operations
from kaquan.api.once import REPLAYED
from kaquan.api.request_id import HEADER as REQUEST_ID
from kaquan.api.routes import FILE_IN, FILE_OUT
from kaquan.api.versions import VERSION, VERSIONS

Json: TypeAlias = dict[str, Any]

BEARER, BASIC = "Bearer", "Basic"

_HEADERS: dict[str, str] = {
    REQUEST_ID: "The request's id: the caller's own when it sent a usable one",
    VERSION: "The version of the API that answers",
    "ETag": f"Changes with the answer; sent back in {IF_NONE_MATCH} it saves the answer, in"
    f" {IF_MATCH} with what changes the object it guards against changes of others",
    IGNORED: "Members of the body that mean nothing here and were left out, by their paths",
    REPLAYED: "true: the first answer to this Idempotency-Key again",
    "RateLimit": "What is left of the key's limit, and for how many seconds",
    "RateLimit-Policy": "The key's limit, and its window in seconds",
    "Retry-After": "Seconds to wait before trying again",
}
_OF_STATUS = {"429": ("RateLimit", "RateLimit-Policy", "Retry-After"), "503": ("Retry-After",)}
_MATCH: Json = {
    "name": IF_MATCH,
    "in": "header",
    "required": False,
    "description": "The ETag of the GET answer that this shall change; another version is left as"
    " it is and answered 412. Weak tags match.",
    "schema": {"type": "string"},
}
_UNNAMED = {"414"}
"""Statuses that the web server answers before the application sees the request."""


def complete_document(app: Litestar, document: Json) -> Json:
    """Return the whole document of ``app``, from the one that was generated of its routes."""
    whole = cast("Json", _widen(document))
    _name_schemes(whole)
    _name_headers(whole)
    readable = list_readable(app)
    for path, method, handler in _list_handlers(app):
        operation = whole["paths"].get(path, {}).get(method.lower())
        if operation is not None:
            _describe(operation, handler)
            if method in CHANGING and path in readable:
                operation.setdefault("parameters", []).append(_MATCH)
    add_links(whole)
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
        if status == "204":
            answer.pop("content", None)
        if moves_value and status in ("200", "204", "400", "404", "409"):
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
