"""Media of a seat by aiortc: be in a call, send tracks, receive the others (``pip install 'callplane[media]'``)."""

try:
    import aiortc as _aiortc
except ImportError as missing:
    raise ImportError(
        f"callplane_client.media needs aiortc ({missing.name} is not there): pip install 'callplane[media]'",
        name=missing.name,
    ) from missing

from callplane_client.media.joining import join
from callplane_client.media.publications import Publication
from callplane_client.media.recording import Recording
from callplane_client.media.seat import MediaSeat
from callplane_client.media.streams import Received, RemoteStream
from callplane_client.media.synthetic import Picture
from callplane_client.media.tracks import ReceivedTrack

__all__ = ["MediaSeat", "Picture", "Publication", "Received", "ReceivedTrack", "Recording", "RemoteStream", "join"]

del _aiortc
