"""The fifth attempt at an offer succeeds and its ack is lost: what it made is what the caller gets, and stays."""

import aio_pika

from callplane.bus.rabbitmq.arguments import ATTEMPT_HEADER
from callplane.contracts.commands import Publish, Stop
from callplane.contracts.ids import connection_made_by, new_id
from callplane.contracts.registry import AnyCommand
from testkit.inprocess.wrappers import RunningWrappers, offer, running_wrappers
from testkit.servers.servers import Servers
from testkit.servers.until import until

SIXTH = 6
"""As it is given back by a wrapper that was given the fifth again."""


async def delivered_again(r: RunningWrappers, body: AnyCommand, session: str, command: str) -> None:
    """The same command once more, after its last attempt."""
    envelope = r._envelope(body, session, command)
    message = aio_pika.Message(
        envelope.model_dump_json().encode(), correlation_id=command, headers={ATTEMPT_HEADER: SIXTH}
    )
    async with await aio_pika.connect(r.servers.vhost.url) as connection, connection.channel() as channel:
        await channel.default_exchange.publish(message, f"session.{session}")


async def test_what_was_answered_stays_and_what_was_not_is_given_up(servers: Servers) -> None:
    async with running_wrappers(servers, sweep_seconds=0.2) as r:
        session = await r.session()
        ann = await r.seat(session)
        first = (await r.publish(session, ann))["id"]
        body = Publish(participant_id=ann, sdp_offer=await offer("sendonly"), replaces=first)
        command = new_id()
        await r.done(body, session, command)
        # As if it had died between the swap and the end of what it took the place of.
        await r.store.database["connections"].update_one({"_id": first}, {"$set": {"state": "ready"}})
        await r.mailbox(ann)
        await delivered_again(r, body, session, command)

        async def answered() -> bool:
            return any(m["type"] == "answer" and m["id"] == command for m in await r.mailbox(ann))

        await until(answered)
        states = [await r.store.connections.find(connection) for connection in (first, connection_made_by(command))]
        assert [found.state for found in states if found] == ["released", "ready"]
        left = await r.store.sessions.find(session)
        assert left is not None
        assert [stream.connection_id for stream in left.streams] == [connection_made_by(command)]
        assert (await servers.vhost.queues())["dead-letters"] == 0

        await r.done(Stop(participant_id=ann, connection_id=connection_made_by(command)), session)
        await delivered_again(r, body, session, command)

        async def buried() -> bool:
            return (await servers.vhost.queues())["dead-letters"] == 1

        await until(buried)
