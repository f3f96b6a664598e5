"""Queue names that both buses use, and the times and prefetch counts that belong to them."""

from callplane.contracts.commands import Envelope
from callplane.contracts.ids import ParticipantId, SessionId

WRAPPER = "wrapper"
"""The queue of commands that have no session yet."""

RETRY_DELAY = 1.0
"""Seconds until a command in trouble is tried again (design 3.4)."""

SESSION_PREFETCH = 1
"""How many commands of one session a wrapper holds at once; the others are free for other wrappers."""

WRAPPER_PREFETCH = 8

HINTS_KEPT = 10_000
"""So many hints may wait for a pod; of more the oldest are lost, and found by its next look at the log."""


def queue_of(envelope: Envelope) -> str:
    """Where a command goes: creations to any wrapper, all others to their session."""
    return WRAPPER if envelope.name == "create" else session_name(envelope.session_id)


def session_name(session_id: SessionId) -> str:
    """The session's command queue, and its fanout exchange."""
    return f"session.{session_id}"


def session_of(queue: str) -> SessionId | None:
    """The session whose command queue this is; None for any other queue."""
    kind, _, rest = queue.partition(".")
    return SessionId(rest) if kind == "session" and rest else None


def mailbox_name(participant_id: ParticipantId) -> str:
    """The participant's mailbox."""
    return f"user.{participant_id}"
