"""Handles: from an id to an object of the class that it names."""

from kurento_client.guards import NO_ELEMENTS, type_in
from kurento_client.objects.media_element import MediaElement
from kurento_client.objects.media_object import Caller, MediaObject
from kurento_client.objects.media_pipeline import MediaPipeline
from kurento_client.objects.server_manager import ServerManager
from kurento_client.objects.webrtc_endpoint import WebRtcEndpoint


def handle(client: Caller, object_id: str) -> MediaObject:
    """Return a handle of the class that the id names; a plain element or object for types not known here."""
    match type_in(object_id):
        case "WebRtcEndpoint":
            return WebRtcEndpoint(client, object_id)
        case "MediaPipeline":
            return MediaPipeline(client, object_id)
        case "ServerManager":
            return ServerManager(client, object_id)
        case other if other in NO_ELEMENTS or "/" not in object_id:
            return MediaObject(client, object_id)
        case _:
            return MediaElement(client, object_id)
