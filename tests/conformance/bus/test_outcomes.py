"""What becomes of a command that is not simply done (design 3.4)."""

import asyncio

import pytest
from structlog.testing import capture_logs

from callplane.bus.consuming.delivery import ATTEMPTS, RawDelivery
from callplane.bus.consuming.outcomes import OutcomePolicy
from callplane.bus.consuming.worker_pool import ConsumerLimits
from callplane.bus.ports import Delivery
from callplane.contracts.commands import Publish
from callplane.contracts.errors import Busy, Trouble, Unavailable
from callplane.contracts.replies import Reply
from testkit.inprocess.bus import (
    FAST,
    Corner,
    ScriptedHandler,
    command,
    is_listening_to,
    queue_of_commands,
    session,
    until,
)
from testkit.servers.machine_time import standstills

SECRET = "v=0 secret sdp"
SHARDED = [pytest.param(f"{bus}-sharded", marks=pytest.mark.long) for bus in ("memory", "rabbitmq")]
pytestmark = pytest.mark.parametrize("corner", ["memory", "rabbitmq", *SHARDED], indirect=True)


async def send(corner: Corner, told: ScriptedHandler, wait: float = 10, limits: ConsumerLimits = FAST) -> Reply | None:
    """One command to one wrapper that does as it is told."""
    where = session()
    async with corner.bus(limits) as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        await listener.listen(where)
        return await sender.send(command(where, Publish(participant_id="p", sdp_offer=SECRET)), wait=wait)


async def test_trouble_is_tried_again_after_a_second_and_counted(corner: Corner) -> None:
    """The caller hears of the attempt that succeeds."""
    told = ScriptedHandler(outcomes=[Trouble("no server")])
    async with standstills() as stood_still:
        reply = await send(corner, told)
        late = stood_still()
    assert reply is not None
    assert reply.result == {"wrapper": "one", "attempt": 2}
    assert 0.9 < told.times[1] - told.times[0] < 2.5 + late


