"""Errors: refused by the server, outcome unknown, not connected."""

from collections.abc import Sequence
from typing import Any

from kurento_client.jsonrpc import Code, ErrorResponse


class ClientError(Exception):
    """Whatever this package raises about the server or the way to it."""


class NotConnected(ClientError):
    """There is no greeted connection: the call was not sent and has no effect."""


class OutcomeUnknown(ClientError):
    """The connection ended, or was about to, while the call was on its way: it may have been executed or not."""


class CallTimedOut(OutcomeUnknown):
    """No answer within the deadline; the server may still execute the call (protocol 15.1)."""


class UnexpectedAnswer(ClientError):
    """The server answered with a shape that the protocol does not have."""


class WouldCrashServer(ClientError, ValueError):
    """A call known to bring Kurento down (protocol 9.4); it was not sent."""


class KurentoError(ClientError):
    """The server refused; `code` decides, `type` and `message` are for people (protocol 5)."""

    def __init__(self, code: int, error_type: str | None, message: str) -> None:
        super().__init__(f"{code} {error_type or ''}: {message}")
        self.code = code
        self.type = error_type
        self.message = message


class InvalidSession(KurentoError):
    """40007: the session is not known; only `connect` and `keepAlive` say so (protocol 5.2)."""


class NotEnoughResources(KurentoError):
    """40009: this server is full; try another (protocol 5.2)."""


class ObjectNotFound(KurentoError):
    """40101: the object, or one named in an argument, was released, collected, or never existed here."""


class TagNotFound(KurentoError):
    """40110: `getTag` of a key that is not set."""


class SdpRefused(KurentoError):
    """40201, 40205 or 40206: an SDP that cannot be parsed or negotiated: the sender's fault.

    After 40201 and 40205 the endpoint can try again; after 40206 it cannot (protocol 10.1).
    """


class NoDescription(KurentoError):
    """40202 or 40203: there is no local, or no remote, description yet."""


class AlreadyNegotiated(KurentoError):
    """40208 or 40210: the endpoint has had its only negotiation; make a new one (protocol 10.1)."""


class TransactionFailed(ClientError):
    """One operation of a transaction was refused; those after it were not executed.

    Nothing is rolled back (protocol 3.10): `created` are the ids of objects that earlier operations made, in
    order, and the caller releases them.
    """

    def __init__(self, index: int, operation: str, error: KurentoError, created: Sequence[str]) -> None:
        super().__init__(f"operation {index} ({operation}) was refused: {error}")
        self.index = index
        self.operation = operation
        self.error = error
        self.created = tuple(created)


def refusal(code: int, error_type: str | None, message: str) -> KurentoError:
    """Return the exception for a code; a plain `KurentoError` where it has no class of its own."""
    return _class_of(code)(code, error_type, message)


def refusal_of(answer: ErrorResponse) -> KurentoError:
    """Return the exception for a refused call."""
    return refusal(answer.code, answer.type, answer.message)


def _class_of(code: int) -> type[KurentoError]:
    match code:
        case Code.INVALID_SESSION:
            return InvalidSession
        case Code.NOT_ENOUGH_RESOURCES:
            return NotEnoughResources
        case Code.MEDIA_OBJECT_NOT_FOUND:
            return ObjectNotFound
        case Code.MEDIA_OBJECT_TAG_KEY_NOT_FOUND:
            return TagNotFound
        case _:
            return _sdp_class_of(code)


def _sdp_class_of(code: int) -> type[KurentoError]:
    match code:
        case Code.SDP_PARSE_ERROR | Code.SDP_END_POINT_PROCESS_OFFER_ERROR | Code.SDP_END_POINT_PROCESS_ANSWER_ERROR:
            return SdpRefused
        case Code.SDP_END_POINT_NO_LOCAL_SDP_ERROR | Code.SDP_END_POINT_NO_REMOTE_SDP_ERROR:
            return NoDescription
        case Code.SDP_END_POINT_ALREADY_NEGOTIATED | Code.SDP_END_POINT_ANSWER_ALREADY_PROCCESED:
            return AlreadyNegotiated
        case _:
            return KurentoError


def unexpected(what: str, value: Any) -> UnexpectedAnswer:
    """Return the exception for an answer that is not `what` it should be."""
    return UnexpectedAnswer(f"expected {what}, got {str(value)[:200]!r}")
