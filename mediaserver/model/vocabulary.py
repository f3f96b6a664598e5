"""Enumerations and records that classes of this server use (protocol 9.13)."""

from mediaserver.model.types import (
    BOOLEAN,
    FLOAT,
    INT,
    STRING,
    EnumType,
    RecordType,
    Type,
    record,
    single,
    words,
)

MEDIA_TYPE = EnumType("MediaType", frozenset({"AUDIO", "DATA", "VIDEO"}))
DOT_DETAILS = EnumType(
    "GstreamerDotDetails",
    words("SHOW_", "MEDIA_TYPE CAPS_DETAILS NON_DEFAULT_PARAMS STATES FULL_PARAMS ALL VERBOSE"),
)
KEY_TYPE = EnumType("CertificateKeyType", words("", "RSA ECDSA"))
DSCP = EnumType(
    "DSCPValue",
    words("", "NO_VALUE CS0 CS1 CS2 CS3 CS4 CS5 CS6 CS7 EF VOICEADMIT LE")
    | words("AUDIO_", "VERYLOW LOW MEDIUM HIGH")
    | words("VIDEO_", "VERYLOW LOW MEDIUM MEDIUM_THROUGHPUT HIGH HIGH_THROUGHPUT")
    | words("DATA_", "VERYLOW LOW MEDIUM HIGH")
    | words("CHROME_", "VERYLOW LOW MEDIUM HIGH")
    | words("AF", "11 12 13 21 22 23 31 32 33 41 42 43"),
)
FRACTION = RecordType("Fraction", {"numerator": INT, "denominator": INT})
AUDIO_CAPS = RecordType(
    "AudioCaps",
    {"codec": EnumType("AudioCodec", frozenset({"OPUS", "PCMU", "PCMA", "RAW"})), "bitrate": INT},
)
VIDEO_CAPS = RecordType(
    "VideoCaps",
    {"codec": EnumType("VideoCodec", frozenset({"H265", "AV1", "VP9", "VP8", "H264", "RAW"})), "framerate": FRACTION},
)
PROFILE = EnumType(
    "MediaProfileSpecType",
    words(
        "", "WEBM MKV MP4 WEBM_VIDEO_ONLY WEBM_AUDIO_ONLY MKV_VIDEO_ONLY MKV_AUDIO_ONLY MP4_VIDEO_ONLY MP4_AUDIO_ONLY"
    )
    | words("", "JPEG_VIDEO_ONLY KURENTO_SPLIT_RECORDER FLV"),
)
SDES = RecordType(
    "SDES",
    {
        "key": STRING,
        "keyBase64": STRING,
        "crypto": EnumType(
            "CryptoSuite",
            words("AES_", "128_CM_HMAC_SHA1_32 128_CM_HMAC_SHA1_80 256_CM_HMAC_SHA1_32 256_CM_HMAC_SHA1_80"),
        ),
    },
    frozenset({"key", "keyBase64", "crypto"}),
)
CANDIDATE = RecordType("IceCandidate", {"candidate": STRING, "sdpMid": STRING, "sdpMLineIndex": INT})
OFFER_OPTIONS = RecordType(
    "OfferOptions",
    {"offerToReceiveAudio": BOOLEAN, "offerToReceiveVideo": BOOLEAN},
    frozenset({"offerToReceiveAudio", "offerToReceiveVideo"}),
)
REMB_FIELDS: dict[str, Type] = {
    "packetsRecvIntervalTop": INT,
    "exponentialFactor": FLOAT,
    "linealFactorMin": INT,
    "linealFactorGrade": FLOAT,
    "decrementFactor": FLOAT,
    "thresholdFactor": FLOAT,
    "upLosses": INT,
    "rembOnConnect": INT,
}
REMB = RecordType("RembParams", REMB_FIELDS, frozenset(REMB_FIELDS))
REMB_DEFAULT = record(
    "RembParams",
    packetsRecvIntervalTop=100,
    exponentialFactor=single(0.04),
    linealFactorMin=50,
    linealFactorGrade=30.0,
    decrementFactor=0.5,
    thresholdFactor=single(0.8),
    upLosses=12,
    rembOnConnect=300000,
)
