"""Candidate batches: what media servers find for one participant within a moment is told to it at once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.ids import ConnectionId, ParticipantId
from callplane.contracts.messages import Message
from callplane.telemetry.failures import words
from callplane.telemetry.logs import logger

GATHERING_SECONDS = 0.02
"""A media server tells the candidates of its own addresses one after the other, within less."""

WORKERS = 16
BATCHES = 1000
"""So many participants may wait to be told; then events wait, and in the end their media server does."""

CANDIDATES = 64
"""In one batch; what comes meanwhile begins the next one."""


@dataclass(slots=True)
class Batch:
    """What one participant is to be told, and of which connections; clients know each candidate as a message."""

    participant_id: ParticipantId
    due: float
    messages: dict[str, Message] = field(default_factory=dict)
    """By their ids, each once."""
    connections: set[ConnectionId] = field(default_factory=set)


class CandidateBatches:
    """Gathers candidates by participant, and tells those of each some milliseconds after the first one came."""

    def __init__(
        self, tell: Callable[[ParticipantId, Sequence[Message]], Awaitable[object]], seconds: float = GATHERING_SECONDS
    ) -> None:
        """``tell``: what a participant is told by. Raises Unavailable and Trouble."""
        self._tell = tell
        self._seconds = seconds
        self._open: dict[ParticipantId, Batch] = {}
        """Those that still take something; each is in line."""
        self._room = asyncio.Semaphore(BATCHES)
        """Bounds the line. Who waits for room has begun nothing that others might put something into."""
        self._line: asyncio.Queue[Batch] = asyncio.Queue()
        """All that wait, in the order in which they were begun."""
        self._log = logger("hearing")

    async def put(self, participant_id: ParticipantId, connection_id: ConnectionId, message: Message) -> None:
        """Have the participant told of one more; waits where too many are to be told."""
        batch = self._open.get(participant_id)
        if batch is None:
            await self._room.acquire()
            batch = self._open.get(participant_id)  # another may have begun one meanwhile
            if batch is None:
                batch = self._begin(participant_id)
            else:
                self._room.release()
        batch.messages[message.id] = message
        batch.connections.add(connection_id)
        if len(batch.messages) >= CANDIDATES:
            self._close(batch)

    def _begin(self, participant_id: ParticipantId) -> Batch:
        """One that takes something, in line; for who has found room."""
        due = asyncio.get_running_loop().time() + self._seconds
        batch = self._open[participant_id] = Batch(participant_id, due)
        self._line.put_nowait(batch)
        return batch

    def _close(self, batch: Batch) -> None:
        """Nothing more goes into it."""
        if self._open.get(batch.participant_id) is batch:
            del self._open[batch.participant_id]

    async def run(self, missed: Callable[[ConnectionId], None]) -> None:
        """Tell until cancelled. ``missed`` is told the connections whose candidates were perhaps told to nobody."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._work(missed))

    async def _work(self, missed: Callable[[ConnectionId], None]) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            batch = await self._line.get()
            self._room.release()
            await asyncio.sleep(batch.due - clock())
            self._close(batch)
            try:
                await self._tell(batch.participant_id, list(batch.messages.values()))
            except (Unavailable, Trouble) as trouble:
                self._log.warning("candidates were not passed on", why=str(trouble))
                for connection in batch.connections:
                    missed(connection)
            except Exception as failure:  # a bug, of one participant: there are others, and it would be met again
                self._log.error("candidates were not passed on", why=words(failure))
