"""One chaos run: programs, clients, faults; then calm, a look at everything, the close of all, and the verdict."""

import asyncio
import itertools
import os
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from callplane.contracts.command_queues import CommandQueues
from callplane.contracts.engines import Engine
from testkit.clients.history import Command, History
from testkit.inprocess.wrappers import offer
from tests.chaos.api import Api
from tests.chaos.checker import check
from tests.chaos.faults import Injector, Plan, schedule, weights
from tests.chaos.fleet import Fleet, Size, fleet
from tests.chaos.leftovers import expires, leaked, owing_nothing, settled
from tests.chaos.odd import KEY, hasty_rooms
from tests.chaos.people import Offers
from tests.chaos.rooms import Room
from tests.chaos.verdict import Verdict

SETTLE_SECONDS = 30.0


@dataclass(frozen=True)
class Options:
    """What a run is made of; ``kept`` is where history and logs go when somebody wants to read them."""

    seed: int
    plan: Plan
    rooms: int = 3
    room_seconds: float = 20.0
    tombstone_seconds: int = 10
    size: Size = field(default_factory=Size)
    engine: Engine = "queues"
    commands: CommandQueues = "per-session"
    kept: Path | None = None


@dataclass
class Report:
    """What came out."""

    seed: int
    verdict: Verdict
    faults: Counter[str]
    slow_exits: list[str]
    dead_letters: int
    seconds: float

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} × {kind}" for kind, count in sorted(self.faults.items()))
        lines = [
            f"chaos: seed {self.seed}, {self.faults.total()} faults in {self.seconds:.0f} s: {kinds}",
            str(self.verdict),
            f"dead letters {self.dead_letters}; exits at SIGTERM slower than 2 s: {self.slow_exits or 'none'}",
        ]
        return "\n".join(lines)


@dataclass
class Stage:
    """What rooms share: once it is over no new room begins; all meet at ``rest`` before and after the look."""

    api: Api
    offers: Offers
    options: Options
    over: asyncio.Event = field(default_factory=asyncio.Event)
    rest: asyncio.Barrier = field(init=False)

    def __post_init__(self) -> None:
        self.rest = asyncio.Barrier(self.options.rooms + 1)

    async def rooms(self, name: str) -> None:
        """One room after the other; the last one, which sees the end, stays open until everything was looked at."""
        for n in itertools.count(1):
            seconds = self.options.room_seconds * self.api.random.uniform(0.6, 1.4)
            if await Room(f"{name}n{n}", self.api, self.offers).live(self.over, seconds, self.rest):
                return


async def run(options: Options) -> Report:
    """Run, and judge. Whatever a client could not do within its patience is unknown, not wrong."""
    began = time.monotonic()
    tombstone = options.tombstone_seconds
    settings = {"CALLPLANE_TOMBSTONE_SECONDS": str(tombstone), "CALLPLANE_MAILBOXES": options.engine}
    if options.commands == "sharded":  # of three nodes one may go with the queues of everybody
        settings |= {"CALLPLANE_COMMANDS": "sharded", "CALLPLANE_AMQP_QUORUM": str(options.size.brokers > 2)}
    async with fleet(options.size, **settings) as machines:
        history, injector = History(), Injector(machines)
        history.tombstone_seconds, history.epoch = tombstone, time.time() - time.monotonic()
        injector.note("everything runs")
        wrong = await _play(options, machines, history, injector)
        injector.note("everybody has left")
        history.absences = injector.outages.absences
        left = await leaked(machines, (2 if options.engine == "log" else 1) * tombstone + SETTLE_SECONDS)
        wrong += [f"leaked: {one}" for one in left if not expires(history, one)]
        injector.note("looked for leftovers")
        waiting = await machines.servers.vhost.queues()
        letters = sum(waiting.get(name, 0) for name in ("dead-letters", "quorum.dead-letters"))
        verdict = check(history)
        for sentence in wrong:
            kind, _, what = sentence.partition(": ")
            verdict.say(kind, what)
        for crash in injector.crashes:
            verdict.say("broken", crash)
        await _keep(options, machines, history, injector)
    return Report(options.seed, verdict, injector.done, injector.slow_exits, letters, time.monotonic() - began)


