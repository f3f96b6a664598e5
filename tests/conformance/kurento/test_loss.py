"""A lossy network on either side: what was lost is asked for and sent again."""

import random

import pytest

from mediaserver.media.ice import IceAgent
from mediaserver.server import assemble
from mediaserver.settings import Settings
from testkit.clients.webrtc_peers import attach, peers
from testkit.fakes.raw_kurento import raw_kurento

SETTINGS = Settings(port=0)
LOST = 0.1


def is_rtp(data: bytes) -> bool:
    """Whether a datagram is SRTP, not SRTCP, DTLS or STUN (RFC 7983, RFC 5761)."""
    return 127 < data[0] < 192 and not 192 <= data[1] <= 223


async def watched_with_loss(expected: str) -> None:
    """Publish, view, and see frames go on; return when the side named has repeated something."""
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento, peers(2) as (publisher, viewer):
        pipeline = await kurento.pipeline()
        source, sink = await kurento.endpoint(pipeline), await kurento.endpoint(pipeline)
        publisher.publish()
        viewer.view()
        await kurento.invoke(source, "connect", sink=sink)
        await attach(kurento, source, publisher)
        await attach(kurento, sink, viewer)
        await viewer.decoded(60)
        stats = (await kurento.invoke(source, "getStats", mediaType="VIDEO")) | (
            await kurento.invoke(sink, "getStats", mediaType="VIDEO")
        )
        by_type = {each["type"]: each for each in stats.values()}
        assert by_type[expected]["nackCount"] > 0
        # all that was lost came the second time: nothing had to be begun anew
        assert by_type["outboundrtp"]["pliCount"] <= 2


async def test_loss_on_the_way_to_a_viewer(monkeypatch: pytest.MonkeyPatch) -> None:
    chance, send = random.Random(1), IceAgent.send_now

    def lossy(self: IceAgent, data: bytes) -> bool:
        return True if is_rtp(data) and chance.random() < LOST else send(self, data)

    monkeypatch.setattr(IceAgent, "send_now", lossy)
    await watched_with_loss("outboundrtp")


async def test_loss_on_the_way_from_a_publisher(monkeypatch: pytest.MonkeyPatch) -> None:
    chance, receive = random.Random(2), IceAgent.data_received

    def lossy(self: IceAgent, data: bytes, component: int) -> None:
        if not (is_rtp(data) and chance.random() < LOST):
            receive(self, data, component)

    monkeypatch.setattr(IceAgent, "data_received", lossy)
    await watched_with_loss("inboundrtp")
