"""Makes objects of the classes that this server has."""

from collections.abc import Mapping
from typing import Any

from kurento_client.jsonrpc import Code
from mediaserver.errors import refusal
from mediaserver.media.engine import Engine
from mediaserver.model.catalogue import FACTORIES
from mediaserver.model.spec import ClassSpec
from mediaserver.objects.media_object import Listener, MediaObject
from mediaserver.objects.pipeline import MediaPipeline
from mediaserver.objects.webrtc_endpoint import EndpointOptions, WebRtcEndpoint
from mediaserver.resources import Resources


class Factory:
    """Knows the classes by the names clients use, with or without `kurento.`."""

    def __init__(self, raise_event: Listener, engine: Engine, resources: Resources) -> None:
        self._raise_event = raise_event
        self._engine = engine
        self._resources = resources

    def spec(self, name: str) -> ClassSpec:
        """Find a class that can be created, or refuse: 40108 where there is none, 40009 where there is no room."""
        found = FACTORIES.get(name.removeprefix("kurento."))
        if found is None:
            raise refusal(Code.MEDIA_OBJECT_NOT_AVAILABLE, f"Factory '{name}' not found")
        self._resources.check()
        return found

    def make(self, spec: ClassSpec, arguments: Mapping[str, Any]) -> MediaObject:
        """Construct an object; the caller enters it into the object table."""
        if spec.name == "MediaPipeline":
            return MediaPipeline(None, self._raise_event)
        options = EndpointOptions(receives=not arguments["sendonly"], sends=not arguments["recvonly"])
        return WebRtcEndpoint(arguments["mediaPipeline"], self._raise_event, self._engine, options)
