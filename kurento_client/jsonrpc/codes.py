"""Error codes of Kurento, and the symbolic names that travel beside them (protocol 5)."""

from enum import IntEnum


class Code(IntEnum):
    """Every error code a Kurento media server can answer with, JSON-RPC's own included (protocol 5.1, 5.2).

    The member name is the `data.type` of the answer; the misspelt ones are Kurento's own.
    """

    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL_ERROR = -32603
    SERVER_ERROR = -32000

    MARSHALL_ERROR = 40001
    UNEXPECTED_ERROR = 40003
    CONNECT_ERROR = 40004
    UNSUPPORTED_MEDIA_TYPE = 40005
    NOT_IMPLEMENTED = 40006
    INVALID_SESSION = 40007
    MALFORMED_TRANSACTION = 40008
    NOT_ENOUGH_RESOURCES = 40009
    MEDIA_OBJECT_TYPE_NOT_FOUND = 40100
    MEDIA_OBJECT_NOT_FOUND = 40101
    MEDIA_OBJECT_CONSTRUCTOR_NOT_FOUND = 40104
    MEDIA_OBJECT_METHOD_NOT_FOUND = 40105
    MEDIA_OBJECT_EVENT_NOT_SUPPORTED = 40106
    MEDIA_OBJECT_ILLEGAL_PARAM_ERROR = 40107
    MEDIA_OBJECT_NOT_AVAILABLE = 40108
    MEDIA_OBJECT_NOT_FOUND_TRANSACTION_NO_COMMIT = 40109
    MEDIA_OBJECT_TAG_KEY_NOT_FOUND = 40110
    MEDIA_OBJECT_OPERATION_NOT_SUPPORTED = 40111
    SDP_CREATE_ERROR = 40200
    SDP_PARSE_ERROR = 40201
    SDP_END_POINT_NO_LOCAL_SDP_ERROR = 40202
    SDP_END_POINT_NO_REMOTE_SDP_ERROR = 40203
    SDP_END_POINT_GENERATE_OFFER_ERROR = 40204
    SDP_END_POINT_PROCESS_OFFER_ERROR = 40205
    SDP_END_POINT_PROCESS_ANSWER_ERROR = 40206
    SDP_CONFIGURATION_ERROR = 40207
    SDP_END_POINT_ALREADY_NEGOTIATED = 40208
    SDP_END_POINT_NOT_OFFER_GENERATED = 40209
    SDP_END_POINT_ANSWER_ALREADY_PROCCESED = 40210
    SDP_END_POINT_CANNOT_CREATE_SESSON = 40211
    HTTP_END_POINT_REGISTRATION_ERROR = 40300
    ICE_GATHER_CANDIDATES_ERROR = 40400
    ICE_ADD_CANDIDATE_ERROR = 40401
    SERVER_MANAGER_ERROR_KMD_NOT_FOUND = 40500
    URI_PATH_FILE_NOT_FOUND = 40600
    PLAYER_SEEK_FAIL = 40700


UNDEFINED = "UNDEFINED"
"""What Kurento says where its own table has no name: 40500 and the custom modules' 49000-49999."""


def type_name(code: int) -> str | None:
    """Return the `data.type` that goes with a code; None for JSON-RPC's codes, which carry no data.

    -32602 is the exception of the JSON-RPC codes: it does carry its name (protocol 5.1).
    """
    if code == Code.INVALID_PARAMS:
        return Code.INVALID_PARAMS.name
    if code < 0:
        return None
    if code == Code.SERVER_MANAGER_ERROR_KMD_NOT_FOUND or code not in set(Code):
        return UNDEFINED
    return Code(code).name
