"""Follow-ups of many sessions at once: all are told before anything else is done about any of them."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from callplane.store.documents import ConnectionDocument
from wrapper.effects.runner import WORKERS, FollowUpRunner
from wrapper.follow_ups import FollowUp, FollowUps


async def test_all_are_told_before_chores_are_done_and_each_before_its_own() -> None:
    many, done = 10 * WORKERS, list[tuple[str, str]]()
    follow_ups = FollowUps()
    runner = FollowUpRunner(cast(Any, SimpleNamespace(follow_ups=follow_ups)), cast(Any, None), cast(Any, None))

    async def do(document: ConnectionDocument, *, publishes: bool, chores: frozenset[str]) -> None:
        await asyncio.sleep(0)
        done.extend((what, document.id) for what, wanted in (("told", publishes), ("chore", chores)) if wanted)

    runner.do = do  # type: ignore[method-assign, assignment]
    for number in range(many):
        document = ConnectionDocument(
            _id=f"c{number}", session_id="s", participant_id="p", kind="publish", state="ready"
        )
        follow_ups.put(FollowUp(document, True, frozenset({"chore"})))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(runner.run())
        await follow_ups.finish(5)
        running.cancel()
    assert len(done) == 2 * many
    assert {what for what, _ in done[: many - WORKERS]} == {"told"}
    assert all(done.index(("told", id_)) < done.index(("chore", id_)) for _, id_ in done)
