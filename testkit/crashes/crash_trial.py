"""One trial: a wrapper dies, stops or is cut off at one point of its work, and others make everything right."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from callplane.bus.rabbitmq import RabbitSettings, open_bus
from callplane.contracts.command_queues import CommandQueues
from callplane.contracts.commands import Caller, Envelope
from callplane.contracts.engines import Engine
from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.ids import CommandId, SessionId, new_id, session_made_by
from callplane.contracts.registry import AnyCommand
from callplane.contracts.replies import Reply
from cli.machine.process import Command as Program
from cli.machine.process import python, running
from cli.machine.rundir import run_directory
from testkit.crashes.call_points import Killed, Plan, Points
from testkit.crashes.crashable_wrapper import SERVER, CrashableWrapper, Published, Surroundings, crashable_wrapper
from testkit.inprocess.repositories import repositories
from testkit.inprocess.wrappers import offer
from testkit.servers.programs import ROOT
from testkit.servers.servers import Servers
from wrapper.commands.handler import abandon

CALLER = Caller(kind="key", name="tests")
COLLECT_SECONDS = 0.5
"""How soon the media server takes what only the dead have held; Kurento's own time is 240."""

Act = Callable[[CrashableWrapper], Awaitable[Reply | None]]


@dataclass
class TrialServers:
    """The servers of many trials, a wrapper that lives through all of them, and the offers that people send."""

    servers: Servers
    outside: Surroundings
    survivor: CrashableWrapper
    offers: dict[str, str]
    sessions: list[str] = field(default_factory=list)

    def envelope(self, body: AnyCommand, session: SessionId | None = None, id_: CommandId | None = None) -> Envelope:
        """A command with time enough."""
        command = id_ or CommandId(new_id())
        return Envelope(
            id=command,
            session_id=session or session_made_by(command),
            caller=CALLER,
            deadline=self.outside.store.clock.now() + timedelta(seconds=60),
            commands=self.outside.commands,
            body=body,
        )

    async def do(self, body: AnyCommand, session: SessionId | None = None) -> dict[str, Any]:
        """Have the survivor carry a command out, with all that it owes; its result."""
        reply = await self.survivor.command(self.envelope(body, session))
        assert reply.problem is None, reply.problem
        await self.survivor.ledger.drain()
        return reply.result or {}

    async def quiet(self, session: SessionId) -> None:
        """Have the survivor sweep until nothing is owed, letting the time pass at once that chores wait for."""
        raw = self.outside.store.database
        await self.outside.store.wrappers.renew(self.survivor.id)
        await self.survivor.adoption.take_over()
        await self.survivor.adoption.resubscribe()
        for _ in range(20):
            await self.survivor.ledger.drain()
            found = await self.outside.store.sessions.find(session)
            connections = [c async for c in raw["connections"].find({"session_id": session})]
            if found is not None and found.status == "closed":
                past = {"$dateSubtract": {"startDate": "$since", "unit": "second", "amount": 3}}
                await raw["sessions"].update_one({"_id": session}, [{"$set": {"since": past}}])
            await self.hurry(session)
            owed = [*(found.outbox if found else []), *(found.chores if found else [])]
            if not owed and not any(c["outbox"] or c["chores"] for c in connections):
                return
            await self.survivor.sweep()
        raise AssertionError(f"session {session} does not come to rest: {owed}, {connections}")

    async def hurry(self, session: SessionId) -> None:
        """What is due later, or was put off, is due now."""
        past, raw = self.outside.store.clock.now() - timedelta(seconds=9), self.outside.store.database
        for collection, where in (("sessions", {"_id": session}), ("connections", {"session_id": session})):
            for owed in ("chores", "outbox"):
                late = {**where, f"{owed}.first": {"$exists": True}} if owed == "outbox" else where
                await raw[collection].update_many(late, {"$set": {f"{owed}.$[].at": past}})
        for collection in ("sessions", "connections", "attachments"):
            mine = {"$or": [{"_id": session}, {"session_id": session}]}
            await raw[collection].update_many(mine, {"$unset": {"due": "", "look": ""}})
        late = {"_id": session, "presence_due": {"$exists": True}}
        await raw["sessions"].update_one(late, {"$set": {"presence_due": past}})


@dataclass
class Scenario:
    """What is there before the work begins, the work, and what must be so afterwards."""

    session: SessionId
    act: Act
    verify: Callable[[Reply | None], Awaitable[None]]
    give_up: Act | None = None


Prepare = Callable[[TrialServers], Awaitable[Scenario]]


def commanded(envelope: Envelope) -> Act:
    """The work of a command: the handler, then what it owes."""

    async def act(wrapper: CrashableWrapper) -> Reply:
        reply = await wrapper.command(envelope)
        wrapper.points.handled = len(wrapper.points.passed)
        await wrapper.ledger.drain()
        return reply

    return act


def abandoned(envelope: Envelope) -> Act:
    """The work of whoever buries a command after its last attempt."""

    async def act(wrapper: CrashableWrapper) -> None:
        await abandon(wrapper.context)(envelope)
        await wrapper.ledger.drain()

    return act


