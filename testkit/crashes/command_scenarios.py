"""Command scenarios: what is there before, the command, and what it must have come to however often it was begun."""

from dataclasses import dataclass
from typing import Any

from callplane.contracts.commands import (
    Caller,
    Candidate,
    Candidates,
    CloseSession,
    CreateSession,
    GrantModeration,
    Join,
    JoinHidden,
    Leave,
    Publish,
    SetState,
    Stop,
    Subscribe,
    UpdateParticipant,
    UpdateSession,
)
from callplane.contracts.ids import (
    ConnectionId,
    ParticipantId,
    SessionId,
    connection_made_by,
    new_id,
    participant_made_by,
)
from callplane.contracts.registry import AnyCommand
from callplane.contracts.replies import Reply
from callplane.store.documents import SessionDocument
from testkit.crashes.crash_trial import Prepare, Scenario, TrialServers, abandoned, commanded
from testkit.crashes.session_invariants import answered, consistent, fed_by


@dataclass(frozen=True)
class Call:
    """Ann publishes, Bo watches her."""

    session: SessionId
    ann: ParticipantId
    bo: ParticipantId
    published: ConnectionId
    watched: ConnectionId


async def call(b: TrialServers, *, publishing: bool = True, watching: bool = True, named: bool = False) -> Call:
    """Two people in a session, as far as asked."""
    session = SessionId((await b.do(CreateSession(grace=900, departure_timeout=86_400)))["session"]["id"])
    ann, bo = [ParticipantId((await b.do(Join(), session))["participant"]["id"]) for _ in range(2)]
    published = watched = ConnectionId("")
    if publishing:
        body: AnyCommand = Publish(participant_id=ann, sdp_offer=b.offers["sendonly"])
        published = ConnectionId((await b.do(body, session))["connection"]["id"])
    if watching:
        stream = published if named else None
        body = Subscribe(participant_id=bo, publisher=ann, stream=stream, sdp_offer=b.offers["recvonly"])
        watched = ConnectionId((await b.do(body, session))["connection"]["id"])
    return Call(session, ann, bo, published, watched)


async def seen(b: TrialServers, session: SessionId, reply: Reply | None) -> SessionDocument:
    """The session after a command that must have succeeded, found consistent."""
    assert reply is not None
    assert reply.problem is None, reply.problem
    return await consistent(b, session)


async def create(b: TrialServers) -> Scenario:
    """A session that nobody else wants."""
    envelope = b.envelope(CreateSession(custom_id=new_id(), max_participants=7))

    async def verify(reply: Reply | None) -> None:
        found = await seen(b, envelope.session_id, reply)
        assert reply is not None
        assert reply.result is not None
        assert (reply.result["created"], reply.result["session"]["id"]) == (True, envelope.session_id)
        assert (found.version, found.settings.max_participants) == (1, 7)

    return Scenario(envelope.session_id, commanded(envelope), verify)


async def close(b: TrialServers) -> Scenario:
    """The end of a call in progress."""
    c = await call(b)
    version = (await consistent(b, c.session)).version

    async def verify(reply: Reply | None) -> None:
        found = await seen(b, c.session, reply)
        assert (found.status, found.reason, found.version) == ("closed", "over", version + 1)

    return Scenario(c.session, commanded(b.envelope(CloseSession(reason="over"), c.session)), verify)


async def update_session(b: TrialServers) -> Scenario:
    """New metadata."""
    c = await call(b, publishing=False, watching=False)
    envelope = b.envelope(UpdateSession(changes={"metadata": {"a": 1}}), c.session)

    async def verify(reply: Reply | None) -> None:
        found = await seen(b, c.session, reply)
        assert (found.metadata, found.version) == ({"a": 1}, 4)

    return Scenario(c.session, commanded(envelope), verify)


async def set_state(b: TrialServers) -> Scenario:
    """A key of what is shared, set by who has seen that it was not there."""
    c = await call(b, publishing=False, watching=False)
    envelope = b.envelope(SetState(key="slide", value=4, if_version=0), c.session)

    async def verify(reply: Reply | None) -> None:
        found = await seen(b, c.session, reply)
        assert ([(one.key, one.value, one.version) for one in found.state], found.version) == ([("slide", 4, 4)], 4)

    return Scenario(c.session, commanded(envelope), verify)


async def join(b: TrialServers) -> Scenario:
    """A third person."""
    c = await call(b, publishing=False, watching=False)
    envelope = b.envelope(Join(display_name="Cy"), c.session)

    async def verify(reply: Reply | None) -> None:
        found = await seen(b, c.session, reply)
        assert [seat.id for seat in found.participants] == [c.ann, c.bo, participant_made_by(envelope.id)]
        assert found.version == 4

    return Scenario(c.session, commanded(envelope), verify)


async def join_hidden(b: TrialServers) -> Scenario:
    """A recorder, of which nobody is told."""
    c = await call(b, publishing=False, watching=False)
    envelope = b.envelope(JoinHidden(display_name="Rec"), c.session)

    async def verify(reply: Reply | None) -> None:
        found = await seen(b, c.session, reply)
        assert [seat.id for seat in found.hidden] == [participant_made_by(envelope.id)]
        assert ([seat.id for seat in found.participants], found.version) == ([c.ann, c.bo], 3)

    return Scenario(c.session, commanded(envelope), verify)


