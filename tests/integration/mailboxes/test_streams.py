"""Streams on pods that are processes of their own, and that die and drain in the middle (design 4, 10)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest

from api.auth.tokens import ParticipantTokens
from callplane.contracts.ids import ParticipantId
from testkit.clients.transports import DOORS, Reader
from testkit.inprocess.mailboxes import S, Scene, rabbit_scene
from testkit.servers.programs import TOKEN_SECRET, Cluster, Size, cluster
from testkit.servers.servers import Servers

MESSAGES = 120

STREAMS = pytest.mark.parametrize("door", [DOORS["sse"], DOORS["websocket"]], ids=["sse", "websocket"])


@dataclass
class Running:
    """Two API processes, and seats whose mailboxes the tests fill themselves."""

    programs: Cluster
    scene: Scene
    http: httpx.AsyncClient

    @property
    def urls(self) -> list[str]:
        """Where they serve."""
        return [program.url for program in self.programs.apis]

    def reader(self, door: type[Reader], participant: ParticipantId, urls: Sequence[str], seed: int = 1) -> Reader:
        """Somebody at these pods."""
        return door(self.http, ParticipantTokens([TOKEN_SECRET]).sign(S, participant), urls, seed)

    async def publish(self, count: int = MESSAGES) -> None:
        """A steady stream to everybody."""
        for n in range(count):
            await self.scene.publisher.to_all(str(n))
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(servers: Servers) -> AsyncIterator[Running]:
    """Both processes for the block."""
    async with AsyncExitStack() as stack:
        scene = await stack.enter_async_context(rabbit_scene(servers))
        programs = await stack.enter_async_context(cluster(servers, Size(apis=2, wrappers=0, media_servers=0)))
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=20, trust_env=False))
        yield Running(programs, scene, http)


@STREAMS
async def test_a_holder_that_is_killed_in_the_middle(servers: Servers, door: type[Reader]) -> None:
    """Who streams through the other pod notices nothing, who streamed there goes on elsewhere: nothing is lost."""
    async with running(servers) as it, asyncio.TaskGroup() as tasks:
        ann, bob = await it.scene.seat("ann"), await it.scene.seat("bob")
        holder, other = it.urls
        for who in (ann, bob):
            await it.reader(door, who, [holder]).settle()
        through = it.reader(door, ann, [other])
        moving = it.reader(door, bob, [holder, other])
        reading = [tasks.create_task(one.read_until(MESSAGES)) for one in (through, moving)]
        tasks.create_task(it.publish())
        await asyncio.sleep(0.6)
        await it.programs.apis[0].kill()
        for task in reading:
            assert await task == [str(n) for n in range(MESSAGES)]
        assert through.repeats == 0
        if "has lapsed" not in it.programs.apis[1].process.output():  # as on a machine that stands still
            assert through.opened == 1
            assert (await it.scene.attachment(ann)).n == 2
        assert await it.scene.publisher.waiting(ann) == await it.scene.publisher.waiting(bob) == 0


@pytest.mark.long
@STREAMS
async def test_a_pod_that_drains_in_the_middle(servers: Servers, door: type[Reader]) -> None:
    """SIGTERM: its streams end at once and say so, it is gone within two seconds, and nothing is lost."""
    async with running(servers) as it, asyncio.TaskGroup() as tasks:
        seats = [await it.scene.seat(f"p{n}") for n in range(20)]
        leaving, staying = it.urls
        for who in seats:
            await it.reader(door, who, [leaving]).settle()
        readers = [it.reader(door, who, [leaving, staying], seed) for seed, who in enumerate(seats)]
        reading = [tasks.create_task(one.read_until(MESSAGES)) for one in readers]
        tasks.create_task(it.publish())
        await asyncio.sleep(0.6)
        began = asyncio.get_running_loop().time()
        assert await it.programs.apis[0].terminate() == 0
        assert asyncio.get_running_loop().time() - began < 2
        for task in reading:
            assert await task == [str(n) for n in range(MESSAGES)]
        assert {await it.scene.publisher.waiting(who) for who in seats} == {0}
        assert "error" not in it.programs.apis[0].process.output()


async def test_no_ticket_is_ever_written_down(servers: Servers) -> None:
    """Neither in a log, however much is logged, nor in the database, which holds hashes."""
    async with rabbit_scene(servers) as scene, httpx.AsyncClient(timeout=20, trust_env=False) as http:
        ann = await scene.seat("ann")
        async with cluster(servers, Size(1, 0, 0), CALLPLANE_LOG_LEVEL="debug") as programs:
            url = programs.apis[0].url
            used: list[str] = []
            for door in (DOORS["sse"], DOORS["websocket"]):
                reader = door(http, ParticipantTokens([TOKEN_SECRET]).sign(S, ann), [url])
                asking = reader.ticket

                async def noted(at: str, asking=asking) -> str:
                    used.append(await asking(at))
                    return used[-1]

                reader.ticket = noted  # type: ignore[method-assign]
                await scene.publisher.to(ann, door.__name__)
                await reader.read_until(1)
                refused = await http.get(f"{url}/messages/stream", params={"ticket": used[-1]})
                assert (refused.status_code, used[-1] in refused.text) == (401, False)
            output = programs.apis[0].process.output()
        assert len(used) == 2
        assert [ticket in output for ticket in used] == [False, False]
        async with servers.database.client() as client:
            kept = [str(one) async for one in client[servers.database.name]["tickets"].find()]
        assert len(kept) == 2
        assert not any(ticket in text for ticket in used for text in kept)