async def test_a_delivery_that_cannot_even_be_judged_comes_again_counted(
    corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the judge itself meets, the bus's own faults, ends no wrapper and blocks no queue."""
    told, settle, mishaps = (
        ScriptedHandler(),
        OutcomePolicy.settle,
        [KeyError("x"), ExceptionGroup("of tasks", [ZeroDivisionError()])],
    )

    async def settling(judge: OutcomePolicy, received: RawDelivery) -> None:
        if mishaps:
            raise mishaps.pop()
        await settle(judge, received)

    monkeypatch.setattr(OutcomePolicy, "settle", settling)
    reply = await send(corner, told)
    assert reply is not None
    assert reply.result == {"wrapper": "one", "attempt": 2}


async def test_busy_is_tried_again_after_a_second_and_not_counted(corner: Corner) -> None:
    """Somebody else is at it: that is no failure."""
    told = ScriptedHandler(outcomes=[Busy()])
    async with standstills() as stood_still:
        reply = await send(corner, told)
        late = stood_still()
    assert reply is not None
    assert reply.result == {"wrapper": "one", "attempt": 1}
    assert 0.9 < told.times[1] - told.times[0] < 2.5 + late


async def test_the_fifth_failure_is_final(corner: Corner) -> None:
    """It is abandoned, buried with its reason, and the caller gets a 503."""
    told = ScriptedHandler(outcomes=[Trouble("no server") for _ in range(ATTEMPTS)])
    reply = await send(corner, told)
    assert reply is not None
    assert reply.problem is not None
    assert (reply.problem.status, reply.problem.code) == (503, "unavailable")
    assert told.attempts == [1, 2, 3, 4, 5]
    assert [delivery.last for delivery in told.deliveries] == [False] * 4 + [True]
    assert told.abandoned == [reply.command_id]
    (dead,) = await corner.dead()
    assert (dead.command_id, dead.attempt) == (reply.command_id, 5)
    assert "no server" in dead.reason
    assert SECRET.encode() in dead.body


@pytest.mark.parametrize("abandon_fails", [None, KeyError("x"), Trouble("still no server")])
async def test_a_bug_is_buried_at_once(corner: Corner, abandon_fails: Exception | None) -> None:
    """With a 500, whatever the clean-up does; the log has frames, and nothing of what the caller sent."""
    told = ScriptedHandler(outcomes=[KeyError(SECRET)], abandon_fails=abandon_fails)
    with capture_logs() as logs:
        reply = await send(corner, told)
    assert reply is not None
    assert reply.problem is not None
    assert (reply.problem.status, reply.problem.code) == (500, "internal")
    assert told.attempts == [1]
    assert told.abandoned == [reply.command_id]
    (dead,) = await corner.dead()
    assert "KeyError" in dead.reason
    assert dead.queue.startswith(("session.", "commands."))
    bugs = [entry for entry in logs if entry.get("bug") == "KeyError"]
    assert bugs[0]["log_level"] == "error"
    assert "_handle" in bugs[0]["frames"]
    assert "secret" not in str(logs)


async def test_an_unreadable_body_is_buried(corner: Corner) -> None:
    """Without asking the handler; the wrapper goes on with the next command, and logs nothing of the body."""
    told, where = ScriptedHandler(), session()
    with capture_logs() as logs:
        async with corner.bus() as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
            await listener.listen(where)
            bad = [
                await corner.put(queue_of_commands(where), body)
                for body in (b"\xff\x00", b"{}", b'{"id": "1", "body": {"name": "secret"}}', b"[" * 50_000)
            ]
            assert await sender.send(command(where), wait=20) is not None
            dead = await corner.dead(len(bad))
    assert [(one.command_id, one.reason) for one in dead] == [(each, "unreadable") for each in bad]
    assert len(told.deliveries) == 1
    assert "secret" not in str(logs)


async def test_a_handler_that_hangs_is_in_trouble(corner: Corner) -> None:
    """No attempt lasts for ever."""

    async def hang(delivery: Delivery) -> None:
        if delivery.attempt == 1:
            await asyncio.Event().wait()

    reply = await send(corner, ScriptedHandler(act=hang), limits=ConsumerLimits(attempt_limit=0.2))
    assert reply is not None
    assert reply.result == {"wrapper": "one", "attempt": 2}


async def test_a_timeout_of_the_handlers_own_is_a_bug(corner: Corner) -> None:
    """Only ours is trouble: a handler says Trouble itself when it means that."""
    reply = await send(corner, ScriptedHandler(outcomes=[TimeoutError()]))
    assert reply is not None
    assert reply.problem is not None
    assert reply.problem.code == "internal"


async def test_a_wrapper_without_its_store_pauses_and_burns_no_attempt(corner: Corner) -> None:
    """Nothing is handled until it is healthy; then everything is, at the attempt that it had."""
    told, where, other = ScriptedHandler(outcomes=[Unavailable("store")]), session(), session()
    async with corner.bus() as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        await listener.listen(where)
        await listener.listen(other)
        async with asyncio.TaskGroup() as tasks:
            replies = [tasks.create_task(sender.send(command(where), wait=10))]
            await told.until(1)
            await until(lambda: is_listening_to(listener, 0))
            assert listener.wanted() == {where, other}
            replies.append(tasks.create_task(sender.send(command(other), wait=10)))
            await asyncio.sleep(0.3)
            assert len(told.deliveries) == 1
            await listener.listen(session())
            told.well.set()
        assert [reply.result["attempt"] for task in replies if (reply := task.result()) and reply.result] == [1, 1]
        await until(lambda: is_listening_to(listener, 3))
    assert told.attempts == [1, 1, 1]


async def test_a_wrapper_whose_store_was_late_once_goes_on(corner: Corner) -> None:
    """The one command comes again, as the same attempt; nothing else is stopped for it."""
    told, where = ScriptedHandler(outcomes=[Unavailable("late") for _ in range(8)]), session()
    told.well.set()
    sessions = [where, *(session() for _ in range(8))]
    async with corner.bus() as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        for one in sessions:
            await listener.listen(one)
        async with asyncio.TaskGroup() as tasks:
            replies = [tasks.create_task(sender.send(command(one), wait=10)) for one in sessions[:8]]
            await told.until(8)
            assert len(listener.listening()) == len(sessions)
            meanwhile = await sender.send(command(sessions[8]), wait=20)
            assert len(listener.listening()) == len(sessions)
        assert meanwhile is not None
    assert [reply.result["attempt"] for task in replies if (reply := task.result()) and reply.result] == [1] * 8
    assert told.asked < 8, "all who ask at once ask once"


async def test_another_wrapper_takes_what_an_unhealthy_one_gives_back(corner: Corner) -> None:
    """At once, and as the same attempt."""
    ill, well, where = ScriptedHandler("ill", outcomes=[Unavailable("store")]), ScriptedHandler("well"), session()
    async with (
        corner.bus() as first,
        corner.bus() as second,
        first.listener(ill.work()) as unhealthy,
        second.listener(well.work()) as healthy,
        first.sender() as sender,
    ):
        await unhealthy.listen(where)
        sending = asyncio.ensure_future(sender.send(command(where), wait=20))
        await ill.until(1)
        await healthy.listen(where)
        reply = await sending
    assert reply is not None
    assert reply.result == {"wrapper": "well", "attempt": 1}


async def test_a_burial_that_finds_the_store_away_waits_for_it(corner: Corner) -> None:
    """What the command had begun is released before it is buried."""
    told = ScriptedHandler(outcomes=[KeyError(), KeyError()], abandon_fails=Unavailable("store"))
    where = session()
    async with corner.bus() as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        await listener.listen(where)
        sending = asyncio.ensure_future(sender.send(command(where), wait=10))
        await told.until(1)
        await until(lambda: is_listening_to(listener, 0))
        told.abandon_fails = None
        told.well.set()
        reply = await sending
    assert reply is not None
    assert reply.problem is not None
    assert reply.problem.code == "internal"
    assert len(told.abandoned) == 2


async def test_a_command_that_kills_its_wrappers_is_counted_and_buried(corner: Corner) -> None:
    """Each death is an attempt: the fifth is the last, and the one after it buries without handling."""
    where, sent = session(), None
    attempts: list[int] = []
    async with corner.bus() as api, api.sender() as sender:
        await api.topology.open_session(where)
        sent = command(where)
        sending = asyncio.ensure_future(sender.send(sent, wait=20))
        for _ in range(ATTEMPTS):
            attempts += await _attempt_that_dies(corner, where)
        told = ScriptedHandler()
        async with corner.bus() as bus, bus.listener(told.work()) as listener:
            await listener.listen(where)
            reply = await sending
    assert attempts == [1, 2, 3, 4, 5]
    assert reply is not None
    assert reply.problem is not None
    assert reply.problem.code == "unavailable"
    assert told.deliveries == []
    assert told.abandoned == [sent.id]
    assert [dead.command_id for dead in await corner.dead()] == [sent.id]


async def _attempt_that_dies(corner: Corner, where: str) -> list[int]:
    """A wrapper whose process ends while it handles; the attempts that it saw."""

    async def hang(_: Delivery) -> None:
        await asyncio.Event().wait()

    told = ScriptedHandler(act=hang)

    async def wrapper() -> None:
        async with corner.bus() as bus, bus.listener(told.work()) as listener:
            await listener.listen(where)  # type: ignore[arg-type]
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(wrapper())
        await told.until(1)
        running.cancel()
    return told.attempts
