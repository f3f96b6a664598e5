"""Requests that a paused pod finds in its sockets when their clients have given them up and gone."""

import asyncio
import re
from typing import Any

import httpx
import pytest

from testkit.servers.programs import Size, cluster
from testkit.servers.servers import Servers
from testkit.servers.until import until
from tests.integration.api.test_bad_input import KEY, seated

GIVEN_UP_AFTER = 0.5
NOTICED_WITHIN = 10.0
_LEFT = re.compile(r'^callplane_http_requests_total.*status="0".* ([0-9.]+)$', re.MULTILINE)


@pytest.mark.long
@pytest.mark.parametrize("kept", [True, False], ids=["on a connection of before", "on a new connection"])
async def test_what_nobody_waits_for_is_not_done_but_who_wants_to_go_goes(servers: Servers, kept: bool) -> None:
    """A change would come after whatever its client, or another, has done since (design 3.1)."""
    async with cluster(servers, Size(apis=2, wrappers=1, media_servers=0)) as programs:
        [paused, other] = programs.apis
        async with httpx.AsyncClient(base_url=other.url, timeout=30) as http:
            ann, bob = await seated(http), await seated(http)
            path = f"/sessions/{bob.session}"
            given_up: list[tuple[str, str, Any, dict[str, str]]] = [
                ("POST", "/sessions", {"custom_id": "late"}, KEY),
                ("PATCH", path, {"metadata": {"late": True}}, KEY),
                ("PATCH", f"{path}/participants/{bob.participant}", {"metadata": {"late": True}}, bob.who),
                ("POST", f"{path}/participants", {"name": "Late"}, KEY),
                ("POST", f"{path}/signals", {"type": "late", "data": {}}, bob.who),
                ("POST", "/media-servers", {"name": "late", "url": "ws://127.0.0.1:9/kurento"}, KEY),
                ("DELETE", "/dead-letters", None, KEY),
            ]
            farewell = "DELETE", f"/sessions/{ann.session}/participants/{ann.participant}", None, ann.who
            clients = [httpx.AsyncClient(base_url=paused.url, timeout=GIVEN_UP_AFTER) for _ in [*given_up, farewell]]
            if kept:
                await asyncio.gather(*(client.get("/livez", timeout=NOTICED_WITHIN) for client in clients))
            paused.pause()
            asked = zip(clients, [*given_up, farewell], strict=True)
            outcomes = await asyncio.gather(*(_give_up(client, *request) for client, request in asked))
            assert set(outcomes) == {httpx.ReadTimeout}
            paused.resume()

            async def looked_at() -> bool:
                metrics = (await http.get(f"{paused.url}/metrics")).text
                return sum(float(count) for count in _LEFT.findall(metrics)) >= len(given_up)

            async def gone() -> bool:
                return (await http.get(f"/sessions/{ann.session}", headers=KEY)).json()["participants"] == []

            await until(looked_at, NOTICED_WITHIN)
            await until(gone, NOTICED_WITHIN)
            seen = (await http.get(path, headers=KEY)).json()
            assert [seat["id"] for seat in seen["participants"]] == [bob.participant]
            assert (seen["metadata"], seen["participants"][0]["metadata"]) == ({}, {})
            heard = (await http.get("/messages", params={"wait": 0}, headers=bob.who)).json()["messages"]
            assert "signal" not in [message["type"] for message in heard]
            assert (await http.get("/media-servers", headers=KEY)).json()["media_servers"] == []
            sessions = (await http.get("/sessions", headers=KEY)).json()["sessions"]
            assert {session["id"] for session in sessions} == {ann.session, bob.session}


async def _give_up(
    client: httpx.AsyncClient, method: str, path: str, body: Any, who: dict[str, str]
) -> type[BaseException] | None:
    """Ask, wait, and leave; what ended the waiting."""
    try:
        await client.request(method, path, json=body, headers=who)
    except httpx.HTTPError as over:
        return type(over)
    finally:
        await client.aclose()
    return None
