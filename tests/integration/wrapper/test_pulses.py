"""Who only receives and vanishes is missed before its media server says so; who receives and reads nothing stays."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial

import pytest

from callplane.contracts.commands import Publish, Subscribe
from callplane.contracts.registry import AnyCommand
from callplane.store import receiver_reports
from callplane.store.receiver_reports import ReceiverReports
from testkit.clients.webrtc_peers import TestPeer, peers
from testkit.inprocess.mailbox_reader import read_for
from testkit.inprocess.repositories import Repositories, repositories
from testkit.inprocess.wrappers import RunningWrappers, running_wrappers
from testkit.servers.servers import Database, Servers
from testkit.servers.until import until

FAST = {"sweep_seconds": 0.2, "drop_seconds": 0.3}
STILL_SECONDS = 6.0
LONG = ("--media-timeout", "120", "--address", "127.0.0.1")


async def negotiated(r: RunningWrappers, peer: TestPeer, body: AnyCommand, session: str, seat: str) -> str:
    """Offer, take the answer and the candidates that follow it; the connection."""
    made = (await r.done(body, session))["connection"]
    await peer.answered(made["sdp_answer"])

    async def some() -> bool:
        found = [m for m in await r.mailbox(seat) if m["type"] == "ice-candidate"]
        for message in found:
            await peer.candidate(message["data"]["candidate"])
        return bool(found)

    await until(some)
    return str(made["id"])


async def vanish(peer: TestPeer) -> None:
    """No packet any more, and no good-bye."""
    for transport in {each.receiver.transport for each in peer.connection.getTransceivers()}:
        await transport.transport.stop()


@pytest.mark.long
async def test_a_viewer_that_vanished_goes_and_one_that_reads_nothing_stays(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver_reports, "STILL_SECONDS", STILL_SECONDS)
    async with running_wrappers(servers, 1, media_arguments=LONG, **FAST) as r, peers(3) as (sender, gone, display):
        session = await r.session(grace=8)
        async with AsyncExitStack() as reading:
            ann, bo, cy = seats = [await r.seat(session) for _ in range(3)]
            for seat in seats:
                await reading.enter_async_context(read_for(r.store, seat))
            sender.publish()
            body = Publish(participant_id=ann, sdp_offer=await sender.offer())
            await negotiated(r, sender, body, session, ann)
            for peer, seat in ((gone, bo), (display, cy)):
                peer.view()
                watch = Subscribe(participant_id=seat, publisher=ann, sdp_offer=await peer.offer())
                await negotiated(r, peer, watch, session, seat)
                await peer.decoded()
            await vanish(gone)
        # Nobody's mailbox is read any more: media alone keeps a seat.
        await until(partial(_fewer, r, session, 3), 60)
        await display.decoded()
        # It was looked at for as long as the one that went; had that been an end as well, it would have come by now.
        await asyncio.sleep(1)
        assert await _seated(r, session) == {ann, cy}


async def test_the_same_reports_from_the_first_look_on_are_an_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver_reports, "STILL_SECONDS", 60.0)
    monkeypatch.setattr(receiver_reports, "FIRST_SECONDS", 30.0)
    async with repositories(database) as store:
        watched = ReceiverReports(store.database, store.clock)
        ready = {"state": "ready", "media_state": "connected"}
        for id_ in ("still", "alive", "early", "unsent"):
            await store.database["connections"].insert_one({"_id": id_, **ready})
        since = store.clock.now()

        async def looks(step: int) -> dict[str, bool]:
            seen = {
                "still": ([1.0], 100 * step),
                "alive": ([1.0 * min(step, 2)], 100 * step),  # the last report came later
                "early": ([1.0 * (step > 0)], 100 * step),  # the last one was under way at the first look
                "unsent": ([1.0], 0),  # it receives nothing, and so has nothing to report on
            }
            return {id_: await watched.stopped(id_, since, what, store.soon()) for id_, what in seen.items()}

        nobody = dict.fromkeys(("still", "alive", "early", "unsent"), False)
        assert await looks(0) == await looks(1) == nobody
        await _passes(store)
        assert await looks(2) == {**nobody, "still": True, "early": True}
        assert await looks(3) == {**nobody, "still": True, "early": True}
        await _passes(store)
        assert not (await looks(4))["alive"], "a display that reads no messages"
        since = store.clock.now()  # somebody has read its mailbox in between
        assert await looks(4) == nobody
        await _passes(store)
        assert (await looks(5))["alive"]
        assert not await watched.stopped("never", since, ([1.0], 1), store.soon())


async def test_what_comes_after_a_silence_may_be_reported_on_first(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver_reports, "STILL_SECONDS", 60.0)
    async with repositories(database) as store:
        watched, since = ReceiverReports(store.database, store.clock), store.clock.now()
        await store.database["connections"].insert_one({"_id": "c", "state": "ready", "media_state": "connected"})
        for _ in range(6):
            await _passes(store)
            assert not await watched.stopped("c", since, ([1.0], 7), store.soon())
        assert not await watched.stopped("c", since, ([1.0], 1000), store.soon()), "a key frame, after a muted minute"
        await _passes(store)
        late = store.clock.now() - timedelta(seconds=1)
        assert not await watched.stopped("c", since, ([1.0], 2000), late), "its wrapper was paused since it asked"
        assert await watched.stopped("c", since, ([1.0], 2000), store.soon())


async def _passes(store: Repositories) -> None:
    """As if a minute had."""
    earlier = {f"pulse.{name}": {"$subtract": [f"$pulse.{name}", 61_000]} for name in ("since", "first")}
    await store.database["connections"].update_many({"pulse": {"$exists": True}}, [{"$set": earlier}])


async def _seated(r: RunningWrappers, session: str) -> set[str]:
    found = await r.store.sessions.find(session)
    assert found is not None
    return {seat.id for seat in found.participants}


async def _fewer(r: RunningWrappers, session: str, seats: int) -> bool:
    return len(await _seated(r, session)) < seats
