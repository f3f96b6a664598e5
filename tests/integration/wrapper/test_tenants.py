"""Tenants at the wrapper: a session is of whose key, or token, asked for it."""

from datetime import timedelta

from callplane.contracts.commands import Caller, CreateSession, Join, Leave
from callplane.contracts.ids import CommandId, ParticipantId, SessionId, new_id
from callplane.contracts.quotas import Quotas
from callplane.contracts.replies import Reply
from testkit.inprocess.wrappers import REPLY_SECONDS, RunningWrappers, running_wrappers
from testkit.servers.servers import Servers
from testkit.servers.until import until


async def made_by(tenant: str, r: RunningWrappers) -> Reply:
    """What a caller of this tenant is answered that wants one custom id."""
    envelope = r._envelope(CreateSession(custom_id="daily"), None, CommandId(new_id()))
    caller = Caller(kind="key", name="somebody", tenant=tenant)
    reply = await r.sender.send(envelope.model_copy(update={"caller": caller}), wait=REPLY_SECONDS)
    assert reply is not None
    return reply


async def test_two_tenants_have_a_session_each_with_one_custom_id(servers: Servers) -> None:
    async with running_wrappers(servers, wrappers=1, media_servers=0) as r:
        replies = [await made_by(tenant, r) for tenant in ("a", "b", "a")]
        made = [reply.result or {} for reply in replies]
        assert [one["created"] for one in made] == [True, True, False]
        assert made[0]["session"]["id"] == made[2]["session"]["id"] != made[1]["session"]["id"]


async def test_who_has_as_much_as_it_may_still_finds_repeats_and_comes_back(servers: Servers) -> None:
    async with running_wrappers(servers, wrappers=2, media_servers=0) as r:
        caller = Caller(kind="key", name="a", tenant="a", quotas=Quotas(sessions=1, seats=1))
        daily, id_ = CreateSession(custom_id="daily"), CommandId(new_id())
        made = await r.ask(daily, id_=id_, caller=caller)
        session = SessionId((made.result or {})["session"]["id"])
        for again in (await r.ask(daily, id_=id_, caller=caller), await r.ask(daily, caller=caller)):
            assert (again.result or {})["session"]["id"] == session
        other = await r.ask(CreateSession(), caller=caller)
        assert other.problem is not None
        assert (other.problem.code, other.problem.reason, other.problem.limit) == ("quota-exceeded", "sessions", 1)

        ada = await r.ask(Join(identity="a:ada"), session, id_, caller)
        seat = ParticipantId((ada.result or {})["participant"]["id"])
        assert (await r.ask(Join(identity="a:ada"), session, id_, caller)).problem is None
        assert (await r.ask(Join(participant_id=seat), session, caller=caller)).problem is None
        bob = await r.ask(Join(), session, caller=caller)
        assert bob.problem is not None
        assert (bob.problem.code, bob.problem.reason) == ("quota-exceeded", "seats")
        await r.done(Leave(participant_id=seat), session)

        async def free() -> bool:
            return (await r.ask(Join(), session, caller=caller)).problem is None

        await until(free)


async def test_until_an_update_is_over_a_custom_id_of_another_tenant_is_waited_for(servers: Servers) -> None:
    """The version before has one session of a custom id; the caller hears that, and no dead letter is left."""
    async with running_wrappers(servers, wrappers=1, media_servers=0) as r, servers.database.client() as client:
        sessions = client[servers.database.name]["sessions"]
        of_open = {"status": "open", "custom_id": {"$type": "string"}}
        lease = {"_id": "before", "since": r.store.clock.now() + timedelta(hours=1)}  # it lives while the test does
        await client[servers.database.name]["wrappers"].insert_one(lease)
        await sessions.create_index("custom_id", name="custom_id_of_open", unique=True, partialFilterExpression=of_open)
        assert (await made_by("a", r)).problem is None
        problem = (await made_by("b", r)).problem
        assert problem is not None
        assert problem.code == "unavailable"
