"""Early messages: candidates and answers that come before the reply that says whose they are."""

import asyncio
from typing import Any, TypeVar

from callplane_client.errors import Refused

KEPT = 64
"""Ids at most; whatever is older belongs to connections long gone."""
CANDIDATES = 128
"""The server sends far fewer for one connection."""

Candidate = dict[str, Any]
Outcome = str | Refused
"""The SDP answer of an offer, or why there is none."""
V = TypeVar("V")


class Early:
    """Early candidates by connection, early outcomes by command."""

    def __init__(self) -> None:
        self._candidates: dict[str, list[Candidate]] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._waiting: dict[str, asyncio.Future[Outcome]] = {}

    def keep(self, connection_id: str, candidate: Candidate) -> None:
        """Keep a candidate of a connection that is not known yet."""
        kept = self._candidates.pop(connection_id, [])
        if len(kept) < CANDIDATES:
            kept.append(candidate)
        _put(self._candidates, connection_id, kept)

    def candidates(self, connection_id: str) -> list[Candidate]:
        """Take those that came before the connection had its name."""
        return self._candidates.pop(connection_id, [])

    def resolve(self, command_id: str, outcome: Outcome) -> None:
        """The mailbox said how a command ended."""
        waiting = self._waiting.get(command_id)
        if waiting is None:
            _put(self._outcomes, command_id, outcome)
        elif not waiting.done():
            waiting.set_result(outcome)

    async def outcome(self, command_id: str, seconds: float) -> str:
        """The answer to an offer that was answered with 202. Raises Refused, TimeoutError."""
        found = self._outcomes.pop(command_id, None)
        if found is None:
            waiting = self._waiting[command_id] = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(seconds):
                    found = await waiting
            finally:
                del self._waiting[command_id]
        if isinstance(found, Refused):
            raise found
        return found


def _put(among: dict[str, V], key: str, value: V) -> None:
    among[key] = value
    if len(among) > KEPT:
        del among[next(iter(among))]