@asynccontextmanager
async def trial_servers(
    servers: Servers, engine: Engine, commands: CommandQueues = "per-session"
) -> AsyncIterator[TrialServers]:
    """Servers and a survivor for the block, sessions by one engine; then nothing may be left on the media server."""
    with run_directory() as logs:
        arguments = ("--port", "0", "--gc-period", str(COLLECT_SECONDS))
        command = Program("mediaserver", python("mediaserver", *arguments), logs / "media.log", None, ROOT)
        async with (
            running(command) as process,
            repositories(servers.database, durable=False) as store,
            open_bus(RabbitSettings(servers.vhost.url, "tests")) as bus,
        ):
            url = str((await process.ready_line())["url"])
            await bus.wait_up(10)
            await store.servers.register(SERVER, url)
            outside = Surroundings(bus, store, url, Published(), engine, commands)
            async with crashable_wrapper(outside, Points()) as survivor:
                await store.servers.mark_reached(SERVER, survivor.id, "one")
                made = {way: await offer(way) for way in ("sendonly", "recvonly")}
                yield TrialServers(servers, outside, survivor, made)
                assert survivor.bugs() == []


async def dies(scenario: Scenario, trial_servers: TrialServers, plan: Plan) -> tuple[Points, Reply | None]:
    """One wrapper works until its point, and is gone with its lease and its socket; its reply, if it came to one."""
    reply = None
    async with crashable_wrapper(trial_servers.outside, Points(plan)) as victim:
        try:
            reply = await scenario.act(victim)
        except* Killed:  # bare, or in the group of tasks in which it happened
            pass
        victim.points.dead = True
        assert victim.bugs() == []
    return victim.points, reply


async def kill(prepare: Prepare, trial_servers: TrialServers, plan: Plan, *, again: bool = True) -> Points:
    """A death at a point (or in the moment after the last), and the same work done by another wrapper."""
    scenario = await prepare(trial_servers)
    points, first = await dies(scenario, trial_servers, plan)
    # Once the handler is through its command may be answered and acked: what is owed then is the sweeps' alone.
    await trial_servers.hurry(scenario.session)
    reply = await scenario.act(trial_servers.survivor) if again or first is None else first
    await trial_servers.quiet(scenario.session)
    await scenario.verify(reply)
    if first is not None and reply is not None:
        assert alike(first) == alike(reply)
    return points


async def dead_letter(prepare: Prepare, trial_servers: TrialServers, plan: Plan) -> Points:
    """A death at a point, after which the command is not tried again but given up."""
    scenario = await prepare(trial_servers)
    points, _ = await dies(scenario, trial_servers, plan)
    assert scenario.give_up is not None
    await scenario.give_up(trial_servers.survivor)
    await trial_servers.quiet(scenario.session)
    await scenario.verify(None)
    return points


async def pause(prepare: Prepare, trial_servers: TrialServers, plan: Plan) -> Points:
    """A stop at a point until the lease has lapsed and another has done the work; then it is woken and goes on."""
    scenario = await prepare(trial_servers)
    async with crashable_wrapper(trial_servers.outside, Points(plan)) as sleeper, asyncio.TaskGroup() as group:
        working = group.create_task(_outcome(scenario, sleeper))
        stopped = group.create_task(sleeper.points.stopped.wait())
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        await trial_servers.outside.store.wrappers.release(sleeper.id)
        await trial_servers.hurry(scenario.session)
        reply = await scenario.act(trial_servers.survivor)
        await trial_servers.survivor.sweep()
        sleeper.points.woken.set()
        late = await working
        await trial_servers.quiet(scenario.session)
        await scenario.verify(reply)
        assert sleeper.bugs() == []
        if late is not None and late.problem is None:
            assert alike(late) == alike(reply)
    return sleeper.points


async def sever(prepare: Prepare, trial_servers: TrialServers, plan: Plan) -> Points:
    """A call that fails with or without its effect: the same wrapper cleans up and tries again, or another does."""
    scenario = await prepare(trial_servers)
    async with crashable_wrapper(trial_servers.outside, Points(plan)) as cut:
        reply = None
        with suppress(Unavailable, Trouble):  # a command is answered; a sweep is put off, and comes again
            reply = await scenario.act(cut)
        await cut.ledger.drain()
        assert cut.bugs() == []
    if reply is None:
        await trial_servers.hurry(scenario.session)
        await scenario.act(trial_servers.survivor)
    await trial_servers.quiet(scenario.session)
    await scenario.verify(reply)
    return cut.points


async def _outcome(scenario: Scenario, wrapper: CrashableWrapper) -> Reply | None:
    return await scenario.act(wrapper)


def alike(reply: Reply | None) -> dict[str, Any]:
    """What may not differ between the replies to a command and to its repeat: the status and the ids."""
    if reply is None:
        return {}
    if reply.problem is not None:
        return {"problem": reply.problem.code}
    result = reply.result or {}
    named = ("session", "participant", "connection")
    ids: dict[str, Any] = {what: result[what]["id"] for what in named if what in result}
    answer = result.get("connection", {}).get("sdp_answer")
    return {**ids, "created": result.get("created"), "answer": answer}
