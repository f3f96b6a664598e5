"""Scripted broker: opens connections and channels as RabbitMQ does, and says beside that what a test has it say."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiormq
from pamqp import commands as spec
from pamqp.body import ContentBody
from pamqp.frame import frame_parts, marshal, unmarshal
from pamqp.header import ContentHeader

from callplane.bus.rabbitmq.content_channel import ContentChannel
from callplane.bus.rabbitmq.transport import Socket
from testkit.fakes.certificates import certificate_for

FRAME_MAX = 4096

_START = spec.Connection.Start(
    server_properties={"capabilities": {"publisher_confirms": True, "basic.nack": True}},
    mechanisms="PLAIN",
    locales="en",
)
_ANSWERS: dict[type, Any] = {
    spec.Connection.StartOk: spec.Connection.Tune(channel_max=100, frame_max=FRAME_MAX, heartbeat=60),
    spec.Connection.Open: spec.Connection.OpenOk(),
    spec.Connection.Close: spec.Connection.CloseOk(),
    spec.Channel.Open: spec.Channel.OpenOk(),
    spec.Channel.Close: spec.Channel.CloseOk(),
    spec.Confirm.Select: spec.Confirm.SelectOk(),
    spec.Basic.Qos: spec.Basic.QosOk(),
}


@dataclass
class ScriptedBroker:
    """One connection of a client, seen from the broker's side."""

    heard: list[tuple[int, Any]] = field(default_factory=list)
    """What the client has sent, heartbeats apart: channels and frames, in order."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    writer: asyncio.StreamWriter | None = None

    def say(self, channel: int, *frames: Any) -> None:
        """Send these to the client, in one piece."""
        self.say_octets(b"".join(marshal(frame, channel) for frame in frames))

    def say_octets(self, octets: bytes) -> None:
        """Send this."""
        assert self.writer is not None
        self.writer.write(octets)

    async def until_heard(self, kind: type, times: int = 1) -> list[Any]:
        """The frames of that kind, once so many have come."""
        while len(found := [frame for _, frame in self.heard if isinstance(frame, kind)]) < times:
            self.changed.clear()
            await self.changed.wait()
        return found

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer until the client has gone."""
        self.writer = writer
        try:
            await reader.readexactly(8)
            self.say(0, _START)
            while True:
                head = await reader.readexactly(7)
                rest = await reader.readexactly((frame_parts(head)[2] or 0) + 1)
                _, channel, frame = unmarshal(head + rest)
                self.heard.append((channel, frame))
                self.changed.set()
                if isinstance(frame, spec.Basic.Consume):
                    self.say(channel, spec.Basic.ConsumeOk(frame.consumer_tag))
                elif type(frame) in _ANSWERS:
                    self.say(channel, _ANSWERS[type(frame)])
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def content(method: Any, body: bytes, properties: spec.Basic.Properties | None = None) -> Iterable[Any]:
    """The frames of a message."""
    yield method
    yield ContentHeader(body_size=len(body), properties=properties or spec.Basic.Properties())
    for start in range(0, len(body), FRAME_MAX - 8):
        yield ContentBody(body[start : start + FRAME_MAX - 8])


@asynccontextmanager
async def scripted_channel(
    *, confirms: bool = False, secure: bool = False
) -> AsyncIterator[tuple[ScriptedBroker, ContentChannel]]:
    """A broker, and a channel of aiormq's on a connection to it, with our own socket."""
    broker, socket = ScriptedBroker(), Socket(secure=secure)
    ours, theirs = certificate_for("localhost") if secure else (None, None)
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0, ssl=ours)
    port = server.sockets[0].getsockname()[1]
    scheme = "amqps" if secure else "amqp"
    try:
        url = f"{scheme}://guest:guest@localhost:{port}/"
        connection = await aiormq.connect(url, context=theirs, transport_factory=socket)
        try:
            channel = await connection.channel(publisher_confirms=confirms)
            assert isinstance(channel, aiormq.Channel)
            yield broker, ContentChannel(channel, socket)
        finally:
            await connection.close()
    finally:
        server.close()
        await server.wait_closed()
