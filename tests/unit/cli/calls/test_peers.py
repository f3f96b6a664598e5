"""Peers: what one subscription receives is counted, weighed and written, over a connection to another peer."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

from callplane_client import AsyncSeat
from callplane_client.shapes import Connection
from cli.calls.peers import Picture, Received, peers
from tests.unit.cli.calls.test_recording import streams_of


class Sender:
    """A seat whose media server is one peer, which sends a picture and a sound."""

    def __init__(self) -> None:
        self.joined = SimpleNamespace(ice_servers=[])
        self.peer = RTCPeerConnection()
        self.peer.addTrack(AudioStreamTrack())
        self.peer.addTrack(Picture())

    async def offer(self, kind: str, sdp: str, publisher: str) -> Connection:
        """Its answer."""
        assert (kind, publisher) == ("subscribe", "ada")
        await self.peer.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        await self.peer.setLocalDescription(await self.peer.createAnswer())
        return Connection(id="c", kind=kind, epoch=1, state="ready", sdp_answer=self.peer.localDescription.sdp)


async def received(record: Path | None) -> tuple[Received, dict[str, list[float]]]:
    """What came until the first pictures and sounds were there, and the times of those in the file."""
    sender = Sender()
    enough = asyncio.Event()

    async with peers(cast(AsyncSeat, sender), record) as media:
        took = media._took

        def seen(of: Received, frame: Any) -> None:
            took(of, frame)
            if of.video >= 3 and of.audio:
                enough.set()

        media._took = seen  # type: ignore[method-assign]
        await media.subscribe("ada")
        [one] = media.received.values()
        async with asyncio.timeout(30):
            await enough.wait()
        live = await media.bytes_received()
        await media.stop_recording()
        found = streams_of(record) if record else {}
        await media.hang_up()
        assert 0 < live <= await media.bytes_received()
    await sender.peer.close()
    assert one.first_after is not None
    return one, found


async def test_what_is_received_is_counted_and_weighed() -> None:
    one, _ = await received(None)
    assert (one.publisher, one.file) == ("ada", None)


async def test_what_is_received_is_written_as_well(tmp_path: Path) -> None:
    one, found = await received(tmp_path / "call.webm")
    assert one.file == tmp_path / "call.webm"
    assert len(found["video"]) >= 1
    assert found["audio"]
