"""Shared state of the client: what those in a session share, by key."""

from typing import Any

from callplane_client.aio.http import AsyncCaller
from callplane_client.asking import Ask, path
from callplane_client.shapes import StateEntry


class AsyncState:
    """``state``; each key is set by itself, and ``if_version`` makes one of several get in."""

    def __init__(self, ask: AsyncCaller) -> None:
        self._ask = ask

    async def entries(self, session_id: str) -> dict[str, StateEntry]:
        """All keys that have a value, each with the version since which it has it."""
        found = await self._ask(Ask("GET", path("sessions", session_id, "state")))
        return {key: StateEntry.model_validate(entry) for key, entry in found["state"].items()}

    async def get(self, session_id: str, key: str, default: Any = None) -> Any:
        """The value of a key, or the default where it is not there."""
        entry = (await self.entries(session_id)).get(key)
        return default if entry is None else entry.value

    async def set(self, session_id: str, key: str, value: Any, *, if_version: int | None = None) -> int:
        """Give a key a value, with ``if_version`` as long as it is as it was then (0: not there); its version now."""
        return await self._put(session_id, key, value, if_version)

    async def delete(self, session_id: str, key: str, *, if_version: int | None = None) -> None:
        """Take a key away; again: nothing more."""
        await self._put(session_id, key, None, if_version)

    async def _put(self, session_id: str, key: str, value: Any, if_version: int | None) -> int:
        seen = {} if if_version is None else {"if_version": if_version}
        body = {"value": value, **seen}
        return int((await self._ask(Ask("PATCH", path("sessions", session_id, "state", key), body)))["version"])
