"""Orders to the crowd: its process does what lines of JSON say, and answers each by a line of figures.

Started by ``bench.messages.stage``: ``{"do": "rooms", "count": 1, "people": 50}`` makes a room, and so on.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

from bench.messages.asking import Pod
from bench.messages.crowd import Crowd
from bench.messages.sending import Senders, Sending
from bench.messages.trials import Trials

LINE_BYTES = 1 << 20

Work = dict[str, Callable[..., Awaitable[dict[str, Any]]]]


async def obey(work: Work) -> None:
    """Do what the lines of standard input say until it ends."""
    loop, lines = asyncio.get_running_loop(), asyncio.StreamReader(limit=LINE_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        asked = json.loads(line)
        print(json.dumps(await work[asked.pop("do")](**asked)), flush=True)


async def main() -> None:
    """Be the crowd of the pods that the command line names."""
    given = json.loads(sys.argv[1])
    crowd = Crowd(given["pods"], given["api_key"])
    to = [Pod.of(url) for url in given["signals"]]
    senders = Senders(crowd, Sending(given["bytes"], given["keys"], to, given["frames"]))
    trials = Trials(crowd, senders)
    work: Work = {
        "rooms": crowd.make_rooms,
        "open": crowd.open_doors,
        **{one.__name__: one for one in (senders.paced, senders.flood, senders.everybody)},
        **{one.__name__: one for one in (trials.pairs, trials.changes, trials.dropped, trials.left, trials.deaf)},
    }
    async with asyncio.TaskGroup() as group:
        running = group.create_task(crowd.run())
        await obey(work)
        running.cancel()


if __name__ == "__main__":
    uvloop.run(main())
