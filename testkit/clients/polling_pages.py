"""Pages of `callplane up` that poll: a seat taken with its key, and a client that asks until nobody answers."""

import re
from contextlib import suppress

import httpx


async def seat_by_its_key(url: str, session_id: str, output: str) -> str:
    """The participant token of a seat in the page's session, taken with an access token of the console's key."""
    [key] = re.findall(r"/console#key=([\w-]+)", output)
    async with httpx.AsyncClient(base_url=f"{url}/v1", trust_env=False) as client:
        body = {"session": session_id, "identity": "ada"}
        made = await client.post("/tokens", json=body, headers={"X-API-Key": key})
        bearer = {"Authorization": f"Bearer {made.json()['token']}"}
        joined = await client.post(f"/sessions/{session_id}/participants", json={}, headers=bearer)
    assert (made.status_code, joined.status_code) == (201, 201), joined.text
    return str(joined.json()["token"])


async def polls_while_it_is_there(url: str, token: str) -> None:
    """One question after the other, as a page asks."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"{url}/v1", headers=headers, trust_env=False, timeout=60) as client:
        with suppress(httpx.HTTPError):
            while True:
                await client.get("/messages", params={"wait": 30})
