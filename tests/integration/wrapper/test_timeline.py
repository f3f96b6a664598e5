"""Timeline: a session's events, folded, are its snapshot at every version; each is kept once, and for some days."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callplane.bus.memory.events import MemoryEvents
from callplane.bus.ports import Topology
from callplane.concurrency import alongside
from callplane.contracts.commands import Caller
from callplane.contracts.events import CloudEvent, asked_by
from callplane.contracts.ids import CommandId, ConnectionId, ParticipantId, SessionId, new_id
from callplane.contracts.messages import Message
from callplane.contracts.shapes import GrantChanges
from callplane.store.documents import ConnectionDocument, Seat
from callplane.store.seats import SeatGuard
from callplane.store.timeline import Part, Timeline
from callplane.store.views import participant_view, session_view
from testkit.clients.event_fold import folded
from testkit.inprocess.repositories import Repositories, repositories
from testkit.inprocess.sharing import share
from testkit.servers.servers import Database
from testkit.servers.until import until
from wrapper.effects.outbox import Outbox
from wrapper.effects.timeline import TimelineWriter

STEPS = 20


class Mailboxes:
    """Nobody listens."""

    async def to_session(self, _session: SessionId, _messages: list[Message]) -> str:
        """Taken."""
        return "all"


class Room:
    """A session in which random things happen, whose snapshots are remembered by their versions."""

    def __init__(self, store: Repositories, session: SessionId, chance: random.Random, events: MemoryEvents) -> None:
        self.store = store
        self.session = session
        self.chance = chance
        self.seen: dict[int, dict[str, Any]] = {}
        topology: Any = Topology
        mailboxes: Any = Mailboxes()
        self._outbox = Outbox(store.sessions, store.connections, mailboxes, topology, events)

    async def look(self) -> int:
        """Remember what is shown now; its version."""
        found = await self.store.sessions.find(self.session)
        assert found is not None
        self.seen[found.version] = session_view(found).model_dump(mode="json")
        return found.version

    async def carry(self) -> None:
        """Publish what waits, as a carrier does, or two at once, and so maybe twice."""
        await self._outbox.carry_session(await self.store.sessions.find(self.session))

    async def happen(self) -> None:
        """One thing, by one of three, who may not be there."""
        who, store = ParticipantId(self.chance.choice("abc")), self.store
        match self.chance.randrange(11):
            case 0 | 1:
                grants = self.chance.choice((None, GrantChanges(signal=False)))
                seat = Seat(id=who, grants=grants)
                await store.seats.take(self.session, seat, CommandId(new_id()), store.soon())
            case 2 if self.chance.random() < 0.4:
                await store.seats.pull(self.session, who, "left")
            case 3:
                turn = store.seats.reconnecting if self.chance.random() < 0.6 else store.seats.reconnected
                await turn(self.session, who)
            case 4:
                await self._stream(who)
            case 5:
                settings = self.chance.choice(({"grace": 7}, {"metadata": {"$a": [None, 2**70]}}, {"empty_timeout": 9}))
                await store.sessions.update(self.session, CommandId(new_id()), settings, store.soon(), None)
            case 6 if self.chance.random() < 0.3:
                found = await store.sessions.find(self.session)
                assert found is not None
                await store.media.lose(found, "pipeline-lost", pipeline_lives=False)
            case 7:
                await self.carry()
            case 8 if self.chance.random() < 0.3:
                guard = SeatGuard(CommandId(new_id()), store.soon())
                await store.seats.mute_everybody(self.session, ["audio"], [who], guard)
            case 9 | 10:
                await share(store, self.session, who, self.chance)
            case _:
                await self._update(who)
        await self.look()

    async def _update(self, who: ParticipantId) -> None:
        until_ = (datetime.now(UTC) + timedelta(seconds=60)).isoformat()
        changes = self.chance.choice(
            (
                {"presence": {"show": "away", "status": "lunch", "until": until_}},
                {"hand_raised": self.chance.random() < 0.6},
                {"muted": {self.chance.choice(("audio", "video")): self.chance.random() < 0.5}},
                {"name": self.chance.choice("NM"), "metadata": {"a.b": {"$ref": None}}},
                {"role": self.chance.choice(("publisher", "moderator"))},
                {"grants": {"chat": self.chance.random() < 0.5}},
                {"role": "moderator", "grants": {"subscribe": False}},
            )
        )
        found = await self.store.sessions.find(self.session)
        seat = found.seat(who) if found is not None else None
        if found is not None and seat is not None:
            guard = SeatGuard(CommandId(new_id()), self.store.soon())
            await self.store.seats.update(self.session, participant_view(found, seat), changes, guard)

    async def _stream(self, who: ParticipantId) -> None:
        one, other = (ConnectionId(f"{who}-{n}") for n in self.chance.sample((1, 2), 2))
        found = await self.store.sessions.find(self.session)
        seat = found.seat(who) if found is not None else None
        if found is None or seat is None:
            return
        fields = {"_id": one, "session_id": self.session, "participant_id": who, "state": "ready"}
        made = ConnectionDocument.model_validate({**fields, "epoch": found.epoch, "media": ["audio"]})
        match self.chance.randrange(3):
            case 0:
                await self.store.media.unpublish(self.session, who, one, "stopped")
            case 1 if one not in {each.connection_id for each in found.streams_of(who)}:
                await self.store.media.replace(made, other, participant_view(found, seat))
            case _:
                await self.store.media.publish(made)


@pytest.mark.parametrize("seed", range(2))
async def test_a_sessions_events_folded_are_its_snapshot_at_every_version(database: Database, seed: int) -> None:
    """Whether they were published one by one or many at once, by changes that came alone or ten together."""
    chance, events = random.Random(seed), MemoryEvents()
    async with repositories(database, durable=False) as store:
        timeline = Timeline(store.database)
        room = Room(store, (await store.session()).id, chance, events)
        await room.look()
        async with alongside(TimelineWriter(timeline, events).run()):
            for _ in range(STEPS):
                await asyncio.gather(*(room.happen() for _ in range(chance.choice((1, 1, 2, 10)))))
                if chance.random() < 0.3:
                    await asyncio.gather(room.carry(), room.carry())
            await store.sessions.close(room.session, "closed")
            last = await room.look()
            await room.carry()

            async def kept() -> bool:
                return len(await timeline.page(room.session, Part(limit=5000))) == last - 1

            await until(kept)
        shown, most = room.seen[1], 0
        for event in await timeline.page(room.session, Part(limit=5000)):
            shown = folded(shown, event)
            most = max(most, len(shown["participants"]))
            if (then := room.seen.get(shown["version"])) is not None:
                assert _by_id(shown) == _by_id(then), event
        assert shown["version"] == last > STEPS // 2
        assert (shown["status"], shown["peak_participants"]) == ("closed", most)


def _by_id(shown: dict[str, Any]) -> dict[str, Any]:
    return {**shown, "participants": sorted(shown["participants"], key=lambda one: one["id"])}


def _event(session: SessionId, version: int, **fields: Any) -> CloudEvent:
    given = {"id": f"{session}:{version}", "source": f"/v1/sessions/{session}", "type": "media-ready", "time": _now()}
    return CloudEvent.model_validate(
        {**given, "sessionid": session, "sessionversion": version, "data": {"epoch": 1}, **fields}
    )


def _now() -> datetime:
    return datetime.now(UTC)


async def test_a_timeline_is_read_by_version_and_type_and_by_the_tenant_alone(database: Database) -> None:
    async with repositories(database) as store:
        timeline, session = Timeline(store.database, days=2), SessionId(new_id())
        events = [_event(session, n, tenant="shop", type="media-lost" if n % 2 else "media-ready") for n in range(1, 8)]
        await timeline.record(events[3:])
        await timeline.record(events)  # again, and the ones before

        async def versions(part: Part, tenant: str | None = "shop") -> list[int]:
            return [one["sessionversion"] for one in await timeline.page(session, part, tenant)]

        assert await versions(Part()) == [1, 2, 3, 4, 5, 6, 7]
        assert await versions(Part(after=2, limit=3)) == [3, 4, 5]
        assert await versions(Part(after=1, type="media-lost")) == [3, 5, 7]
        assert await versions(Part(), "club") == []
        assert await timeline.knows(session, "shop")
        assert not await timeline.knows(session, "club")
        found = await store.database["events"].find_one({"_id": f"{session}:1"}, {"expires_at": 1})
        assert found is not None
        assert timedelta(days=1) < found["expires_at"] - _now() < timedelta(days=3)


async def test_an_event_names_who_asked_for_the_change(database: Database) -> None:
    events, seen = MemoryEvents(), list[CloudEvent]()
    async with repositories(database) as store:
        session = (await store.session()).id
        room = Room(store, session, random.Random(0), events)

        async def take(batch: Any) -> None:
            seen.extend(CloudEvent.model_validate_json(one.body) for one in batch)

        async with events.consuming("seen", take):
            with asked_by(Caller(kind="key", name="shop"), "r1"):
                await store.seated(session, ParticipantId("ann"))
            await store.seats.reconnecting(session, ParticipantId("ann"))
            await room.carry()

            async def both() -> bool:
                return len(seen) == 2

            await until(both)
    assert [(one.actor, one.requestid) for one in seen] == [("key:shop", "r1"), ("callplane", None)]
