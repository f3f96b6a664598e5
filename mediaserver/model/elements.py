"""Class table of the other elements: hubs, ports, files and plain RTP (protocol 9.5, 9.8-9.12)."""

from mediaserver.model.catalogue import BASE_RTP_ENDPOINT, DOT, ENDPOINT, MEDIA_ELEMENT, MEDIA_OBJECT
from mediaserver.model.spec import Argument, ClassSpec, Operation, Property
from mediaserver.model.types import BOOLEAN, INT, STRING, ObjectType
from mediaserver.model.vocabulary import PROFILE, SDES

_PIPELINE = Argument("mediaPipeline", ObjectType("MediaPipeline"))
_PORT = ObjectType("HubPort")

PASS_THROUGH = ClassSpec("PassThrough", MEDIA_ELEMENT, constructor=(_PIPELINE,))

HUB = ClassSpec("Hub", MEDIA_OBJECT, abstract=True, operations=DOT)
HUB_PORT = ClassSpec("HubPort", MEDIA_ELEMENT, constructor=(Argument("hub", ObjectType("Hub")),))

COMPOSITE = ClassSpec(
    "Composite",
    HUB,
    constructor=(
        _PIPELINE,
        Argument("width", INT, 800),
        Argument("height", INT, 600),
        Argument("framerate", INT, 15),
    ),
)
DISPATCHER = ClassSpec(
    "Dispatcher",
    HUB,
    constructor=(_PIPELINE,),
    operations=(Operation("connect", (Argument("source", _PORT), Argument("sink", _PORT))),),
)
DISPATCHER_ONE_TO_MANY = ClassSpec(
    "DispatcherOneToMany",
    HUB,
    constructor=(_PIPELINE,),
    operations=(Operation("setSource", (Argument("source", _PORT),)), Operation("removeSource")),
)

URI_ENDPOINT = ClassSpec(
    "UriEndpoint",
    ENDPOINT,
    abstract=True,
    properties=(Property("uri", attribute="uri"), Property("state", attribute="state")),
    operations=(Operation("pause"), Operation("stop")),
    events=frozenset({"UriEndpointStateChanged"}),
)
PLAYER_ENDPOINT = ClassSpec(
    "PlayerEndpoint",
    URI_ENDPOINT,
    constructor=(
        _PIPELINE,
        Argument("uri", STRING),
        Argument("useEncodedMedia", BOOLEAN, False),
        Argument("networkCache", INT, 2000),
    ),
    properties=(
        Property("position", INT, attribute="position", writable=True),
        Property("videoInfo", attribute="video_info"),
        Property("elementGstreamerDot", attribute="element_gstreamer_dot"),
    ),
    operations=(Operation("play"),),
    events=frozenset({"EndOfStream"}),
)
RECORDER_ENDPOINT = ClassSpec(
    "RecorderEndpoint",
    URI_ENDPOINT,
    constructor=(
        _PIPELINE,
        Argument("uri", STRING),
        Argument("mediaProfile", PROFILE, "WEBM"),
        Argument("stopOnEndOfStream", BOOLEAN, False),
    ),
    operations=(Operation("record"), Operation("stopAndWait")),
    events=frozenset({"Recording", "Paused", "Stopped"}),
)
RTP_ENDPOINT = ClassSpec(
    "RtpEndpoint",
    BASE_RTP_ENDPOINT,
    constructor=(_PIPELINE, Argument("crypto", SDES, None), Argument("useIpv6", BOOLEAN, False)),
    events=frozenset({"OnKeySoftLimit"}),
)
