"""Dead letters of the in-process bus."""

import asyncio
from itertools import islice

from callplane.bus.dead_letters import SEARCHED, SHOWN, Buried, NoSuchLetter, Send
from callplane.bus.memory.broker import DeadLetter, MemoryBroker
from callplane.contracts.operations import DeadLetterView


class MemoryDeadLetters:
    """The DeadLetters port."""

    def __init__(self, exchange: MemoryBroker) -> None:
        self._letters = exchange.dead_letters
        self._turn = asyncio.Lock()

    async def oldest(self) -> list[DeadLetterView]:
        """Up to a hundred."""
        return [_buried(letter).view() for letter in islice(self._letters, SHOWN)]

    async def replay(self, id_: str, send: Send) -> DeadLetterView:
        """Send one again, then forget it."""
        async with self._turn:
            letter = self._find(id_)
            buried = _buried(letter)
            await send(buried.envelope())
            self._forget(letter)
            return buried.view()

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


def _buried(letter: DeadLetter) -> Buried:
    received = letter.received
    return Buried(received.command_id, received.body, received.queue, letter.reason, received.attempt, letter.failed_at)
