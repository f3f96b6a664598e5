"""Typed handles of the objects that live in a media server."""

from kurento_client.objects.handles import handle
from kurento_client.objects.media_element import MediaElement
from kurento_client.objects.media_object import Caller, MediaObject
from kurento_client.objects.media_pipeline import MediaPipeline
from kurento_client.objects.rtp_endpoint import BaseRtpEndpoint, SdpEndpoint
from kurento_client.objects.server_manager import ServerManager
from kurento_client.objects.webrtc_endpoint import DataChannelOptions, EndpointOptions, WebRtcEndpoint

__all__ = [
    "BaseRtpEndpoint",
    "Caller",
    "DataChannelOptions",
    "EndpointOptions",
    "MediaElement",
    "MediaObject",
    "MediaPipeline",
    "SdpEndpoint",
    "ServerManager",
    "WebRtcEndpoint",
    "handle",
]
