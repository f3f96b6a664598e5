"""Reachability: what follows when this wrapper reaches a media server again, or alone does not (design 7.1)."""

from callplane.contracts.ids import SessionId
from wrapper.session_queues import SessionQueues
from wrapper.sweeps.adoption import Adoption
from wrapper.sweeps.leases import Leases


class Reachability:
    """Has lease, adoption and session queues follow what the sockets to media servers meet."""

    def __init__(self, leases: Leases, adoption: Adoption, queues: SessionQueues) -> None:
        self._leases = leases
        self._adoption = adoption
        self._queues = queues

    async def back(self, server: str) -> None:
        """A socket is there (again): listen to what was excluded for it, reconcile what we own there."""
        await self._queues.listener.reach(server)
        await self._queues.back(server)
        await self._adoption.came_back(server)

    async def alone(self, server: str) -> None:
        """Its socket cannot be had: before anybody is asked who else has one, the dead are left out of the count."""
        await self._queues.listener.unreach(server)
        await self._leases.forget_strays()

    async def cut_off(self, server: str) -> None:
        """Others reach it: they adopt what we own there."""
        await self._queues.listener.unreach(server)
        await self._adoption.cut_off(server)

    async def removed(self, server: str) -> None:
        """It has left the pool and will never be back: what was excluded for it is elsewhere, or has no media."""
        await self._queues.listener.unreach(server)
        await self._queues.back(server)

    async def exclude(self, session_id: SessionId, server: str) -> None:
        """Leave one session to those who reach its media server."""
        await self._queues.exclude(session_id, server)
        if self._adoption.reaches(server):  # it came back while it was asked who else reaches it
            await self._queues.include(session_id)

    async def leave(self, server: str) -> None:
        """Take nothing of what is passed on to those who reach it: a command of it has found that we do not."""
        await self._queues.listener.unreach(server)
        if self._adoption.reaches(server):  # it came back while it was asked who else reaches it
            await self._queues.listener.reach(server)