async def _leaving(b: TrialServers, body: dict[str, Any]) -> Scenario:
    c = await call(b)
    version = (await consistent(b, c.session)).version

    async def verify(reply: Reply | None) -> None:
        found = await seen(b, c.session, reply)
        assert ([seat.id for seat in found.participants], found.version) == ([c.bo], version + 1)
        assert (found.streams, found.kicked) == ([], [c.ann] if body.get("kick") else [])

    return Scenario(c.session, commanded(b.envelope(Leave(participant_id=c.ann, **body), c.session)), verify)


async def leave(b: TrialServers) -> Scenario:
    """The publisher goes."""
    return await _leaving(b, {})


async def kick(b: TrialServers) -> Scenario:
    """The publisher is thrown out."""
    return await _leaving(b, {"kick": True, "reason": "kicked"})


async def update_participant(b: TrialServers) -> Scenario:
    """A mute of somebody who is watched."""
    c = await call(b)
    version = (await consistent(b, c.session)).version
    body = UpdateParticipant(participant_id=c.ann, changes={"muted": {"video": True}})

    async def verify(reply: Reply | None) -> None:
        found = await seen(b, c.session, reply)
        assert found.version == version + 1
        assert await fed_by(b, c.watched) == {"AUDIO": c.published}

    return Scenario(c.session, commanded(b.envelope(body, c.session)), verify)


async def grant_moderation(b: TrialServers) -> Scenario:
    """A moderator makes another."""
    c = await call(b, publishing=False, watching=False)
    joined = await b.do(Join(role="moderator"), c.session)
    by = Caller(kind="participant", participant_id=ParticipantId(joined["participant"]["id"]))
    body = GrantModeration(participant_id=c.ann, changes={"role": "moderator"})
    envelope = b.envelope(body, c.session).model_copy(update={"caller": by})

    async def verify(reply: Reply | None) -> None:
        found = await seen(b, c.session, reply)
        assert ([seat.may.moderate for seat in found.participants], found.version) == ([True, False, True], 5)

    return Scenario(c.session, commanded(envelope), verify)


async def publish(b: TrialServers) -> Scenario:
    """The first stream of a session, which makes its pipeline."""
    c = await call(b, publishing=False, watching=False)
    return _offering(b, c, Publish(participant_id=c.ann, sdp_offer=b.offers["sendonly"]))


async def publish_awaited(b: TrialServers) -> Scenario:
    """A stream that somebody waits for."""
    c = await call(b, publishing=False)
    return _offering(b, c, Publish(participant_id=c.ann, sdp_offer=b.offers["sendonly"]))


async def publish_replacing(b: TrialServers) -> Scenario:
    """A restart in place of a stream that somebody watches by name."""
    c = await call(b, named=True)
    body = Publish(participant_id=c.ann, sdp_offer=b.offers["sendonly"], replaces=c.published)
    return _offering(b, c, body)


async def subscribe(b: TrialServers) -> Scenario:
    """A view of a stream that is there."""
    c = await call(b, watching=False)
    return _offering(b, c, Subscribe(participant_id=c.bo, publisher=c.ann, sdp_offer=b.offers["recvonly"]))


def _offering(b: TrialServers, c: Call, body: Publish | Subscribe) -> Scenario:
    envelope = b.envelope(body, c.session)
    made = connection_made_by(envelope.id)
    source = made if isinstance(body, Publish) else c.published
    watched = c.watched if isinstance(body, Publish) else made

    async def verify(reply: Reply | None) -> None:
        found = await consistent(b, c.session)
        own = await b.outside.store.connections.find(made)
        if reply is None:  # buried
            assert own is None or own.state in ("released", "ready")
            return
        assert reply.problem is None, reply.problem
        await answered(b, c.session, (body.participant_id, envelope.id), reply)
        assert own is not None
        assert own.state == "ready"
        assert [stream.connection_id for stream in found.streams] == [source]
        if watched:
            assert await fed_by(b, watched) == {"AUDIO": source, "VIDEO": source}

    return Scenario(c.session, commanded(envelope), verify, abandoned(envelope))


async def candidates(b: TrialServers) -> Scenario:
    """Candidates for a connection that is ready."""
    c = await call(b, watching=False)
    given = [Candidate(candidate=f"candidate:{n} 1 udp {n} 192.0.2.{n} 9 typ host", sdp_mid="0") for n in (1, 2)]
    body = Candidates(participant_id=c.ann, connection_id=c.published, candidates=given)

    async def verify(reply: Reply | None) -> None:
        await seen(b, c.session, reply)
        own = await b.outside.store.connections.find(c.published)
        assert own is not None
        assert [kept["candidate"] for kept in own.candidates] == [each.candidate for each in given]

    return Scenario(c.session, commanded(b.envelope(body, c.session)), verify)


async def stop(b: TrialServers) -> Scenario:
    """The end of a stream that is watched."""
    c = await call(b)
    version = (await consistent(b, c.session)).version

    async def verify(reply: Reply | None) -> None:
        found = await seen(b, c.session, reply)
        assert (found.streams, found.version) == ([], version + 1)
        assert await fed_by(b, c.watched) == {}

    body = Stop(participant_id=c.ann, connection_id=c.published)
    return Scenario(c.session, commanded(b.envelope(body, c.session)), verify)


OFFERS: dict[str, Prepare] = {
    "publish": publish,
    "publish-awaited": publish_awaited,
    "publish-replacing": publish_replacing,
    "subscribe": subscribe,
}
COMMANDS: dict[str, Prepare] = {
    "create": create,
    "close": close,
    "update-session": update_session,
    "set-state": set_state,
    "join": join,
    "join-hidden": join_hidden,
    "leave": leave,
    "kick": kick,
    "update-participant": update_participant,
    "grant-moderation": grant_moderation,
    **OFFERS,
    "candidates": candidates,
    "stop": stop,
}
