"""History over HTTP: its query, what is edited, and a page of it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.schemas.requests import Data, Strict
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
    after: _Position | None = None
    before: _Position | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100

    def span(self) -> Span:
        """The same in positions of the session's log."""
        return Span(_position(self.after), _position(self.before, behind=1), self.limit)


class EditBody(Strict):
    """Of ``PATCH …/messages/{id}``: what stands instead."""

    data: Data


class ChatMessage(BaseModel):
    """A message as it is now: of one that was deleted nothing but that."""

    model_config = ConfigDict(
        populate_by_name=True, serialize_by_alias=True, json_schema_extra={"examples": [_MESSAGE]}
    )

    id: str
    position: int
    sender: ParticipantId | None = Field(None, alias="from", description="null: a server")
    to: list[ParticipantId] | None = Field(None, description="null: everybody")
    at: datetime | None = None
    data: Any = None
    edited_at: datetime | None = None
    deleted: bool = False


class ChatPage(BaseModel):
    """Messages, oldest first; `next` goes on from here as `after` or `before`, as it was asked, null at the end."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"messages": [_MESSAGE], "next": None}]})

    messages: list[ChatMessage]
    next: int | None


def _position(text: str | None, behind: int = 0) -> int | None:
    """Of a token, what has been read belongs to the history before it: up to it, and it too."""
    if text is None:
        return None
    position, is_token, _ = text.partition(".")
    return int(position) + (behind if is_token else 0)
