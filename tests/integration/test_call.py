"""The main job on real servers: two people, two API pods, two wrappers, only HTTP and ``/messages``."""

from testkit.clients.participant import Participant, person, pods
from testkit.servers.programs import API_KEY, Size, cluster
from testkit.servers.servers import Servers

KEY = {"X-API-Key": API_KEY}


async def test_two_people_see_and_hear_each_other_across_pods(servers: Servers) -> None:
    async with cluster(servers, Size(apis=2, wrappers=2)) as c, pods(api.url for api in c.apis) as ask:
        made = await ask("POST", "/sessions", headers=KEY, json={"custom_id": "room", "metadata": {"topic": "hello"}})
        assert made.status_code == 201, made.text
        session = made.json()["id"]
        async with person(ask, session, KEY, name="Ann") as ann, person(ask, session, KEY, name="Bo") as bo:
            sent = {one.id: await one.publish() for one in (ann, bo)}
            _, from_bo = await ann.subscribe(bo.id)
            _, from_ann = await bo.subscribe(ann.id)
            for received in (from_bo, from_ann):
                await received.wait(video=20, audio=50)
                assert received.size == (160, 120)
            await _told(ann, bo, sent)
            assert (await ann.leave()).status_code == 204
            assert (await ann.leave()).status_code == 204
            await bo.heard(lambda m: m["type"] == "participant-left" and m["data"]["participant_id"] == ann.id)
            state = (await ask("GET", f"/sessions/{session}", headers=KEY)).json()
            assert [seat["id"] for seat in state["participants"]] == [bo.id]
            closed = await ask("DELETE", f"/sessions/{session}", headers=KEY)
            assert closed.status_code == 204
            await bo.heard(lambda m: m["type"] == "session-closed")
            _in_order(bo)


async def _told(ann: Participant, bo: Participant, sent: dict[str, str]) -> None:
    """Everybody hears of everybody, and each of its own connection."""
    for one in (ann, bo):
        for publisher, connection in sent.items():
            wanted = {
                "participant_id": publisher,
                "connection_id": connection,
                "media": ["audio", "video"],
                "source": "camera",
            }
            await one.heard(lambda m, w=wanted: m["type"] == "stream-published" and m["data"] == w)
        own = {"connection_id": sent[one.id], "state": "connected"}
        await one.heard(lambda m, w=own: m["type"] == "connection-state" and m["data"] == w)
    await ann.heard(lambda m: m["type"] == "participant-joined" and m["data"]["participant"]["name"] == "Bo")


def _in_order(one: Participant) -> None:
    """State events come without a gap and in order, from the join's snapshot on."""
    versions = [m["version"] for m in one.messages if m["version"] is not None]
    later = [v for v in versions if v > one.joined["session"]["version"]]
    assert later == list(range(one.joined["session"]["version"] + 1, later[-1] + 1))
