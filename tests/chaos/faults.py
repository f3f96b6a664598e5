"""What goes wrong, and when: a schedule made from a seed, and the hands that carry it out."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.chaos.fleet import Fleet, Size
from tests.chaos.operator import drain
from tests.chaos.outages import SERVERS, Outages

PROGRAMS = ("api", "wrapper", "mediaserver")
# How often each kind happens, compared with the rest.
WEIGHTS = {
    "kill api": 5,
    "kill wrapper": 8,
    "kill mediaserver": 4,
    "terminate api": 5,
    "terminate wrapper": 6,
    "pause api": 4,
    "pause wrapper": 6,
    "pause mediaserver": 2,
    "drain mediaserver": 3,
    "reset rabbitmq": 5,
    "reset mongod": 5,
    "reset mediaserver": 4,
    "silence rabbitmq": 4,
    "silence mongod": 4,
    "silence mediaserver": 3,
    "restart rabbitmq": 1,
    "restart mongod": 1,
}
# What happens besides to one node of several.
OF_BROKERS = {"restart rabbitmq": 4, "pause rabbitmq": 4, "partition rabbitmq": 3}
OF_MONGODS = {"restart mongod": 4, "pause mongod": 4, "elect mongod": 3}
SLOW_EXIT = 2.0
WATCH_EVERY = 0.3
LAST_LOOK = 1.0


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong ``at`` seconds after the start and lasts ``seconds``; ``pick`` chooses its victim."""

    at: float
    kind: str
    seconds: float
    pick: float


@dataclass(frozen=True)
class Plan:
    """How many faults in which time; ``outage`` is how long a server stays away, ``long_outages`` how often 60 s."""

    seconds: float
    faults: int
    outage: float
    long_outages: int = 0
    weights: Mapping[str, int] = field(default_factory=lambda: WEIGHTS)


def weights(size: Size, kinds: str = "") -> dict[str, int]:
    """How often each kind of fault happens to a fleet of this size: every kind, or those that a text names."""
    among = WEIGHTS | (OF_BROKERS if size.brokers > 1 else {}) | (OF_MONGODS if size.mongods > 1 else {})
    wanted = [each.strip() for each in kinds.split(",") if each.strip()] or [""]
    return {kind: weight for kind, weight in among.items() if any(each in kind for each in wanted)}


def schedule(seed: int, plan: Plan) -> list[Fault]:
    """The same seed and plan make the same faults; every kind comes once before any comes by its weight."""
    dice = random.Random(seed)
    kinds = list(plan.weights)
    dice.shuffle(kinds)
    kinds = kinds[: plan.faults]
    kinds += dice.choices(list(plan.weights), weights=list(plan.weights.values()), k=plan.faults - len(kinds))
    dice.shuffle(kinds)
    every = plan.seconds / plan.faults
    times = [n * every + dice.uniform(0, every) for n in range(plan.faults)]
    faults = [Fault(at, kind, _lasts(kind, plan, dice), dice.random()) for at, kind in zip(times, kinds, strict=True)]
    outages = [n for n, fault in enumerate(faults) if fault.kind.startswith("restart")]
    for n in dice.sample(outages, min(plan.long_outages, len(outages))):
        faults[n] = Fault(faults[n].at, faults[n].kind, 60.0, faults[n].pick)
    return faults


def _lasts(kind: str, plan: Plan, dice: random.Random) -> float:
    match kind.split()[0]:
        case "kill" | "terminate":
            return dice.uniform(0.1, 2.0)
        case "pause":
            # One pause in five outlasts every lease, claim and heartbeat (design 10: 15 s).
            return dice.uniform(1.0, 5.0) if dice.random() < 0.8 else min(17.0, plan.seconds / 3)
        case "silence":
            return dice.uniform(1.0, 6.0)
        case "drain":
            return dice.uniform(2.0, 8.0)
        case "partition":
            return dice.uniform(3.0, 15.0)
        case "restart":
            return plan.outage
        case _:
            return 0.0


