"""Forwarding benchmark: CPU of the media server, one publisher of 1 Mbit/s and 30 frames a second to ten viewers.

Publisher, viewers and media server are processes of their own. The publisher's frames are made up (their size and
key-frame marks are VP8's, nobody encodes) and the viewers are aiortc peers whose decoders only count: so what the
other processes do disturbs the figure as little as possible on a small machine.
"""

import argparse
import asyncio
import fractions
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiortc.rtcrtpreceiver
import websockets
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.codecs.base import Decoder
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from av.packet import Packet

from kurento_client import KurentoClient, connect

PATIENCE = 20.0
KEY_FRAME_EVERY = 60
KEY_FRAME_WEIGHT = 5


@dataclass
class Counted:
    """What one viewer's decoder saw of one kind."""

    frames: int = 0
    octets: int = 0


class CountingDecoder(Decoder):
    """Counts whole frames instead of decoding them."""

    def __init__(self, counted: Counted) -> None:
        self._counted = counted

    def decode(self, encoded_frame: Any) -> list[Any]:
        """Count one frame and give nothing on."""
        self._counted.frames += 1
        self._counted.octets += len(encoded_frame.data)
        return []


class MadeUpTrack(MediaStreamTrack):
    """Encoded packets of the right size at the right time; aiortc sends them as they are."""

    def __init__(self, kind: str, rate: float, sizes: Sequence[int]) -> None:
        self.kind = kind
        super().__init__()
        self._rate = rate
        self._sizes = sizes
        self._count = 0
        self._began = 0.0

    async def recv(self) -> Any:
        """Return the next packet when it is due."""
        self._began = self._began or time.monotonic()
        due = self._began + self._count / self._rate
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        size = self._sizes[self._count % len(self._sizes)]
        # bit 0 of the first byte is VP8's inverse key-frame flag (RFC 6386, 9.1)
        inter = 1 if self._count % len(self._sizes) else 0
        packet = Packet(bytes([inter]) + os.urandom(size - 1))
        packet.pts = self._count
        packet.time_base = fractions.Fraction(1, int(self._rate))
        self._count += 1
        return packet


def video_sizes(bits_per_second: int, rate: int) -> list[int]:
    """Spread the bits over a group of pictures whose first frame is larger."""
    total = bits_per_second / 8 / rate * KEY_FRAME_EVERY
    inter = int(total / (KEY_FRAME_EVERY - 1 + KEY_FRAME_WEIGHT))
    return [inter * KEY_FRAME_WEIGHT] + [inter] * (KEY_FRAME_EVERY - 1)


@dataclass
class Viewer:
    """One receiving peer and its counters."""

    peer: RTCPeerConnection
    loop: asyncio.AbstractEventLoop
    seen: dict[str, Counted] = field(default_factory=lambda: {"audio": Counted(), "video": Counted()})
    watching: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    def decoder(self, codec: RTCRtpCodecParameters) -> Decoder:
        """Stand in for aiortc's look-up, which the decoder's thread makes at the first frame."""
        self.loop.call_soon_threadsafe(self.watching.release)
        return CountingDecoder(self.seen[codec.mimeType.split("/")[0]])

    async def figures(self) -> dict[str, int]:
        """Read everything that only grows."""
        found = {f"{kind}_{name}": value for kind, c in self.seen.items() for name, value in vars(c).items()}
        for report in (await self.peer.getStats()).values():
            if report.type == "inbound-rtp":
                found[f"{report.kind}_packets"] = report.packetsReceived
                found[f"{report.kind}_lost"] = report.packetsLost
        return found


def new_peer() -> RTCPeerConnection:
    """Make a peer that uses no outside server."""
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


async def negotiate(client: KurentoClient, pipeline: str, peer: RTCPeerConnection) -> str:
    """Connect a peer to a new endpoint without trickling, and return the endpoint's id."""
    up = asyncio.Event()
    peer.on("connectionstatechange", lambda: up.set() if peer.connectionState == "connected" else None)
    endpoint = await client.create("WebRtcEndpoint", {"mediaPipeline": pipeline})
    await client.subscribe(endpoint, "IceGatheringDone")
    await peer.setLocalDescription(await peer.createOffer())
    await client.invoke(endpoint, "processOffer", {"offer": peer.localDescription.sdp})
    await client.invoke(endpoint, "gatherCandidates")
    async with asyncio.timeout(PATIENCE):
        await anext(client.events)
        answer = await client.invoke(endpoint, "getLocalSessionDescriptor")
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await up.wait()
    return endpoint


async def publish(given: argparse.Namespace) -> None:
    """Publish until told to end; says the endpoint's id when connected."""
    async with connect(given.url) as client:
        await client.opened()
        peer = new_peer()
        peer.addTrack(MadeUpTrack("video", given.fps, video_sizes(given.bitrate * 1000, given.fps)))
        peer.addTrack(MadeUpTrack("audio", 50, [80] * 50))
        say({"endpoint": await negotiate(client, given.pipeline, peer)})
        await told()
        await peer.close()


