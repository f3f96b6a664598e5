"""The ways in which a wrapper is hit, tried at every point of a scenario or at a few by seed.

``FAULTS=all`` tries every point, on both engines; ``FAULTS_SEED`` chooses others.
"""

import os
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from callplane.contracts.command_queues import CommandQueues
from callplane.contracts.engines import Engine
from testkit.crashes.call_points import How, Plan, Points
from testkit.crashes.crash_trial import Prepare, TrialServers, dead_letter, kill, pause, sever, trial_servers
from testkit.crashes.session_invariants import nothing_else
from testkit.servers.servers import Servers

ALL = os.environ.get("FAULTS") == "all"
SEED = int(os.environ.get("FAULTS_SEED", "4"))
SAMPLE = 1
ENGINES: tuple[Engine, ...] = ("queues", "log")
SECONDS = 600 if ALL else 120

Trial = Callable[[Prepare, TrialServers, Plan], Awaitable[Points]]
CallCounts = dict[tuple[Engine, CommandQueues, str], Points]
"""The calls of each scenario, by engine, command queues and name, when nothing hits it."""


async def kill_answered(prepare: Prepare, b: TrialServers, plan: Plan) -> Points:
    """A death after the answer, whose command comes no more."""
    return await kill(prepare, b, plan, again=False)


@dataclass(frozen=True)
class CrashMode:
    """One way to be hit; ``late`` only once the command was answered."""

    how: How
    trial: Trial
    late: bool = False


KILLED = CrashMode("killed", kill)
KILLED_ANSWERED = CrashMode("killed", kill_answered, late=True)
DEAD_LETTERED = CrashMode("killed", dead_letter)
PAUSED = CrashMode("paused", pause)
SEVERED_BEFORE = CrashMode("severed before", sever)
SEVERED_AFTER = CrashMode("severed after", sever)


OF_QUEUES = frozenset({"create", "close", "owed", "tombstone"})
"""The scenarios whose calls are others for sessions without a queue of their own."""


@dataclass(frozen=True)
class Run:
    """Scenarios on servers of their own, sessions by one engine, and with queues of their own or without."""

    engine: Engine
    names: tuple[str, ...]
    commands: CommandQueues = "per-session"

    def __str__(self) -> str:
        """How pytest shows it."""
        kind = "sharded" if self.commands == "sharded" else self.engine
        return f"{kind}-{self.names[0] if len(self.names) == 1 else 'sample'}"


def runs(scenarios: Mapping[str, Prepare]) -> list[Run]:
    """Servers for a sample of everything; and for each scenario and engine where every point is tried."""
    if not ALL:
        return [Run("queues", tuple(scenarios))]
    sharded = [Run("log", (name,), "sharded") for name in scenarios if name in OF_QUEUES]
    return [*(Run(engine, (name,)) for engine in ENGINES for name in scenarios), *sharded]


def log_runs(scenarios: Mapping[str, Prepare]) -> list[Run]:
    """The same of what there is on the log engine alone."""
    return [Run("log", (name,)) for name in scenarios] if ALL else [Run("log", tuple(scenarios))]


async def crash_at_points(
    servers: Servers, run: Run, scenarios: Mapping[str, Prepare], mode: CrashMode, known: CallCounts
) -> None:
    """Try the run's scenarios in this way; then nothing may be there that no session accounts for.

    ``known`` is what earlier ways have counted: a sample does not count again what it has to choose from.
    """
    async with trial_servers(servers, run.engine, run.commands) as b:
        for name in run.names:
            prepare, counted = scenarios[name], (run.engine, run.commands, name)
            if ALL or counted not in known:
                known[counted] = await mode.trial(prepare, b, Plan())
            await _some(name, prepare, mode, b, known[counted])
        left = await nothing_else(b)
        assert left == {}, left


async def crash_in_appends(servers: Servers, scenarios: Mapping[str, Prepare], modes: Sequence[CrashMode]) -> None:
    """Try each scenario on the log in each of these ways, at a read or an insert of one of its logs, chosen by seed."""
    async with trial_servers(servers, "log") as b:
        for name, prepare in scenarios.items():
            quiet = await kill(prepare, b, Plan())
            appends = [at for at, call in enumerate(quiet.passed, 1) if call.startswith("log.")]
            for mode in modes:
                await _each(prepare, mode, b, _sample(f"{name} {mode.how}", appends), (name, quiet))
        left = await nothing_else(b)
        assert left == {}, left


def _sample(of: str, points: list[int]) -> list[int]:
    return sorted(random.Random(f"{SEED} {of}").sample(points, min(SAMPLE, len(points))))


async def _some(name: str, prepare: Prepare, mode: CrashMode, b: TrialServers, quiet: Points) -> None:
    first, last = (quiet.handled if mode.late else 0) + 1, len(quiet.passed) + 1
    points = list(range(first, last + 1))
    tried = points if ALL else _sample(f"{name} {mode.how}", points)
    await _each(prepare, mode, b, tried, (name, quiet))
    print(f"{name}: {mode.how} at {len(tried)} of {len(points)} points")


async def _each(
    prepare: Prepare, mode: CrashMode, b: TrialServers, points: list[int], known: tuple[str, Points]
) -> None:
    name, quiet = known
    for at in points:
        try:
            await mode.trial(prepare, b, Plan(mode.how, at))
        except BaseException as failure:
            called = f"{mode.how} {at} of {len(quiet.passed) + 1}, {quiet.passed[at - 1 : at]}"
            failure.add_note(f"{name}: {called} (engine {b.outside.engine}, seed {SEED})")
            raise
