"""The client while a pod is killed: by every door each message once and in order, and what was sent was sent once."""

import asyncio

from callplane_client import AsyncCallplane, AsyncWay, Callplane, Retries, Way
from callplane_client.aio.messages import Transport
from callplane_client.shapes import Joined
from testkit.servers.programs import API_KEY, Size, cluster
from testkit.servers.servers import Servers

SIGNALS = 40
WITHIN = 60.0
PATIENT = Retries(patience=WITHIN, cap=0.5)
DOORS: tuple[Transport, ...] = ("websocket", "sse", "poll")


async def read(callplane: AsyncCallplane, joined: Joined, door: Transport) -> list[int]:
    """The numbers that a seat is told, up to the last."""
    told: list[int] = []
    messages = callplane.seat(joined).messages(door)
    async with asyncio.timeout(WITHIN):
        async for message in messages:
            if message.type == "signal":
                told.append(message.data["data"])
            if told and told[-1] == SIGNALS:
                break
    await messages.aclose()
    return told


def read_blocking(urls: list[str], joined: Joined) -> list[int]:
    """The same without asyncio."""
    told: list[int] = []
    with Callplane(urls, way=Way(PATIENT)) as callplane:
        messages = callplane.seat(joined).messages()
        for message in messages:
            if message.type == "signal":
                told.append(message.data["data"])
            if told and told[-1] == SIGNALS:
                break
        messages.close()
    return told


async def test_a_pod_that_is_killed_costs_no_message_and_doubles_none(servers: Servers) -> None:
    async with cluster(servers, Size(apis=2, wrappers=1, media_servers=0)) as machines:
        urls = [one.url for one in machines.apis]
        async with AsyncCallplane(urls, api_key=API_KEY, way=AsyncWay(PATIENT)) as callplane:
            session = await callplane.sessions.create(custom_id="daily")
            seats = [await callplane.participants.join(session.id, name=door) for door in (*DOORS, "blocking")]
            async with asyncio.TaskGroup() as tasks:
                reading = [
                    tasks.create_task(read(callplane, seat, door)) for seat, door in zip(seats, DOORS, strict=False)
                ]
                reading.append(tasks.create_task(asyncio.to_thread(read_blocking, urls, seats[-1])))
                sent = []
                for n in range(1, SIGNALS + 1):
                    if n == SIGNALS // 2:
                        tasks.create_task(machines.apis[0].kill())
                    sent.append(await callplane.signals.send(session.id, "count", n))
            assert [task.result() for task in reading] == [list(range(1, SIGNALS + 1))] * len(reading)
            assert len(set(sent)) == SIGNALS
            await callplane.sessions.close(session.id)
            assert (await callplane.sessions.get(session.id)).status == "closed"
