"""Queue names that both buses use, and the times and prefetch counts that belong to them."""

from zlib import crc32

from callplane.contracts.commands import Envelope
from callplane.contracts.ids import ParticipantId, SessionId

WRAPPER = "wrapper"
"""The queue of commands that have no session yet."""

TIMELINE = "timeline"
"""The queue of all events that wait to be kept for their sessions' timelines."""

WEBHOOKS = "webhooks"
"""The queue of all events that wait to be stored for tenants' endpoints; there from the first start of that program."""

EVENT_STREAM = "event-stream"
"""The stream of all events, which anybody may read from any place, for as long as they are kept."""

RETRY_DELAY = 1.0
"""Seconds until a command in trouble is tried again (design 3.4)."""

SHARED_COMMANDS = 64
"""So many queues do for the commands of all sessions that have none of their own; never another number."""

SESSION_PREFETCH = 1
"""How many commands of one session, or of one shard, a wrapper holds at once; the others are free for others."""

WRAPPER_PREFETCH = 8
"""The same of the queues that are for any wrapper, and for those who reach a media server."""

HINTS_KEPT = 10_000
"""So many hints may wait for a pod; of more the oldest are lost, and found by its next look at the log."""

_TWIN = "quorum."


def queues_of(envelope: Envelope) -> tuple[str, ...]:
    """Where a command goes, the first that there is: creations to any wrapper, all others by their session.

    Who publishes to shards before anybody has declared them finds the session's own.
    """
    if envelope.name == "create":
        return (WRAPPER,)
    own = session_name(envelope.session_id)
    return (shard_of(envelope.session_id), own) if envelope.commands == "sharded" else (own,)


def session_name(session_id: SessionId) -> str:
    """The session's command queue, and its fanout exchange."""
    return f"session.{session_id}"


def session_of(queue: str) -> SessionId | None:
    """The session whose command queue this is; None for any other queue."""
    kind, _, rest = queue.partition(".")
    return SessionId(rest) if kind == "session" and rest else None


def shard_of(session_id: SessionId) -> str:
    """The shard in which the session's commands wait: always the same, on every pod and in every version."""
    return f"commands.{crc32(session_id.encode()) % SHARED_COMMANDS}"


def is_shard(queue: str) -> bool:
    """Whether commands of many sessions wait there, replicated or not."""
    return queue.removeprefix(_TWIN).startswith("commands.")


SHARDS = tuple(f"commands.{n}" for n in range(SHARED_COMMANDS))


def server_name(server: str) -> str:
    """The queue of commands out of shards that only wrappers who reach this media server can do."""
    return f"media-server.{server}"


def server_of(queue: str) -> str | None:
    """The media server of such a queue; None for any other."""
    kind, _, rest = queue.partition(".")
    return rest if kind == "media-server" and rest else None


def twin_of(queue: str) -> str:
    """The name of the same queue replicated over nodes; a queue's arguments never change, so it is another."""
    return _TWIN + queue


def mailbox_name(participant_id: ParticipantId) -> str:
    """The participant's mailbox."""
    return f"user.{participant_id}"
