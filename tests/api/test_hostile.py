"""Every route of the document, with values that nobody should send: an answer, never a fault."""

import json
import random
from collections.abc import Iterator
from typing import Any, cast

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

Client = AsyncTestClient[Litestar]

SEED = 20_261_121
ROUNDS = 6

HOSTILE: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**63,
    10**40,
    1.5,
    "",
    " ",
    "a" * 300,
    "'; drop table customer; --",
    "é\u202e\u0301😀",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31",
    [],
    [None],
    {},
    {"a": {"b": [1, {"c": None}]}},
)
PATH_VALUES = ("x", "%25", "a%2Fb", "%F0%9F%98%80", "a" * 3000, "-1", "%20", "..%2f..", "%ff")


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of each operation under /v1."""
    for path, item in document["paths"].items():
        if path.startswith("/v1/"):
            for method in ("get", "post", "put", "delete"):
                if method in item:
                    yield method, path, item[method]


def invent(
    schema: dict[str, Any], parts: dict[str, Any], *, dice: random.Random, depth: int = 0
) -> Any:
    """A value that is about what the schema says, with something hostile here and there."""
    if depth > 6 or dice.random() < 0.12:
        return dice.choice(HOSTILE)
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return invent(parts[name], parts, dice=dice, depth=depth + 1)
    for union in ("oneOf", "anyOf"):
        if union in schema:
            return invent(dice.choice(schema[union]), parts, dice=dice, depth=depth)
    if "enum" in schema:
        return dice.choice(schema["enum"])
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = dice.choice(cast("list[str]", kind))
    match kind:
        case "object":
            return {
                name: invent(member, parts, dice=dice, depth=depth + 1)
                for name, member in schema.get("properties", {}).items()
                if name in schema.get("required", ()) or dice.random() < 0.5
            }
        case "array":
            inner = schema.get("items", {})
            return [
                invent(inner, parts, dice=dice, depth=depth + 1) for _ in range(dice.randrange(3))
            ]
        case "integer":
            return dice.choice((0, 1, 7, 1000, 2**53 - 1, -5))
        case "number":
            return dice.choice((0, 0.5, 10, 99.99, 1e30))
        case "boolean":
            return dice.random() < 0.5
        case "string":
            return dice.choice(("a", "2026-05-31", "AMOUNT", "voucher", *HOSTILE[7:14]))
        case _:
            return dice.choice(HOSTILE)


@pytest.mark.parametrize("seed", range(SEED, SEED + ROUNDS))
async def test_no_request_is_a_fault(api: Client, seed: int) -> None:
    dice = random.Random(seed)
    document = (await api.get("/docs/openapi.json")).json()
    parts = document["components"]["schemas"]
    statuses: set[int] = set()
    for method, path, operation in operations(document):
        url = path
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path":
                url = url.replace("{" + parameter["name"] + "}", dice.choice(PATH_VALUES))
        query = {
            parameter["name"]: str(dice.choice(HOSTILE)).replace("\0", "")
            for parameter in operation.get("parameters", ())
            if parameter["in"] == "query" and dice.random() < 0.3
        }
        body = operation.get("requestBody")
        schema = next(iter(body["content"].values()))["schema"] if body else None
        content = None if schema is None else json.dumps(invent(schema, parts, dice=dice))
        answer = await api.request(method, url, params=query, content=content)
        told = (
            f"seed {seed}: {method} {url[:80]} {query} {(content or '')[:500]} {answer.text[:300]}"
        )
        assert answer.status_code < 500 or answer.status_code == 501, told
        assert str(answer.status_code) in {*operation["responses"], "405"}, told
        if answer.status_code >= 400:
            assert answer.headers["content-type"].startswith("application/problem+json"), told
        statuses.add(answer.status_code)
    assert {400, 404} <= statuses
