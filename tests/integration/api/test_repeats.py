"""An Idempotency-Key makes a thing once, whichever pods and wrappers its repeats meet."""

import asyncio
from typing import Any

import httpx

from testkit.fakes.sdp import OFFER
from testkit.servers.programs import Cluster, Size, cluster
from testkit.servers.servers import Servers
from tests.integration.api.test_bad_input import KEY


async def everywhere(
    programs: Cluster, path: str, body: Any, headers: dict[str, str], method: str = "POST"
) -> list[httpx.Response]:
    """The same request to every pod at once, and then once more to each."""

    async def ask(url: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url=url, timeout=20) as http:
            return await http.request(method, path, json=body, headers=headers)

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
                (seat, [{"connection_id": connection, "media": ["audio", "video"], "source": "camera"}])
            ]
            other = await http.post(f"/sessions/{session}/participants", json={"name": "Bo"}, headers=once)
            assert (other.status_code, other.json()["code"]) == (422, "key-reused")


async def test_a_repeated_change_is_one_change(servers: Servers) -> None:
    """Of a session and of a seat, under If-Match too; what others changed since is not undone by it."""
    async with cluster(servers, Size(media_servers=0)) as programs, spoken_to(programs) as http:
        session = (await http.post("/sessions", json={})).json()["id"]
        seat = (await http.post(f"/sessions/{session}/participants", json={})).json()["participant"]["id"]
        for path in (f"/sessions/{session}", f"/sessions/{session}/participants/{seat}"):
            version = (await http.get(path)).headers["etag"]
            once = {**KEY, "Idempotency-Key": "the-one-and-only-1", "If-Match": version}
            changed = await everywhere(programs, path, {"metadata": {"n": 1}}, once, "PATCH")
            assert {answer.status_code for answer in changed} == {200}, [answer.text for answer in changed]
            assert {answer.headers["etag"] for answer in changed} == {f'"{int(version[1:-1]) + 1}"'}
            assert len({answer.text for answer in changed}) == 1
            other = await http.patch(path, json={"metadata": {"n": 2}}, headers=once)
            assert (other.status_code, other.json()["code"]) == (422, "key-reused")
            later = await http.patch(path, json={"metadata": {"n": 3}})
            repeat = await http.patch(path, json={"metadata": {"n": 1}}, headers=once)
            assert (repeat.status_code, repeat.json()["metadata"]) == (200, {"n": 3})
            assert repeat.headers["etag"] == later.headers["etag"]


async def test_long_after_a_repeat_changes_nothing_whatever_wrappers_have_forgotten(servers: Servers) -> None:
    """Its id has left the last 256: only the age of its record tells that it is not a new one."""
    async with (
        cluster(servers, Size(1, 1, 0)) as programs,
        spoken_to(programs) as http,
        servers.database.client() as db,
    ):
        session = (await http.post("/sessions", json={})).json()["id"]
        once = {"Idempotency-Key": "the-one-and-only-1"}
        first = await http.patch(f"/sessions/{session}", json={"metadata": {"n": 1}}, headers=once)
        await http.patch(f"/sessions/{session}", json={"metadata": {"n": 2}})
        database = db[servers.database.name]
        await database["sessions"].update_one({"_id": session}, {"$set": {"applied": []}})
        await database["commands"].update_many({}, [{"$set": {"at": {"$subtract": ["$at", 660_000]}}}])
        repeat = await http.patch(f"/sessions/{session}", json={"metadata": {"n": 1}}, headers=once)
        assert (repeat.status_code, repeat.json()["metadata"]) == (200, {"n": 2})
        assert repeat.json()["version"] == first.json()["version"] + 1


def spoken_to(programs: Cluster) -> httpx.AsyncClient:
    """A client of the first pod, with an API key."""
    return httpx.AsyncClient(base_url=programs.apis[0].url, headers=KEY, timeout=20)
