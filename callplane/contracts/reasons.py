"""Reasons: every code that ``reason`` has in messages, problems and documents (design 8.5).

Programs choose among these; what is read stays text, for another version may know more of them, and callers close
sessions and remove participants with words of their own.
"""

from typing import Literal

GivenReason = str
"""In a caller's own words."""

SeatReason = Literal["left", "kicked", "replaced", "connection-lost", "session-closed"]
"""Why a seat ended: ``participant-left``, and the problem ``join-again``. ``replaced``: by another of its identity."""

SessionReason = Literal["closed", "empty", "departed"]
"""Why a session ended: ``session-closed``, and the problem of that name. Nobody came in time, or all have left."""

ReleaseReason = Literal[
    "stopped", "failed", "replaced", "refused", "swept", "abandoned", "not-connected", "not-allowed", "removed"
]
"""Why a connection ended: ``stream-unpublished``, and ``connection-state`` *failed* where it never was connected.

``not-allowed``: a grant that it needed was taken away; ``removed``: by a moderator or a server. ``connection-state``
*closed* says these too.

``swept``: its seat, its epoch or its session ended; ``abandoned``: its offer was never answered.
"""

MediaLostReason = Literal["media-server-lost", "media-server-drained", "pipeline-lost"]
"""Why an epoch ended: ``media-lost``. A pipeline can be lost alone, on a server that is up."""

ConnectionFailedReason = Literal["media-stopped"]
"""Why a participant is to offer again: ``connection-failed``."""

JoinReason = Literal["already-joined"]
"""Why a join met a ``wrong-state``: its identity has a seat, and the session refuses another."""

OfferReason = Literal["media-lost"]
"""Why an offer met a ``wrong-state``: its epoch ended while it was answered."""

SocketReason = Literal["bad-frame"]
"""Why a WebSocket of messages was closed as ``invalid``."""
