"""Grants on real servers: what runs outside them ends, and what races them has one outcome."""

import asyncio
from typing import Any

from callplane.contracts.commands import Caller, GrantModeration, MuteEverybody, Publish, Stop, UpdateParticipant
from callplane.contracts.grants import granted
from callplane.contracts.ids import CommandId, ConnectionId, ParticipantId, SessionId, new_id
from callplane.contracts.shapes import GrantChanges, Role
from callplane.store.documents import ConnectionDocument
from callplane.store.seats import SeatGuard
from callplane.store.views import participant_view
from testkit.inprocess.repositories import Repositories, repositories
from testkit.inprocess.wrappers import RunningWrappers, offer
from testkit.servers.servers import Database
from testkit.servers.until import until

DEMOTED, PROMOTED = {"role": "subscriber"}, {"role": "publisher"}
ROUNDS = 40


async def change(r: RunningWrappers, session: SessionId, who: ParticipantId, **changes: Any) -> dict[str, Any]:
    """Change a seat; how it is then."""
    done = await r.done(UpdateParticipant(participant_id=who, changes=changes), session)
    seat: dict[str, Any] = done["participant"]
    return seat


async def ended(r: RunningWrappers, connection: str) -> ConnectionDocument:
    """The connection, once it has ended and its media are released."""

    found: list[ConnectionDocument] = []

    async def released() -> bool:
        now = await r.store.connections.find(ConnectionId(connection))
        found[:] = [] if now is None or now.state != "released" or now.chores else [now]
        return bool(found)

    await until(released)
    return found[0]


async def test_what_runs_outside_the_grants_ends_and_nothing_comes_back_by_itself(r: RunningWrappers) -> None:
    session = await r.session()
    ann, bob = await r.seat(session), await r.seat(session)
    speaks, watches = (await r.publish(session, ann))["id"], (await r.subscribe(session, bob, ann))["id"]
    listens = (await r.subscribe(session, ann, bob))["id"]

    assert (await change(r, session, bob, grants={"chat": False}))["grants"]["subscribe"]
    assert (await change(r, session, ann, **DEMOTED))["grants"] is None
    assert (await ended(r, speaks)).reason == "not-allowed"
    refused = await r.ask(Publish(participant_id=ann, sdp_offer=await offer("sendonly")), session)
    assert refused.problem is not None
    assert refused.problem.code == "forbidden"

    await change(r, session, bob, grants={"subscribe": False})
    assert (await ended(r, watches)).reason == "not-allowed"
    await change(r, session, ann, **PROMOTED)
    kept = await r.store.connections.find(ConnectionId(listens))
    assert kept is not None
    assert kept.state == "ready", "who sends no more goes on receiving"
    now = await r.store.sessions.find(session)
    assert now is not None
    assert (now.streams, [seat.may.chat for seat in now.participants]) == ([], [True, False])
    again = (await r.publish(session, ann))["id"]
    await r.settled(session)
    told = [message for message in await r.mailbox(bob) if message["type"].startswith("stream-")]
    assert [(message["type"], message["data"]["connection_id"]) for message in told[:2]] == [
        ("stream-published", speaks),
        ("stream-unpublished", speaks),
    ]
    assert (told[0]["data"]["source"], told[1]["data"]["reason"]) == ("camera", "not-allowed")
    assert {message["data"]["connection_id"] for message in told[2:]} <= {again}


async def test_of_what_somebody_sends_that_alone_ends_for_which_the_grant_is_gone(r: RunningWrappers) -> None:
    session = await r.session()
    ann = await r.seat(session)
    camera = (await r.publish(session, ann))["id"]
    shared = Publish(participant_id=ann, sdp_offer=await offer("sendonly"), source="screen")
    screen = (await r.done(shared, session))["connection"]["id"]
    await change(r, session, ann, grants={"publish": ["camera", "microphone", "screen"]})
    await ended(r, screen)  # for it was heard as well
    now = await r.store.sessions.find(session)
    assert now is not None
    assert [(stream.connection_id, stream.source) for stream in now.streams] == [(camera, "camera")]


async def test_a_role_that_comes_back_gives_what_the_token_gave_and_no_more(r: RunningWrappers) -> None:
    session = await r.session()
    ann = await r.seat(session, grants={"publish": ["microphone"], "chat": False})
    mod = await r.seat(session, role="moderator")
    by_moderator = Caller(kind="participant", participant_id=mod)

    async def may(**changes: Any) -> dict[str, Any] | None:
        reply = await r.ask(UpdateParticipant(participant_id=ann, changes=changes), session, caller=by_moderator)
        if reply.problem is not None:
            assert reply.problem.code == "forbidden"
            return None
        now = await r.store.sessions.find(session)
        seat = None if now is None else now.seat(ann)
        assert seat is not None
        assert reply.result is not None
        assert reply.result["participant"]["grants"] == seat.may.model_dump()
        return seat.may.model_dump()

    before = granted("publisher", GrantChanges(publish=["microphone"], chat=False)).model_dump()
    for _ in range(2):
        assert await may(**DEMOTED) == {**before, "publish": []}
        assert await may(**PROMOTED) == before
    assert await may(grants={"publish": []}) == {**before, "publish": []}
    assert await may(grants={"publish": ["camera", "microphone"]}) is None
    assert await may(role="publisher", grants={"chat": True}) is None
    assert await may(grants={"publish": ["microphone"]}) == before
    assert (await change(r, session, ann, grants={"chat": True}))["grants"]["chat"], "a key gives more, by name"


