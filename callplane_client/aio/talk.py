"""Talk of the client: signals, and the chat with its history."""

from collections.abc import AsyncIterator
from typing import Any, Unpack

from callplane_client.aio.http import AsyncCaller
from callplane_client.asking import Ask, path
from callplane_client.fields import SignalFields
from callplane_client.shapes import ChatMessage

PAGE = 100


class AsyncSignals:
    """``signals``, and ``seat.signal``."""

    def __init__(self, ask: AsyncCaller) -> None:
        self._ask = ask

    async def send(self, session_id: str, type_: str, data: Any = None, **fields: Unpack[SignalFields]) -> str:
        """Say something to those in a session; the id of the message that carries it."""
        ask = Ask("POST", path("sessions", session_id, "signals"), {"type": type_, "data": data, **fields})
        return str((await self._ask(ask))["id"])


class AsyncChat:
    """``chat``: signals of type ``chat``, which are kept where the session has a history."""

    def __init__(self, ask: AsyncCaller) -> None:
        self._ask = ask

    async def send(self, session_id: str, data: Any, to: list[str] | None = None) -> str:
        """Say it, to all or to some; the message's id."""
        body = {"type": "chat", "data": data} | ({"to": to} if to else {})
        return str((await self._ask(Ask("POST", path("sessions", session_id, "signals"), body)))["id"])

    async def history(self, session_id: str, after: int = 0, limit: int | None = None) -> AsyncIterator[ChatMessage]:
        """What was said behind a position, oldest first, page after page as it is asked for."""
        position: int | None = after
        left = limit
        while position is not None and (left is None or left > 0):
            query = {"after": position, "limit": PAGE if left is None else min(PAGE, left)}
            page = await self._ask(Ask("GET", path("sessions", session_id, "messages"), query=query))
            for one in page["messages"]:
                yield ChatMessage.model_validate(one)
            left = None if left is None else left - len(page["messages"])
            position = page["next"]

    async def edit(self, session_id: str, message_id: str, data: Any) -> None:
        """Put this in the place of what one has said."""
        await self._ask(Ask("PATCH", path("sessions", session_id, "messages", message_id), {"data": data}))

    async def delete(self, session_id: str, message_id: str) -> None:
        """Take back what one has said; as a moderator, what anybody has."""
        await self._ask(Ask("DELETE", path("sessions", session_id, "messages", message_id)))
