"""Object factory: makes objects of the classes that this server has."""

from collections.abc import Callable, Mapping
from typing import Any

from kurento_client.jsonrpc import Code
from mediaserver.errors import refusal
from mediaserver.media.engine import Engine
from mediaserver.model import catalogue, elements
from mediaserver.model.spec import ClassSpec
from mediaserver.objects.hubs import Composite, Dispatcher, DispatcherOneToMany, HubPort, PassThrough
from mediaserver.objects.media_object import Listener, MediaObject
from mediaserver.objects.pipeline import MediaPipeline
from mediaserver.objects.rtp_endpoint import RtpEndpoint
from mediaserver.objects.uri_endpoints import PlayerEndpoint, RecorderEndpoint
from mediaserver.objects.webrtc_endpoint import EndpointOptions, WebRtcEndpoint
from mediaserver.resources import Resources

Maker = Callable[["Factory", Mapping[str, Any]], MediaObject]


class Factory:
    """Knows the classes by the names clients use, with or without `kurento.`."""

    def __init__(self, raise_event: Listener, engine: Engine, resources: Resources) -> None:
        self.raise_event = raise_event
        self.engine = engine
        self._resources = resources

    def spec(self, name: str) -> ClassSpec:
        """Find a class that can be created, or refuse: 40108 where there is none, 40009 where there is no room."""
        found = MAKERS.get(name.removeprefix("kurento."))
        if found is None:
            raise refusal(Code.MEDIA_OBJECT_NOT_AVAILABLE, f"Factory '{name}' not found")
        self._resources.check()
        return found[0]

    def make(self, spec: ClassSpec, arguments: Mapping[str, Any]) -> MediaObject:
        """Construct an object; the caller enters it into the object table."""
        return MAKERS[spec.name][1](self, arguments)


def _webrtc(by: Factory, given: Mapping[str, Any]) -> MediaObject:
    options = EndpointOptions(receives=not given["sendonly"], sends=not given["recvonly"])
    return WebRtcEndpoint(given["mediaPipeline"], by.raise_event, by.engine, options)


def _recorder(by: Factory, given: Mapping[str, Any]) -> MediaObject:
    if given["mediaProfile"] == "KURENTO_SPLIT_RECORDER":
        raise refusal(Code.MEDIA_OBJECT_ILLEGAL_PARAM_ERROR, "Kurento Split Recorder is not supported")
    return RecorderEndpoint(given["mediaPipeline"], by.raise_event, by.engine, given["uri"])


MAKERS: dict[str, tuple[ClassSpec, Maker]] = {
    spec.name: (spec, maker)
    for spec, maker in (
        (catalogue.MEDIA_PIPELINE, lambda by, given: MediaPipeline(None, by.raise_event)),
        (catalogue.WEBRTC_ENDPOINT, _webrtc),
        (
            elements.RTP_ENDPOINT,
            lambda by, given: RtpEndpoint(given["mediaPipeline"], by.raise_event, by.engine, given["crypto"]),
        ),
        (elements.PASS_THROUGH, lambda by, given: PassThrough(given["mediaPipeline"], by.raise_event, by.engine)),
        (elements.HUB_PORT, lambda by, given: HubPort(given["hub"], by.raise_event, by.engine)),
        (elements.COMPOSITE, lambda by, given: Composite(given["mediaPipeline"], by.raise_event)),
        (elements.DISPATCHER, lambda by, given: Dispatcher(given["mediaPipeline"], by.raise_event)),
        (
            elements.DISPATCHER_ONE_TO_MANY,
            lambda by, given: DispatcherOneToMany(given["mediaPipeline"], by.raise_event),
        ),
        (
            elements.PLAYER_ENDPOINT,
            lambda by, given: PlayerEndpoint(given["mediaPipeline"], by.raise_event, by.engine, given["uri"]),
        ),
        (elements.RECORDER_ENDPOINT, _recorder),
    )
}
"""What `create` can make and how; everything else is 40108 (protocol 5.2)."""
