"""What a wrapper answers to a command: a result by name, or a problem (design 3.5)."""

from typing import Any

from pydantic import Field

from callplane.contracts.errors import Problem
from callplane.contracts.model import Wire
from callplane.contracts.shapes import ConnectionView, ParticipantView, SessionView


class SessionMade(Wire):
    """Of ``create``: the session; ``created`` tells 201 from 200."""

    session: SessionView
    created: bool


class Joined(Wire):
    """Of ``join``: the seat, the snapshot it joined and, for one that came back, its own connections."""

    participant: ParticipantView
    session: SessionView
    connections: list[ConnectionView] = Field(default_factory=list)


class SessionChanged(Wire):
    """Of ``update-session``: the session as it is now."""

    session: SessionView


class ParticipantChanged(Wire):
    """Of ``update-participant``: the seat as it is now, and the session's version for its ETag."""

    participant: ParticipantView
    version: int


class Negotiated(Wire):
    """Of ``publish`` and ``subscribe``: the connection with its answer."""

    connection: ConnectionView


class Done(Wire):
    """Of a command that returns nothing."""


class Reply(Wire):
    """The answer to one command as it travels: ``result`` is one of the shapes above, or ``problem`` is set."""

    command_id: str
    result: dict[str, Any] | None = None
    problem: Problem | None = None
