"""Writer: takes signals as the API does and hands them to the engine's messenger, without anything that an API checks.

``--writer`` sends through it, so that rates and costs are those of engine and doors, and not of a POST.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvloop
from starlette.types import Receive, Scope, Send

from api.http.server import bind, serve_asgi
from bench.messages.bare_push import answer, whole_body
from callplane.bus.ports import Messenger
from callplane.bus.rabbitmq import RabbitSettings, open_bus
from callplane.contracts.ids import SessionId, new_id
from callplane.contracts.messages import Message
from callplane.messengers import open_log_messenger
from callplane.store.mongo.database import DatabaseClock, open_database
from callplane.telemetry.logs import configure_logs


class Writer:
    """``POST /sessions/{id}/signals``, to all."""

    def __init__(self, messenger: Messenger, clock: DatabaseClock) -> None:
        self._messenger, self._clock = messenger, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Publish, or append, one signal."""
        session_id = SessionId(str(scope["path"]).split("/")[2])
        body = json.loads(await whole_body(receive))
        data = {"from": "0" * 36, "type": body["type"], "data": body["data"]}
        message = Message(id=new_id(), type="signal", session_id=session_id, at=self._clock.now(), data=data)
        taken = await self._messenger.to_session(session_id, [message])
        await answer(send, 202 if taken == "all" else 503, b"{}")


@asynccontextmanager
async def messenger(engine: str, amqp_url: str, mongo_url: str, name: str) -> AsyncIterator[Writer]:
    """That of the engine, on the servers of the programs."""
    async with (
        open_bus(RabbitSettings(amqp_url, "bench")) as bus,
        open_database(mongo_url, name) as database,
    ):
        await bus.wait_up(10)
        clock = DatabaseClock(database)
        await clock.sync()
        if engine == "queues":
            yield Writer(bus.messenger, clock)
        else:
            async with open_log_messenger(database, clock, bus.hints) as log:
                yield Writer(log, clock)


async def main() -> None:
    """Serve until the process is ended."""
    configure_logs("warning")
    async with messenger(*sys.argv[1:5]) as writer, serve_asgi(writer, bind("127.0.0.1", 0)) as url:
        print(json.dumps({"ready": True, "url": url}), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))
