"""A key's limit: what is left is told, and what is beyond it is refused."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from api.conftest import headers_of
from kaquan.api.rate_limit import MOST_KEYS, RateExceeded, RequestCounter
from kaquan.runtime import Database, Project, utc_now
from kaquan.trust import IssuedKey, KeyKind, create_api_key

Client = AsyncTestClient[Litestar]

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


async def limited_key(database: Database, project: Project, limit: int | None) -> IssuedKey:
    async with database.transaction(project.project_id) as tx:
        return await create_api_key(
            tx, KeyKind.SERVER, name="till", requests_per_minute=limit, now=utc_now()
        )


async def test_what_is_left_is_told_until_nothing_is(
    api: Client, database: Database, project: Project
) -> None:
    headers = headers_of(await limited_key(database, project, 3))
    answers = [await api.get("/v1/customers", headers=headers) for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert [_left(one) for one in answers] == [2, 1, 0, 0]
    assert answers[0].headers["RateLimit-Policy"] == '"key";q=3;w=60'
    refused = answers[3]
    assert refused.json()["key"] == "too_many_requests"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    # Another key of the same project is not held up.
    assert (await api.get("/v1/customers")).status_code == 200


def _left(answer: httpx.Response) -> int:
    return int(answer.headers["RateLimit"].partition("r=")[2].partition(";")[0])


async def test_a_bearer_token_counts_for_its_key(
    api: Client, database: Database, project: Project
) -> None:
    key = await limited_key(database, project, 1)
    bearer = {"X-App-Id": "", "X-App-Token": "", "Authorization": f"Bearer {key.token}"}
    assert (await api.get("/v1/customers", headers=bearer)).status_code == 200
    assert (await api.get("/v1/customers", headers=headers_of(key))).status_code == 429


async def test_without_a_limit_nothing_is_told(api: Client) -> None:
    answer = await api.get("/v1/customers")
    assert "RateLimit" not in answer.headers


@pytest.mark.parametrize(
    ("later_s", "allowed"), [(0, False), (59.9, False), (60, True), (-1, True)]
)
def test_a_window_lasts_a_minute(later_s: float, *, allowed: bool) -> None:
    counter = RequestCounter()
    counter.count("key_1", 1, now=NOW)
    at = NOW + timedelta(seconds=later_s)
    if allowed:
        assert counter.count("key_1", 1, now=at).left == 0
    else:
        with pytest.raises(RateExceeded):
            counter.count("key_1", 1, now=at)


def test_the_counts_are_bounded() -> None:
    counter = RequestCounter()
    for number in range(MOST_KEYS + 1):
        counter.count(f"key_{number}", 1, now=NOW)
    assert counter.count("key_0", 1, now=NOW).left == 0
    with pytest.raises(RateExceeded):
        counter.count(f"key_{MOST_KEYS}", 1, now=NOW)
