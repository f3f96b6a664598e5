"""What settling costs and touches: new candidates, a mute, and the next stream of somebody who had two."""

import asyncio
from collections import Counter

from callplane.contracts.commands import Caller, Candidate, Candidates, Stop, UpdateParticipant
from callplane.contracts.ids import SessionId
from testkit.crashes.leak_check import ask
from testkit.inprocess.wrappers import RunningWrappers, running_wrappers
from testkit.servers.servers import Servers
from testkit.servers.until import until

VIEWERS = 5


def calls(r: RunningWrappers) -> Counter[str]:
    """How often the wrappers have called a media server, by operation."""
    made: Counter[str] = Counter()
    for program in r.programs:
        for metric in program.context.metrics.registry.collect():
            for sample in metric.samples:
                if sample.name == "callplane_kurento_call_seconds_count":
                    made[sample.labels["operation"]] += int(sample.value)
    return made


async def endpoint_of(r: RunningWrappers, connection: str) -> str:
    """The media server's id of a connection's endpoint."""
    found = await r.store.connections.find(connection)
    assert found is not None
    assert found.endpoint is not None
    return found.endpoint.id


async def fed_by(r: RunningWrappers, connection: str) -> dict[str, str]:
    """Medium → source endpoint, of everything that flows into a connection."""
    answer = await ask(r.media(), "invoke", object=await endpoint_of(r, connection), operation="getSourceConnections")
    return {data["type"]: data["source"] for data in answer["value"]}


async def rested(r: RunningWrappers, session: SessionId) -> Counter[str]:
    """What has been called once nothing is owed."""
    await r.settled(session)
    return calls(r)


async def test_a_candidate_costs_one_call_and_a_repeat_none(servers: Servers) -> None:
    async with running_wrappers(servers) as r:
        session = await r.session()
        ann, bo = await r.seat(session), await r.seat(session)
        await r.publish(session, ann)
        viewer = (await r.subscribe(session, bo, ann))["id"]
        before = await rested(r, session)  # a publisher's viewers are looked at after its reply
        for n in (*range(20), *range(20)):
            given = [
                Candidate(candidate=f"candidate:{m} 1 udp {m + 1} 192.0.2.{m + 1} 9 typ host") for m in (n, n, n + 100)
            ]
            await r.post(Candidates(participant_id=bo, connection_id=viewer, candidates=given), session)

        async def kept() -> bool:
            found = await r.store.connections.find(viewer)
            return found is not None and len(found.candidates) == 40

        await until(kept)
        await r.publish(session, bo)  # behind them in the same queue
        spent = await rested(r, session) - before
        assert (spent["addIceCandidate"], spent["gatherCandidates"]) == (40, 1), "the publish gathers once"
        assert spent["getSourceConnections"] == 0
        assert (spent["processOffer"], spent["transaction"]) == (1, 0), "the publish's endpoint with its answer"


async def test_a_mute_costs_one_call_for_each_viewer_and_an_unmute_a_question_besides(servers: Servers) -> None:
    # No sweep is to look again, however slow the machine is.
    async with running_wrappers(servers, sweep_seconds=20, lease_seconds=60) as r:
        session = await r.session()
        ann = await r.seat(session)
        await r.publish(session, ann)
        seats = [await r.seat(session) for _ in range(VIEWERS)]
        viewers = [view["id"] for view in await asyncio.gather(*(r.subscribe(session, bo, ann) for bo in seats))]
        for muted in (True, False):
            before = await rested(r, session)
            change = UpdateParticipant(participant_id=ann, changes={"muted": {"audio": muted}})
            await r.ask(change, session, caller=Caller(kind="participant", participant_id=ann))

            async def quiet(muted: bool = muted) -> bool:
                found = await r.store.sessions.find(session)
                feeds = [set(await fed_by(r, viewer)) for viewer in viewers]
                wanted = {"VIDEO"} if muted else {"AUDIO", "VIDEO"}
                return found is not None and not found.chores and all(feed == wanted for feed in feeds)

            await until(quiet)
            spent = await rested(r, session) - before
            assert spent["transaction"] == VIEWERS
            # A mute asks and stops in one transaction.
            assert spent["getSourceConnections"] == (0 if muted else VIEWERS)
            assert spent["gatherCandidates"] == spent["addIceCandidate"] == 0


async def test_who_names_no_stream_sees_the_next_one_when_the_first_ends(servers: Servers) -> None:
    async with running_wrappers(servers) as r:
        session = await r.session()
        ann, bo = await r.seat(session), await r.seat(session)
        first, second = [(await r.publish(session, ann))["id"] for _ in range(2)]
        viewer = (await r.subscribe(session, bo, ann))["id"]
        old, new = [await endpoint_of(r, connection) for connection in (first, second)]
        assert set((await fed_by(r, viewer)).values()) == {old}
        await r.done(Stop(participant_id=ann, connection_id=first), session)

        async def moved() -> bool:
            return await fed_by(r, viewer) == {"AUDIO": new, "VIDEO": new}

        await until(moved)
