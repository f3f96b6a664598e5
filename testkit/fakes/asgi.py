"""The API program in the test's own process, spoken to without a socket."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx

from api.app import Program, assemble
from api.settings import Settings
from callplane.contracts.ids import ParticipantId, SessionId
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database

KEY = "an-api-key-of-the-tests-0123456789abcdef"
SECRET = "a-token-secret-of-the-tests-0123456789abcdef"
BY_KEY = {"X-API-Key": KEY}


def settings_for(database: Database, **more: Any) -> Settings:
    """Settings of an API on this database, as ``CALLPLANE_…`` variables would give them.

    Nothing is shed: a machine whose processor other tests take is not this pod's overload.
    """
    given = {"api_keys": f"tests:{KEY}", "token_secrets": SECRET, "drain_delay": 0, "shed_lag": 0, **more}
    return Settings(mongo_url=database.url, mongo_database=database.name, **given)


@dataclass(frozen=True)
class Api:
    """A client, and the program behind it."""

    http: httpx.AsyncClient
    program: Program

    def token(self, session_id: SessionId, participant_id: ParticipantId) -> dict[str, str]:
        """Headers with the participant token of a seat."""
        token = self.program.services.participant_tokens.sign(session_id, participant_id)
        return {"Authorization": f"Bearer {token}"}


@contextlib.asynccontextmanager
async def api(settings: Settings, bus: ScriptedBus) -> AsyncIterator[Api]:
    """The program for the block."""
    async with assemble(settings, buses=bus.buses) as program:
        transport = httpx.ASGITransport(program.asgi, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
            yield Api(http, program)
