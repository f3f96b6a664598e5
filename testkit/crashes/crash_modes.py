"""The ways in which a wrapper is hit, tried at every point of a scenario or at a few by seed.

``FAULTS=all`` tries every point; ``FAULTS_SEED`` chooses others.
"""

import os
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from testkit.crashes.call_points import How, Plan, Points
from testkit.crashes.crash_trial import Prepare, TrialServers, dead_letter, kill, pause, sever, trial_servers
from testkit.crashes.session_invariants import nothing_else
from testkit.servers.servers import Servers

ALL = os.environ.get("FAULTS") == "all"
SEED = int(os.environ.get("FAULTS_SEED", "4"))
SAMPLE = 1
SECONDS = 600 if ALL else 120

Trial = Callable[[Prepare, TrialServers, Plan], Awaitable[Points]]
CallCounts = dict[str, Points]
"""The calls of each scenario when nothing hits it."""


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


def runs(scenarios: Mapping[str, Prepare]) -> list[list[str]]:
    """Servers for a sample of everything; and for each scenario by itself where every point is tried."""
    return [[name] for name in scenarios] if ALL else [list(scenarios)]


def named(names: object) -> str:
    """How pytest shows a run."""
    return names[0] if isinstance(names, list) and len(names) == 1 else "sample"


async def crash_at_points(
    servers: Servers, scenarios: Mapping[str, Prepare], mode: CrashMode, known: CallCounts
) -> None:
    """Try these scenarios in this way; then nothing may be there that no session accounts for.

    ``known`` is what earlier ways have counted: a sample does not count again what it has to choose from.
    """
    async with trial_servers(servers) as b:
        for name, prepare in scenarios.items():
            if ALL or name not in known:
                known[name] = await mode.trial(prepare, b, Plan())
            await _every(name, prepare, mode, b, known[name])
        left = await nothing_else(b)
        assert left == {}, left


async def _every(name: str, prepare: Prepare, mode: CrashMode, b: TrialServers, quiet: Points) -> None:
    first, last = (quiet.handled if mode.late else 0) + 1, len(quiet.passed) + 1
    points = list(range(first, last + 1))
    if not ALL:
        points = sorted(random.Random(f"{SEED} {name} {mode.how}").sample(points, min(SAMPLE, len(points))))
    for at in points:
        try:
            await mode.trial(prepare, b, Plan(mode.how, at))
        except BaseException as failure:
            failure.add_note(f"{name}: {mode.how} {at} of {last}, {quiet.passed[at - 1 : at]} (seed {SEED})")
            raise
    print(f"{name}: {mode.how} at {len(points)} of {last + 1 - first} points")
