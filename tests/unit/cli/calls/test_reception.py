"""Reception: what one subscription receives is counted and written, and begins anew with each endpoint."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from aiortc import MediaStreamTrack
from aiortc.mediastreams import AudioStreamTrack

from callplane_client.media import MediaSeat, Picture, Received, RemoteStream
from callplane_client.media.emitter import Emitter
from cli.calls.reception import Reception
from testkit.servers.until import until
from tests.unit.callplane_client.media.test_recording import streams_of


async def flowing(stream: RemoteStream, track: MediaStreamTrack) -> None:
    while True:
        frame = await track.recv()
        (stream.video if track.kind == "video" else stream.audio).take(frame)  # type: ignore[arg-type]


@asynccontextmanager
async def receiving(record: Path | None) -> AsyncIterator[tuple[Reception, Emitter, RemoteStream]]:
    """Somebody to whom a picture and a sound come, once an endpoint is told."""
    seat, stream = Emitter(), RemoteStream("ada", "a1", "camera")
    async with asyncio.TaskGroup() as tasks:
        reception = Reception(cast(MediaSeat, seat), tasks, record)
        flows = [tasks.create_task(flowing(stream, track)) for track in (Picture(), AudioStreamTrack())]
        try:
            yield reception, seat, stream
        finally:
            for each in flows:
                each.cancel()
            await reception.stop()


async def until_received(reception: Reception, connection_id: str) -> None:
    async def has() -> bool:
        one = reception.received.get(connection_id)
        return one is not None and one.video >= 3 and one.audio > 0

    await until(has)


async def test_what_is_received_is_counted_anew_by_each_endpoint() -> None:
    first: list[float] = []
    async with receiving(None) as (reception, seat, stream):
        reception.on_first.append(first.append)
        for connection_id in ("c1", "c2"):
            seat.emit("received", Received(stream, connection_id, 0.0, ["audio", "video"]))
            await until_received(reception, connection_id)
        before = reception.received["c1"].video
        await until_received(reception, "c2")
        assert (len(first), reception.received["c1"].video, reception.heard.is_set()) == (2, before, True)
        assert [(one.publisher, one.file) for one in reception.received.values()] == [("ada", None)] * 2


async def test_what_is_received_is_written_by_each_endpoint_into_a_file_of_its_own(tmp_path: Path) -> None:
    async with receiving(tmp_path / "call.webm") as (reception, seat, stream):
        for connection_id in ("c1", "c2"):
            seat.emit("received", Received(stream, connection_id, 0.0, ["audio", "video"]))
            await until_received(reception, connection_id)
    assert [one.file for one in reception.received.values()] == [tmp_path / "call.webm", tmp_path / "call-2.webm"]
    for one in reception.received.values():
        assert one.file is not None
        found = streams_of(one.file)
        assert (len(found["video"]) >= 1, len(found["audio"]) >= 1, min(found["video"])) == (True, True, 0)
