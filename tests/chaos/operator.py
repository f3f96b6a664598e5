"""What an operator does to the pool meanwhile, over HTTP at whichever pod answers."""

import asyncio
import time

import httpx

from testkit.servers.programs import API_KEY
from tests.chaos.fleet import Fleet

PATIENCE = 180.0
AGAIN = 0.5


async def drain(fleet: Fleet, media_server: str, seconds: float) -> None:
    """Move every session off a media server, and take it into use again after ``seconds``."""
    await _change(fleet, media_server, draining=True)
    await asyncio.sleep(seconds)
    await _change(fleet, media_server, cordoned=False)


async def _change(fleet: Fleet, media_server: str, **wanted: bool) -> None:
    end = time.monotonic() + PATIENCE
    async with httpx.AsyncClient(trust_env=False, timeout=5, headers={"X-API-Key": API_KEY}) as http:
        while time.monotonic() < end:
            for pod in fleet.pods():
                try:
                    answer = await http.patch(f"{pod}/media-servers/{media_server}", json=wanted)
                except httpx.HTTPError:
                    continue
                if answer.is_success:
                    return
            await asyncio.sleep(AGAIN)
    raise AssertionError(f"no pod would change {media_server} to {wanted}")
