"""History over HTTP: its query, what is edited, and a page of it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from api.schemas.bodies import Data, Strict
from api.schemas.responses import View
from callplane.contracts.ids import ParticipantId
from callplane.contracts.model import Body
from callplane.store.log.history import Span

_Position = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}(\.[0-9]{1,12})?$")]
"""A position, or the token of what a reader of the session has been given last."""

_MESSAGE: dict[str, Any] = {
    "id": "01980000-0000-7000-8000-000000000000",
    "position": 12,
    "from": "0b6f0c6e-3f0f-5f55-9b52-6f6f0a3c1a11",
    "to": None,
    "at": "2026-01-05T09:30:00Z",
    "data": {"text": "Hello"},
    "edited_at": None,
    "deleted": False,
}


class HistoryQuery(Body):
    """Of ``GET …/messages``: the newest, those behind a position, or those before one."""

    type: Literal["chat"] = "chat"
    """what is read of it"""
    after: _Position | None = None
    """only what follows this position"""
    before: _Position | None = None
    """only what is before this position"""
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    """the most messages to answer with"""

    def span(self) -> Span:
        """The same in positions of the session's log."""
        return Span(_position(self.after), _position(self.before, behind=1), self.limit)


class EditBody(Strict):
    """Of ``PATCH …/messages/{id}``: what stands instead."""

    data: Data
    """what stands instead"""


class ChatMessage(View):
    """A message as it is now: of one that was deleted nothing but that."""

    model_config = ConfigDict(
        populate_by_name=True, serialize_by_alias=True, json_schema_extra={"examples": [_MESSAGE]}
    )

    id: str
    """of the message"""
    position: int
    """its place in the history"""
    sender: ParticipantId | None = Field(None, alias="from", description="null: a server")
    to: list[ParticipantId] | None = Field(None, description="null: everybody")
    at: datetime | None = None
    """when it was said"""
    data: Any = None
    """what was said, as it was edited last"""
    edited_at: datetime | None = None
    """when that was; null: never"""
    deleted: bool = False
    """whether it was, and says nothing any more"""


class ChatPage(View):
    """Messages, oldest first; `next` goes on from here as `after` or `before`, as it was asked, null at the end."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"messages": [_MESSAGE], "next": None}]})

    messages: list[ChatMessage]
    """oldest first"""
    next: int | None
    """where to go on; null at the end"""


def _position(text: str | None, behind: int = 0) -> int | None:
    """Of a token, what has been read belongs to the history before it: up to it, and it too."""
    if text is None:
        return None
    position, is_token, _ = text.partition(".")
    return int(position) + (behind if is_token else 0)
