"""In-process dead letters."""

import asyncio
from itertools import islice

from callplane.bus.dead_letters import LISTED, SEARCHED, NoSuchLetter, Send, StoredLetter
from callplane.bus.memory.broker import DeadLetter, MemoryBroker
from callplane.contracts.operations import DeadLetterView


class MemoryDeadLetters:
    """The DeadLetters port."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._letters = broker.dead_letters
        self._turn = asyncio.Lock()

    async def oldest(self, most: int = LISTED) -> list[DeadLetterView]:
        """Up to so many."""
        return [_stored(letter).view() for letter in islice(self._letters, most)]

    async def replay(self, id_: str, send: Send) -> DeadLetterView:
        """Send one again, then forget it."""
        async with self._turn:
            letter = self._find(id_)
            stored = _stored(letter)
            await send(stored.envelope())
            self._forget(letter)
            return stored.view()

    async def delete(self, id_: str) -> None:
        """Forget one."""
        async with self._turn:
            self._forget(self._find(id_))

    async def purge(self) -> None:
        """Forget all of them."""
        async with self._turn:
            self._letters.clear()

    def _find(self, id_: str) -> DeadLetter:
        for letter in islice(self._letters, SEARCHED):
            if letter.received.command_id == id_:
                return letter
        raise NoSuchLetter(id_)

    def _forget(self, letter: DeadLetter) -> None:
        """This one and none that is equal to it; it may have gone by itself meanwhile, for the oldest make room."""
        for place, one in enumerate(self._letters):
            if one is letter:
                del self._letters[place]
                return


def _stored(letter: DeadLetter) -> StoredLetter:
    received = letter.received
    return StoredLetter(
        received.command_id, received.body, received.queue, letter.reason, received.attempt, letter.failed_at
    )
