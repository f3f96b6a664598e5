"""Every command on real servers, with two wrappers that take them in turn: effects, repeats and refusals."""

import asyncio

from callplane.contracts.commands import (
    Caller,
    Candidate,
    Candidates,
    CreateSession,
    Join,
    Leave,
    Publish,
    Stop,
    Subscribe,
    UpdateParticipant,
    UpdateSession,
)
from callplane.contracts.ids import SessionId, connection_made_by, new_id
from callplane.contracts.replies import Reply
from testkit.crashes.leak_check import ask, children, pipelines
from testkit.fakes.sdp import plain
from testkit.inprocess.wrappers import RunningWrappers, offer
from testkit.servers.until import until

NO_SDP = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\nthis is no SDP\r\nm=nonsense\r\n"


async def fed_by(media: str, endpoint: str) -> dict[str, str]:
    """Medium → source endpoint, of everything that flows into an endpoint."""
    answer = await ask(media, "invoke", object=endpoint, operation="getSourceConnections")
    return {data["type"]: data["source"] for data in answer["value"]}


async def endpoint_of(r: RunningWrappers, connection: str) -> str:
    """The media server's id of a connection's endpoint."""
    found = await r.store.connections.find(connection)
    assert found is not None
    assert found.endpoint is not None
    return found.endpoint.id


def code_of(reply: Reply) -> str | None:
    """What a command was refused with."""
    return reply.problem and reply.problem.code


async def pipeline_of(r: RunningWrappers, session: SessionId) -> str:
    """The media server's id of a session's pipeline."""
    found = await r.store.sessions.find(session)
    assert found is not None
    assert found.media is not None
    return found.media.id


async def one_more(r: RunningWrappers, before: list[str], endpoints: int) -> None:
    """Wait until there is one pipeline more, with so many endpoints: who was not the first releases what it made."""

    async def is_left() -> bool:
        more = {*await pipelines(r.media())} - {*before}
        return len(more) == 1 and len(await children(r.media(), more.pop())) == endpoints

    await until(is_left)


async def test_many_creates_with_one_custom_id_make_one_session(r: RunningWrappers) -> None:
    made = await asyncio.gather(*(r.done(CreateSession(custom_id="room")) for _ in range(20)))
    assert len({each["session"]["id"] for each in made}) == 1
    assert sum(each["created"] for each in made) == 1


async def test_a_repeated_join_is_one_seat_and_a_full_session_refuses(r: RunningWrappers) -> None:
    session = await r.session(max_participants=2)
    command = new_id()
    first, again = [await r.done(Join(display_name="Ann"), session, command) for _ in range(2)]
    assert first["participant"] == again["participant"]
    await r.seat(session)
    full = await r.ask(Join(), session)
    assert code_of(full) == "session-full"
    nowhere = await r.ask(Leave(participant_id="nobody"), session)
    assert code_of(nowhere) == "not-found"


async def test_a_repeated_offer_has_one_endpoint_and_one_answer(r: RunningWrappers) -> None:
    session = await r.session()
    ann = await r.seat(session)
    command, sdp, before = new_id(), await offer("sendonly"), await pipelines(r.media())
    body = Publish(participant_id=ann, sdp_offer=sdp)
    first = (await r.done(body, session, command))["connection"]
    repeats = await asyncio.gather(*(r.done(body, session, command) for _ in range(4)))
    assert {repeat["connection"]["sdp_answer"] for repeat in repeats} == {first["sdp_answer"]}
    await one_more(r, before, 1)
    found = await r.store.sessions.find(session)
    assert found is not None
    assert [stream.connection_id for stream in found.streams] == [first["id"]]


async def test_racing_first_offers_make_one_pipeline(r: RunningWrappers) -> None:
    session = await r.session()
    people, before = [await r.seat(session) for _ in range(4)], await pipelines(r.media())
    await asyncio.gather(*(r.publish(session, person) for person in people))
    await one_more(r, before, 4)