async def _play(options: Options, machines: Fleet, history: History, injector: Injector) -> list[str]:
    """Clients and faults; back when the last session is closed, with what was wrong before that."""
    async with httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_connections=500)) as http:
        api = Api(http, machines.pods, history, random.Random(options.seed))
        stage = Stage(api, Offers(await offer("sendonly"), await offer("recvonly")), options)
        async with asyncio.TaskGroup() as group:
            for n in range(options.rooms):
                group.create_task(stage.rooms(f"s{options.seed}r{n}"))
            group.create_task(hasty_rooms(api, f"s{options.seed}", stage.over))
            await injector.run(schedule(options.seed, options.plan))
            injector.note("the last fault is over")
            stage.over.set()
            await stage.rest.wait()
            wrong = await _look(machines, history)
            injector.note("looked at what is open")
            await stage.rest.wait()
        await _close_unknown(api)
    return wrong


async def _close_unknown(api: Api) -> None:
    """A session whose creator never heard of it would stay until its time is over: an operator closes it."""
    listing = await api.do(Command(-1, "operator", "list", None, {}), "GET", "/sessions?status=open", headers=KEY)
    for session in listing.answer["sessions"]:
        command = api.history.begin("operator", "close", session["id"])
        await api.do(command, "DELETE", f"/sessions/{session['id']}", headers=KEY)


async def _look(machines: Fleet, history: History) -> list[str]:
    """Everything runs again: what is owed must be done, and the media servers must be as the documents say."""
    owing = await owing_nothing(machines, SETTLE_SECONDS)
    return [f"lost: {one}" for one in owing] + await settled(machines, history, SETTLE_SECONDS)


async def _keep(options: Options, machines: Fleet, history: History, injector: Injector) -> None:
    if options.kept is None:
        return
    options.kept.mkdir(parents=True, exist_ok=True)
    history.save(options.kept / "history.json")
    (options.kept / "faults.log").write_text("\n".join(injector.log))
    for name in machines.programs:
        (options.kept / f"{name}.log").write_bytes((machines.logs / f"{name}.log").read_bytes())
    for log in machines.logs.glob("rabbitmq/*/log/*.log"):
        (options.kept / log.name).write_bytes(log.read_bytes())


def from_environment() -> Options:
    """The long form: ``CHAOS_SECONDS``, ``CHAOS_FAULTS``, ``CHAOS_SEED``, ``CHAOS_KEEP``, ``CHAOS_BROKERS``,
    ``CHAOS_MONGODS``, ``CHAOS_KINDS``, ``CHAOS_MAILBOXES``, ``CHAOS_COMMANDS`` (``sharded``: on logs, and on
    three nodes by replicated queues)."""
    seconds = float(os.environ.get("CHAOS_SECONDS", "2400"))
    faults = int(os.environ.get("CHAOS_FAULTS", "300"))
    seed = int(os.environ.get("CHAOS_SEED", str(random.SystemRandom().randrange(10**6))))
    kept = os.environ.get("CHAOS_KEEP")
    size = Size(brokers=int(os.environ.get("CHAOS_BROKERS", "1")), mongods=int(os.environ.get("CHAOS_MONGODS", "1")))
    among = weights(size, os.environ.get("CHAOS_KINDS", ""))
    commands: CommandQueues = "sharded" if os.environ.get("CHAOS_COMMANDS") == "sharded" else "per-session"
    engine: Engine = "log" if commands == "sharded" or os.environ.get("CHAOS_MAILBOXES") == "log" else "queues"
    plan = Plan(seconds, faults, outage=10.0, long_outages=min(10, int(seconds // 240)), weights=among)
    where = Path(kept) if kept else None
    told = Options(seed, plan, tombstone_seconds=60, room_seconds=40.0, size=size, engine=engine, kept=where)
    return replace(told, commands=commands)


def main() -> int:
    """Run as the environment says; print the report; 1 when anything went wrong."""
    options = from_environment()
    servers = f"{options.size.brokers} × RabbitMQ, {options.size.mongods} × mongod"
    topology = f"{servers}, engine {options.engine}, commands {options.commands}"
    print(f"chaos: seed {options.seed}, {topology}", file=sys.stderr, flush=True)
    report = asyncio.run(run(options))
    print(report)
    return 0 if report.verdict.clean else 1
