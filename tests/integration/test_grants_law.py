"""The law of grants: a second after a change of them is answered no frame outside them reaches anybody.

Two moderators change the grants of a publisher at random and at once; it offers again all the time.
``GRANT_ROUNDS`` says how often, ``GRANT_SEED`` begins other histories.
"""

import asyncio
import os
import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from testkit.clients.participant import Participant, Pods, Received, Refused, person, pods
from testkit.servers.programs import API_KEY, Size, cluster
from testkit.servers.servers import Servers

KEY = {"X-API-Key": API_KEY}
WITHIN = 1.0
WATCHED = 0.6
TICK = 0.05
ROUNDS = int(os.environ.get("GRANT_ROUNDS", "40"))
CHANGES: list[dict[str, Any]] = [
    {"role": "subscriber"},
    {"role": "publisher"},
    {"grants": {"publish": []}},
    {"grants": {"publish": ["microphone"]}},
    {"grants": {"publish": ["camera", "microphone"]}},
    {"grants": {"chat": False}},
]


@dataclass
class Lag:
    """How late this machine is: what is not done for that long is not late by itself."""

    worst: float = 0.0

    async def measure(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(TICK)
            self.worst = max(self.worst, loop.time() - before - TICK)


@dataclass
class Publisher:
    """Offers picture and sound whenever nothing of it is sent, whatever it may do."""

    seat: Participant
    refused: int = 0
    taken: int = 0
    _ended: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                connection = await self.seat.publish()
            except Refused as refused:
                assert refused.status == 403, refused
                self.refused += 1
                await asyncio.sleep(TICK)
                continue
            self.taken += 1
            await self.seat.heard(lambda message, one=connection: self._ends(message, one))
            await self.seat.hang_up()

    @staticmethod
    def _ends(message: dict[str, Any], connection: str) -> bool:
        data = message["data"]
        ended = message["type"] == "stream-unpublished" or data.get("state") == "failed"
        return ended and data.get("connection_id") == connection


@dataclass
class Scene:
    """A publisher that offers all the time, who watches it, and two who say what it may."""

    ask: Pods
    publisher: Participant
    moderators: list[Participant]
    received: Received
    lag: Lag

    async def change(self, moderator: Participant, changes: dict[str, Any]) -> None:
        """Until it is answered."""
        path = f"/v1/sessions/{moderator.session}/participants/{self.publisher.id}"
        answer = await moderator.ask("PATCH", path, json=changes)
        assert answer.status_code == 200, answer.text

    async def history(self, moderator: Participant, rng: random.Random) -> None:
        """Some changes, at times of its own."""
        for _ in range(rng.randint(1, 3)):
            await self.change(moderator, rng.choice(CHANGES))
            await asyncio.sleep(rng.random() * 2 * TICK)

    async def nothing_comes(self) -> None:
        """From a second after now on."""
        self.lag.worst = 0.0
        await asyncio.sleep(WITHIN)
        await asyncio.sleep(2 * self.lag.worst)
        before = (self.received.video, self.received.audio)
        await asyncio.sleep(WATCHED)
        assert (self.received.video, self.received.audio) == before, f"lag {self.lag.worst:.2f}"


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(3))
async def test_no_frame_outside_the_grants(servers: Servers, seed: int) -> None:
    await rounds(servers, ROUNDS, random.Random(f"{os.environ.get('GRANT_SEED', '')} {seed}"))


async def rounds(servers: Servers, count: int, rng: random.Random) -> None:
    """Histories of both moderators at once, that end by turns with something to be seen and with nothing."""
    size = Size(apis=1, wrappers=2)
    async with cluster(servers, size) as c, pods(api.url for api in c.apis) as ask:
        session = (await ask("POST", "/v1/sessions", headers=KEY, json={})).json()["id"]
        async with (
            person(ask, session, KEY) as ann,
            person(ask, session, KEY) as bob,
            person(ask, session, KEY, role="moderator") as one,
            person(ask, session, KEY, role="moderator") as other,
            asyncio.TaskGroup() as group,
        ):
            lag, publisher = Lag(), Publisher(ann)
            tasks = [group.create_task(work) for work in (lag.measure(), publisher.run())]
            _, received = await bob.subscribe(ann.id)
            scene = Scene(ask, ann, [one, other], received, lag)
            for n in range(count):
                await scene.change(rng.choice(scene.moderators), {"role": "publisher"})
                await received.wait(video=received.video + 3, audio=received.audio + 3)
                await asyncio.gather(*(scene.history(moderator, rng) for moderator in scene.moderators))
                refused, end = publisher.refused, rng.choice(({"role": "subscriber"}, {"grants": {"publish": []}}))
                await scene.change(rng.choice(scene.moderators), end)
                await scene.nothing_comes()
                assert publisher.refused > refused, f"round {n}: it offers all the time"
            for task in tasks:
                task.cancel()