async def test_moderation_is_given_and_taken_and_everybody_told(r: RunningWrappers) -> None:
    session = await r.session()
    mod, ann, bob = await r.seat(session, role="moderator"), await r.seat(session), await r.seat(session)

    async def asks(by: ParticipantId, whom: ParticipantId, role: Role) -> tuple[int | None, str | None]:
        kind = GrantModeration if role == "moderator" else UpdateParticipant
        body = kind(participant_id=whom, changes={"role": role})
        reply = await r.ask(body, session, caller=Caller(kind="participant", participant_id=by))
        done = None if reply.result is None else reply.result["version"]
        return done, None if reply.problem is None else reply.problem.detail

    refused = (None, "Only a moderator may do this. Ask one, or send an API key.")
    assert await asks(ann, bob, "moderator") == refused
    given, _ = await asks(mod, ann, "moderator")
    taken, _ = await asks(ann, mod, "publisher")
    assert await asks(mod, bob, "moderator") == refused
    await r.settled(session)
    told = [message for message in await r.mailbox(bob) if message["type"] == "participant-updated"]
    assert [(one["version"], one["data"]["participant"]["id"], one["data"]["participant"]["role"]) for one in told] == [
        (given, ann, "moderator"),
        (taken, mod, "publisher"),
    ]
    assert given is not None
    assert taken == given + 1


async def test_others_mute_and_ask_to_unmute_and_end_one_stream(r: RunningWrappers) -> None:
    session = await r.session()
    ann, bob = await r.seat(session), await r.seat(session)
    camera = (await r.publish(session, ann))["id"]
    await r.done(MuteEverybody(media=["audio"], but=[bob]), session)
    now = await r.store.sessions.find(session)
    assert now is not None
    assert [(seat.muted.audio, seat.muted.video) for seat in now.participants] == [(True, False), (False, False)]
    asked = await change(r, session, ann, muted={"audio": False, "video": False}, name="Ann")
    assert (asked["muted"]["audio"], asked["name"]) == (True, "Ann")
    await r.done(Stop(participant_id=ann, connection_id=camera, reason="removed"), session)
    assert (await ended(r, camera)).reason == "removed"
    await r.settled(session)
    told = {message["type"]: message for message in await r.mailbox(ann)}
    assert told["unmute-requested"]["data"] == {"media": ["audio"], "from": None}
    assert told["unmute-requested"]["version"] is None
    assert told["participants-muted"]["data"] == {"media": ["audio"], "but": [bob]}
    assert told["stream-unpublished"]["data"]["reason"] == "removed"
    own = UpdateParticipant(participant_id=ann, changes={"muted": {"audio": False}})
    reply = await r.ask(own, session, caller=Caller(kind="participant", participant_id=ann))
    assert reply.result is not None
    assert not reply.result["participant"]["muted"]["audio"]


async def test_a_demotion_and_a_publish_that_race_have_one_outcome(database: Database) -> None:
    """What has entered before is in the document that the chore reads; what comes after does not enter."""
    async with repositories(database, durable=False) as store:
        entered = 0
        for round_ in range(ROUNDS):
            session = (await store.session()).id
            await store.seated(session, ParticipantId("p"))
            published, demoted = await asyncio.gather(publish(store, session, round_ % 4), demote(store, session))
            entered += published
            assert demoted is published, f"round {round_}"
            assert not await publish(store, session, 0)
        assert 0 < entered < ROUNDS, "one of the two was always first: this is no race"


async def publish(store: Repositories, session: SessionId, reads: int) -> bool:
    """Whether a stream has entered, so many reads later."""
    for _ in range(reads):
        await store.sessions.find(session)
    whose = {"session_id": session, "participant_id": "p", "epoch": 1}
    ready = {**whose, "_id": f"{session} {reads}", "state": "ready", "media": ["audio"]}
    return await store.media.publish(ConnectionDocument.model_validate(ready)) is not None


async def demote(store: Repositories, session: SessionId) -> bool:
    """Whether there was a stream by then."""
    found = await store.sessions.find(session)
    assert found is not None
    seat = found.seat(ParticipantId("p"))
    assert seat is not None
    guard = SeatGuard(CommandId(new_id()), store.soon())
    changed = await store.seats.update(session, participant_view(found, seat), DEMOTED, guard)
    assert changed is not None
    assert [chore.do for chore in changed.document.chores if chore.id in changed.chores] == ["enforce-grants"]
    return bool(changed.document.streams)
