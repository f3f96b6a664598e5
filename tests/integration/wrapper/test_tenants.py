"""Tenants at the wrapper: a session is of whose key, or token, asked for it."""

from datetime import timedelta

from callplane.contracts.commands import Caller, CreateSession
from callplane.contracts.ids import CommandId, new_id
from callplane.contracts.replies import Reply
from testkit.inprocess.wrappers import REPLY_SECONDS, RunningWrappers, running_wrappers
from testkit.servers.servers import Servers


async def made_by(tenant: str, r: RunningWrappers) -> Reply:
    """What a caller of this tenant is answered that wants one custom id."""
    envelope = r._envelope(CreateSession(custom_id="daily"), None, CommandId(new_id()))
    caller = Caller(kind="key", name="somebody", tenant=tenant)
    reply = await r.sender.send(envelope.model_copy(update={"caller": caller}), wait=REPLY_SECONDS)
    assert reply is not None
    return reply


async def test_two_tenants_have_a_session_each_with_one_custom_id(servers: Servers) -> None:
    async with running_wrappers(servers, wrappers=1) as r:
        replies = [await made_by(tenant, r) for tenant in ("a", "b", "a")]
        made = [reply.result or {} for reply in replies]
        assert [one["created"] for one in made] == [True, True, False]
        assert made[0]["session"]["id"] == made[2]["session"]["id"] != made[1]["session"]["id"]


async def test_until_an_update_is_over_a_custom_id_of_another_tenant_is_waited_for(servers: Servers) -> None:
    """The version before has one session of a custom id; the caller hears that, and no dead letter is left."""
    async with running_wrappers(servers, wrappers=1) as r, servers.database.client() as client:
        sessions = client[servers.database.name]["sessions"]
        of_open = {"status": "open", "custom_id": {"$type": "string"}}
        lease = {"_id": "before", "since": r.store.clock.now() + timedelta(hours=1)}  # it lives while the test does
        await client[servers.database.name]["wrappers"].insert_one(lease)
        await sessions.create_index("custom_id", name="custom_id_of_open", unique=True, partialFilterExpression=of_open)
        assert (await made_by("a", r)).problem is None
        problem = (await made_by("b", r)).problem
        assert problem is not None
        assert problem.code == "unavailable"
