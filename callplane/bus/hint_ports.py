"""Hint ports: what was appended to logs, sent to the pods that read them. Only speed: any of it may be lost."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from callplane.contracts.ids import SessionId

UNSENT_AT_MOST = 1 << 20
"""Bytes of hints that may wait for the broker in one process; what comes beyond is dropped."""

OnHint = Callable[[bytes], None]
"""Receives hints in the order in which their sender sent them, from the event loop, and never waits."""


class HintSender(Protocol):
    """Sends to whoever is bound to the session."""

    @property
    def dropped(self) -> int:
        """Hints that were not sent, since the beginning."""
        ...

    def send(self, session_id: SessionId, hint: bytes) -> None:
        """Send one, without a confirm; dropped while the broker is away, blocks, or is ``UNSENT_AT_MOST`` behind."""
        ...


class HintLink(Protocol):
    """One pod's queue of hints; it dies with its connection, and the next one begins without bindings."""

    @property
    def ended(self) -> asyncio.Event:
        """Set when the connection is over, by whatever cause."""
        ...

    async def bind(self, session_id: SessionId) -> None:
        """From the return on, hints of the session come. In order with ``unbind``. Raises LinkLost and Unavailable."""
        ...

    async def unbind(self, session_id: SessionId) -> None:
        """No more of them are wanted. In order with ``bind``. Raises LinkLost and Unavailable."""
        ...


class HintBus(Protocol):
    """Both ends of hints."""

    def sender(self) -> AbstractAsyncContextManager[HintSender]:
        """The sending end; it is there while the broker is not, and drops."""
        ...

    def connect(self, on_hint: OnHint) -> AbstractAsyncContextManager[HintLink]:
        """A new link, ended by leaving the context. Raises Unavailable when the broker cannot be reached."""
        ...
