"""The pool under wrappers: register, cordon, drain, remove, and how calls spread over it (design 7)."""

import asyncio
from collections import Counter
from contextlib import suppress

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from callplane.contracts.commands import Publish
from callplane.contracts.ids import SessionId
from callplane.store.documents import SessionDocument
from callplane.store.mongo.media_codec import media_ref
from callplane.store.server_pool import ServerPool
from testkit.crashes.leak_check import pipelines
from testkit.inprocess.wrappers import RunningWrappers, offer, running_wrappers, until_up
from testkit.servers.servers import Servers
from testkit.servers.until import until

pytestmark = pytest.mark.timeout(90)


async def call(r: RunningWrappers) -> str:
    """A session in which somebody sends."""
    session = await r.session()
    await r.publish(session, await r.seat(session))
    return session


async def now(r: RunningWrappers, session: str) -> SessionDocument:
    """The session as it is."""
    found = await r.store.sessions.find(session)
    assert found is not None
    return found


async def placed(r: RunningWrappers, sessions: list[str]) -> Counter[str]:
    """How many of these calls are on which server; those that have no pipeline are on ``""``."""
    found = await r.store.database["sessions"].find({"_id": {"$in": sessions}}, {"media": 1}).to_list()
    return Counter("" if one["media"] is None else media_ref(one["media"]).server for one in found)


async def names(r: RunningWrappers) -> list[str]:
    """The pool's names, in the order of their addresses."""
    by_url = {server.url: server.name for server in await r.store.servers.all()}
    return [by_url[machine.url] for machine in r.machines.media_servers]


@pytest.mark.long
async def test_one_that_comes_while_we_run_is_used_and_one_that_goes_is_let_go(servers: Servers) -> None:
    async with running_wrappers(servers) as r:
        pool = ServerPool(r.store.database)
        before = await call(r)
        [old] = await names(r)
        machine = await r.machines.start_media_server()
        assert await pool.add("late", machine.url)
        await until_up(r.store, 2)
        await pool.change(old, cordoned=True, draining=None)
        sessions = [await call(r) for _ in range(3)]
        assert await placed(r, sessions) == {"late": 3}
        assert await placed(r, [before]) == {old: 1}
        assert await pool.remove(old) == "busy"
        await pool.change(old, cordoned=None, draining=True)

        async def empty() -> bool:
            return (await placed(r, [before]))["late"] == 1 and await pipelines(r.media(0)) == []

        await until(empty)
        assert await pool.remove(old) == "removed"

        async def closed() -> bool:
            return all(program.context.media.reached() == {"late"} for program in r.programs)

        await until(closed)
        assert await placed(r, [await call(r)]) == {"late": 1}


async def test_a_call_on_a_server_that_is_removed_under_it_goes_on_elsewhere(servers: Servers) -> None:
    async with running_wrappers(servers, media_servers=2, sweep_seconds=0.2) as r:
        session = await call(r)
        media = (await now(r, session)).media
        assert media is not None
        # As if it had been placed right after it was counted: the guard of ``remove`` is passed over.
        await r.store.database["media_servers"].delete_one({"_id": media.server})

        async def moved() -> bool:
            document = await now(r, session)
            return document.epoch == 2 and document.media is not None and not document.chores

        await until(moved)


async def test_an_address_of_no_use_costs_no_other_server(servers: Servers) -> None:
    async with running_wrappers(servers, wrappers=1) as r:
        await r.store.servers.register("odd", f"ws://{'x' * 70}.example/")
        await r.store.servers.register("odder", "ws://127.0.0.1:x/")
        await r.start()
        with capture_logs() as logs:
            await until(lambda: _said(logs, {"odd", "odder"}))
        session = await call(r)
        assert list(await placed(r, [session])) == await names(r)


async def _said(logs: list[EventDict], servers: set[str]) -> bool:
    """Whether there was a word about each of these servers."""
    return {entry["server"] for entry in logs if entry["event"] == "a media server cannot be kept"} >= servers


