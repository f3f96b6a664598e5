"""The reader of docs/howto/read-the-stream.md, as it stands there, reads what was published before it began."""

import asyncio
import re
import sys
from asyncio.subprocess import PIPE

from callplane.bus.rabbitmq import RabbitSettings, open_bus
from callplane.contracts.ids import SessionId
from testkit.deploy.manifests import ROOT
from testkit.inprocess.streams import BOUNDS, happened
from tests.integration.bus.test_howto_worker import DEFAULT_URL, WITHIN

PAGE = ROOT / "docs/howto/read-the-stream.md"


async def test_the_reader_of_the_page_reads_what_was_published_before(broker_url: str) -> None:
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert DEFAULT_URL in code
    async with asyncio.timeout(WITHIN), open_bus(RabbitSettings(broker_url, stream=BOUNDS)) as bus:
        await bus.wait_up(WITHIN)
        await bus.events.publish([happened(SessionId("s"), version) for version in (1, 2)])
        program = code.replace(DEFAULT_URL, broker_url)
        worker = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=PIPE)
        assert worker.stdout is not None
        try:
            assert [await worker.stdout.readline() for _ in range(2)] == [b"0 s:1\n", b"1 s:2\n"]
        finally:
            worker.kill()
            await worker.wait()
