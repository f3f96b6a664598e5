"""Kicks over HTTP, with all that is behind it: who is shown out comes back, who is kicked does not, in any seat."""

import time
from typing import Any

import httpx
import jwt

from testkit.fakes.asgi import BY_KEY, KEY
from testkit.inprocess.whole import whole
from testkit.servers.servers import Database


def access(**more: Any) -> dict[str, str]:
    """Headers with an access token of one identity."""
    claims = {"iss": "tests", "sub": "ann", "session": "*", "exp": int(time.time()) + 600, **more}
    return {"Authorization": f"Bearer {jwt.encode(claims, KEY, 'HS256')}"}


async def test_who_is_shown_out_comes_back_and_who_is_kicked_does_not(database: Database) -> None:
    ways: list[tuple[dict[str, str], dict[str, Any]]] = [
        (access(), {}),
        (access(role="subscriber"), {"name": "Somebody else"}),
        (access(grants={"hidden": True}), {}),
        (BY_KEY, {"identity": "ann"}),
    ]
    async with whole(database) as url, httpx.AsyncClient(base_url=url, trust_env=False, timeout=20) as http:
        session = (await http.post("/v1/sessions", json={}, headers=BY_KEY)).json()["id"]
        seats = f"/v1/sessions/{session}/participants"
        mod = (await http.post(seats, json={"role": "moderator"}, headers=BY_KEY)).json()
        by_mod = {"Authorization": f"Bearer {mod['token']}"}

        async def joined() -> list[Any]:
            return [await http.post(seats, json=body, headers=headers) for headers, body in ways]

        ids = [answer.json()["participant"]["id"] for answer in await joined()]
        for seat in ids:
            assert (await http.delete(f"{seats}/{seat}", params={"ban": "false"}, headers=by_mod)).status_code == 204
        back = await joined()
        assert [answer.status_code for answer in back] == [201] * 4
        assert (await http.get(f"/v1/sessions/{session}/bans", headers=by_mod)).json() == {"bans": []}

        first = back[0].json()["participant"]["id"]
        assert (await http.delete(f"{seats}/{first}", headers=by_mod)).status_code == 204
        refused = await joined()
        assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(403, "kicked")] * 4
        left = (await http.get(seats, headers=BY_KEY)).json()
        assert [seat["id"] for seat in left["participants"]] == [mod["participant"]["id"]]
        assert left["hidden"] == [], "every seat of the identity is gone"

        lifted = await http.delete(f"/v1/sessions/{session}/bans/tests:ann", headers=by_mod)
        assert lifted.status_code == 204
        assert [answer.status_code for answer in await joined()] == [201] * 4
