"""In-process hints: handed to the links of this process that are bound to the session."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from callplane.bus.hint_ports import OnHint
from callplane.bus.mailbox_ports import LinkLost
from callplane.contracts.ids import SessionId


class MemoryHintLink:
    """The HintLink port."""

    def __init__(self, on_hint: OnHint) -> None:
        self.ended = asyncio.Event()
        self._on_hint = on_hint
        self._bound: set[SessionId] = set()
        """The sessions whose hints it is given."""

    async def bind(self, session_id: SessionId) -> None:
        """From the return on, hints of the session come."""
        if self.ended.is_set():
            raise LinkLost("hints")
        self._bound.add(session_id)

    async def unbind(self, session_id: SessionId) -> None:
        """No more of them are wanted."""
        if self.ended.is_set():
            raise LinkLost("hints")
        self._bound.discard(session_id)

    def take(self, session_id: SessionId, hint: bytes) -> None:
        """Hand one on, if it is wanted."""
        if session_id in self._bound and not self.ended.is_set():
            self._on_hint(hint)


class MemoryHints:
    """The HintBus port, and its HintSender: there is nothing on the way to lose a hint on."""

    def __init__(self) -> None:
        self.dropped = 0
        """None ever is."""
        self._links: set[MemoryHintLink] = set()
        """Those that are open."""

    def send(self, session_id: SessionId, hint: bytes) -> None:
        """Hand it on after this turn of the loop: a sender is not called back by its own call."""
        loop = asyncio.get_running_loop()
        for link in self._links:
            loop.call_soon(link.take, session_id, hint)

    @asynccontextmanager
    async def sender(self) -> AsyncIterator["MemoryHints"]:
        """The sending end."""
        yield self

    @asynccontextmanager
    async def connect(self, on_hint: OnHint) -> AsyncIterator[MemoryHintLink]:
        """A new link."""
        link = MemoryHintLink(on_hint)
        self._links.add(link)
        try:
            yield link
        finally:
            self._links.discard(link)
            link.ended.set()
