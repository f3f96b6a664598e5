"""Seats benchmark: what a join, a signal, a change and a leave cost beside so many others in the session.

    python -m bench.seats [--seats 10 1000] [--engine log] [--rounds 40]

Programs, RabbitMQ and mongod are processes of their own; the seats that are there already are written into the
session's document, and nobody reads. One call at a time; CPU is /proc's, until half a second after the last of them.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import httpx

from bench.calls import servers
from bench.messages.stage import Cast, Stage, programs
from callplane.contracts.ids import ParticipantId, new_id
from callplane.store.documents import Seat
from callplane.telemetry.logs import configure_logs
from testkit.servers.programs import API_KEY

PARTS = ("api", "wrapper", "rabbitmq", "mongod")
BY_KEY = {"X-API-Key": API_KEY}
WARM_UP = 5
AFTER = 0.5
"""Seconds in which what a call owes is done."""


@dataclass(frozen=True)
class Room:
    """One session, and those who have joined it by HTTP."""

    http: httpx.AsyncClient
    path: str
    joined: list[dict[str, Any]]

    async def join(self) -> None:
        """One more."""
        answer = await self.http.post(f"{self.path}/participants", json={}, headers=BY_KEY)
        self.joined.append(answer.raise_for_status().json())

    async def signal(self) -> None:
        """From the first to the second."""
        body = {"to": self.joined[1]["participant"]["id"], "type": "bench", "data": {}}
        await self._as(0, "POST", f"{self.path}/signals", body)

    async def change(self) -> None:
        """The first one says how available it is."""
        me = self.joined[0]["participant"]["id"]
        body = {"presence": {"show": "away", "status": new_id()}}
        await self._as(0, "PATCH", f"{self.path}/participants/{me}", body)

    async def leave(self) -> None:
        """The last one goes."""
        await self._as(-1, "DELETE", f"{self.path}/participants/{self.joined[-1]['participant']['id']}")
        self.joined.pop()

    async def _as(self, who: int, method: str, path: str, body: Any = None) -> None:
        token = {"Authorization": f"Bearer {self.joined[who]['token']}"}
        (await self.http.request(method, path, json=body, headers=token)).raise_for_status()


async def room(stage: Stage, seats: int, http: httpx.AsyncClient) -> Room:
    """A session in which so many sit."""
    assert stage.programs is not None
    made = await http.post("/sessions", json={"max_participants": 10_000, "grace": 900}, headers=BY_KEY)
    session_id, database = made.raise_for_status().json()["id"], stage.programs.servers.database
    others = [Seat(id=ParticipantId(new_id())).model_dump(exclude_none=True) for _ in range(seats)]
    async with database.client() as client:
        where = {"_id": session_id}
        await client[database.name]["sessions"].update_one(where, {"$push": {"participants": {"$each": others}}})
    return Room(http, f"/sessions/{session_id}", [])


async def spent(stage: Stage, call: Callable[[], Coroutine[Any, Any, None]], times: int) -> tuple[float, list[float]]:
    """Milliseconds that a call took at the median, and CPU of each part."""
    before, took = stage.used(), []
    for _ in range(times):
        began = time.perf_counter()
        await call()
        took.append(time.perf_counter() - began)
    await asyncio.sleep(AFTER)
    after = stage.used()
    cpu = [(after[part].cpu - before[part].cpu) / times * 1000 for part in PARTS]
    return sorted(took)[times // 2] * 1000, cpu


async def main(options: argparse.Namespace) -> None:
    """Each call, beside fewer and beside more seats."""
    print(f"load average {os.getloadavg()[0]:.1f}\n")
    print(f"| call | seats | median ms | CPU ms ({', '.join(PARTS)}) | of the first |")
    print("|---|---|---|---|---|")
    first: dict[str, float] = {}
    async with servers() as around, programs(around, options.engine, Cast()) as stage:
        assert stage.programs is not None
        pod = f"{stage.programs.apis[0].url}/v1"
        async with httpx.AsyncClient(base_url=pod, timeout=30, trust_env=False) as http:
            for seats in options.seats:
                it = await room(stage, seats, http)
                for _ in range(WARM_UP):
                    await it.join()
                for call in (it.join, it.signal, it.change, it.leave):
                    took, cpu = await spent(stage, call, options.rounds)
                    total = sum(cpu)
                    of_first = total / first.setdefault(call.__name__, total)
                    shown = f"{took:.1f} | {total:.1f} ({', '.join(f'{part:.1f}' for part in cpu)}) | x {of_first:.1f}"
                    print(f"| {call.__name__} | {seats} | {shown} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser("bench.seats", description=__doc__.splitlines()[0])
    parser.add_argument("--seats", type=int, nargs="+", default=[10, 1000])
    parser.add_argument("--engine", choices=("log", "queues"), default="log")
    parser.add_argument("--rounds", type=int, default=40)
    configure_logs("warning")
    asyncio.run(main(parser.parse_args()))
