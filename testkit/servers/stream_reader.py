"""A reader of the stream as a program: writes down what it reads behind the last that it has, until it is killed.

``python -m testkit.servers.stream_reader URL FILE``: FILE has one line an event, ``place id``; the last whole one is
where it goes on, so that a kill at any moment leaves a file from which another reads on.
"""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from callplane.bus.rabbitmq.connection import Timings
from callplane.bus.rabbitmq.stream import RabbitStream
from callplane.bus.stream_places import Place, parse_place, place_of, reading_after
from callplane.bus.stream_ports import EventStream, StreamBounds, StreamReader
from callplane.contracts.errors import Unavailable

PAUSE = 0.05


def last_place(file: Path) -> Place | None:
    """Of the last whole line; what a kill has cut off behind it is taken away."""
    text = file.read_bytes() if file.exists() else b""
    whole = text[: text.rfind(b"\n") + 1]
    if len(whole) < len(text):
        file.write_bytes(whole)
    return parse_place(whole.splitlines()[-1].split()[0].decode()) if whole else None


async def follow(stream: EventStream, file: Path) -> None:
    """Read until killed, through every loss of the broker."""
    while True:
        try:
            async with AsyncExitStack() as stack:
                place = last_place(file)
                reader: StreamReader = (
                    await stack.enter_async_context(stream.reading("first"))
                    if place is None
                    else await stack.enter_async_context(reading_after(stream, place))
                )
                with file.open("a") as out:
                    while True:
                        for one in await reader.batch(5.0):
                            out.write(f"{place_of(one)} {one.event.id}\n")
                            out.flush()
        except Unavailable:
            await asyncio.sleep(PAUSE)


if __name__ == "__main__":
    reading = RabbitStream(sys.argv[1], "reader", Timings(), StreamBounds(days=1, gigabytes=1))
    asyncio.run(follow(reading, Path(sys.argv[2])))
