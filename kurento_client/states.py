"""Connection states: what a client tells its owner about the way to the server."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Connected:
    """A socket is open and greeted; calls pass.

    Another `server_id` than before is a new, empty process (protocol 3.2): every object is gone.
    `same_process` and `same_session` compare with the connection before this one; both are False for a
    client's first. With both True subscriptions live on, but events fired in between are lost: read the
    state again (protocol 12.4). Same process, other session: subscribe again.
    """

    server_id: str
    session_id: str
    same_process: bool
    same_session: bool


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection ended; calls in flight have failed with `OutcomeUnknown`, and it is being opened again."""

    reason: str


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """A connection could not be opened; the next attempt follows after the back-off.

    `refused`: nobody listens there (or the listener is no Kurento), which is known at once; else it was silence.
    `since` is the event loop's time at which the connection was lost, or first tried; `down_for` the seconds
    that had passed when this attempt failed.
    """

    refused: bool
    since: float
    down_for: float
    reason: str


ConnectionChange = Connected | Lost | AttemptFailed
"""What the queue `KurentoClient.states` carries."""
