"""Subscription: an open stream of a mailbox, poll after poll, each going on behind what the last gave (design 4)."""

import asyncio
import hashlib
from dataclasses import replace
from itertools import islice

from api.mailboxes.poll import Poll
from api.mailboxes.poll_router import PollRouter
from api.mailboxes.unacked import WINDOW_BYTES, Batch
from callplane.bus.mailbox_ports import Publication
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.refusals.mailboxes import holder_without_streams

UNACKNOWLEDGED = 250
"""So many may be given unacknowledged; half of what the broker gives a holder, so that a stream never starves it."""

UNACKNOWLEDGED_BYTES = WINDOW_BYTES // 2
"""The same in bytes."""

AT_ONCE = 100
REMEMBERED = 500
"""As many as a holder ever has unacknowledged: what a new holder gives again is recognised."""


class Subscription:
    """Where one client is in its mailbox. Not for two tasks at a time, ``acknowledge`` apart."""

    def __init__(self, poll_router: PollRouter, seat: tuple[SessionId, ParticipantId], ack: str | None) -> None:
        self._poll_router = poll_router
        self._seat = seat
        self._ack = ack
        """The last token that the client acknowledged: the next poll says it."""
        self._after: str | None = None
        """The last token that it was given: the next poll goes on behind it."""
        self._unread: dict[str, tuple[float, int]] = {}
        """By token: when each was given that is not acknowledged, and how long it was."""
        self._unread_bytes = 0
        self._given: dict[bytes, None] = {}
        """Digests of the last tokens that it was given, acknowledged or not."""
        self._acknowledged = asyncio.Event()
        # Its polls are as old as the stream: a stream that goes on beside a newer poll must not replace that one.
        self._opened_at = poll_router.new_poll(seat, ack, 0, 1).asked_at

    async def next(self, wait: float) -> Batch:
        """What follows, waited for so long; empty ones are the heartbeat. Raises Refusal and Unavailable."""
        while True:
            batch = await self._poll_router.poll(self._poll(wait))
            fresh = Batch(tuple(one for one in batch.received if _short(one.token) not in self._given))
            if batch.ack is not None and batch.ack == self._after:
                raise holder_without_streams()  # One that is a version older.
            self._after = batch.ack or self._after
            self._remember(fresh.received)
            if fresh.received or not batch.received:  # Else only repeats, behind which there may be more.
                return fresh

    def acknowledge(self, token: str) -> None:
        """The client has everything up to this one, which the next poll says; one that it was not given is ignored."""
        if token not in self._unread:
            return
        for read in list(self._unread):
            self._unread_bytes -= self._unread.pop(read)[1]
            if read == token:
                break
        self._ack = token
        self._acknowledged.set()

    async def acknowledged(self, within: float) -> bool:
        """Wait for an acknowledgement; False when none has come in time."""
        self._acknowledged.clear()
        try:
            async with asyncio.timeout(within):
                await self._acknowledged.wait()
        except TimeoutError:
            return False
        return True

    @property
    def is_full(self) -> bool:
        """Whether it has been given all that it may have unacknowledged."""
        return len(self._unread) >= UNACKNOWLEDGED or self._unread_bytes >= UNACKNOWLEDGED_BYTES

    @property
    def has_unread(self) -> bool:
        """Whether something that was given is not acknowledged."""
        return bool(self._unread)

    def is_unread(self, since: float) -> bool:
        """Whether the oldest that is not acknowledged was given so many seconds ago."""
        oldest = next(iter(self._unread.values()), None)
        return oldest is not None and asyncio.get_running_loop().time() - oldest[0] >= since

    async def push(self, sink: object, wait: float) -> bool:
        """Nothing is pushed: each poll is a question to the holder."""
        return False

    def close(self) -> None:
        """Nothing is held for it: the holder sees that nobody asks any more."""

    def _poll(self, wait: float) -> Poll:
        most = max(1, min(AT_ONCE, UNACKNOWLEDGED - len(self._unread)))
        poll = self._poll_router.new_poll(self._seat, self._ack, wait, most)
        return replace(poll, after=self._after, asked_at=self._opened_at)

    def _remember(self, received: tuple[Publication, ...]) -> None:
        now = asyncio.get_running_loop().time()
        for one in received:
            self._unread[one.token] = now, len(one.body)
            self._unread_bytes += len(one.body)
            self._given[_short(one.token)] = None
        for token in list(islice(self._given, max(0, len(self._given) - REMEMBERED))):
            del self._given[token]


def _short(token: str) -> bytes:
    """What is remembered of a token: half the memory, for each client that ever opened a stream."""
    return hashlib.blake2b(token.encode(), digest_size=16).digest()
