"""Streams of the others: one of each source, the same through losses and swaps, received where it is wanted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from callplane_client import AsyncSeat
from callplane_client.media import RemoteStream, streams
from callplane_client.media.plans import Plan, Signalling
from callplane_client.media.roster import Roster
from callplane_client.media.streams import Streams, Told
from callplane_client.shapes import Participant, Stream
from tests.unit.callplane_client.media.test_roster import session


class Silent:
    """A connection that offers nothing."""

    made: list["Silent"]

    def __init__(self, signalling: Signalling, plan: Plan) -> None:
        self.plan, self.state, self.id, self.error = plan, "connected", None, None
        self.calls: list[str] = []
        self.made.append(self)

    def start(self) -> None:
        self.calls.append("start")

    def wake(self) -> None: ...

    def restart(self) -> None:
        self.calls.append("restart")

    def close(self, tell: bool = True) -> None:
        self.calls.append(f"close {tell}")

    async def ended(self) -> None: ...

    async def bytes_received(self) -> int:
        return 7


class Everybody:
    """A roster with its streams."""

    def __init__(self, made: Streams, roster: Roster) -> None:
        self.streams, self.roster = made, roster

    def send(self, *sent: tuple[str, str], who: str = "bo", **hint: Any) -> list[RemoteStream]:
        """Somebody sends these now, by connection and source."""
        found = [Stream(connection_id=connection, source=source) for connection, source in sent]
        self.roster.participants[who] = Participant(id=who, streams=found)
        self.streams.settle(**hint)
        return self.streams.now

    def lose(self) -> None:
        """The media server is lost."""
        self.roster.session = self.roster.session.model_copy(update={"epoch": self.roster.session.epoch + 1})
        self.send()


@asynccontextmanager
async def everybody(monkeypatch: pytest.MonkeyPatch, auto: bool = True) -> AsyncIterator[Everybody]:
    Silent.made = []
    monkeypatch.setattr(streams, "MediaConnection", Silent)
    roster = Roster(session(1, {"id": "me"}))
    seat = AnsweringSeatId()
    async with asyncio.TaskGroup() as tasks:
        signalling = Signalling(cast(AsyncSeat, seat), tasks, lambda: roster.session.epoch, [], lambda *_: None)
        made = Streams(signalling, roster, auto, Told(lambda: None, lambda *_: None))
        yield Everybody(made, roster)
        await made.left()


class AnsweringSeatId:
    id = "me"


async def test_each_stream_is_received_once_and_names_itself_where_there_are_several(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with everybody(monkeypatch) as all_:
        [camera] = all_.send(("b1", "camera"))
        assert Silent.made[0].plan.offer() == {"publisher": "bo"}
        assert all_.send(("b1", "camera"), ("b2", "screen"))[0] is camera
        assert [one.plan.offer() for one in Silent.made] == [
            {"publisher": "bo", "stream": "b1"},
            {"publisher": "bo", "stream": "b2"},
        ]
        [left] = all_.send(("b2", "screen"))
        assert (left.source, camera.is_over, Silent.made[0].calls) == ("screen", True, ["start", "close True"])
        await asyncio.sleep(0)
        assert all_.streams.bytes_before == 7


async def test_a_stream_outlives_a_loss_and_waits_for_its_heir(monkeypatch: pytest.MonkeyPatch) -> None:
    async with everybody(monkeypatch) as all_:
        camera, screen = all_.send(("b1", "camera"), ("b2", "screen"))
        all_.lose()
        assert [one.plan.offer() for one in Silent.made] == [None, None]
        assert all_.send(("b3", "screen")) == [camera, screen]
        assert (camera.connection_id, screen.connection_id) == (None, "b3")
        del all_.roster.participants["bo"]
        all_.streams.settle()
        assert (camera.is_over, all_.streams.now) == (True, [])


async def test_a_swap_moves_what_is_received_unless_the_server_could_not(monkeypatch: pytest.MonkeyPatch) -> None:
    async with everybody(monkeypatch) as all_:
        [camera] = all_.send(("b1", "camera"))
        assert all_.send(("b2", "camera"), swapped="bo") == [camera]
        assert (camera.connection_id, Silent.made[0].calls) == ("b2", ["start"])
        all_.send(("b2", "camera"), ended="b1")
        assert Silent.made[0].calls == ["start", "restart"]
        assert all_.send(("b4", "camera")) != [camera]


async def test_what_is_not_wanted_is_not_received(monkeypatch: pytest.MonkeyPatch) -> None:
    async with everybody(monkeypatch, auto=False) as all_:
        [camera] = all_.send(("b1", "camera"))
        assert (camera.subscribed, camera.media, Silent.made) == (False, "none", [])
        camera.subscribe()
        camera.subscribe()
        assert (camera.subscribed, camera.media, len(Silent.made)) == (True, "connected", 1)
        camera.unsubscribe()
        assert (camera.subscribed, Silent.made[0].calls) == (False, ["start", "close True"])


async def test_iterating_gives_each_that_comes_until_the_seat_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with everybody(monkeypatch) as all_:
        all_.send(("b1", "camera"))
        seen: list[str] = []

        async def see() -> None:
            async for one in all_.streams:
                seen.append(one.source)
                if one.source == "camera":
                    all_.send(("b1", "camera"), ("b2", "screen"))
                else:
                    asyncio.get_running_loop().create_task(all_.streams.left())

        async with asyncio.timeout(10):
            await see()
        assert seen == ["camera", "screen"]