async def view(given: argparse.Namespace) -> None:
    """Watch with many peers; answers each line of input with their figures."""
    async with connect(given.url) as client:
        await client.opened()
        viewers = []
        for _ in range(given.viewers):
            viewer = Viewer(new_peer(), asyncio.get_running_loop())
            vars(aiortc.rtcrtpreceiver)["get_decoder"] = viewer.decoder
            for kind in ("audio", "video"):
                viewer.peer.addTransceiver(kind, direction="recvonly")
            sink = await negotiate(client, given.pipeline, viewer.peer)
            await client.invoke(given.source, "connect", {"sink": sink})
            async with asyncio.timeout(PATIENCE):
                for _ in viewer.seen:
                    await viewer.watching.acquire()
            viewers.append(viewer)
        say({"ready": True})
        while await told():
            say({"viewers": [await viewer.figures() for viewer in viewers]})
        await asyncio.gather(*(viewer.peer.close() for viewer in viewers))


def say(line: dict[str, Any]) -> None:
    """Write one JSON line for the parent."""
    print(json.dumps(line), flush=True)


async def told() -> bool:
    """Wait for a line of input; false at its end."""
    return bool(await asyncio.to_thread(sys.stdin.readline))


@dataclass
class Child:
    """A process of ours that speaks in JSON lines."""

    process: asyncio.subprocess.Process

    async def hear(self) -> dict[str, Any]:
        """Read its next line."""
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), 3 * PATIENCE)
        found: dict[str, Any] = json.loads(line)
        return found

    def tell(self) -> None:
        """Send it an empty line."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")

    def cpu(self) -> float:
        """Read the seconds of CPU that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def child(*arguments: str) -> AsyncIterator[Child]:
    """Run a Python module until the block ends."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", *arguments, stdin=pipe, stdout=pipe)
    try:
        yield Child(process)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def measure(given: argparse.Namespace) -> bool:
    """Run everything, print the figures, and say whether the target was met."""
    shape = [f"--{name}={getattr(given, name)}" for name in ("viewers", "bitrate", "fps")]
    async with child("mediaserver", "--port=0", f"--max-video-bitrate={2 * given.bitrate}") as server:
        url = (await server.hear())["url"]
        async with connect(url) as client:
            await client.opened()
            pipeline = await client.create("MediaPipeline")
            common = ["bench.forwarding", *shape, f"--url={url}", f"--pipeline={pipeline}"]
            async with child(*common, "--role=publisher") as publisher:
                source = (await publisher.hear())["endpoint"]
                async with child(*common, "--role=viewers", f"--source={source}") as viewers:
                    await viewers.hear()
                    await asyncio.sleep(1)
                    pongs: list[float] = []
                    async with websockets.connect(url) as socket, asyncio.TaskGroup() as tasks:
                        pinging = tasks.create_task(ping(socket, pongs))
                        measured = await window(server, viewers, given.seconds)
                        pinging.cancel()
                    print(f"slowest WebSocket pong of {len(pongs)}: {1000 * max(pongs):.1f} ms")
                    return report(given, *measured)


async def ping(socket: websockets.ClientConnection, pongs: list[float]) -> None:
    """Note how long the media server takes to answer a ping while it forwards."""
    while True:
        pongs.append(await (await socket.ping()))
        await asyncio.sleep(0.05)


Figures = list[dict[str, int]]


async def window(server: Child, viewers: Child, seconds: float) -> tuple[float, float, Figures]:
    """Watch for a while; return the time, the CPU seconds and what each viewer gained."""
    viewers.tell()
    before = (await viewers.hear())["viewers"]
    wall, cpu = time.monotonic(), server.cpu()
    await asyncio.sleep(seconds)
    wall, cpu = time.monotonic() - wall, server.cpu() - cpu
    viewers.tell()
    after = (await viewers.hear())["viewers"]
    return wall, cpu, [{k: b[k] - a[k] for k in b} for a, b in zip(before, after, strict=True)]


def report(given: argparse.Namespace, wall: float, cpu: float, gained: Figures) -> bool:
    """Print one line per viewer and the sum."""
    for number, one in enumerate(gained, 1):
        rate = one["video_octets"] * 8 / wall / 1000
        print(
            f"viewer {number:2}: video {rate:6.0f} kbit/s {one['video_frames'] / wall:5.1f} frames/s "
            f"{one['video_packets'] / wall:6.1f} packets/s lost {one['video_lost']}; "
            f"audio {one['audio_packets'] / wall:5.1f} packets/s lost {one['audio_lost']}"
        )
    packets = sum(one["video_packets"] + one["audio_packets"] for one in gained)
    share = 100 * cpu / wall
    print(
        f"media server: {share:.1f} % of one core over {wall:.1f} s for {len(gained)} viewers, "
        f"{packets / wall:.0f} packets/s out, {1e6 * cpu / max(1, packets):.0f} µs each; target {given.target:g} %"
    )
    return bool(share <= given.target)


def main() -> None:
    """Read the command line and play the role it names."""
    parser = argparse.ArgumentParser("bench.forwarding", description=__doc__)
    parser.add_argument("--viewers", type=int, default=10)
    parser.add_argument("--bitrate", type=int, default=1000, help="kbit/s of video (%(default)s)")
    parser.add_argument("--fps", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--target", type=float, default=30, help="per cent of one core (%(default)s)")
    for name in ("role", "url", "pipeline", "source"):
        parser.add_argument(f"--{name}", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.role is None:
        sys.exit(0 if asyncio.run(measure(given)) else 1)
    asyncio.run(publish(given) if given.role == "publisher" else view(given))


if __name__ == "__main__":
    main()