async def test_a_refused_offer_leaves_nothing_on_the_media_server(r: RunningWrappers) -> None:
    session = await r.session()
    ann = await r.seat(session)
    await r.publish(session, ann)
    pipeline = await pipeline_of(r, session)
    before = await children(r.media(), pipeline)
    refused = await r.ask(Publish(participant_id=ann, sdp_offer=NO_SDP), session)
    assert code_of(refused) == "invalid-sdp"
    # At once: what the refused transaction has made is released before it is told, and waits for no sweep.
    assert await children(r.media(), pipeline) == before
    missing = await r.ask(Subscribe(participant_id=ann, publisher="nobody", sdp_offer=NO_SDP), session)
    assert code_of(missing) == "not-found"


async def test_a_subscriber_role_does_not_publish(r: RunningWrappers) -> None:
    session = await r.session()
    viewer = await r.seat(session, role="subscriber")
    refused = await r.ask(Publish(participant_id=viewer, sdp_offer=await offer("sendonly")), session)
    assert code_of(refused) == "forbidden"


async def test_who_subscribes_first_is_connected_when_the_stream_comes(r: RunningWrappers) -> None:
    session = await r.session()
    ann, bo = await r.seat(session), await r.seat(session)
    waiting = await endpoint_of(r, (await r.subscribe(session, bo, ann))["id"])
    assert await fed_by(r.media(), waiting) == {}
    source = await endpoint_of(r, (await r.publish(session, ann))["id"])

    async def flows() -> bool:
        return await fed_by(r.media(), waiting) == {"AUDIO": source, "VIDEO": source}

    await until(flows)


async def test_a_mute_stops_one_medium_and_only_for_that_publisher(r: RunningWrappers) -> None:
    session = await r.session()
    ann, bo = await r.seat(session), await r.seat(session)
    source = await endpoint_of(r, (await r.publish(session, ann))["id"])
    sink = await endpoint_of(r, (await r.subscribe(session, bo, ann))["id"])
    assert await fed_by(r.media(), sink) == {"AUDIO": source, "VIDEO": source}

    async def fed(*media: str) -> None:
        async def so() -> bool:
            return await fed_by(r.media(), sink) == dict.fromkeys(media, source)

        await until(so)

    changed = await r.done(UpdateParticipant(participant_id=ann, changes={"muted": {"video": True}}), session)
    assert changed["participant"]["muted"] == {"audio": False, "video": True}
    await fed("AUDIO")
    unmute = UpdateParticipant(participant_id=ann, changes={"muted": {"video": False}})
    await r.ask(unmute, session, caller=Caller(kind="participant", participant_id=ann))
    await fed("AUDIO", "VIDEO")


async def test_stop_releases_the_endpoint_and_takes_the_stream_out(r: RunningWrappers) -> None:
    session = await r.session()
    ann, bo = await r.seat(session), await r.seat(session)
    connection = (await r.publish(session, ann))["id"]
    foreign = await r.ask(Stop(participant_id=bo, connection_id=connection), session)
    assert code_of(foreign) == "not-found"
    for _ in range(2):
        await r.done(Stop(participant_id=ann, connection_id=connection), session)
    pipeline = await pipeline_of(r, session)

    async def gone() -> bool:
        found = await r.store.sessions.find(session)
        return not await children(r.media(), pipeline) and found is not None and not found.streams

    await until(gone)


async def test_a_stop_that_overtakes_its_offer_wins(r: RunningWrappers) -> None:
    session = await r.session()
    ann, command = await r.seat(session), new_id()
    connection = connection_made_by(command)
    candidate = Candidate(candidate="candidate:1 1 udp 1 192.0.2.1 9 typ host")
    await r.done(Candidates(participant_id=ann, connection_id=connection, candidates=[candidate]), session)
    await r.done(Stop(participant_id=ann, connection_id=connection), session)
    late = await r.ask(Publish(participant_id=ann, sdp_offer=await offer("sendonly")), session, command)
    assert code_of(late) == "wrong-state"


async def test_an_update_meets_its_version_and_says_the_present_one(r: RunningWrappers) -> None:
    session = await r.session()
    first = await r.done(UpdateSession(changes={"metadata": {"a": 1}}, if_match=1), session)
    assert first["session"]["version"] == 2
    stale = await r.ask(UpdateSession(changes={"metadata": {"a": 2}}, if_match=1), session)
    assert stale.problem is not None
    assert (stale.problem.code, "version 2" in stale.problem.detail) == ("stale-version", True)


