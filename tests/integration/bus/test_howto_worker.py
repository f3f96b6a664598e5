"""The worker of docs/howto/receive-events.md, as it stands there, receives what is published."""

import asyncio
import re
import sys
from asyncio.subprocess import PIPE
from datetime import UTC, datetime
from pathlib import Path

from callplane.bus.rabbitmq import RabbitSettings, open_bus
from callplane.contracts.events import Asked, CloudEvent, session_event
from callplane.contracts.ids import SessionId
from callplane.contracts.messages import Message

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "receive-events.md"
DEFAULT_URL = "amqp://guest:guest@127.0.0.1:5672/"
WITHIN = 50
AGAIN = 0.3


def _joined() -> CloudEvent:
    data = {"participant": {"id": "ann", "name": "Ann"}}
    message = Message(
        id="s:2", type="participant-joined", session_id=SessionId("s"), version=2, at=datetime.now(UTC), data=data
    )
    return session_event(message, Asked("key:shop", "r1", "shop"))


async def test_the_worker_of_the_page_receives_what_is_published(broker_url: str) -> None:
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert DEFAULT_URL in code
    async with asyncio.timeout(WITHIN), open_bus(RabbitSettings(broker_url)) as bus:
        await bus.wait_up(WITHIN)
        await bus.events.publish([_joined()])  # the exchange is there from then on
        program = code.replace(DEFAULT_URL, broker_url)
        worker = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=PIPE)
        assert worker.stdout is not None
        line = asyncio.ensure_future(worker.stdout.readline())
        try:
            while not line.done():  # until its queue is bound what is published is nobody's
                await bus.events.publish([_joined()])
                await asyncio.wait((line,), timeout=AGAIN)
            assert line.result() == b"s:2 key:shop Ann\n"
        finally:
            line.cancel()
            worker.kill()
            await worker.wait()
