"""One session from its creation to its close, with some people in it; rooms follow each other while time lasts."""

import asyncio
from dataclasses import dataclass, field, replace

from tests.chaos.api import Api
from tests.chaos.odd import KEY, RUBBISH
from tests.chaos.people import Offers, Person

PEOPLE = 3
CLOSE_PATIENCE = 120.0
OUTCOME_PATIENCE = 120.0
END_SECONDS = 40.0
# Nothing but the clients' own DELETE may end a session, and no client is silent for so long.
LIMITS = {"empty_timeout": 3000, "departure_timeout": 3000, "grace": 60}


@dataclass
class Room:
    """A session and who is in it."""

    name: str
    api: Api
    offers: Offers
    session: str = ""
    people: list[Person] = field(default_factory=list)

    async def live(self, over: asyncio.Event, seconds: float, rest: asyncio.Barrier) -> bool:
        """Create, fill, let everybody act until ``seconds`` have passed or ``over``, then close and read to the end.

        When it is ``over`` everybody comes to rest, and the room closes after the second meeting at the barrier: in
        between it can be looked at. False: it was closed before.
        """
        if not await self._create():
            return False
        self.people = [
            Person(f"{self.name}.{n}", self.api, self.session, self.offers, [], slow=n == PEOPLE - 1)
            for n in range(PEOPLE)
        ]
        seated = await asyncio.gather(*(person.join() for person in self.people))
        sat = [person for person, is_seated in zip(self.people, seated, strict=True) if is_seated]
        for person in sat:
            person.others = sat
        async with asyncio.TaskGroup() as group:
            readers = [group.create_task(person.read()) for person in sat]
            await self._act(sat, over, seconds)
            await asyncio.gather(*(person.hear_outcomes(OUTCOME_PATIENCE) for person in sat))
            last = over.is_set()
            if last:
                await rest.wait()
                await rest.wait()
            await self._close()
            await _ended(sat)
            for reader in readers:
                reader.cancel()
        return last

    async def _create(self) -> bool:
        """Two callers at once, each with a key of its own, want the same session."""
        commands = [
            self.api.history.begin(
                self.name, "create", None, custom=self.name, key=f"create-{self.name}-{n}".ljust(16, "-")
            )
            for n in range(2)
        ]
        body = {"custom_id": self.name, **LIMITS}
        async with asyncio.TaskGroup() as group:
            for command in commands:
                headers = KEY | {"Idempotency-Key": command.what["key"]}
                group.create_task(self.api.do(command, "POST", "/sessions", json=body, headers=headers))
        made = [command.answer["id"] for command in commands if command.outcome == "ok"]
        self.session = made[0] if made else ""
        for command in commands:
            command.session = command.answer.get("id")
        return bool(made)

    async def _act(self, sat: list[Person], over: asyncio.Event, seconds: float) -> None:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for person in sat:
                group.create_task(_until(stop, person))
            group.create_task(self._steer(stop))
            ending = group.create_task(over.wait())
            await asyncio.wait((ending,), timeout=seconds)
            ending.cancel()
            stop.set()

    async def _steer(self, stop: asyncio.Event) -> None:
        """Change the session's metadata, and let a visitor come and go."""
        n = 0
        while not stop.is_set():
            await asyncio.sleep(self.api.random.uniform(0.5, 2.0))
            n += 1
            rubbish = self.api.random.choice(RUBBISH)
            command = self.api.history.begin(self.name, "patch-session", self.session, n=n, rubbish=rubbish)
            body = {"metadata": {**rubbish, "n": n}}
            await self.api.do(command, "PATCH", f"/sessions/{self.session}", json=body, headers=KEY)
            if n % 3 == 0:
                await self._visit(n)

    async def _visit(self, n: int) -> None:
        visitor = Person(f"{self.name}.v{n}", self.api, self.session, self.offers, [])
        if await visitor.join():
            await (visitor.leave() if self.api.random.random() < 0.5 else visitor.be_kicked())
            if visitor.reader is not None:
                visitor.reader.ended = "left"

    async def _close(self) -> None:
        patient = replace(self.api, patience=CLOSE_PATIENCE)
        command = self.api.history.begin(self.name, "close", self.session)
        await patient.do(command, "DELETE", f"/sessions/{self.session}", headers=KEY)


async def _until(stop: asyncio.Event, person: Person) -> None:
    while not stop.is_set() and not person.over.is_set():
        await person.act_once()


async def _ended(people: list[Person]) -> None:
    """Wait until everybody has read that the session is closed."""
    try:
        async with asyncio.timeout(END_SECONDS):
            for person in people:
                await person.over.wait()
    except TimeoutError:
        return
