"""Calls with live media: people who go on after each loss, and what they must have been told."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from testkit.clients.participant import Message, Participant, Pods, person, pods
from testkit.clients.self_healing_participant import WITHIN, SelfHealingParticipant
from testkit.servers.programs import API_KEY, Cluster, Program

KEY = {"X-API-Key": API_KEY}


@dataclass
class Call:
    """A session and those in it."""

    ask: Pods
    session: str
    people: list[SelfHealingParticipant] = field(default_factory=list)

    async def flows(self, epoch: int, frames: int = 5, within: float = WITHIN) -> list[float]:
        """Wait until everybody decodes everybody in this epoch; when each one's first pictures came."""
        ids = [one.person.id for one in self.people]
        async with asyncio.TaskGroup() as group:
            waits = [
                group.create_task(one.sees(epoch, *(set(ids) - {one.person.id}), frames=frames, within=within))
                for one in self.people
            ]
        return [wait.result() for wait in waits]

    async def look(self) -> dict[str, Any]:
        """The session as the API shows it."""
        found: dict[str, Any] = (await self.ask("GET", f"/v1/sessions/{self.session}", headers=KEY)).json()
        return found


async def machine(c: Call, cluster: Cluster) -> Program:
    """The media server that the call is on, or was on last."""
    [document] = [d for d in await cluster.servers.database.documents("sessions") if d["_id"] == c.session]
    [program] = [m for m in cluster.media_servers if str(document["server"]) in m.url]
    return program


async def pool(ask: Pods) -> dict[str, dict[str, Any]]:
    """The media servers as the API shows them, by address."""
    found = (await ask("GET", "/v1/media-servers", headers=KEY)).json()
    return {server["url"]: server for server in found["media_servers"]}


def losses(somebody: Participant) -> list[int]:
    """The epochs that somebody was told of by ``media-lost``, each message id once."""
    return [m["data"]["epoch"] for m in somebody.messages if m["type"] == "media-lost"]


def told(somebody: Participant, type_: str, **data: Any) -> list[Message]:
    """What somebody was told of one kind and with these data, each message id once."""
    return [m for m in somebody.messages if m["type"] == type_ and data.items() <= m["data"].items()]


@asynccontextmanager
async def call(urls: Iterable[str], people: int = 2, **fields: Any) -> AsyncIterator[Call]:
    """A session, asked for at these pods, in which so many people send and receive each other, for the block."""
    async with AsyncExitStack() as stack:
        ask = await stack.enter_async_context(pods(urls))
        made = await ask("POST", "/v1/sessions", headers=KEY, json=fields)
        assert made.status_code == 201, made.text
        opened = Call(ask, made.json()["id"])
        group = await stack.enter_async_context(asyncio.TaskGroup())
        for n in range(people):
            somebody = await stack.enter_async_context(person(ask, opened.session, KEY, name=f"Person {n + 1}"))
            opened.people.append(SelfHealingParticipant(somebody))
            stack.push_async_callback(_ended, group.create_task(opened.people[-1].run()))
        yield opened


async def _ended(task: asyncio.Task[None]) -> None:
    """Before its person hangs up: what it was offering would be added after that, and never be closed."""
    task.cancel()
    await asyncio.wait([task])
