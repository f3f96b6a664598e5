"""Class table of what every server has: manager, pipeline, elements, the WebRTC endpoint (protocol 9.1-9.7)."""

from mediaserver.model.spec import Argument, ClassSpec, Operation, Property
from mediaserver.model.types import BOOLEAN, INT, STRING, ObjectType
from mediaserver.model.vocabulary import (
    AUDIO_CAPS,
    CANDIDATE,
    DOT_DETAILS,
    DSCP,
    KEY_TYPE,
    MEDIA_TYPE,
    OFFER_OPTIONS,
    REMB,
    VIDEO_CAPS,
)


def _stored(name: str, kind: object, default: object) -> Property:
    return Property(name, kind, default, writable=True)  # type: ignore[arg-type]  # one of the types above


DOT = (
    Operation("getGstreamerDot", (Argument("details", DOT_DETAILS, None),)),
    Operation("dumpGstreamerDot", (Argument("details", DOT_DETAILS, None),)),
)

MEDIA_OBJECT = ClassSpec(
    "MediaObject",
    abstract=True,
    properties=(
        Property("mediaPipeline", attribute="pipeline"),
        Property("parent", attribute="parent"),
        Property("id", attribute="id"),
        Property("creationTime", attribute="creation_time"),
        Property("children", attribute="ordered_children"),
        Property("name", STRING, attribute="name", writable=True),
        Property("sendTagsInEvents", BOOLEAN, attribute="send_tags", writable=True),
    ),
    operations=(
        Operation("addTag", (Argument("key", STRING), Argument("value", STRING))),
        Operation("removeTag", (Argument("key", STRING),)),
        Operation("getTag", (Argument("key", STRING),)),
        Operation("getTags"),
    ),
    events=frozenset({"Error"}),
)

SERVER_MANAGER = ClassSpec(
    "ServerManager",
    MEDIA_OBJECT,
    abstract=True,
    properties=(
        Property("info", attribute="info"),
        Property("pipelines", attribute="pipelines"),
        Property("sessions", attribute="sessions"),
        Property("metadata", attribute="metadata"),
    ),
    operations=(
        Operation("getKmd", (Argument("moduleName", STRING),)),
        Operation("getCpuCount"),
        Operation("getUsedCpu", (Argument("interval", INT),)),
        Operation("getUsedMemory"),
    ),
    events=frozenset({"ObjectCreated", "ObjectDestroyed"}),
)

MEDIA_PIPELINE = ClassSpec(
    "MediaPipeline", MEDIA_OBJECT, properties=(_stored("latencyStats", BOOLEAN, False),), operations=DOT
)

_CONNECT = (
    Argument("sink", ObjectType("MediaElement")),
    Argument("mediaType", MEDIA_TYPE, None),
    Argument("sourceMediaDescription", STRING, "default"),
    Argument("sinkMediaDescription", STRING, "default"),
)
_OF_TYPE = (Argument("mediaType", MEDIA_TYPE, None), Argument("description", STRING, "default"))

MEDIA_ELEMENT = ClassSpec(
    "MediaElement",
    MEDIA_OBJECT,
    abstract=True,
    properties=(
        _stored("encoderBitrate", INT, 300000),
        _stored("minEncoderBitrate", INT, 0),
        _stored("maxEncoderBitrate", INT, 2147483647),
    ),
    operations=(
        Operation("connect", _CONNECT),
        Operation("disconnect", _CONNECT),
        Operation("getSourceConnections", _OF_TYPE),
        Operation("getSinkConnections", _OF_TYPE),
        Operation("setAudioFormat", (Argument("caps", AUDIO_CAPS),)),
        Operation("setVideoFormat", (Argument("caps", VIDEO_CAPS),)),
        Operation("getStats", (Argument("mediaType", MEDIA_TYPE, None),)),
        Operation(
            "isMediaFlowingIn",
            (Argument("mediaType", MEDIA_TYPE), Argument("sinkMediaDescription", STRING, "default")),
        ),
        Operation(
            "isMediaFlowingOut",
            (Argument("mediaType", MEDIA_TYPE), Argument("sourceMediaDescription", STRING, "default")),
        ),
        Operation("isMediaTranscoding", (Argument("mediaType", MEDIA_TYPE), Argument("binName", STRING, "default"))),
        *DOT,
    ),
    events=frozenset(
        {
            "ElementConnected",
            "ElementDisconnected",
            "MediaFlowInStateChanged",
            "MediaFlowOutStateChanged",
            "MediaTranscodingStateChanged",
        }
    ),
)

