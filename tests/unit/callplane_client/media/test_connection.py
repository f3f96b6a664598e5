"""Connection of media: offers again after each loss, waits for answers by mailbox, and leaves nothing behind."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import cast

import pytest
from aioice import Connection as IceConnection
from aiortc import RTCDtlsTransport

from callplane_client import AsyncSeat, CallplaneError, Refused, Unreachable
from callplane_client.fields import Kind, Offer
from callplane_client.media import ReceivedTrack, connection
from callplane_client.media.connection import MediaConnection
from callplane_client.media.early import Early
from callplane_client.media.peer import Peer
from callplane_client.media.plans import Plan, Signalling
from testkit.servers.until import until
from tests.unit.callplane_client.media.answering_seat import AnsweringSeat


class Line:
    """One connection that receives, and who answers it."""

    def __init__(self, seat: AnsweringSeat, tasks: asyncio.TaskGroup) -> None:
        self.seat = seat
        self.wanted: Offer | None = {"publisher": "ada"}
        self.troubles: list[CallplaneError] = []
        self.states: list[str] = []
        self.tracks = {kind: ReceivedTrack(kind) for kind in ("audio", "video")}
        self.signalling = Signalling(cast(AsyncSeat, seat), tasks, lambda: seat.epoch, [], self._troubled)
        plan = Plan("subscribe", lambda: self.wanted, self._fill, self._changed, self.tracks)
        self.connection = MediaConnection(self.signalling, plan, "earlier")

    def _troubled(self, kind: Kind, error: CallplaneError, is_last: bool) -> None:
        self.troubles.append(error)

    def _fill(self, peer: Peer) -> None:
        for kind in self.tracks:
            peer.receive(kind)

    def _changed(self) -> None:
        self.states.append(self.connection.state)

    async def flows(self) -> None:
        """Wait for another picture."""
        async with asyncio.timeout(30):
            before = self.tracks["video"].count
            while self.tracks["video"].count <= before:
                await self.tracks["video"].recv()


def in_state(line: Line, state: str) -> bool:
    return line.connection.state == state


@asynccontextmanager
async def running(seat: AnsweringSeat) -> AsyncIterator[Line]:
    """For the block; behind it nothing is left."""
    before = asyncio.all_tasks()
    async with asyncio.TaskGroup() as tasks:
        line = Line(seat, tasks)
        line.connection.start()
        try:
            yield line
        finally:
            line.connection.close()
            await line.connection.ended()
    await seat.close()
    await until(lambda: _done(asyncio.all_tasks() - before), 10)


async def _done(tasks: set[asyncio.Task[object]]) -> bool:
    return not tasks


async def test_it_offers_again_after_a_loss_and_goes_on_in_one_time_line() -> None:
    seat = AnsweringSeat()
    async with running(seat) as line:
        await line.flows()
        first = (await line.tracks["video"].recv()).time
        seat.epoch = 2
        line.connection.wake()
        await seat.until_offers(2)
        await line.flows()
        assert (await line.tracks["video"].recv()).time > first
        line.connection.restart()
        await seat.until_offers(3)
        await line.flows()
    told = [{name: value for name, value in each.items() if name != "sdp"} for each in seat.offers]
    offer = {"kind": "subscribe", "publisher": "ada"}
    # What an epoch has taken with it cannot be replaced.
    assert told == [{**offer, "replaces": "earlier"}, offer, {**offer, "replaces": "c2"}]
    assert seat.stopped == ["c3"]
    assert line.states[:3] == ["connected", "reconnecting", "connected"]


async def test_a_lost_endpoint_is_closed_beside_the_next_offers_and_only_so_many_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    close, closing, may_end = Peer.close, 0, asyncio.Event()

    async def slowly(peer: Peer) -> None:
        nonlocal closing
        closing += 1
        await may_end.wait()
        closing -= 1
        await close(peer)

    monkeypatch.setattr(Peer, "close", slowly)
    seat = AnsweringSeat()
    async with running(seat) as line:
        try:
            for number in range(1, connection.MOST_CLOSING + 1):
                await seat.until_offers(number)
                await until(lambda: _is(line, "connected"), 20)
                line.connection.restart()
            await seat.until_offers(connection.MOST_CLOSING + 1)
            await until(lambda: _is(line, "connected"), 20)
            line.connection.restart()
            await until(lambda: _is(line, "reconnecting"), 20)
            assert len(seat.offers) == closing + 1 == connection.MOST_CLOSING + 1
        finally:
            may_end.set()
        await seat.until_offers(connection.MOST_CLOSING + 2)
        await line.flows()
    assert closing == 0


async def test_an_answer_by_mailbox_is_waited_for() -> None:
    seat = AnsweringSeat()
    seat.by_mailbox = True
    async with running(seat) as line:
        line.signalling.early.resolve("of c0", Refused(500, {}))  # of somebody else
        await until(lambda: _has(seat.answers, "c1"), 20)
        line.signalling.early.resolve("of c1", seat.answers["c1"])
        await line.flows()


async def test_what_the_mailbox_says_before_the_reply_is_kept() -> None:
    early = Early()
    early.resolve("c1", "an answer")
    early.keep("c1", {"candidate": "1"})
    early.keep("c1", {"candidate": "2"})
    assert await early.outcome("c1", 1) == "an answer"
    assert [[each["candidate"] for each in early.candidates("c1")], early.candidates("c1")] == [["1", "2"], []]
    early.resolve("c2", Refused(409, {"code": "wrong-state"}))
    with pytest.raises(Refused):
        await early.outcome("c2", 1)
    with pytest.raises(TimeoutError):
        await early.outcome("c3", 0.01)
    for n in range(1000):
        early.keep(f"of {n}", {"candidate": "1"})
    assert (early.candidates("of 0"), len(early.candidates("of 999"))) == ([], 1)


async def _has(answers: dict[str, str], connection_id: str) -> bool:
    return connection_id in answers


async def test_refusals_that_pass_are_asked_again_and_others_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "Retries", partial(connection.Retries, base=0.01))
    seat = AnsweringSeat()
    gone, state = Refused(404, {"code": "not-found"}), Refused(409, {"code": "wrong-state"})
    seat.troubles = [gone, Unreachable("away"), state, Refused(403, {"code": "forbidden"})]
    async with running(seat) as line:
        async with asyncio.timeout(20):
            await line.connection.answered
        assert [getattr(each, "code", "") for each in line.troubles] == ["not-found", "", "wrong-state", "forbidden"]
        assert (line.connection.error, line.connection.state) == (line.troubles[-1], "closed")
    assert [each.get("replaces") for each in seat.offers] == ["earlier", None, None, None]
    assert seat.stopped == []


async def test_what_is_on_its_way_when_it_is_closed_is_stopped() -> None:
    seat = AnsweringSeat()
    seat.gate.clear()
    async with running(seat) as line:
        await seat.until_offers(1)
        line.connection.close()
        seat.gate.set()
    assert seat.stopped == ["c1"]


async def test_it_waits_until_there_is_something_to_offer_for() -> None:
    seat = AnsweringSeat()
    async with running(seat) as line:
        await line.flows()
        line.wanted, seat.epoch = None, 2
        line.connection.wake()
        await until(lambda: _is(line, "reconnecting"), 20)
        assert (len(seat.offers), line.connection.cause) == (1, "media-lost")
        line.wanted = {"publisher": "ada", "stream": "s2"}
        line.connection.wake()
        await line.flows()
        assert seat.offers[-1]["stream"] == "s2"


async def _is(line: Line, state: str) -> bool:
    return in_state(line, state)


async def test_slow_candidates_follow_the_offer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callplane_client.media.peer.GATHER_SECONDS", 0)
    seat = AnsweringSeat()
    async with running(seat) as line:
        await line.flows()
    assert "a=candidate" not in seat.offers[0]["sdp"]
    assert {each["sdpMLineIndex"] for each in seat.trickled["c1"]} == {0, 1}
    assert all(each["candidate"].startswith("candidate:") for each in seat.trickled["c1"])


async def test_what_connects_while_it_is_closed_starts_nothing_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    shake_hands, connected, go = RTCDtlsTransport._do_handshake, asyncio.Event(), asyncio.Event()

    async def slowly(transport: RTCDtlsTransport) -> None:
        await shake_hands(transport)
        connected.set()
        await go.wait()

    monkeypatch.setattr(RTCDtlsTransport, "_do_handshake", slowly)
    seat = AnsweringSeat()
    async with running(seat) as line:
        await _closed_at(line, connected, go)
        assert [thread.name for thread in threading.enumerate() if "decoder" in thread.name] == []


async def test_who_is_closed_when_it_has_just_been_reached_asks_for_no_consent(monkeypatch: pytest.MonkeyPatch) -> None:
    connect, reached, go = IceConnection.connect, asyncio.Event(), asyncio.Event()

    async def slowly(ice: IceConnection) -> None:
        checked = ice._check_list_state.get

        async def late() -> int:
            result = await checked()
            reached.set()
            await go.wait()
            return result

        monkeypatch.setattr(ice._check_list_state, "get", late)
        await connect(ice)

    monkeypatch.setattr(IceConnection, "connect", slowly)
    async with running(AnsweringSeat()) as line:
        peer = await _closed_at(line, reached, go)
        consents = [
            one.sender.transport.transport._connection._query_consent_task for one in peer._pc.getTransceivers()
        ]
        assert [one for one in consents if one is None or not one.done()] == []


async def _closed_at(line: Line, point: asyncio.Event, go: asyncio.Event) -> Peer:
    """Its peer, closed where connecting waits at this point, which then goes on."""
    async with asyncio.timeout(20):
        await point.wait()
    peer = line.connection._peer
    assert peer is not None
    line.connection.close()
    await until(lambda: _is_closed(peer), 20)
    go.set()
    await line.connection.ended()
    return peer


async def _is_closed(peer: Peer) -> bool:
    return peer._pc.signalingState == "closed"
