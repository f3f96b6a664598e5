"""Set-state on real servers: what it comes to, repeated and refused, what late joiners see, by both engines."""

import pytest

from callplane.contracts.commands import Caller, CloseSession, Join, Leave, SetState
from callplane.contracts.ids import ParticipantId, SessionId, new_id
from callplane.contracts.replies import Reply
from callplane.store.log.records import LogKey
from testkit.inprocess.logs import logged
from testkit.inprocess.wrappers import RunningWrappers, running_wrappers
from testkit.servers.servers import Servers


def code_of(reply: Reply) -> str | None:
    """What a command was refused with."""
    return reply.problem and reply.problem.code


async def by(r: RunningWrappers, who: ParticipantId, body: SetState, session: SessionId) -> Reply:
    """As the API sends it for a seat."""
    return await r.ask(body, session, caller=Caller(kind="participant", participant_id=who))


async def test_a_key_is_set_once_however_often_its_command_comes(r: RunningWrappers) -> None:
    session = await r.session()
    ann = await r.seat(session)
    command, body = new_id(), SetState(key="slide", value={"n": 4})
    first, again = [await r.done(body, session, command) for _ in range(2)]
    assert first == again == {"version": 3}
    assert await r.done(SetState(key="slide", value=5), session) == {"version": 4}
    assert await r.done(SetState(key="slide"), session) == {"version": 0}
    assert await r.done(SetState(key="slide"), session) == {"version": 0}
    await r.settled(session)
    told = [one for one in await r.mailbox(ann) if one["type"] == "state-changed"]
    assert [(one["version"], one["data"]["value"]) for one in told] == [(3, {"n": 4}), (4, 5), (5, None)]


async def test_what_is_refused_says_why(r: RunningWrappers) -> None:
    session = await r.session()
    ann = await r.seat(session)
    assert (await by(r, ann, SetState(key="a", value=1, if_version=0), session)).problem is None
    for seen in (0, 2, 99):
        stale = await by(r, ann, SetState(key="a", value=2, if_version=seen), session)
        assert code_of(stale) == "stale-version"
        assert "since version 3" in str(stale.problem)
    assert code_of(await r.ask(SetState(key="a", if_version=0), session)) == "stale-version"
    assert code_of(await r.ask(SetState(key="b", value=1, if_version=3), session)) == "stale-version"
    for n in range(7):
        await r.done(SetState(key=f"long-{n}", value="x" * 8000), session)
    assert code_of(await r.ask(SetState(key="long-7", value=["x"] * 1100), session)) == "too-large"
    await r.done(Leave(participant_id=ann), session)
    assert code_of(await by(r, ann, SetState(key="a", value=2), session)) == "join-again"
    await r.done(CloseSession(), session)
    assert code_of(await r.ask(SetState(key="a", value=2), session)) == "session-closed"


@pytest.mark.parametrize("mailboxes", ["queues", "log"])
async def test_who_joins_later_is_shown_it_and_told_what_follows(servers: Servers, mailboxes: str) -> None:
    async with running_wrappers(servers, wrappers=1, media_servers=0, mailboxes=mailboxes) as r:
        session = await r.session(departure_timeout=900)
        await r.seat(session)
        await r.done(SetState(key="a.b", value={"$set": 2**70}), session)
        await r.settled(session)
        bob = await r.done(Join(), session)
        assert bob["session"]["state"] == {"a.b": {"value": {"$set": 2**70}, "version": 3}}
        await r.done(SetState(key="a.b", value=[None]), session)
        await r.settled(session)
        if mailboxes == "queues":
            heard = [(one["type"], one["data"]) for one in await r.mailbox(bob["participant"]["id"])]
        else:
            heard = [(one.type, one.data) for one in await logged(r.store.database, LogKey(session, session))][2:]
        told = [data for type_, data in heard if type_ == "state-changed"]
        assert told == [{"key": "a.b", "value": [None], "participant_id": None}]