@dataclass
class Injector:
    """Carries a schedule out on a fleet; two faults never have the same victim at the same time."""

    fleet: Fleet
    done: Counter[str] = field(default_factory=Counter)
    slow_exits: list[str] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    outages: Outages = field(init=False)
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.outages = Outages(self.fleet)

    async def run(self, faults: list[Fault]) -> None:
        """Inject all of them; back when the last one is over and everything runs again."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as watching:
            watch = watching.create_task(self._supervise())
            async with asyncio.TaskGroup() as group:
                for fault in faults:
                    await asyncio.sleep(max(0.0, began + fault.at - time.monotonic()))
                    group.create_task(self._inject(fault))
            await asyncio.sleep(LAST_LOOK)
            watch.cancel()
            for name in self.fleet.programs:
                async with self._lock(name):
                    await self._mind(name)

    def note(self, sentence: str) -> None:
        """Write down when something happened, on the clock of the histories."""
        self.log.append(f"{time.monotonic():.1f} {datetime.now(UTC):%H:%M:%S} {sentence}")

    def _lock(self, victim: str) -> asyncio.Lock:
        return self._locks.setdefault(victim, asyncio.Lock())

    async def _supervise(self) -> None:
        """Start again what ended although nobody had ended it, as a supervisor would, and remember that it did."""
        while True:
            await asyncio.sleep(WATCH_EVERY)
            for name in self.fleet.programs:
                if not self._lock(name).locked():
                    async with self._lock(name):
                        await self._mind(name)

    async def _mind(self, name: str) -> None:
        status = self.fleet.programs[name].process.returncode
        if status is not None:
            self.note(f"{name} ended by itself with status {status}")
            self.crashes.append(f"{name} ended by itself with status {status}")
            await self._again(name)

    async def _inject(self, fault: Fault) -> None:
        verb, kind = fault.kind.split()
        doing: dict[str, Callable[[str, Fault], Awaitable[None]]] = {
            "kill": self._kill,
            "terminate": self._terminate,
            "pause": self._pause,
            "reset": self._reset,
            "silence": self._silence,
            "drain": self._drain,
        }
        of_servers = {
            "restart": self.outages.restart,
            "pause": self.outages.pause,
            "partition": self.outages.partition,
            "elect": self.outages.elect,
        }
        if kind in SERVERS and verb in of_servers:
            # One node at a time, and the next one when all of the cluster is one again.
            async with self._lock(kind):
                self.done[fault.kind] += 1
                self.note(f"{verb} {kind} for {fault.seconds:.1f} s")
                self.note(await of_servers[verb](kind, fault.pick, fault.seconds))
            return
        victim = self._victim(verb, kind, fault.pick)
        async with self._lock(victim):
            if victim in self.fleet.programs:
                await self._mind(victim)
            self.done[fault.kind] += 1
            self.note(f"{verb} {victim} for {fault.seconds:.1f} s")
            await doing[verb](victim, fault)

    def _victim(self, verb: str, kind: str, pick: float) -> str:
        if verb in ("reset", "silence"):
            names = [f"{who} {target}" for who, target in self.fleet.links if target.startswith(kind)]
        else:
            names = self.fleet.named(kind)
        return names[int(pick * len(names))]

    async def _kill(self, victim: str, fault: Fault) -> None:
        program = self.fleet.programs[victim]
        await program.kill()
        await asyncio.sleep(fault.seconds)
        await self._again(victim)

    async def _terminate(self, victim: str, fault: Fault) -> None:
        began = time.monotonic()
        await self.fleet.programs[victim].terminate()
        if (took := time.monotonic() - began) > SLOW_EXIT:
            self.slow_exits.append(f"{victim} {took:.1f} s")
        await asyncio.sleep(fault.seconds)
        await self._again(victim)

    async def _again(self, victim: str) -> None:
        # A program that starts while a server is away may give up; its supervisor starts it again.
        for _ in range(20):
            try:
                await self.fleet.programs[victim].restart()
            except Exception as trouble:
                self.note(f"{victim} did not start: {trouble}")
                await self.fleet.programs[victim].kill()
                await asyncio.sleep(1)
            else:
                return
        raise AssertionError(f"{victim} does not start any more")

    async def _pause(self, victim: str, fault: Fault) -> None:
        self.fleet.programs[victim].pause()
        await asyncio.sleep(fault.seconds)
        self.fleet.programs[victim].resume()

    async def _reset(self, victim: str, _: Fault) -> None:
        who, target = victim.split()
        self.fleet.links[who, target].reset()

    async def _silence(self, victim: str, fault: Fault) -> None:
        who, target = victim.split()
        link = self.fleet.links[who, target]
        link.silence()
        await asyncio.sleep(fault.seconds)
        link.heal()

    async def _drain(self, victim: str, fault: Fault) -> None:
        await drain(self.fleet, victim, fault.seconds)
