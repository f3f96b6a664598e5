"""From an id to a handle of the right class."""

from kurento_client.guards import NO_ELEMENTS, type_in
from kurento_client.objects.media_element import MediaElement
from kurento_client.objects.media_object import Caller, MediaObject
from kurento_client.objects.media_pipeline import MediaPipeline
from kurento_client.objects.server_manager import ServerManager
from kurento_client.objects.webrtc_endpoint import WebRtcEndpoint


def handle(client: Caller, id: str) -> MediaObject:
    """Return a handle of the class that the id names; a plain element or object for types not known here."""
    match type_in(id):
        case "WebRtcEndpoint":
            return WebRtcEndpoint(client, id)
        case "MediaPipeline":
            return MediaPipeline(client, id)
        case "ServerManager":
            return ServerManager(client, id)
        case type if type in NO_ELEMENTS or "/" not in id:
            return MediaObject(client, id)
        case _:
            return MediaElement(client, id)
