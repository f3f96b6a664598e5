"""An Idempotency-Key makes a thing once, whichever pods and wrappers its repeats meet."""

import asyncio
from typing import Any

import httpx

from tests.integration.api.test_bad_input import KEY
from tests.support.sdp import OFFER
from tests.support.servers import Servers
from tests.support.stack import Cluster, cluster


async def everywhere(programs: Cluster, path: str, body: Any, headers: dict[str, str]) -> list[httpx.Response]:
    """The same request to every pod at once, and then once more to each."""

    async def ask(url: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url=url, timeout=20) as http:
            return await http.post(path, json=body, headers=headers)

    urls = [program.url for program in programs.apis]
    return [answer for _ in range(2) for answer in await asyncio.gather(*(ask(url) for url in urls))]


async def test_repeats_make_one_of_each(servers: Servers) -> None:
    async with cluster(servers) as programs:
        once = {**KEY, "Idempotency-Key": "the-one-and-only-1"}
        made = await everywhere(programs, "/sessions", {}, once)
        assert {answer.status_code for answer in made} <= {200, 201}
        [session] = {answer.json()["id"] for answer in made}

        joined = await everywhere(programs, f"/sessions/{session}/participants", {"name": "Ada"}, once)
        assert {answer.status_code for answer in joined} == {201}
        [seat] = {answer.json()["participant"]["id"] for answer in joined}
        [token] = {answer.json()["token"] for answer in joined}

        me = {"Authorization": f"Bearer {token}", "Idempotency-Key": "the-one-and-only-1"}
        offers = f"/sessions/{session}/connections"
        answered = await everywhere(programs, offers, {"kind": "publish", "sdp_offer": OFFER}, me)
        assert {answer.status_code for answer in answered} == {201}, [answer.text for answer in answered]
        [connection] = {answer.json()["id"] for answer in answered}
        assert len({answer.json()["sdp_answer"] for answer in answered}) == 1

        async with httpx.AsyncClient(base_url=programs.apis[0].url, headers=KEY) as http:
            state = (await http.get(f"/sessions/{session}")).json()
            assert [(one["id"], one["streams"]) for one in state["participants"]] == [
                (seat, [{"connection_id": connection}])
            ]
            other = await http.post(f"/sessions/{session}/participants", json={"name": "Bo"}, headers=once)
            assert (other.status_code, other.json()["code"]) == (422, "key-reused")
