"""SIGTERM to a pod that holds a thousand parked polls: how soon it ends, and whether anybody misses anything.

    python -m bench.drain [--seats 1000] [--rounds 3]

Two API pods and two wrappers are processes of their own on a private RabbitMQ and a private mongod. Every poll is
parked at one pod; it gets SIGTERM. Each poll must be answered with an empty list, the process must end within two
seconds, and what is signalled while it ends must be read through the other pod, once.
"""

import argparse
import asyncio
import sys
import time
from collections import Counter
from dataclasses import dataclass

import httpx

from bench.calls import servers
from bench.mailboxes import KEY, Seat
from tests.support.stack import Cluster, Program, Size, cluster

SEATS_EACH = 10
AT_ONCE = 20
TARGET = 2.0
PARKED_SECONDS = 55
PATIENCE = 60.0


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


async def seats(http: httpx.AsyncClient, url: str, count: int) -> list[Seat]:
    """So many seats, ten to a session."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def some() -> list[Seat]:
        async with gate:
            session = (
                (await http.post(f"{url}/sessions", json={"grace": 900}, headers=KEY)).raise_for_status().json()["id"]
            )
            made = []
            for _ in range(SEATS_EACH):
                path = f"{url}/sessions/{session}/participants"
                joined = (await http.post(path, json={}, headers=KEY)).raise_for_status().json()
                me = {"Authorization": f"Bearer {joined['token']}"}
                made.append(Seat(http, session, joined["participant"]["id"], me))
            return made

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(some()) for _ in range(-(-count // SEATS_EACH))]
    return [seat for task in tasks for seat in task.result()][:count]


async def parked(seat: Seat, url: str) -> str:
    """The status of a poll that waits, or what became of it."""
    query = {"wait": PARKED_SECONDS} | ({"ack": seat.ack} if seat.ack else {})
    try:
        answer = await seat.http.get(f"{url}/messages", params=query, headers=seat.me)
    except httpx.HTTPError as error:
        return type(error).__name__
    return str(answer.status_code)


async def read(seat: Seat, url: str, wanted: str | None) -> int:
    """Poll until the signal with this text has come, and how often it did; without one, until nothing is left."""
    times, end = 0, time.monotonic() + PATIENCE
    while time.monotonic() < end:
        query = {"wait": "5" if wanted else "0"} | ({"ack": seat.ack} if seat.ack else {})
        answer = await seat.http.get(f"{url}/messages", params=query, headers=seat.me)
        if answer.status_code == 503:
            await asyncio.sleep(0.2)
            continue
        body = answer.raise_for_status().json()
        seat.ack = body["ack"] or seat.ack
        times += sum(m["type"] == "signal" and m["data"]["data"] == wanted for m in body["messages"])
        if times or (wanted is None and not body["messages"]):
            break
    return times


async def term(machines: Cluster, victim: Program, other: Program, everybody: list[Seat], number: int) -> Round:
    """Park every poll at one pod, and end it."""
    sessions = {seat.session for seat in everybody}
    [http] = {seat.http for seat in everybody}
    await _settled(everybody, victim)
    async with asyncio.TaskGroup() as group:
        polls = [group.create_task(parked(seat, victim.url)) for seat in everybody]
        await _attached(machines, len(everybody), polls)
        began = time.monotonic()
        ending = group.create_task(victim.terminate())
        for session in sessions:
            body = {"type": "bench", "data": f"round {number}"}
            (await http.post(f"{other.url}/sessions/{session}/signals", json=body, headers=KEY)).raise_for_status()
        await ending
        seconds = time.monotonic() - began
    async with asyncio.TaskGroup() as group:
        reads = [group.create_task(read(seat, other.url, f"round {number}")) for seat in everybody]
    times = Counter(task.result() for task in reads)
    doubled = sum(count for n, count in times.items() if n > 1)
    return Round(seconds, Counter(poll.result() for poll in polls), times[0], doubled)


async def _settled(everybody: list[Seat], pod: Program) -> None:
    """Everybody has read what came so far, and the pod holds every mailbox."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(seat: Seat) -> None:
        async with gate:
            await read(seat, pod.url, None)

    async with asyncio.TaskGroup() as group:
        for seat in everybody:
            group.create_task(one(seat))


async def _attached(machines: Cluster, count: int, polls: list["asyncio.Task[str]"]) -> None:
    """Wait until every mailbox is held; none of the polls may have ended by then."""
    end, held = time.monotonic() + PATIENCE / 2, 0
    while held < count and time.monotonic() < end:
        await asyncio.sleep(1)
        found = await machines.servers.database.documents("attachments")
        held = sum(one["state"] == "attached" for one in found)
    if early := [poll.result() for poll in polls if poll.done()]:
        raise SystemExit(f"{len(early)} polls did not wait: {Counter(early)}")
    if held < count:
        raise SystemExit(f"only {held} of {count} mailboxes are held")


async def measure(given: argparse.Namespace) -> list[Round]:
    """All rounds; the pod that ended is started again, and the other one is next."""
    made: list[Round] = []
    limits = httpx.Limits(max_connections=given.seats + 100)
    async with servers() as around, cluster(around, Size(apis=2, wrappers=2, media_servers=0)) as machines:
        victim, other = machines.apis
        async with httpx.AsyncClient(timeout=PARKED_SECONDS + 10, limits=limits, trust_env=False) as http:
            everybody = await seats(http, victim.url, given.seats)
            for number in range(1, given.rounds + 1):
                made.append(await term(machines, victim, other, everybody, number))
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