ENDPOINT = ClassSpec("Endpoint", MEDIA_ELEMENT, abstract=True)

SESSION_ENDPOINT = ClassSpec(
    "SessionEndpoint",
    ENDPOINT,
    abstract=True,
    events=frozenset({"MediaSessionStarted", "MediaSessionTerminated"}),
)

SDP_ENDPOINT = ClassSpec(
    "SdpEndpoint",
    SESSION_ENDPOINT,
    abstract=True,
    properties=(_stored("maxAudioRecvBandwidth", INT, 0), _stored("maxVideoRecvBandwidth", INT, 0)),
    operations=(
        Operation("generateOffer", (Argument("options", OFFER_OPTIONS, None),)),
        Operation("processOffer", (Argument("offer", STRING),)),
        Operation("processAnswer", (Argument("answer", STRING),)),
        Operation("getLocalSessionDescriptor"),
        Operation("getRemoteSessionDescriptor"),
    ),
)

BASE_RTP_ENDPOINT = ClassSpec(
    "BaseRtpEndpoint",
    SDP_ENDPOINT,
    abstract=True,
    properties=(
        _stored("minVideoRecvBandwidth", INT, 100),
        _stored("minVideoSendBandwidth", INT, 100),
        _stored("maxVideoSendBandwidth", INT, 500),
        _stored("mtu", INT, 1200),
        Property("rembParams", REMB, attribute="remb_params", writable=True),
        Property("mediaState", attribute="media_state"),
        Property("connectionState", attribute="connection_state"),
    ),
    operations=(Operation("requestKeyframe"),),
    events=frozenset({"MediaStateChanged", "ConnectionStateChanged"}),
)

WEBRTC_ENDPOINT = ClassSpec(
    "WebRtcEndpoint",
    BASE_RTP_ENDPOINT,
    constructor=(
        Argument("mediaPipeline", ObjectType("MediaPipeline")),
        Argument("recvonly", BOOLEAN, False),
        Argument("sendonly", BOOLEAN, False),
        Argument("useDataChannels", BOOLEAN, False),
        Argument("certificateKeyType", KEY_TYPE, "RSA"),
        Argument("qosDscp", DSCP, "NO_VALUE"),
    ),
    properties=(
        _stored("networkInterfaces", STRING, ""),
        _stored("iceTcp", BOOLEAN, False),
        _stored("stunServerAddress", STRING, ""),
        _stored("stunServerPort", INT, 3478),
        _stored("turnUrl", STRING, ""),
        _stored("externalIPv4", STRING, ""),
        _stored("externalIPv6", STRING, ""),
        Property("ICECandidatePairs", attribute="candidate_pairs"),
        Property("iceConnectionState", attribute="ice_connection_state"),
        Property("dtlsConnectionState", attribute="dtls_connection_state"),
    ),
    operations=(
        Operation("gatherCandidates"),
        Operation("addIceCandidate", (Argument("candidate", CANDIDATE),)),
        Operation(
            "createDataChannel",
            (
                Argument("label", STRING, ""),
                Argument("ordered", BOOLEAN, True),
                Argument("maxPacketLifeTime", INT, -1),
                Argument("maxRetransmits", INT, -1),
                Argument("protocol", STRING, ""),
            ),
        ),
        Operation("closeDataChannel", (Argument("channelId", INT),)),
    ),
    events=frozenset(
        {
            "IceCandidateFound",
            "IceGatheringDone",
            "IceComponentStateChanged",
            "NewCandidatePairSelected",
            "DtlsConnectionStateChange",
            "DataChannelOpened",
            "DataChannelClosed",
        }
    ),
)
