"""What a close leaves on real servers: a tombstone whose mailboxes can be read, and after its time nothing."""

from datetime import timedelta
from typing import Any

from callplane.bus.names import TIMELINE
from callplane.contracts.commands import CloseSession
from testkit.crashes.leak_check import look
from testkit.inprocess.wrappers import running_wrappers
from testkit.servers.servers import Servers
from testkit.servers.until import until


async def test_after_a_close_nothing_is_left_but_the_tombstone(servers: Servers) -> None:
    async with running_wrappers(servers, tombstone_seconds=600) as r:

        async def declared() -> bool:
            return TIMELINE in await servers.vhost.queues()

        await until(declared)
        before = await look(servers, r.media())
        session = await r.session()
        ann = await r.seat(session)
        await r.publish(session, ann)
        await r.done(CloseSession(reason="over"), session)

        async def quiet() -> bool:
            since = (await look(servers, r.media())).since(before)
            left: dict[str, Any] = {k: v for k, v in since.items() if k != "documents"}
            return left == {"queues": [f"user.{ann}"], "messages": [f"user.{ann}"]}

        await until(quiet)
        long_ago = r.store.clock.now() - timedelta(seconds=601)
        await r.store.database["sessions"].update_one({"_id": session}, {"$set": {"since": long_ago}})

        async def forgotten() -> bool:
            return not (await look(servers, r.media())).since(before)

        await until(forgotten, 20)
