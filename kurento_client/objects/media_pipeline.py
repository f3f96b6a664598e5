"""MediaPipeline: the room in which elements are connected (protocol 9.2)."""

from kurento_client import decoding
from kurento_client.objects.media_object import MediaObject
from kurento_client.objects.webrtc_endpoint import EndpointOptions, WebRtcEndpoint


class MediaPipeline(MediaObject):
    """A top-level object; it lives as long as a session references it or any descendant (protocol 6.3)."""

    async def create_webrtc_endpoint(self, options: EndpointOptions | None = None) -> WebRtcEndpoint:
        """Create an endpoint; NotEnoughResources (40009) when the server is full, ObjectNotFound without us."""
        given = {} if options is None else options.wire()
        made = await self.client.create("WebRtcEndpoint", {"mediaPipeline": self.id, **given})
        return WebRtcEndpoint(self.client, made)

    async def get_latency_stats(self) -> bool:
        """Return whether statistics contain latencies."""
        return decoding.flag(await self._invoke("getLatencyStats"))

    async def set_latency_stats(self, enabled: bool) -> None:
        """Have statistics contain latencies (protocol 11)."""
        await self._invoke("setLatencyStats", latencyStats=enabled)

    async def get_gstreamer_dot(self) -> str:
        """Return the GStreamer graph as DOT text; it may pass 1 MiB."""
        return decoding.text(await self._invoke("getGstreamerDot"))
