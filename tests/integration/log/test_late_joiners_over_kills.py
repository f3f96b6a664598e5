"""Late joiners while everything is killed once: each reads the history and what follows without a gap or a double."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from callplane_client import AsyncCallplane, AsyncWay, Retries
from cli.machine.mongod import mongod
from cli.machine.ports import free_port
from cli.machine.rabbitmq import rabbitmq
from testkit.servers.programs import API_KEY, Cluster, Size, cluster
from testkit.servers.servers import Servers, fresh_database, fresh_vhost

SENDERS, MESSAGES = 50, 200
JOIN_EVERY, AT_ONCE, FOLLOW = 0.1, 8, 3.0
"""Seconds between two joins, joiners at a time (their pages are most of the work), and seconds that each follows."""

READY_WITHIN = 120.0
"""Seconds for a program to start beside so much work."""

PATIENT = AsyncWay(Retries(patience=120, cap=0.5))
UNBOUNDED = {f"CALLPLANE_RATE_{what}": "0" for what in ("REQUESTS", "SIGNALS", "DELIVERIES", "POLLS", "KEYS")}

Fault = Callable[[], Awaitable[None]]


@dataclass
class Joiner:
    """What one of them was given."""

    history: list[str] = field(default_factory=list)
    followed: list[str] = field(default_factory=list)


@dataclass
class Room:
    """A session, those who talk in it, and those who come."""

    callplane: AsyncCallplane
    id: str
    said: dict[str, tuple[int, int]] = field(default_factory=dict)
    """The id of each message that was acknowledged, with its sender and its number."""
    joiners: list[Joiner] = field(default_factory=list)

    async def talk(self, sender: int) -> None:
        """One message after the other, each until it is acknowledged."""
        seat = self.callplane.seat(await self.callplane.participants.join(self.id))
        for number in range(MESSAGES):
            self.said[await seat.chat.send(self.id, [sender, number])] = sender, number

    async def history(self, of: AsyncCallplane) -> list[dict[str, Any]]:
        """All of it, oldest first."""
        found, after = list[dict[str, Any]](), 0
        while after is not None:
            page = await of.request("GET", f"/sessions/{self.id}/messages", after=after, limit=500)
            found += page["messages"]
            after = page["next"]
        return found

    async def join(self) -> None:
        """Join, read what there is, and follow from the place of the join on."""
        joined = await self.callplane.participants.join(self.id)
        seat, one = self.callplane.seat(joined), Joiner()
        one.history = [message["id"] for message in await self.history(self.callplane.with_token(joined.token))]
        messages = seat.messages()
        clock = asyncio.get_running_loop().time
        end = clock() + FOLLOW
        while (left := end - clock()) > 0:
            message = await messages.get(left)
            if message is not None and message.type == "signal":
                one.followed.append(message.id)
        await messages.aclose()
        await seat.leave()
        self.joiners.append(one)


@asynccontextmanager
async def room(machines: Cluster) -> AsyncIterator[Room]:
    """On two pods that keep their addresses."""
    for _ in range(2):
        machines.extra["CALLPLANE_PORT"] = str(free_port())
        await machines.start_api()
    urls = [one.url for one in machines.apis]
    async with AsyncCallplane(urls, api_key=API_KEY, way=PATIENT) as callplane:
        session = await callplane.sessions.create(max_participants=1000, grace=900)
        yield Room(callplane, session.id)


async def kill_one_by_one(room: Room, faults: list[tuple[Fault, Fault]]) -> None:
    """Each in its turn, spread over what is said; it is started again at once."""
    for number, (kill, start) in enumerate(faults, 1):
        while len(room.said) < SENDERS * MESSAGES * number // (len(faults) + 1):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        await kill()
        await start()


async def join_on(room: Room, over: asyncio.Event) -> None:
    """One each so often, and so many at a time."""
    room_for = asyncio.Semaphore(AT_ONCE)

    async def join() -> None:
        async with room_for:
            await room.join()

    async with asyncio.TaskGroup() as joining:
        while not over.is_set():
            joining.create_task(join())
            await asyncio.sleep(JOIN_EVERY)
            while room_for.locked():  # noqa: ASYNC110
                await asyncio.sleep(0.05)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_history_and_what_follows_while_everything_is_killed_once(tmp_path: Path) -> None:
    async with (
        rabbitmq(tmp_path / "rabbitmq") as broker,
        mongod(tmp_path / "mongod") as server,
        fresh_vhost(broker) as vhost,
        fresh_database(server) as database,
        cluster(Servers(vhost, database), Size(0, 2, 0), CALLPLANE_MAILBOXES="log", **UNBOUNDED) as machines,
        room(machines) as talk,
    ):
        programs = [machines.apis[0], machines.wrappers[0], machines.apis[1], machines.wrappers[1]]
        for one in programs:
            one.command = replace(one.command, ready_within=READY_WITHIN)
        faults: list[tuple[Fault, Fault]] = [(one.kill, one.restart) for one in programs]
        faults += [(broker.kill, broker.start), (server.kill, server.start)]
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(join_on(talk, over))
            async with asyncio.TaskGroup() as talking:
                talking.create_task(kill_one_by_one(talk, faults))
                for sender in range(SENDERS):
                    talking.create_task(talk.talk(sender))
            over.set()
        kept = await talk.history(talk.callplane)
    judge(talk, kept)


def judge(talk: Room, kept: list[dict[str, Any]]) -> None:
    """Everything that was acknowledged is there once and in its sender's order, and each joiner had a prefix of it."""
    order = [one["id"] for one in kept]
    assert len(order) == len(set(order)) == SENDERS * MESSAGES
    assert {one["id"]: tuple(one["data"]) for one in kept} == talk.said
    for sender in range(SENDERS):
        assert [talk.said[one][1] for one in order if talk.said[one][0] == sender] == list(range(MESSAGES))
    print(f"{len(talk.joiners)} joiners, who followed {sum(len(one.followed) for one in talk.joiners)} messages")
    for one in talk.joiners:
        before = set(one.history)
        behind = [message for message in one.followed if message not in before]
        assert one.history == order[: len(one.history)], "a gap or a double in the history"
        assert one.history + behind == order[: len(one.history) + len(behind)], "a gap or a double behind it"
