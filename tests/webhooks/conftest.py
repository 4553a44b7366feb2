"""What all tests of webhooks start from."""

from collections.abc import AsyncGenerator

import pytest_asyncio

from webhooks.receiver import Receiver, open_receiver


@pytest_asyncio.fixture(loop_scope="session")
async def receiver() -> AsyncGenerator[Receiver]:
    """A receiver on the loopback."""
    async with open_receiver() as opened:
        yield opened
