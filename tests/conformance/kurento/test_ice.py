"""Gathering and candidates (checklist 43-45)."""

from mediaserver.server import assemble
from mediaserver.settings import MediaSettings, Settings
from testkit.fakes.raw_kurento import raw_kurento
from testkit.fakes.sdp import OFFER

SETTINGS = Settings(port=0, media=MediaSettings(addresses=("127.0.0.1",)))
ICE = ("IceCandidateFound", "IceGatheringDone", "IceComponentStateChanged")
CANDIDATE = {"candidate": "candidate:1 1 UDP 2122252543 192.0.2.2 54321 typ host", "sdpMid": "0", "sdpMLineIndex": 0}


async def test_gathering_needs_a_description() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        endpoint = await kurento.endpoint(await kurento.pipeline())
        await kurento.subscribe(endpoint, *ICE)
        assert await kurento.invoke(endpoint, "gatherCandidates") is None
        await kurento.invoke(endpoint, "processOffer", offer=OFFER)
        await kurento.done("ping")
        assert kurento.events == []
        await kurento.invoke(endpoint, "gatherCandidates")
        await kurento.event("IceGatheringDone", endpoint)
        states = [(d["componentId"], d["state"]) for d in kurento.seen("IceComponentStateChanged")]
        assert states[:2] == [(2, "GATHERING"), (1, "GATHERING")]
        kinds = [e["params"]["value"]["type"] for e in kurento.events]
        assert kinds.index("IceGatheringDone") > kinds.index("IceCandidateFound") > 1
        await kurento.invoke(endpoint, "gatherCandidates")
        await kurento.done("ping")
        assert len(kurento.seen("IceGatheringDone")) == 1


async def test_candidates_are_told_once_per_line() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        endpoint = await kurento.endpoint(await kurento.pipeline())
        await kurento.subscribe(endpoint, *ICE)
        answer = await kurento.invoke(endpoint, "processOffer", offer=OFFER)
        assert "a=candidate" not in answer
        await kurento.invoke(endpoint, "gatherCandidates")
        await kurento.event("IceGatheringDone", endpoint)
        found = [d["candidate"] for d in kurento.seen("IceCandidateFound")]
        assert [(c["sdpMid"], c["sdpMLineIndex"]) for c in found] == [("0", 0), ("1", 1)]
        assert {(c["__module__"], c["__type__"]) for c in found} == {("kurento", "IceCandidate")}
        assert len({c["candidate"] for c in found}) == 1
        descriptor = await kurento.invoke(endpoint, "getLocalSessionDescriptor")
        assert descriptor.count(f"a={found[0]['candidate']}\r\n") == 2
        assert "c=IN IP4 127.0.0.1" in descriptor


async def test_candidates_of_the_peer_at_any_time() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        endpoint = await kurento.endpoint(await kurento.pipeline())
        await kurento.invoke(endpoint, "addIceCandidate", candidate=CANDIDATE)
        for text in (
            "",
            "nonsense",
            "candidate:1 1 UDP 1 x.local 5 typ host",
            "candidate:1 1 TCP 1 192.0.2.2 9 typ host",
        ):
            await kurento.invoke(endpoint, "addIceCandidate", candidate={**CANDIDATE, "candidate": text})
        await kurento.invoke(endpoint, "addIceCandidate", candidate={**CANDIDATE, "sdpMid": None})
        short = {k: v for k, v in CANDIDATE.items() if k != "sdpMid"}
        assert await kurento.refused(endpoint, "addIceCandidate", candidate=short) == 40001
        assert await kurento.refused(endpoint, "addIceCandidate", candidate="text") == 40001
        typed = {"__module__": "kurento", "__type__": "IceCandidate", **CANDIDATE}
        await kurento.invoke(endpoint, "addIceCandidate", candidate=typed)
        wrong = {**typed, "__type__": "Tag"}
        assert await kurento.refused(endpoint, "addIceCandidate", candidate=wrong) == 40003
        unknown = {**typed, "__type__": "Nope"}
        assert await kurento.refused(endpoint, "addIceCandidate", candidate=unknown) == -32603
        await kurento.subscribe(endpoint, *ICE)
        await kurento.invoke(endpoint, "processOffer", offer=OFFER)
        await kurento.invoke(endpoint, "gatherCandidates")
        await kurento.event("IceGatheringDone", endpoint)
        astray = {**CANDIDATE, "sdpMLineIndex": 7}
        assert await kurento.refused(endpoint, "addIceCandidate", candidate=astray) == 40401
        states = await kurento.invoke(endpoint, "getIceConnectionState")
        assert [(s["componentId"], s["streamId"]) for s in states] == [(1, "1"), (2, "1")]
