"""Players and recorders: all of their protocol but no media, which is told by Error events (protocol 9.9, 9.10)."""

from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from kurento_client.jsonrpc import Code
from mediaserver.errors import refusal
from mediaserver.media.engine import Engine
from mediaserver.model import elements
from mediaserver.model.spec import ClassSpec
from mediaserver.model.types import record
from mediaserver.objects.element import MediaElement
from mediaserver.objects.media_object import Listener, MediaObject

DEFAULT_PATH = "file:///var/lib/kurento/"
SCHEMES = ("file", "http", "https", "rtsp")


class UriEndpoint(MediaElement):
    """An endpoint at a file or an address; here it never leaves the state STOP."""

    spec: ClassVar[ClassSpec] = elements.URI_ENDPOINT

    def __init__(self, parent: MediaObject, raise_event: Listener, engine: Engine, uri: str) -> None:
        super().__init__(parent, raise_event, engine)
        self.uri = uri if "://" in uri else DEFAULT_PATH + uri
        self.state = "STOP"

    def pause(self) -> None:
        """Nothing runs that could be paused."""

    def stop(self) -> None:
        """Nothing runs that could be stopped."""

    def error(self, kind: str, description: str) -> None:
        """Say what went wrong: failures of media are never errors of the call (protocol 9.5)."""
        self.raise_event("Error", description=description, errorCode=0, type=kind)


class PlayerEndpoint(UriEndpoint):
    """Would play a file or stream into the pipeline."""

    spec: ClassVar[ClassSpec] = elements.PLAYER_ENDPOINT

    @property
    def position(self) -> int:
        """How many ms have been played."""
        return 0

    @position.setter
    def position(self, wanted: int) -> None:
        raise refusal(Code.PLAYER_SEEK_FAIL, "Seek fails")

    @property
    def video_info(self) -> dict[str, Any]:
        """What is known of the source, which is nothing before it plays."""
        return record("VideoInfo", isSeekable=False, seekableInit=0, seekableEnd=0, duration=0)

    @property
    def element_gstreamer_dot(self) -> str:
        """Refuse: there is no GStreamer in here."""
        raise refusal(Code.NOT_IMPLEMENTED, "There is no GStreamer element")

    def play(self) -> None:
        """Succeed, and tell by event that nothing plays."""
        if _there(self.uri):
            self.error("STREAM_ERROR_DECODE", "This media server plays nothing: it neither decodes nor encodes")
        else:
            self.error("INVALID_URI", "Invalid URI")


class RecorderEndpoint(UriEndpoint):
    """Would record what it is fed with."""

    spec: ClassVar[ClassSpec] = elements.RECORDER_ENDPOINT

    def record(self) -> None:
        """Succeed, and tell by event that nothing is recorded."""
        self.error("RESOURCE_ERROR_WRITE", "This media server records nothing")

    def stop_and_wait(self) -> None:
        """Nothing is recorded that could be waited for."""


def _there(uri: str) -> bool:
    parts = urlsplit(uri)
    return parts.scheme in SCHEMES and (parts.scheme != "file" or Path(unquote(parts.path)).is_file())