@pytest.mark.long
async def test_a_drain_moves_every_call_once_at_its_pace(servers: Servers) -> None:
    async with running_wrappers(servers, media_servers=2, drain_per_second=4, sweep_seconds=0.2) as r:
        pool = ServerPool(r.store.database)
        one, two = await names(r)
        await pool.change(two, cordoned=True, draining=None)
        sessions = [await call(r) for _ in range(10)]
        assert await placed(r, sessions) == {one: 10}
        before = {session: (await now(r, session)).version for session in sessions}
        await pool.change(two, cordoned=False, draining=None)
        began = asyncio.get_running_loop().time()
        await pool.change(one, cordoned=None, draining=True)
        shown = await pool.find(one)
        assert shown is not None
        assert (shown.state, shown.cordoned, shown.detail) == ("draining", True, "")

        async def left(count: int) -> None:
            async def fewer() -> bool:
                return len(await r.store.sessions.on_server(one, 100)) <= count

            await until(fewer, 20)

        await left(0)
        # Ten at four a second: two full seconds and a bit, whichever of the two wrappers moves them.
        assert asyncio.get_running_loop().time() - began > 1.5

        async def settled() -> bool:
            there = [await now(r, session) for session in sessions]
            return all(document.media is not None and not document.chores for document in there)

        await until(settled)
        assert await placed(r, sessions) == {two: 10}
        # media-lost and media-ready, each once: two visible changes, one epoch more
        after = {session: await now(r, session) for session in sessions}
        assert {session: document.version - 2 for session, document in after.items()} == before
        assert {document.epoch for document in after.values()} == {2}
        assert await pipelines(r.media(0)) == []
        shown = await pool.find(one)
        assert shown is not None
        assert (shown.state, shown.cordoned, shown.sessions) == ("up", True, 0)


@pytest.mark.long
async def test_what_was_left_to_others_is_listened_to_again_when_its_server_matters_no_more(servers: Servers) -> None:
    async with running_wrappers(servers, media_servers=2, sweep_seconds=0.2) as r:
        pool = ServerPool(r.store.database)
        [program, _] = r.programs
        moved, waiting = await call(r), await r.session()
        server = (await now(r, moved)).server or ""
        assert await pool.add("late", (await r.machines.start_media_server()).url)

        async def seen() -> bool:
            return "late" in program.context.media.reached()

        await until(seen)

        async def cut_off() -> bool:
            """As a wrapper is from both; that the late one is reached may be acted upon a moment after it is seen."""
            await program.session_queues.exclude(SessionId(moved), server)
            await program.session_queues.exclude(SessionId(waiting), "late")
            await program.session_queues.catch_up()
            return not program.listener.listening() & {moved, waiting}

        await until(cut_off)
        await pool.change("late", cordoned=True, draining=None)
        await pool.change(server, cordoned=None, draining=True)
        assert await pool.remove("late") == "removed"

        async def heard() -> bool:
            return program.listener.listening() >= {moved, waiting}

        await until(heard)


async def test_a_drain_waits_for_room_elsewhere(servers: Servers) -> None:
    async with running_wrappers(servers, media_servers=2, sweep_seconds=0.1) as r:
        pool = ServerPool(r.store.database)
        one, two = await names(r)
        await pool.change(two, cordoned=True, draining=None)
        session = await call(r)
        await pool.change(one, cordoned=None, draining=True)

        async def waits() -> bool:
            shown = await pool.find(one)
            return shown is not None and (shown.state, bool(shown.detail)) == ("draining", True)

        await until(waits)
        await asyncio.sleep(0.5)  # some looks of each wrapper: nothing may happen, which no event can tell
        document = await now(r, session)
        assert (document.epoch, document.server) == (1, one)
        await pool.change(two, cordoned=False, draining=None)

        async def moved() -> bool:
            return (await placed(r, [session])) == {two: 1}

        await until(moved)


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_calls_that_begin_together_spread_evenly(servers: Servers) -> None:
    async with running_wrappers(servers, media_servers=2) as r:
        # Nobody reads their mailboxes: on a machine that others use their seats must outlast the waiting.
        sessions = [
            session for _ in range(5) for session in await asyncio.gather(*(r.session(grace=900) for _ in range(20)))
        ]
        seats = [await r.seat(session) for session in sessions]
        sdp = await offer("sendonly")

        async def offered() -> bool:
            """As people do: who has waited in vain, for a machine that others use gave all up in time, offers again."""
            without = [(await now(r, session)).media is None for session in sessions]
            for session, seat, asks in zip(sessions, seats, without, strict=True):
                if asks:
                    await r.post(Publish(participant_id=seat, sdp_offer=sdp), session)
            with suppress(TimeoutError):
                await until(all_placed, 60)
            return await all_placed()

        async def all_placed() -> bool:
            return (await placed(r, sessions))[""] == 0

        await until(offered, 200)
        spread = await placed(r, sessions)
        assert all(40 <= spread[name] <= 60 for name in await names(r)), spread
