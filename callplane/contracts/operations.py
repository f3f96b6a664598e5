"""Operator views: given-up commands, the pool of media servers, unreadable documents (design 8.2)."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from callplane.contracts.ids import SessionId
from callplane.contracts.model import Wire

ServerState = Literal["up", "down", "draining"]


class DeadLetterView(Wire):
    """A command that was given up, without what its caller had sent: bodies hold SDP and metadata."""

    id: str = Field(description="the command's id, as logs and 202 answers name it")
    name: str | None = Field(description="which command it is; null when its body cannot be read")
    session_id: SessionId | None = Field(description="the session that it is for, as far as that is known")
    queue: str = Field(description="the queue that it came from")
    reason: str = Field(description="why it was given up")
    attempt: int = Field(description="how often it had been tried")
    failed_at: datetime | None = Field(description="when it was given up")


class UnreadableView(Wire):
    """A document that no program can read, without what is in it: that may be anybody's."""

    collection: str = Field(description="the collection that it lies in")
    key: str = Field(description="what names it in requests, whatever its id is")
    id: str = Field(description="its `_id`, as far as that can be shown")
    session_id: SessionId | None = Field(description="the session that it belongs to, as far as that is known")
    why: str = Field(description="what it is read as, and the places that do not fit")


class MediaServerView(Wire):
    """A media server of the pool as operators see it."""

    name: str
    """what it is called"""
    url: str
    """its WebSocket address"""
    state: ServerState = Field(description="`draining` while sessions are being moved off; `down`: nobody reaches it")
    cordoned: bool = Field(description="no session is placed on it")
    memory: int = Field(description="used memory in KiB, as last read")
    sessions: int = Field(description="open sessions whose media is on it")
    pipelines: int | None = Field(
        default=None, description="media pipelines in its process, of others too; null while nobody has counted"
    )
    server_id: str | None = Field(default=None, description="its process; another one has another id")
    detail: str = Field(default="", description="what keeps it from doing as it was told, if anything does")
