"""Polling: waits for what only looking can tell."""

import asyncio
from collections.abc import Awaitable, Callable

EVERY_SECONDS = 0.05


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    """Look until it is so; TimeoutError after ``seconds``."""
    async with asyncio.timeout(seconds):
        while True:
            if await condition():
                return
            await asyncio.sleep(EVERY_SECONDS)
