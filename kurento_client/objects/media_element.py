"""MediaElement: what every element can do, be connected to others and tell what flows (protocol 9.3)."""

from collections.abc import Mapping
from typing import Any

from kurento_client import decoding
from kurento_client.enums import MediaType
from kurento_client.objects.media_object import MediaObject
from kurento_client.records import ElementConnectionData


class MediaElement(MediaObject):
    """A source and sink of media inside a pipeline."""

    async def connect(
        self,
        sink: "MediaElement",
        media_type: MediaType | None = None,
        source_description: str | None = None,
        sink_description: str | None = None,
    ) -> None:
        """Send media to `sink`; without a type all three of AUDIO, VIDEO and DATA.

        A sink has one source for each type; another replaces it. Again for the same pair succeeds and interrupts the
        media until the next key frame (9.4): ask the sink for `get_source_connections` first.
        Raises KurentoError 40004 across pipelines, ObjectNotFound for a sink that is gone.
        """
        descriptions = (source_description, sink_description)
        await self._invoke("connect", **_path(sink, media_type, descriptions))

    async def disconnect(
        self,
        sink: "MediaElement",
        media_type: MediaType | None = None,
        source_description: str | None = None,
        sink_description: str | None = None,
    ) -> None:
        """Stop sending to `sink`; succeeds also for what is not connected (9.4)."""
        descriptions = (source_description, sink_description)
        await self._invoke("disconnect", **_path(sink, media_type, descriptions))

    async def get_source_connections(self, media_type: MediaType | None = None) -> tuple[ElementConnectionData, ...]:
        """Return what feeds this element."""
        found = await self._invoke("getSourceConnections", **_of(media_type))
        return decoding.each(ElementConnectionData.read, found)

    async def get_sink_connections(self, media_type: MediaType | None = None) -> tuple[ElementConnectionData, ...]:
        """Return what this element feeds."""
        found = await self._invoke("getSinkConnections", **_of(media_type))
        return decoding.each(ElementConnectionData.read, found)

    async def is_media_flowing_in(self, media_type: MediaType) -> bool:
        """Tell whether media goes from the pipeline into this element: for WebRTC, towards the peer.

        Raises KurentoError 40107 for DATA, as does the next one.
        """
        return decoding.flag(await self._invoke("isMediaFlowingIn", **_of(media_type)))

    async def is_media_flowing_out(self, media_type: MediaType) -> bool:
        """Tell whether media comes out of this element: for WebRTC, received from the peer (10.3)."""
        return decoding.flag(await self._invoke("isMediaFlowingOut", **_of(media_type)))

    async def get_stats(self, media_type: MediaType | None = None) -> dict[str, Mapping[str, Any]]:
        """Return statistics by id, records as sent (protocol 11); empty where there is nothing to say."""
        found = await self._invoke("getStats", **_of(media_type))
        return {} if found is None else {key: decoding.record(each) for key, each in decoding.record(found).items()}


def _of(media_type: MediaType | None) -> dict[str, Any]:
    return {} if media_type is None else {"mediaType": str(media_type)}


def _path(
    sink: MediaElement, media_type: MediaType | None, descriptions: tuple[str | None, str | None]
) -> dict[str, Any]:
    # A sink that is no element crashes the server (protocol 9.4): types at runtime too.
    if not isinstance(sink, MediaElement):
        raise TypeError(f"a sink is an element, not {sink!r}")
    source, target = descriptions
    if media_type is None and (source is not None or target is not None):
        # An optional argument without those before it is dropped in silence (protocol 2.6).
        raise ValueError("a media description needs a media type")
    path: dict[str, Any] = {"sink": sink.id, **_of(media_type)}
    if source is not None or target is not None:
        path["sourceMediaDescription"] = "default" if source is None else source
    if target is not None:
        path["sinkMediaDescription"] = target
    return path
