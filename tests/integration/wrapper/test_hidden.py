"""Hidden seats on real servers: one receives what is sent and what is told, by either engine, and is not noticed."""

from typing import Any

import pytest

from callplane.contracts.commands import CloseSession, JoinHidden, Leave, Publish, Subscribe
from callplane.contracts.ids import ConnectionId, ParticipantId
from testkit.inprocess.wrappers import offer, running_wrappers
from testkit.servers.servers import Servers
from testkit.servers.until import until


@pytest.mark.parametrize("mailboxes", ["queues", "log"])
async def test_it_watches_and_is_shown_out_and_the_session_has_seen_nobody(servers: Servers, mailboxes: str) -> None:
    async with running_wrappers(servers, wrappers=1, mailboxes=mailboxes) as r:
        session = await r.session(departure_timeout=900)
        ann = await r.seat(session)
        await r.publish(session, ann)
        await r.programs[0].context.follow_ups.finish(10)

        joined = await r.done(JoinHidden(identity="web:rec"), session)
        rec = ParticipantId(joined["participant"]["id"])
        assert joined["participant"]["grants"]["hidden"]
        assert [seat["id"] for seat in joined["session"]["participants"]] == [ann]
        version = joined["session"]["version"]
        watched = ConnectionId((await r.subscribe(session, rec, ann))["id"])
        sends = await r.ask(Publish(participant_id=rec, sdp_offer=await offer("sendonly")), session)
        watches = Subscribe(participant_id=ann, publisher=rec, sdp_offer=await offer("recvonly"))
        seen = await r.ask(watches, session)
        assert [None if one.problem is None else one.problem.code for one in (sends, seen)] == [
            "forbidden",
            "not-found",
        ]

        bob = await r.seat(session)
        await r.programs[0].context.follow_ups.finish(10)
        found = await r.store.sessions.find(session)
        assert found is not None
        assert (found.version, [seat.id for seat in found.participants]) == (version + 1, [ann, bob])
        if mailboxes == "queues":
            told = [message for message in await r.mailbox(rec) if message["type"] == "participant-joined"]
            assert [(one["version"], one["data"]["participant"]["id"]) for one in told] == [(version + 1, bob)]
            assert all(rec not in str(message) for message in await r.mailbox(ann) if message["type"] != "error")
        else:
            attachment = await r.store.attachments.read(rec)
            assert attachment is not None
            assert attachment.engine == "log"

        await r.done(Leave(participant_id=rec, reason="kicked", kick=True), session)

        async def over() -> bool:
            now = await r.store.connections.find(watched)
            attachment = await r.store.attachments.read(rec)
            assert now is not None
            return now.state == "released" and attachment is not None and attachment.state == "ended"

        await until(over)
        again = await r.ask(JoinHidden(identity="web:rec"), session)
        assert again.problem is not None
        assert again.problem.code == "kicked"
        now = await r.store.sessions.find(session)
        assert now is not None
        assert (now.version, now.hidden) == (version + 1, [])


@pytest.mark.long
async def test_one_that_is_left_ends_as_others_do_and_keeps_no_session_open(servers: Servers) -> None:
    async with running_wrappers(servers, wrappers=1, media_servers=0) as r:
        session = await r.session(grace=0, empty_timeout=900)
        rec = ParticipantId((await r.done(JoinHidden(), session))["participant"]["id"])
        found = await r.store.database["sessions"].find_one({"_id": session})
        assert found is not None
        assert (found["left"], "since" in found) == (False, True), "it is as deserted as before"

        async def gone() -> bool:
            now: Any = await r.store.sessions.find(session)
            return now.hidden == []

        await until(gone)
        ended = await r.store.attachments.read(rec)
        assert ended is not None
        assert (ended.state, ended.reason) == ("ended", "connection-lost")
        await r.done(CloseSession(), session)
        refused = await r.ask(JoinHidden(), session)
        assert refused.problem is not None
        assert refused.problem.code == "session-closed"
