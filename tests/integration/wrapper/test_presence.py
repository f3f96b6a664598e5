"""Presence: a snapshot and the versions after it are the next snapshot; what lasts until a time ends by a sweep."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callplane.bus.ports import Topology
from callplane.contracts.ids import CommandId, ConnectionId, ParticipantId, SessionId, new_id
from callplane.contracts.messages import Message
from callplane.store.documents import ConnectionDocument, Seat
from callplane.store.presences import Presences
from callplane.store.seats import SeatGuard
from callplane.store.views import participant_view, session_view
from testkit.clients.event_fold import shared_then
from testkit.inprocess.repositories import Repositories, repositories
from testkit.inprocess.sharing import share
from testkit.inprocess.sweeps import Sweeping, sweeping
from testkit.servers.servers import Database
from testkit.servers.until import until
from wrapper.effects.outbox import Outbox
from wrapper.sweeps.ended_presences import EndedPresences

ANN, BOB = ParticipantId("ann"), ParticipantId("bob")
SHOWS = ("available", "chat", "away", "xa", "dnd")
STEPS = 40


async def snapshot(store: Repositories, session: SessionId) -> dict[str, Any]:
    """What ``GET /sessions/{id}`` shows."""
    found = await store.sessions.find(session)
    assert found is not None
    return session_view(found).model_dump(mode="json")


class Client:
    """A snapshot that is moved on by what is heard, in order, each version once."""

    def __init__(self, shown: dict[str, Any]) -> None:
        self.shown = shown

    @property
    def people(self) -> dict[str, Any]:
        return {one["id"]: one for one in self.shown["participants"]}

    def hear(self, message: Message) -> None:
        assert message.version is not None
        if message.version <= self.shown["version"]:
            return
        assert message.version == self.shown["version"] + 1, "no version is left out"
        people, data = self.people, message.data
        match message.type:
            case "participant-joined" | "participant-updated":
                people[data["participant"]["id"]] = data["participant"]
            case "participant-left":
                people.pop(data["participant_id"], None)
            case "participant-reconnecting" | "participant-reconnected":
                state = "joined" if message.type.endswith("ed") else "reconnecting"
                people[data["participant_id"]] = {**people[data["participant_id"]], "state": state}
            case "stream-published" | "stream-unpublished":
                one = people[data["participant_id"]]
                rest = [each for each in one["streams"] if each["connection_id"] != data["connection_id"]]
                new = [{name: data.get(name) for name in ("connection_id", "media", "source")}]
                streams = rest + (new if message.type == "stream-published" else [])
                people[data["participant_id"]] = {**one, "streams": streams}
            case "state-changed":
                self.shown = {**self.shown, "state": shared_then(self.shown["state"], data, message.version)}
            case other:
                raise AssertionError(other)
        self.shown = {**self.shown, "version": message.version, "participants": list(people.values())}


class Room:
    """A session in which random things happen, and those who listen."""

    def __init__(self, store: Repositories, session: SessionId, chance: random.Random) -> None:
        self.store = store
        self.session = session
        self.chance = chance
        self.clients: list[Client] = []
        self._presences = Presences(store.database, store.clock)
        topology: Any = Topology
        self._outbox = Outbox(store.sessions, store.connections, self, topology)  # type: ignore[arg-type]

    async def to_session(self, _session: SessionId, messages: list[Message]) -> str:
        """Everybody hears it, over the wire."""
        for message in messages:
            await asyncio.sleep(0)  # another carrier may be as far
            for client in self.clients:
                client.hear(Message.model_validate_json(message.model_dump_json()))
        return "all"

    async def carry(self) -> None:
        """Publish what waits; then everybody knows what a newcomer is shown."""
        await self._publish()
        shown = await snapshot(self.store, self.session)
        for client in self.clients:
            ordered = sorted(client.shown["participants"], key=lambda one: one["id"])
            assert {**client.shown, "participants": ordered} == {
                **shown,
                "participants": sorted(shown["participants"], key=lambda one: one["id"]),
            }

    async def _publish(self) -> None:
        await self._outbox.carry_session(await self.store.sessions.find(self.session))

    async def happen(self) -> None:
        """One thing, by one of three, who may not be there."""
        who, seats = ParticipantId(self.chance.choice("abc")), self.store.seats
        kind = self.chance.randrange(11)
        match kind:
            case 0:
                await seats.take(self.session, Seat(id=who), CommandId(new_id()), self.store.soon())
            case 1 if self.chance.random() < 0.3:
                await seats.pull(self.session, who, "left")
            case 2:
                turn = seats.reconnecting if self.chance.random() < 0.5 else seats.reconnected
                await turn(self.session, who)
            case 3:
                await self._stream(who)
            case 4:
                await self._presences.active({self.session: [who]})
            case 5:
                await self._over(who)
            case 6:
                await self._publish()
            case 7 | 8:
                await share(self.store, self.session, who, self.chance)
            case _:
                await change(self.store, self.session, who, self._said())

    def _said(self) -> dict[str, Any]:
        soon = datetime.now(UTC) + timedelta(seconds=self.chance.choice((-1, 60)))
        lasting = {"until": soon.isoformat()} if self.chance.random() < 0.5 else {}
        words = {"show": self.chance.choice(SHOWS), "status": self.chance.choice(("", "lunch", "$x.y")), **lasting}
        return self.chance.choice(
            (
                {"presence": words},
                {"hand_raised": self.chance.random() < 0.6},
                {"muted": {"audio": True}},
                {"name": "N"},
            )
        )

    async def _stream(self, who: ParticipantId) -> None:
        connection = ConnectionId(f"{who}-1")
        if self.chance.random() < 0.4:
            await self.store.media.unpublish(self.session, who, connection, "stopped")
            return
        fields = {"_id": connection, "session_id": self.session, "participant_id": who, "state": "ready", "epoch": 1}
        await self.store.media.publish(ConnectionDocument.model_validate({**fields, "media": ["audio"]}))

    async def _over(self, who: ParticipantId) -> None:
        found = await self.store.sessions.find(self.session)
        seat = found.seat(who) if found is not None else None
        if found is not None and seat is not None and seat.presence.until is not None:
            await self._presences.end(self.session, participant_view(found, seat))


async def change(store: Repositories, session: SessionId, who: ParticipantId, changes: dict[str, Any]) -> None:
    """As a command does it; nothing where nobody sits there."""
    found = await store.sessions.find(session)
    seat = found.seat(who) if found is not None else None
    if found is not None and seat is not None:
        guard = SeatGuard(CommandId(new_id()), store.soon())
        await store.seats.update(session, participant_view(found, seat), changes, guard)


@pytest.mark.parametrize("seed", range(6))
async def test_a_snapshot_and_the_versions_after_it_are_the_next_snapshot(database: Database, seed: int) -> None:
    """Whoever took it when, whether events were published one by one or many at once, by one change or ten together."""
    chance = random.Random(seed)
    async with repositories(database, durable=False) as store:
        room = Room(store, (await store.session()).id, chance)
        for _ in range(STEPS):
            await asyncio.gather(*(room.happen() for _ in range(chance.choice((1, 1, 2, 10)))))
            if chance.random() < 0.3 and len(room.clients) < 8:
                room.clients.append(Client(await snapshot(store, room.session)))
            if chance.random() < 0.6:
                await room.carry()
        await room.carry()
        assert room.clients
        assert room.clients[0].shown["version"] > STEPS // 2


async def said(one: Sweeping, session: SessionId, who: ParticipantId, seconds: float) -> None:
    """Away until then."""
    over = one.store.clock.now() + timedelta(seconds=seconds)
    await change(one.store, session, who, {"presence": {"show": "away", "status": "lunch", "until": over.isoformat()}})


async def shown_of(one: Sweeping, session: SessionId, who: ParticipantId) -> tuple[str, str, bool]:
    found = await one.store.sessions.find(session)
    seat = found.seat(who) if found is not None else None
    assert seat is not None
    return seat.presence.show, seat.presence.status, seat.presence.until is None


async def due_of(one: Sweeping, session: SessionId) -> datetime | None:
    found = await one.store.database["sessions"].find_one({"_id": session}, {"presence_due": 1})
    assert found is not None
    return found.get("presence_due")


async def test_what_is_said_until_a_time_ends_then_and_by_one_version(database: Database) -> None:
    """Two wrappers sweep at once; who has said something else meanwhile, or for longer, keeps it."""
    async with sweeping(database, wrappers=2) as [one, two]:
        session = (await one.store.session()).id
        for who, seconds in ((ANN, -1.0), (BOB, 3600.0)):
            await one.store.seated(session, who)
            await said(one, session, who, seconds)
        found = await one.store.sessions.find(session)
        assert found is not None
        both = EndedPresences(one.context), EndedPresences(two.context)

        async def ended() -> bool:
            await asyncio.gather(*(sweep.sweep() for sweep in both))
            return await shown_of(one, session, ANN) == ("available", "", True)

        await until(ended)
        after = await one.store.sessions.find(session)
        assert after is not None
        assert after.version == found.version + 1
        assert await shown_of(one, session, BOB) == ("away", "lunch", False)
        due = await due_of(one, session)
        assert due is not None
        assert due > one.store.clock.now() + timedelta(minutes=50), "of the one that still waits"
        assert await one.context.store.presences.due() == []
        await said(one, session, ANN, -1.0)
        stale = participant_view(after, after.participants[0]).model_copy(update={"presence": found.seat(ANN).presence})  # type: ignore[union-attr]
        assert await one.context.store.presences.end(session, stale) is None, "that was another time"


async def test_a_wrapper_that_dies_after_an_end_leaves_it_to_the_next_sweep(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sweeping(database) as [one]:
        session = (await one.store.session()).id
        await one.store.seated(session, ANN)
        await said(one, session, ANN, -1.0)

        async def dies(_presences: Presences, _session: SessionId) -> None:
            raise RuntimeError("dead")

        with monkeypatch.context() as patched:
            patched.setattr(Presences, "reckon", dies)
            patched.setattr(Presences, "put_off", dies)
            await EndedPresences(one.context).sweep()
        assert await one.context.store.presences.due() == [session]
        await EndedPresences(one.context).sweep()
        assert await due_of(one, session) is None


async def test_a_hand_keeps_its_time_however_often_it_is_raised(database: Database) -> None:
    async with repositories(database) as store:
        session = (await store.session()).id
        await store.seated(session, ANN)
        times = []
        for raised in (True, True, False, True):
            await change(store, session, ANN, {"hand_raised": raised})
            times.append((await snapshot(store, session))["participants"][0]["hand_raised_at"])
        assert times[0] == times[1] is not None
        assert times[2] is None
        assert times[3] > times[0]


async def test_activity_is_written_at_most_each_30_seconds_and_is_no_version(database: Database) -> None:
    async with repositories(database) as store:
        presences, session = Presences(store.database, store.clock), (await store.session()).id
        await store.seated(session, ANN)
        before = await store.sessions.find(session)
        assert before is not None
        joined = before.participants[0].last_active_at
        assert joined is not None, "joining is"
        long_ago = joined - timedelta(minutes=1)
        await presences.active({session: [ANN, BOB]})
        assert await store.sessions.find(session) == before
        where, then = {"_id": session}, {"$set": {"participants.0.last_active_at": long_ago}}
        await store.database["sessions"].update_one(where, then)
        await asyncio.gather(*(presences.active({session: [ANN]}) for _ in range(5)))
        after = await store.sessions.find(session)
        assert after is not None
        active = after.participants[0].last_active_at
        assert active is not None
        assert active >= joined
        seat = before.participants[0].model_copy(update={"last_active_at": active})
        assert after == before.model_copy(update={"participants": [seat]})