async def test_a_leave_takes_connections_and_mailbox_and_a_kick_bars_the_way_back(r: RunningWrappers) -> None:
    session = await r.session()
    ann, bo = await r.seat(session), await r.seat(session)
    await r.publish(session, ann)
    await r.subscribe(session, ann, bo)
    await r.done(Leave(participant_id=ann), session)
    pipeline = await pipeline_of(r, session)

    async def gone() -> bool:
        queues = await r.servers.vhost.queues()
        return f"user.{ann}" not in queues and not await children(r.media(), pipeline)

    await until(gone)
    back = await r.ask(Join(participant_id=ann), session)
    assert back.problem is not None
    assert (back.problem.code, back.problem.reason) == ("join-again", "left")
    await r.done(Leave(participant_id=bo, reason="kicked", kick=True), session)
    barred = await r.ask(Join(participant_id=bo), session)
    assert code_of(barred) == "kicked"


async def test_an_offer_that_comes_to_nothing_is_told_to_the_mailbox_too(r: RunningWrappers) -> None:
    session = await r.session()
    ann, command = await r.seat(session), new_id()
    refused = await r.ask(Publish(participant_id=ann, sdp_offer=NO_SDP), session, command)
    assert refused.problem is not None
    [error] = [m for m in await r.mailbox(ann) if m["type"] == "error"]
    assert error["id"] == error["data"]["command_id"] == command
    assert (error["data"]["problem"]["code"], error["data"]["problem"]["status"]) == ("invalid-sdp", 422)


async def test_an_offer_that_found_no_media_server_goes_on_when_it_is_repeated(r: RunningWrappers) -> None:
    session = await r.session()
    ann, command = await r.seat(session), new_id()
    body = Publish(participant_id=ann, sdp_offer=await offer("sendonly"))
    await r.cordon(True)
    refused = await r.ask(body, session, command)
    assert code_of(refused) == "unavailable"
    [error] = [m for m in await r.mailbox(ann) if m["type"] == "error"]
    assert error["data"]["command_id"] == command
    assert error["id"] != command, "else the answer would be taken for a repeat of it"
    await r.cordon(False)
    assert (await r.done(body, session, command))["connection"]["state"] == "ready"


async def test_what_is_accepted_of_an_offer_is_said_everywhere_and_nothing_is_refused(r: RunningWrappers) -> None:
    session = await r.session()
    ann, bo = await r.seat(session), await r.seat(session)
    offered = plain("sendonly", "opus/48000/2", "H264/90000")
    made = (await r.done(Publish(participant_id=ann, sdp_offer=offered), session))["connection"]
    assert made["media"] == ["audio"]
    [answer] = [m for m in await r.mailbox(ann) if m["type"] == "answer"]
    assert answer["data"]["media"] == ["audio"]
    await r.settled(session)
    [published] = [m for m in await r.mailbox(bo) if m["type"] == "stream-published"]
    told = {"participant_id": ann, "connection_id": made["id"], "media": ["audio"], "source": "microphone"}
    assert published["data"] == told
    both = await r.done(Publish(participant_id=ann, sdp_offer=plain("sendonly"), replaces=made["id"]), session)
    assert both["connection"]["media"] == ["audio", "video"]
    before = await r.store.sessions.find(session)
    assert before is not None
    assert [(s.connection_id, s.media) for s in before.streams] == [(both["connection"]["id"], ["audio", "video"])]
    for useless in (plain("recvonly"), plain("inactive"), plain("sendonly", "H264/90000")):
        refused = await r.ask(Publish(participant_id=bo, sdp_offer=useless), session)
        assert code_of(refused) == "invalid-sdp"
    after = await r.store.sessions.find(session)
    assert after is not None
    assert (after.version, after.streams) == (before.version, before.streams), "nothing was announced"
    pipeline = await pipeline_of(r, session)

    async def clean() -> bool:
        return len(await children(r.media(), pipeline)) == 1

    await until(clean)
