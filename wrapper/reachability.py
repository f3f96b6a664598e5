"""What follows when this wrapper reaches a media server again, or alone does not (design 7.1)."""

from callplane.contracts.ids import SessionId
from wrapper.session_queues import SessionQueues
from wrapper.sweeps.leases import Leases


class Reachability:
    """Tells leases and listening, which are made after the sockets that it hears of."""

    def __init__(self) -> None:
        self._parts: tuple[Leases, SessionQueues] | None = None

    def serve(self, leases: Leases, listening: SessionQueues) -> None:
        """From now on something follows."""
        self._parts = (leases, listening)

    async def back(self, server: str) -> None:
        """A socket is there (again): listen to what was shunned for it, hear and settle what we own there."""
        if self._parts is not None:
            leases, listening = self._parts
            await listening.back(server)
            await leases.came_back(server)

    async def alone(self, server: str) -> None:
        """Its socket cannot be had: before anybody is asked who else has one, the dead are left out of the count."""
        if self._parts is not None:
            await self._parts[0].forget_strays()

    async def cut_off(self, server: str) -> None:
        """Others reach it: they adopt what we own there."""
        if self._parts is not None:
            await self._parts[0].cut_off(server)

    async def gone(self, server: str) -> None:
        """It has left the pool and will never be back: what was shunned for it is elsewhere, or has no media."""
        if self._parts is not None:
            await self._parts[1].back(server)

    async def shun(self, session: SessionId, server: str) -> None:
        """Leave one session to those who reach its media server."""
        if self._parts is not None:
            leases, listening = self._parts
            await listening.shun(session, server)
            if leases.reaches(server):  # it came back while it was asked who else reaches it
                await listening.unshun(session)

    async def cancelled(self, session: SessionId) -> None:
        """A session's queue is gone."""
        if self._parts is not None:
            await self._parts[1].cancelled(session)
