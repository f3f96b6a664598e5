"""Reachability: what follows when this wrapper reaches a media server again, or alone does not (design 7.1)."""

from callplane.contracts.ids import SessionId
from wrapper.session_queues import SessionQueues
from wrapper.sweeps.leases import Leases


class Reachability:
    """Has leases and session queues follow what the sockets to media servers meet."""

    def __init__(self, leases: Leases, session_queues: SessionQueues) -> None:
        self._leases = leases
        self._session_queues = session_queues

    async def back(self, server: str) -> None:
        """A socket is there (again): listen to what was excluded for it, hear and settle what we own there."""
        await self._session_queues.back(server)
        await self._leases.came_back(server)

    async def alone(self, server: str) -> None:
        """Its socket cannot be had: before anybody is asked who else has one, the dead are left out of the count."""
        await self._leases.forget_strays()

    async def cut_off(self, server: str) -> None:
        """Others reach it: they adopt what we own there."""
        await self._leases.cut_off(server)

    async def gone(self, server: str) -> None:
        """It has left the pool and will never be back: what was excluded for it is elsewhere, or has no media."""
        await self._session_queues.back(server)

    async def exclude(self, session: SessionId, server: str) -> None:
        """Leave one session to those who reach its media server."""
        await self._session_queues.exclude(session, server)
        if self._leases.reaches(server):  # it came back while it was asked who else reaches it
            await self._session_queues.include(session)
