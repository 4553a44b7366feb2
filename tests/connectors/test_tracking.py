"""The tracking API: people and visitors, times, repeats, limits, and what is wrong."""

import gzip
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from kaquan.customers import find_customer, list_events, list_merges
from kaquan.runtime import Database, Project, utc_now
from kaquan.trust import IssuedKey


async def send(tracker: httpx.AsyncClient, *messages: dict[str, Any], **more: Any) -> Any:
    """Send a batch and return its answer, which must be a good one."""
    answer = await tracker.post("/v1/batch", json={"batch": messages, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def events_of(database: Database, project: Project, reference: str) -> list[str]:
    """The names of a customer's events, the earliest first."""
    async with database.transaction(project.project_id) as tx:
        customer = await find_customer(tx, reference)
        assert customer is not None, reference
        return [one.name for one in reversed(await list_events(tx, customer.id))]


def tracks(user: str | None, event: str, at: str, **more: Any) -> dict[str, Any]:
    """A track call."""
    message = {"type": "track", "event": event, "timestamp": at, **more}
    return message if user is None else {**message, "userId": user}


async def test_each_call_by_its_own_route(
    tracker: httpx.AsyncClient, database: Database, project: Project
) -> None:
    calls: list[tuple[str, dict[str, Any]]] = [
        ("identify", {"traits": {"name": "Ada", "email": "ada@example.com", "plan": "gold"}}),
        ("track", {"event": "Shoe Tied", "properties": {"laces": 2}}),
        ("page", {"name": "Home", "properties": {"url": "https://shop.example/"}}),
        ("screen", {"name": "Start"}),
        ("group", {"groupId": "club", "traits": {"size": 3}}),
    ]
    for name, body in calls:
        answer = await tracker.post(f"/v1/{name}", json={"userId": "u1", **body})
        assert (answer.status_code, answer.json()) == (200, {"success": True}), answer.text
    async with database.transaction(project.project_id) as tx:
        customer = await find_customer(tx, "u1")
        assert customer is not None
        events = {one.name: one.metadata for one in await list_events(tx, customer.id)}
    assert (customer.name, customer.email) == ("Ada", "ada@example.com")
    assert customer.metadata == {"plan": "gold"}
    assert events == {
        "Shoe Tied": {"laces": 2},
        "Page Viewed": {"name": "Home", "url": "https://shop.example/"},
        "Screen Viewed": {"name": "Start"},
        "Group Joined": {"size": 3, "group_id": "club"},
    }


async def test_a_visitor_becomes_a_user(
    tracker: httpx.AsyncClient, database: Database, project: Project
) -> None:
    await send(tracker, tracks(None, "Seen", "2026-01-01T00:00:00Z", anonymousId="a1"))
    identify = {"type": "identify", "userId": "u1", "anonymousId": "a1", "traits": {"name": "Ada"}}
    await send(tracker, identify | {"timestamp": "2026-01-02T00:00:00Z"})
    await send(tracker, tracks(None, "Still here", "2026-01-03T00:00:00Z", anonymousId="a1"))
    assert await events_of(database, project, "u1") == ["Seen", "Still here"]
    # Another user of the same browser is somebody else, and has it from then on.
    other = {"type": "identify", "userId": "u2", "anonymousId": "a1"}
    await send(tracker, other | {"timestamp": "2026-01-04T00:00:00Z"})
    await send(tracker, tracks(None, "Next", "2026-01-05T00:00:00Z", anonymousId="a1"))
    assert await events_of(database, project, "u1") == ["Seen", "Still here"]
    assert await events_of(database, project, "u2") == ["Next"]


async def test_an_alias_joins_two_ids(
    tracker: httpx.AsyncClient, database: Database, project: Project
) -> None:
    await send(
        tracker,
        tracks(None, "Seen", "2026-01-01T00:00:00Z", anonymousId="a1"),
        tracks("old", "Bought", "2026-01-02T00:00:00Z"),
    )
    for previous in ("a1", "old"):
        answer = await tracker.post("/v1/alias", json={"previousId": previous, "userId": "new"})
        assert answer.status_code == 200, answer.text
    assert await events_of(database, project, "new") == ["Seen", "Bought"]
    assert await events_of(database, project, "old") == ["Seen", "Bought"]
    async with database.transaction(project.project_id) as tx:
        merges = (await list_merges(tx, limit=10)).items
    assert {one.merged_by for one in merges} == {"tracking"}
    assert len(merges) == 2


async def test_late_words_do_not_undo_later_ones(
    tracker: httpx.AsyncClient, database: Database, project: Project
) -> None:
    def identify(at: str, **traits: Any) -> dict[str, Any]:
        return {"type": "identify", "userId": "u1", "timestamp": at, "traits": traits}

    await send(
        tracker,
        identify("2026-01-03T00:00:00Z", name="Third", plan="gold"),
        identify("2026-01-02T00:00:00Z", name="Second", city="Wuhan"),
    )
    await send(tracker, identify("2026-01-01T00:00:00Z", name="First", phone="13800000000"))
    async with database.transaction(project.project_id) as tx:
        customer = await find_customer(tx, "u1")
    assert customer is not None
    assert (customer.name, customer.metadata) == ("Third", {"plan": "gold", "city": "Wuhan"})
    assert customer.phone is not None


async def test_a_message_counts_once(
    tracker: httpx.AsyncClient, database: Database, project: Project
) -> None:
    one = tracks("u1", "Once", "2026-01-01T00:00:00Z", messageId="m1")
    await send(tracker, one, one)
    await send(tracker, one, tracks("u1", "Twice", "2026-01-02T00:00:00Z", messageId="m2"))
    assert await events_of(database, project, "u1") == ["Once", "Twice"]


async def test_a_wrong_clock_is_set_right(
    tracker: httpx.AsyncClient, database: Database, project: Project
) -> None:
    ahead = utc_now() + timedelta(hours=3)
    told = tracks("u1", "Now", (ahead - timedelta(minutes=5)).isoformat())
    await send(tracker, told, sentAt=ahead.isoformat())
    await send(tracker, tracks("u1", "Past", "2020-02-02T02:02:02.020Z"), sentAt=str(utc_now()))
    async with database.transaction(project.project_id) as tx:
        customer = await find_customer(tx, "u1")
        assert customer is not None
        at = {one.name: one.at for one in await list_events(tx, customer.id)}
    assert abs(utc_now() - timedelta(minutes=5) - at["Now"]) < timedelta(seconds=30)
    assert at["Past"].isoformat() == "2020-02-02T02:02:02.020000+00:00"


@pytest.mark.parametrize(
    ("what", "call", "body", "key", "field"),
    [
        ("nobody", "track", {"event": "A"}, "no_user_anon_id", "userId"),
        ("no event", "track", {"userId": "u"}, "no_event", "event"),
        ("no group", "group", {"userId": "u"}, "no_group_id", "groupId"),
        ("no former id", "alias", {"userId": "u"}, "no_alias_ids", "previousId"),
        ("an odd id", "track", {"userId": ["u"], "event": "A"}, "invalid_payload", "userId"),
        (
            "no time",
            "track",
            {"userId": "u", "event": "A", "timestamp": "soon"},
            "invalid_payload",
            "timestamp",
        ),
        (
            "no object",
            "track",
            {"userId": "u", "event": "A", "properties": [1]},
            "invalid_payload",
            "properties",
        ),
        (
            "no address",
            "identify",
            {"userId": "u", "traits": {"email": "nobody"}},
            "invalid_payload",
            "traits.email",
        ),
        (
            "no birthday",
            "identify",
            {"userId": "u", "traits": {"birthday": "1990-02-30"}},
            "invalid_payload",
            "traits.birthday",
        ),
        (
            "NUL",
            "track",
            {"userId": "u", "event": "A", "properties": {"a": "\x00"}},
            "invalid_payload",
            "properties",
        ),
        (
            "a long message id",
            "track",
            {"userId": "u", "event": "A", "messageId": "m" * 101},
            "invalid_payload",
            "messageId",
        ),
        (
            "too large",
            "track",
            {"userId": "u", "event": "A", "properties": {"a": "x" * 33_000}},
            "payload_too_large",
            None,
        ),
    ],
)
async def test_what_is_wrong_with_a_call(
    tracker: httpx.AsyncClient,
    *,
    what: str,
    call: str,
    body: dict[str, Any],
    key: str,
    field: str | None,
) -> None:
    answer = await tracker.post(f"/v1/{call}", json=body)
    problem = answer.json()
    assert (answer.status_code, problem["key"]) == (400, key), (what, problem)
    assert problem.get("field") == field, problem
    # Segment's clients show these two.
    assert (problem["code"], bool(problem["message"])) == (400, True)


async def test_what_is_wrong_in_a_batch_is_kept_apart(
    tracker: httpx.AsyncClient,
    office: httpx.AsyncClient,
    database: Database,
    project: Project,
) -> None:
    answer = await send(
        tracker,
        tracks("u1", "Good", "2026-01-01T00:00:00Z"),
        {"type": "track", "event": "Whose?", "messageId": "bad-1"},
        {"type": "wink", "userId": "u1"},
        {"type": "identify", "userId": "u1", "traits": {"email": "x"}, "messageId": "bad-2"},
        tracks("u1", "Large", "2026-01-02T00:00:00Z", properties={"a": "x" * 33_000}),
    )
    assert [(one["index"], one["key"]) for one in answer["rejected"]] == [
        (1, "no_user_anon_id"),
        (2, "unknown_type"),
        (3, "invalid_payload"),
        (4, "message_too_large"),
    ]
    assert answer["rejected"][2]["field"] == "batch[3].traits.email"
    assert await events_of(database, project, "u1") == ["Good"]
    kept = (await office.get("/v1/kaquan/receipts", params={"status": "failed"})).json()
    assert kept["total"] == 4
    assert {one["delivery"] for one in kept["data"]} == {"bad-1", "bad-2", ""}


@pytest.mark.parametrize(
    ("what", "content", "encoding", "key"),
    [
        ("no JSON", b"{", None, "invalid_payload"),
        ("no batch", b'{"batch": 1}', None, "invalid_payload"),
        ("no message", b'{"batch": [1]}', None, "invalid_payload"),
        ("too many", b'{"batch": [' + b"{}," * 2500 + b"{}]}", None, "too_many_messages"),
        ("too large", b'{"batch": ["' + b"x" * 512_000 + b'"]}', None, "payload_too_large"),
        ("a bomb", gzip.compress(b" " * 10_000_000, mtime=0), "gzip", "payload_too_large"),
        ("no gzip", b'{"batch": []}', "gzip", "invalid_payload"),
        ("half a gzip", gzip.compress(b'{"batch": []}', mtime=0)[:-6], "gzip", "invalid_payload"),
        ("too deep", b'{"batch": ' + b"[" * 60 + b"]" * 60 + b"}", None, "invalid_payload"),
    ],
)
async def test_what_is_wrong_with_a_batch(
    tracker: httpx.AsyncClient, *, what: str, content: bytes, encoding: str | None, key: str
) -> None:
    headers = {"Content-Type": "application/json"}
    if encoding is not None:
        headers["Content-Encoding"] = encoding
    answer = await tracker.post("/v1/batch", content=content, headers=headers)
    assert (answer.status_code, answer.json()["key"]) == (400, key), (what, answer.text)


async def test_who_may_send(
    web: httpx.AsyncClient, office: httpx.AsyncClient, writer: IssuedKey
) -> None:
    body: dict[str, Any] = {"userId": "u1", "event": "Sent"}
    ways: list[tuple[dict[str, Any], int]] = [
        ({"json": body, "auth": (writer.token, "")}, 200),
        ({"json": body, "auth": (writer.app_id, writer.token)}, 200),
        ({"json": body, "headers": {"Authorization": f"Bearer {writer.token}"}}, 200),
        ({"json": body | {"writeKey": writer.token}}, 200),
        ({"json": body, "headers": dict(office.headers)}, 200),
        ({"json": body}, 401),
        ({"content": b""}, 401),
        ({"json": body, "auth": ("nobody", "")}, 401),
        ({"json": body | {"writeKey": "nobody"}}, 401),
        ({"json": body | {"writeKey": 5}}, 401),
    ]
    for number, (way, status) in enumerate(ways):
        answer = await web.post("/v1/track", **way)
        assert answer.status_code == status, (number, answer.text)
    # The key does nothing else.
    for path in ("/v1/customers", "/v1/kaquan/receipts"):
        answer = await web.get(path, auth=(writer.app_id, writer.token))
        assert (answer.status_code, answer.json()["key"]) == (403, "key_scope")


async def test_gzip_is_taken(
    tracker: httpx.AsyncClient, database: Database, project: Project
) -> None:
    raw = json.dumps({"batch": [tracks("u1", "Packed", "2026-01-01T00:00:00Z")]}).encode()
    answer = await tracker.post(
        "/v1/batch", content=gzip.compress(raw, mtime=0), headers={"Content-Encoding": "gzip"}
    )
    assert answer.status_code == 200
    assert await events_of(database, project, "u1") == ["Packed"]
