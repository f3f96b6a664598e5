from kurento_client import EndpointOptions, MediaPipeline, WebRtcEndpoint
from testkit.fakes.scripted_kurento import conversation

ID = "p_kurento.MediaPipeline"


async def test_an_endpoint_is_created_in_it() -> None:
    async with conversation() as (kurento, client):
        kurento.answers["create"] = lambda _: f"{ID}/a_kurento.WebRtcEndpoint"
        pipeline = MediaPipeline(client, ID)
        assert isinstance(await pipeline.create_webrtc_endpoint(), WebRtcEndpoint)
        await pipeline.create_webrtc_endpoint(EndpointOptions(recvonly=True))
        made = [(each.params or {})["constructorParams"] for each in kurento.requests[1:]]
    assert made == [{"mediaPipeline": ID}, {"mediaPipeline": ID, "recvonly": True}]


async def test_latencies_and_graph() -> None:
    async with conversation() as (kurento, client):
        kurento.answers["getLatencyStats"] = lambda _: True
        kurento.answers["getGstreamerDot"] = lambda _: "digraph {}"
        pipeline = MediaPipeline(client, ID)
        await pipeline.set_latency_stats(True)
        sent = (await kurento.received("setLatencyStats")).params or {}
        assert sent["operationParams"] == {"latencyStats": True}
        assert await pipeline.get_latency_stats()
        assert await pipeline.get_gstreamer_dot() == "digraph {}"
