"""Many callers at once, each at another pod: one session, one pipeline, and never more seats than there are."""

import asyncio
import itertools
from collections import Counter
from typing import Any

import httpx
import pytest

from testkit.crashes.leak_check import pipelines
from testkit.fakes.sdp import OFFER
from testkit.servers.programs import Cluster, Size, cluster
from testkit.servers.servers import Servers
from testkit.servers.until import until
from tests.integration.api.test_bad_input import KEY

THREE = Size(apis=3, wrappers=3, media_servers=1)


async def at_once(programs: Cluster, count: int, path: str, body: Any, headers: dict[str, str]) -> list[httpx.Response]:
    """The same request so many times at once, spread over the pods; what passes is asked again, as clients do."""
    async with httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=count)) as http:

        async def ask(url: str, n: int) -> httpx.Response:
            own = headers | {"Idempotency-Key": f"one-of-many-{n}".ljust(16, "-")}
            while True:
                answer = await http.post(url + path, json=body, headers=own)
                if answer.status_code != 503:
                    return answer
                await asyncio.sleep(float(answer.headers["Retry-After"]))

        urls = itertools.cycle([program.url for program in programs.apis])
        return list(await asyncio.gather(*(ask(next(urls), n) for n in range(count))))


@pytest.mark.long
@pytest.mark.timeout(180)
async def test_one_custom_id_from_fifty_callers_is_one_session_with_one_pipeline(servers: Servers) -> None:
    async with cluster(servers, THREE) as programs:
        made = await at_once(programs, 50, "/sessions", {"custom_id": "standup"}, KEY)
        assert Counter(answer.status_code for answer in made) == {201: 1, 200: 49}
        [session] = {answer.json()["id"] for answer in made}
        assert [found["_id"] for found in await servers.database.documents("sessions")] == [session]

        seats = await at_once(programs, 6, f"/sessions/{session}/participants", {}, KEY)
        offers = [
            at_once(programs, 1, f"/sessions/{session}/connections", {"kind": "publish", "sdp_offer": OFFER}, auth)
            for auth in ({"Authorization": f"Bearer {seat.json()['token']}"} for seat in seats)
        ]
        answers = [answer for [answer] in await asyncio.gather(*offers)]
        assert {answer.status_code for answer in answers} <= {201, 202}

        async def one_pipeline() -> bool:
            return len(await pipelines(programs.media_servers[0].url)) == 1

        await until(one_pipeline)


@pytest.mark.timeout(180)
async def test_a_room_of_ten_seats_ten_of_a_hundred(servers: Servers) -> None:
    async with cluster(servers, THREE) as programs:
        [made] = await at_once(programs, 1, "/sessions", {"max_participants": 10}, KEY)
        path = f"/sessions/{made.json()['id']}/participants"
        joins = await at_once(programs, 100, path, {}, KEY)
        assert Counter((answer.status_code, answer.json().get("code")) for answer in joins) == {
            (201, None): 10,
            (409, "session-full"): 90,
        }
        seated = {answer.json()["participant"]["id"] for answer in joins if answer.is_success}
        [session] = await servers.database.documents("sessions")
        assert {seat["id"] for seat in session["participants"]} == seated
        assert session["version"] == 1 + len(seated)


@pytest.mark.timeout(120)
async def test_deserted_sessions_close_once_at_their_time_whoever_is_left(servers: Servers) -> None:
    async with cluster(servers, Size(apis=1, wrappers=2, media_servers=0)) as programs:
        url = programs.apis[0].url
        async with httpx.AsyncClient(base_url=url, timeout=20, headers=KEY) as http:
            empty = (await http.post("/sessions", json={"empty_timeout": 4})).json()["id"]
            made = await http.post("/sessions", json={"empty_timeout": 900, "departure_timeout": 2})
            departed = made.json()["id"]
            joined = (await http.post(f"/sessions/{departed}/participants", json={})).json()
            await programs.wrappers[0].kill()
            seat = f"/sessions/{departed}/participants/{joined['participant']['id']}"
            assert (await http.delete(seat)).status_code == 204

            async def closed() -> bool:
                found = await asyncio.gather(*(http.get(f"/sessions/{session}") for session in (empty, departed)))
                return [answer.json()["status"] for answer in found] == ["closed", "closed"]

            # Their times, and the two seconds that are promised beyond, and what a busy machine takes.
            await until(closed, 15)
        ended = {found["_id"]: found for found in await servers.database.documents("sessions")}
        assert (ended[empty]["reason"], ended[empty]["version"]) == ("empty", 2)
        # A join, a leave, and one close.
        assert (ended[departed]["reason"], ended[departed]["version"]) == ("departed", 4)
