"""Messages of a seat: each once and in order, whatever its door does; resynchronisation; the end."""

from collections import deque
from typing import Any

import pytest

from callplane_client import AsyncMessages, CallplaneError, Refused, Retries, Unreachable
from callplane_client.aio import messages as module
from callplane_client.aio.http import AsyncCaller, AsyncHttp, AsyncWay
from callplane_client.asking import Credential
from callplane_client.place import REMEMBERED, Place
from callplane_client.shapes import Batch, Message, Session

AT = "2026-01-05T09:00:00Z"
LIMITS = {"max_participants": 9, "empty_timeout": 1, "departure_timeout": 1, "grace": 1, "created_at": AT}
GONE = Refused(410, {"code": "join-again", "reason": "session-closed"})


def message(n: int, type_: str = "signal", version: int | None = None) -> Message:
    return Message(id=str(n), type=type_, session_id="s", version=version, at=AT, data={})


def batch(*numbers: int) -> Batch:
    return Batch(messages=[message(n) for n in numbers], ack=f"ack-{numbers[-1]}" if numbers else None)


class Scene:
    """A script of answers for each door, and what was asked of which."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **scripts: list[Batch | CallplaneError]) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.looked = 0
        self.snapshot = Session(id="s", version=7, epoch=1, **LIMITS)
        self._scripts = {name: deque(script) for name, script in scripts.items()}
        scene = self

        class Door:
            """A door that reads its script."""

            def __init__(self, name: str) -> None:
                self.name, self.spoke = name, False

            async def next(self, ack: str | None, wait: float) -> Batch:
                scene.asked.append((self.name, ack))
                answer = scene._scripts[self.name].popleft()
                if isinstance(answer, CallplaneError):
                    raise answer
                self.spoke = True
                return answer

            async def aclose(self) -> None:
                pass

        monkeypatch.setattr(module, "DOORS", {name: lambda _, n=name: Door(n) for name in ("websocket", "sse", "poll")})
        monkeypatch.setattr(module, "AsyncPollDoor", lambda _: Door("poll"))
        way = AsyncWay(Retries(base=0, cap=0))
        self._caller = AsyncCaller(AsyncHttp(["http://calls.test"], way), Credential())

    async def look(self) -> Session:
        self.looked += 1
        if isinstance(trouble := self._scripts.get("look"), deque) and trouble:
            raise trouble.popleft()  # type: ignore[misc]
        return self.snapshot

    def messages(self, **place: Any) -> AsyncMessages:
        return AsyncMessages(self._caller, self.look, Place(**place))


async def ids(messages: AsyncMessages) -> list[str]:
    return [one.id async for one in messages]


async def test_a_batch_is_acknowledged_when_the_next_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, websocket=[batch(1, 2), batch(3), GONE])
    messages = scene.messages(ack="before")
    assert await ids(messages) == ["1", "2", "3"]
    assert [ack for _, ack in scene.asked] == ["before", "ack-2", "ack-3"]
    assert messages.ended is GONE


async def test_what_is_being_dealt_with_is_not_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    messages = Scene(monkeypatch, websocket=[batch(1, 2)]).messages()
    await anext(messages)
    await anext(messages)
    assert messages.place.ack is None


async def test_a_cut_is_followed_by_a_poll_and_then_by_the_same_door(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = Unreachable("cut")
    scene = Scene(monkeypatch, websocket=[batch(1), cut, batch(4), GONE], poll=[cut, batch(1, 2, 3)])
    assert await ids(scene.messages()) == ["1", "2", "3", "4"]
    told = ["websocket", "websocket", "poll", "poll", "websocket", "websocket"]
    assert [name for name, _ in scene.asked] == told
    assert scene.asked[4] == ("websocket", "ack-3")


async def test_a_door_that_never_speaks_is_left_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    mute = Unreachable("blocked")
    scene = Scene(monkeypatch, websocket=[mute] * 2, sse=[mute] * 2, poll=[*[Batch()] * 4, batch(1), GONE])
    messages = scene.messages()
    assert await ids(messages) == ["1"]
    assert messages.transport == "poll"
    assert [name for name, _ in scene.asked][:8] == ["websocket", "poll"] * 2 + ["sse", "poll"] * 2


async def test_a_server_that_is_away_costs_no_door(monkeypatch: pytest.MonkeyPatch) -> None:
    away = Unreachable("away")
    scene = Scene(monkeypatch, websocket=[away, batch(1), GONE], poll=[*[away] * 9, Batch()])
    messages = scene.messages()
    assert await ids(messages) == ["1"]
    assert messages.transport == "websocket"


async def test_after_a_resync_what_the_snapshot_knows_is_not_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = Batch(
        messages=[
            message(1, "resync-required"),
            message(2, "participant-left", version=7),
            message(3, "participant-left", version=8),
            message(4),
        ],
        ack="4",
    )
    messages = Scene(monkeypatch, websocket=[lost, GONE]).messages(version=3)
    told = [one async for one in messages]
    assert [one.id for one in told] == ["1", "3", "4"]
    assert told[0].snapshot is not None
    assert told[0].snapshot.version == messages.place.version == 7
    assert [one.snapshot for one in told[1:]] == [None, None]


async def test_a_resync_that_cannot_look_is_told_once_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = Batch(messages=[message(1, "resync-required"), message(2)], ack="2")
    scene = Scene(monkeypatch, websocket=[lost, GONE], look=[Unreachable("away")])
    messages = scene.messages()
    with pytest.raises(Unreachable):
        await anext(messages)
    assert await ids(messages) == ["1", "2"]
    assert scene.looked == 2


async def test_what_the_join_has_shown_is_not_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Batch(messages=[message(n, "participant-joined", version=n) for n in (4, 5, 6)], ack="6")
    assert await ids(Scene(monkeypatch, websocket=[first, GONE]).messages(version=5)) == ["6"]


async def test_another_reader_is_an_error_and_the_place_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    replaced = Refused(409, {"code": "poll-replaced"})
    messages = Scene(monkeypatch, websocket=[batch(1), replaced, batch(2), GONE]).messages()
    assert (await anext(messages)).id == "1"
    with pytest.raises(Refused, match="poll-replaced"):
        await anext(messages)
    assert messages.place.ack == "ack-1"
    assert await ids(messages) == ["2"]


async def test_trouble_without_an_end_is_raised_and_reading_can_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    away = Unreachable("away")
    messages = Scene(monkeypatch, websocket=[away, batch(1), GONE], poll=[away]).messages()
    messages.patience = 0
    with pytest.raises(Unreachable):
        await anext(messages)
    assert await ids(messages) == ["1"]


async def test_waiting_for_one_message_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    messages = Scene(monkeypatch, websocket=[Batch(), batch(1), GONE]).messages()
    assert await messages.get(0) is None
    told = await messages.get(5)
    assert told is not None
    assert told.id == "1"
    assert await messages.get(5) is None


def test_a_place_remembers_more_than_a_mailbox_holds() -> None:
    place = Place()
    assert all(place.take(message(n)) for n in range(REMEMBERED + 1))
    assert [place.take(message(n)) for n in (0, 500, REMEMBERED)] == [True, False, False]


async def test_one_door_alone_is_never_helped_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = Unreachable("cut")
    scene = Scene(monkeypatch, websocket=[cut, cut, cut, batch(1), cut, batch(2), GONE])
    messages = scene.messages().by("websocket")
    assert await ids(messages) == ["1", "2"]
    assert {name for name, _ in scene.asked} == {"websocket"}


async def test_nothing_is_asked_for_behind_the_end_of_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = Message(id="2", type="session-closed", session_id="s", version=9, at=AT, data={"reason": "maintenance"})
    scene = Scene(monkeypatch, websocket=[Batch(messages=[message(1), closed], ack="2")])
    messages = scene.messages()
    assert await ids(messages) == ["1", "2"]
    assert messages.ended is not None
    assert (messages.ended.code, messages.ended.reason, len(scene.asked)) == ("session-closed", "maintenance", 1)
