"""Lives of mailboxes: steps that chance chooses, each of which ends in time, until one breaks the law."""

import asyncio
import os
from collections.abc import Awaitable, Callable

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

ALL = os.environ.get("FAULTS") == "all"
SECONDS = 1800 if ALL else 120
STEPS = 20


class Life(RuleBasedStateMachine):
    """One session's messages from the first until everybody has read everything."""

    STEP_SECONDS = 30.0

    def __init__(self, runner: asyncio.Runner) -> None:
        super().__init__()
        self.runner = runner
        self.published = 0
        self.broken = False
        """Whether the law was broken: who did is not asked for more."""

    def run(self, work: Awaitable[object]) -> None:
        """One step."""

        async def bounded() -> None:
            async with asyncio.timeout(self.STEP_SECONDS):
                await work

        try:
            self.runner.run(bounded())
        except BaseException:
            self.broken = True
            raise

    def numbers(self, count: int) -> range:
        """Of new messages."""
        self.published += count
        return range(self.published - count, self.published)


def live(begun: Callable[[], Life], lives: int) -> None:
    """So many of them, each of so many steps."""
    run_state_machine_as_test(
        begun,  # type: ignore[arg-type]
        settings=settings(
            max_examples=lives,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],  # what happens within a step depends on the machine: a shorter life is another
            suppress_health_check=list(HealthCheck),
        ),
    )
