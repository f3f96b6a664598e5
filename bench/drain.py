"""SIGTERM to a pod that holds a thousand parked polls: how soon it ends, and whether anybody misses anything.

    python -m bench.drain [--seats 1000] [--rounds 3]

Two API pods and two wrappers are processes of their own on a private RabbitMQ and a private mongod. Everybody polls at
one pod, without a pause, as clients do; it gets SIGTERM. Each poll must be answered with an empty list, the process
must end within two seconds, and what is signalled while it ends must be read through the other pod, once.
"""

import argparse
import asyncio
import ssl
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx

from bench.calls import servers
from bench.mailboxes import KEY, Seat
from testkit.servers.programs import Program, Size, cluster

SEATS_EACH = 10
AT_ONCE = 20
TARGET = 2.0
PARKED_SECONDS = 55
QUIET_SECONDS = 2.0
PATIENCE = 60.0


@dataclass
class Client:
    """One seat that polls all the time; ``first`` is what became of the poll that was parked when its pod was ended."""

    seat: Seat
    url: str
    heard: Counter[str] = field(default_factory=Counter)
    asked_at: float = 0.0
    moving: bool = False
    first: str = ""

    async def live(self) -> None:
        """Poll until cancelled; at its pod's end through the other one, as a load balancer would have it."""
        while True:
            self.asked_at = time.monotonic()
            word = await self._poll()
            if self.moving and not self.first:
                self.first = word
            if word != "200":
                await asyncio.sleep(0.2)

    async def _poll(self) -> str:
        query = {"wait": PARKED_SECONDS} | ({"ack": self.seat.ack} if self.seat.ack else {})
        try:
            answer = await self.seat.http.get(f"{self.url}/v1/messages", params=query, headers=self.seat.me)
        except httpx.HTTPError as error:
            return type(error).__name__
        body = answer.json()
        if not answer.is_success:
            return f"{answer.status_code} {body['detail']}"
        self.seat.ack = body["ack"] or self.seat.ack
        self.heard.update(m["data"]["data"] for m in body["messages"] if m["type"] == "signal")
        return "200"


@dataclass
class Round:
    """What one SIGTERM came to."""

    seconds: float
    statuses: Counter[str]
    missed: int
    doubled: int

    @property
    def good(self) -> bool:
        """Ended in time, answered everybody, lost and doubled nothing."""
        return self.seconds < TARGET and set(self.statuses) == {"200"} and not self.missed and not self.doubled


@asynccontextmanager
async def everybody(http: httpx.AsyncClient, url: str, count: int) -> AsyncIterator[list[Client]]:
    """So many seats, ten to a session, each polling over a connection of its own from its join on."""
    gate, context = asyncio.Semaphore(AT_ONCE), ssl.create_default_context()
    clients: list[Client] = []
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as living:
        running: list[asyncio.Task[None]] = []

        async def join(session: str) -> None:
            path = f"{url}/v1/sessions/{session}/participants"
            joined = (await http.post(path, json={}, headers=KEY)).raise_for_status().json()
            me = {"Authorization": f"Bearer {joined['token']}"}
            own = httpx.AsyncClient(timeout=PARKED_SECONDS + 10, trust_env=False, verify=context)
            clients.append(
                Client(Seat(await stack.enter_async_context(own), session, joined["participant"]["id"], me), url)
            )
            running.append(living.create_task(clients[-1].live()))

        async def some(seats: int) -> None:
            async with gate:
                made = await http.post(f"{url}/v1/sessions", json={}, headers=KEY)
                for _ in range(seats):
                    await join(made.raise_for_status().json()["id"])

        async with asyncio.TaskGroup() as joining:
            for first in range(0, count, SEATS_EACH):
                joining.create_task(some(min(SEATS_EACH, count - first)))
        yield clients
        for task in running:
            task.cancel()


async def term(http: httpx.AsyncClient, victim: Program, other: Program, clients: list[Client], number: int) -> Round:
    """End the pod at which everybody's poll is parked."""
    await _until(lambda: time.monotonic() - max(client.asked_at for client in clients) > QUIET_SECONDS, "a quiet time")
    text = f"round {number}"
    for client in clients:
        client.moving, client.first, client.url = True, "", other.url
    async with asyncio.TaskGroup() as group:
        ending = group.create_task(_ended(victim))
        for session in sorted({client.seat.session for client in clients}):
            body = {"type": "bench", "data": text}
            (await http.post(f"{other.url}/v1/sessions/{session}/signals", json=body, headers=KEY)).raise_for_status()
    await _until(lambda: all(client.first for client in clients), "every poll's end")
    try:
        await _until(lambda: all(client.heard[text] for client in clients), "every signal")
    except TimeoutError as missing:
        print(missing, file=sys.stderr)
    await asyncio.sleep(QUIET_SECONDS)
    for client in clients:
        client.moving = False
    times = Counter(client.heard[text] for client in clients)
    doubled = sum(count for heard, count in times.items() if heard > 1)
    return Round(ending.result(), Counter(client.first for client in clients), times[0], doubled)


async def _ended(pod: Program) -> float:
    began = time.monotonic()
    await pod.terminate()
    return time.monotonic() - began


async def _until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {PATIENCE:.0f} s for {what}")
        await asyncio.sleep(0.2)


async def measure(given: argparse.Namespace) -> list[Round]:
    """All rounds; the pod that ended is started again, and the other one is next."""
    made: list[Round] = []
    async with servers() as around, cluster(around, Size(apis=2, wrappers=2, media_servers=0)) as machines:
        victim, other = machines.apis
        async with (
            httpx.AsyncClient(timeout=30, trust_env=False) as http,
            everybody(http, victim.url, given.seats) as clients,
        ):
            for number in range(1, given.rounds + 1):
                made.append(await term(http, victim, other, clients, number))
                last = made[-1]
                print(
                    f"round {number}: {given.seats} parked polls, ended after {last.seconds:.2f} s, answers "
                    f"{dict(last.statuses)}, signals missed {last.missed}, doubled {last.doubled}",
                    flush=True,
                )
                await victim.restart()
                victim, other = other, victim
    return made


def main() -> int:
    """Read the command line and run; 1 when a round was not as promised."""
    parser = argparse.ArgumentParser("bench.drain", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seats", type=int, default=1000, help="parked polls (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="SIGTERMs (%(default)s)")
    made = asyncio.run(measure(parser.parse_args()))
    good = all(one.good for one in made)
    print(f"ended in < {TARGET:.0f} s with every poll answered and nothing lost: {'yes' if good else 'NO'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
