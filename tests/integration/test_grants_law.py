"""The law of grants: a second after a change of them is answered no frame outside them reaches anybody.

Two moderators change the grants of a publisher and of two who watch it at random and at once; all three offer again
all the time. ``GRANT_ROUNDS`` says how often, ``GRANT_SEED`` begins other histories.
"""

import asyncio
import os
import random
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from testkit.clients.participant import Participant, Received, Refused, person, pods
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
WATCHING: list[dict[str, Any]] = [
    {"grants": {"subscribe": False}},
    {"grants": {"subscribe": True}},
    {"role": "subscriber"},
    {"role": "publisher"},
]
BLIND: dict[str, Any] = {"grants": {"subscribe": False}}
SEEING: dict[str, Any] = {"grants": {"subscribe": True}}
MUTE: list[dict[str, Any]] = [{"role": "subscriber"}, {"grants": {"publish": []}}]


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
class Offering:
    """Somebody who offers whenever nothing of it is sent, or nothing comes, whatever it may do."""

    seat: Participant
    watched: str | None = None
    """Whom it receives; None: it sends picture and sound."""
    refused: int = 0
    received: Received = field(default_factory=Received)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                connection = await self._offer()
            except Refused as refused:
                assert refused.status == 403, refused
                self.refused += 1
                await asyncio.sleep(TICK)
                continue
            await self._end_of(connection)
            await self.seat.hang_up()

    async def _end_of(self, connection: str) -> None:
        """Wait for it, however long: chance may take nothing from one for many rounds."""
        while True:
            with suppress(TimeoutError):
                await self.seat.heard(lambda message: self._ends(message, connection))
                return

    async def _offer(self) -> str:
        if self.watched is None:
            return await self.seat.publish()
        return (await self.seat.subscribe(self.watched, self.received))[0]

    @staticmethod
    def _ends(message: dict[str, Any], connection: str) -> bool:
        data = message["data"]
        ended = message["type"] == "stream-unpublished" or data.get("state") in ("failed", "closed")
        return ended and data.get("connection_id") == connection


@dataclass
class Scene:
    """A publisher that offers all the time, two who watch it and do the same, and two who say what they may."""

    publisher: Offering
    viewers: list[Offering]
    moderators: list[Participant]
    lag: Lag
    rng: random.Random

    async def change(self, whom: Offering, changes: dict[str, Any], moderator: Participant | None = None) -> None:
        """Until it is answered."""
        moderator = moderator or self.rng.choice(self.moderators)
        path = f"/v1/sessions/{moderator.session}/participants/{whom.seat.id}"
        answer = await moderator.ask("PATCH", path, json=changes)
        assert answer.status_code == 200, answer.text

    async def history(self, moderator: Participant) -> None:
        """Some changes, at times of its own."""
        for _ in range(self.rng.randint(1, 3)):
            whom = self.rng.choice([self.publisher, *self.viewers])
            changes = self.rng.choice(CHANGES if whom is self.publisher else WATCHING)
            await self.change(whom, changes, moderator)
            await asyncio.sleep(self.rng.random() * 2 * TICK)

    async def everything_comes(self) -> None:
        """Give everything, and wait until everybody sees and hears."""
        for whom in [self.publisher, *self.viewers]:
            await self.change(whom, {"role": "publisher"})
        await asyncio.gather(*(self.more_comes(viewer) for viewer in self.viewers))

    @staticmethod
    async def more_comes(viewer: Offering) -> None:
        """Wait for some more."""
        received = viewer.received
        await received.wait(video=received.video + 3, audio=received.audio + 3)

    async def end(self) -> list[Offering]:
        """Take something away; from whom a grant has gone. One who watches may be left to see on."""
        if self.rng.random() < 0.5:
            await self.change(self.publisher, self.rng.choice(MUTE))
            return [self.publisher]
        blind = self.rng.sample(self.viewers, self.rng.choice((1, 1, 2)))
        await self.change(self.publisher, {"role": "publisher"})
        for viewer in self.viewers:
            await self.change(viewer, BLIND if viewer in blind else SEEING)
        return blind

    async def nothing_comes(self, viewers: list[Offering]) -> None:
        """From a second after now on."""
        self.lag.worst = 0.0
        await asyncio.sleep(WITHIN)
        await asyncio.sleep(2 * self.lag.worst)
        before = [(one.received.video, one.received.audio) for one in viewers]
        await asyncio.sleep(WATCHED)
        now = [(one.received.video, one.received.audio) for one in viewers]
        assert now == before, f"lag {self.lag.worst:.2f}"


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(3))
async def test_no_frame_outside_the_grants(servers: Servers, seed: int) -> None:
    await rounds(servers, ROUNDS, random.Random(f"{os.environ.get('GRANT_SEED', '')} {seed}"))


async def rounds(servers: Servers, count: int, rng: random.Random) -> None:
    """Histories of both moderators at once, that end by turns with something to be seen and with less."""
    size = Size(apis=1, wrappers=2)
    async with cluster(servers, size) as c, pods(api.url for api in c.apis) as ask:
        session = (await ask("POST", "/v1/sessions", headers=KEY, json={})).json()["id"]
        async with (
            person(ask, session, KEY) as ann,
            person(ask, session, KEY) as bob,
            person(ask, session, KEY) as cid,
            person(ask, session, KEY, role="moderator") as one,
            person(ask, session, KEY, role="moderator") as other,
            asyncio.TaskGroup() as group,
        ):
            viewers = [Offering(seat, watched=ann.id) for seat in (bob, cid)]
            scene = Scene(Offering(ann), viewers, [one, other], Lag(), rng)
            works = [scene.lag.measure(), *(somebody.run() for somebody in (scene.publisher, *viewers))]
            tasks = [group.create_task(work) for work in works]
            for n in range(count):
                await scene.everything_comes()
                await asyncio.gather(*(scene.history(moderator) for moderator in scene.moderators))
                less = await scene.end()
                refused = [somebody.refused for somebody in less]
                blind = viewers if scene.publisher in less else less
                seeing = [scene.more_comes(viewer) for viewer in viewers if viewer not in blind]
                await asyncio.gather(scene.nothing_comes(blind), *seeing)
                offers = zip(less, refused, strict=True)
                assert all(now.refused > before for now, before in offers), f"round {n}: they offer all the time"
            for task in tasks:
                task.cancel()
