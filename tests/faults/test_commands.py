"""Every command, its wrapper dying, pausing or being cut off at each call that it makes to the outside.

A few points by seed, or with ``FAULTS=all`` every one of them.
"""

import os
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import pytest

from tests.support.faults import How, Plan, Points
from tests.support.scenes import COMMANDS, OFFERS
from tests.support.servers import Servers
from tests.support.trials import Bench, Prepare, bench, bury, kill, pause, sever
from tests.support.verdicts import nothing_else

ALL = os.environ.get("FAULTS") == "all"
SEED = int(os.environ.get("FAULTS_SEED", "4"))
SAMPLE = 2

Trial = Callable[[Prepare, Bench, Plan], Awaitable[Points]]


async def kill_answered(prepare: Prepare, b: Bench, plan: Plan) -> Points:
    """A death after the answer, whose command comes no more."""
    return await kill(prepare, b, plan, again=False)


@dataclass(frozen=True)
class Mode:
    """One way to be hit; ``late`` only once the command was answered."""

    how: How
    trial: Trial
    scenes: Mapping[str, Prepare]
    late: bool = False


MODES = {
    "killed": Mode("killed", kill, COMMANDS),
    "killed-when-answered": Mode("killed", kill_answered, COMMANDS, late=True),
    "killed-and-buried": Mode("killed", bury, OFFERS),
    "paused": Mode("paused", pause, COMMANDS),
    "severed-before": Mode("severed before", sever, COMMANDS),
    "severed-after": Mode("severed after", sever, COMMANDS),
}
# One bench for a sample of everything; one for each command where every point is tried.
RUNS = [(mode, names) for mode in MODES for names in ([[n] for n in MODES[mode].scenes] if ALL else [[""]])]


@pytest.mark.timeout(600 if ALL else 120)
@pytest.mark.parametrize(("mode", "names"), RUNS, ids=lambda part: part if isinstance(part, str) else part[0] or "all")
async def test_whatever_happens_to_one_wrapper_the_command_is_done_once(
    servers: Servers, mode: str, names: list[str]
) -> None:
    async with bench(servers) as b:
        for name in MODES[mode].scenes if names == [""] else names:
            await every(name, MODES[mode], b)
        assert await nothing_else(b) == {}


async def every(name: str, mode: Mode, b: Bench) -> None:
    """Try the points of one scene: all of them until the work gets through, or a few by seed; say how many."""
    prepare = mode.scenes[name]
    quiet = await mode.trial(prepare, b, Plan())
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
