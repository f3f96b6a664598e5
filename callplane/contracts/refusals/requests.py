"""Request refusals: by form, number or time of a request, whatever it is about."""

import math

from callplane.contracts.bounds import METADATA_STORED_BYTES
from callplane.contracts.errors import Refusal
from callplane.contracts.quotas import QuotaName


def token_too_long(longest: float) -> Refusal:
    """An access token for longer than any may be good for."""
    return Refusal("invalid", f"An access token is good for {longest:g} seconds at most. Ask for less.")


def too_many(what: str, seconds: float) -> Refusal:
    """The caller's bucket is empty for so long; ``what`` is a plural."""
    wait = max(1, math.ceil(seconds))
    return Refusal("too-many-requests", f"These are too many {what}. Wait for {wait} s.", retry_after=wait)


def quota_exceeded(quota: QuotaName, most: float, seconds: float | None = None) -> Refusal:
    """As much as a tenant, or an identity, may have; ``seconds``: until there is more, of what flows by."""
    whose, what = ("This identity", quota.removeprefix("identity_")) if "_" in quota else ("This tenant", quota)
    if seconds is None:
        detail = f"{whose} may have {most:g} {what} at one time. Close or leave one, or ask the operator for more."
        return Refusal("quota-exceeded", detail, reason=quota, limit=most)
    wait = max(1, math.ceil(seconds))
    detail = f"{whose} may have {most:g} {what} a second. Wait for {wait} s."
    return Refusal("quota-exceeded", detail, reason=quota, limit=most, retry_after=wait)


def overloaded() -> Refusal:
    """The pod is behind with all that it does."""
    return Refusal("unavailable", "This server has more to do than it can. Ask again.", retry_after=1)


def body_not_json(kind: str) -> Refusal:
    """Of a type that no route reads."""
    return Refusal(
        "unsupported-media-type", f"A body is application/json here, and not {kind[:100]}. Say so in Content-Type."
    )


def participant_to_be_named() -> Refusal:
    """A server asks for the connections of a seat."""
    return Refusal("invalid", "The query says of nobody. Name the participant with ?participant_id=.")


def body_too_slow(seconds: float) -> Refusal:
    """The body has not come to its end."""
    return Refusal("bad-request", f"The body did not arrive within {seconds:.0f} s. Send it again.")


def body_too_large(limit: int) -> Refusal:
    """More than the route reads."""
    return Refusal("too-large", f"A body has at most {limit} bytes here. Send less.")


def metadata_too_large() -> Refusal:
    """Short as JSON, and long as BSON: small numbers take more room there."""
    detail = f"The metadata is longer than {METADATA_STORED_BYTES} bytes of BSON. Send fewer or shorter values."
    return Refusal("too-large", detail)


def if_match_not_readable() -> Refusal:
    """RFC 9110, 13.1.1."""
    return Refusal("bad-request", 'The header If-Match cannot be read. Send * or one version in quotes, like "7".')


def cursor_not_valid() -> Refusal:
    """What no page has given as ``next``."""
    return Refusal("invalid", "The cursor is not one of this list. Take the one of the page before, or begin without.")


def too_many_event_readers() -> Refusal:
    """Each has a connection to the broker."""
    return Refusal("unavailable", "Too many read the stream of events here. Ask again.", retry_after=5)


def stream_query_too_long() -> Refusal:
    """Of a WebSocket, whose query no framework checks."""
    return Refusal("invalid", "The query is too long. A ticket and an ack have at most 128 characters.")


def handshake_expected() -> Refusal:
    """A plain GET where a WebSocket is."""
    return Refusal("bad-request", "This is a WebSocket. Ask by the handshake of RFC 6455.")


def key_reused() -> Refusal:
    """Another request had this Idempotency-Key."""
    return Refusal("key-reused", "This Idempotency-Key was sent with another request. Use a new key for a new request.")


def answer_not_kept() -> Refusal:
    """The repeat of a command whose answer cannot be read from the state."""
    detail = "The answer to this request is not kept for so long. Look at the state, and use another key."
    return Refusal("wrong-state", detail)


def outcome_not_known() -> Refusal:
    """It is with the wrappers, and none has answered in time."""
    return Refusal("unavailable", "The command was accepted, but its outcome is not known yet. Look, or send it again.")


def no_wrapper() -> Refusal:
    """Nobody consumes the queue of new sessions."""
    return Refusal("unavailable", "No wrapper can be reached. Try again.", retry_after=1)


def broker_node_down() -> Refusal:
    """The command needs a queue whose node is down."""
    return Refusal("unavailable", "A node of the message broker is down. Try again.", retry_after=2)


def signal_not_delivered() -> Refusal:
    """To everybody, of whom the broker did not reach all."""
    detail = "Not every mailbox of this session can be reached. Send the signal again under the same key."
    return Refusal("unavailable", detail, retry_after=1)


def not_volatile_on_queues() -> Refusal:
    """Engine ``queues``: a mailbox keeps what it is given until it is read, whenever that is."""
    detail = "This session keeps each signal until it is read. Send it without volatile and ttl_ms."
    return Refusal("wrong-state", detail)


def nobody_in_role() -> Refusal:
    """A signal to roles alone, which nobody in the session has."""
    return Refusal("not-found", "Nobody in this session has that role. Look at the session for who is in it.")


def other_server_not_usable() -> Refusal:
    """The call page's address names another server by something that is no origin."""
    detail = "The server that this address names is none. Name one, as server=https://calls.example.org."
    return Refusal("bad-request", detail)
