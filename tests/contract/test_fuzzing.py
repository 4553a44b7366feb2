"""A bounded part of ``make fuzz``: the same seed, so the same requests, each time."""

from pathlib import Path

import httpx
import pytest

from api.stock import stock_shop
from contract.fuzzing import SEED, fuzz
from kaquan.trust import IssuedKey

EVERY = 32
"""One route in so many is tried at every limit of every parameter and member; all at random."""


@pytest.mark.slow
async def test_no_request_is_answered_as_the_document_does_not_say(
    server: str, key: IssuedKey, other_keys: dict[str, str], tmp_path: Path
) -> None:
    headers = {"X-App-Id": key.app_id, "X-App-Token": key.token} | other_keys
    async with httpx.AsyncClient(base_url=server, headers=headers, timeout=300) as client:
        stock = await stock_shop(client, "F")
        document = (await client.get("/docs/openapi.json")).json()
    some = sorted(document["paths"])[SEED % EVERY :: EVERY]
    chosen = [part for path in some for part in ("--include-path", path)]
    for arguments, least in (
        (["--phases", "fuzzing,stateful"], len(document["paths"])),
        (["--phases", "coverage", *chosen], 10 * len(some)),
    ):
        done = fuzz(server, headers=headers, stock=stock, folder=tmp_path, arguments=arguments)
        assert not done.failures, done.told
        assert done.cases > least
