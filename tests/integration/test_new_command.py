"""A new command is its contract, its handler and its route; nothing that lies between them has to be told of it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated, Any, Literal, cast

import httpx
from fastapi import APIRouter, FastAPI

from api.app import assemble
from api.auth.permissions import Permissions
from api.dependencies import SCHEMES, ApiRequest, idempotent
from api.dispatch.buses import Buses
from api.dispatch.late_repeats import LateRepeats, answers_late
from api.guarded_route import GuardedRoute
from api.http.problems import install
from api.routes.sessions import SessionPath
from api.schemas.bodies import Strict
from callplane.bus.memory import MemoryBroker, MemoryBus
from callplane.bus.ports import Delivery, Work, always
from callplane.contracts.commands import Envelope
from callplane.contracts.ids import SessionId
from callplane.contracts.model import Wire
from callplane.contracts.registry import Command
from testkit.fakes.asgi import BY_KEY, settings_for
from testkit.inprocess.bus import FAST
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of
from wrapper.commands.handler import handler
from wrapper.commands.registry import handles
from wrapper.context import Context

# Its contract.


class Waved(Wire):
    """Who was waved to, and how often."""

    to: str
    times: int


class Wave(Command[Waved]):
    """Wave to somebody."""

    name: Literal["test-wave-at"] = "test-wave-at"
    to: str
    times: int = 2


# Its handler.


@handles(Wave)
async def carry_out(envelope: Envelope, command: Wave, _context: Context) -> Waved:
    """Wave."""
    return Waved(to=f"{command.to} in {envelope.session_id}", times=command.times)


# Its route, with the answer to a repeat of long ago.


class WaveBody(Strict):
    """Of ``POST …/waves``."""

    to: str


router = APIRouter(route_class=GuardedRoute, dependencies=SCHEMES)


@router.post("/sessions/{session_id}/waves")
async def wave(
    session_id: SessionPath, body: WaveBody, request: Annotated[ApiRequest, idempotent(Permissions.steer)]
) -> Waved:
    """Wave."""
    await request.permit(Permissions.steer, session_id)
    return await request.execute(session_id, Wave(to=body.to))


@answers_late(Wave)
async def _waved(_envelope: Envelope, command: Wave, _state: LateRepeats) -> Waved:
    return Waved(to=command.to, times=0)


# Its test.


@asynccontextmanager
async def both_programs(database: Database, seen: list[Delivery]) -> AsyncIterator[httpx.AsyncClient]:
    """An API and what a wrapper does about commands, on the in-process bus, for the session ``s``."""
    session = SessionId("s")

    async def nothing(*_: Any) -> None:
        pass

    handle = handler(cast(Context, object()), nothing, nothing)

    async def watched(delivery: Delivery) -> Any:
        seen.append(delivery)
        return await handle(delivery)

    broker = MemoryBroker()
    bus = MemoryBus(broker, FAST)
    await bus.topology.open_session(session)
    async with (
        assemble(settings_for(database), buses=Buses(bus, broker.mailboxes)) as program,
        bus.listener(Work(watched, nothing, always, nothing)) as listener,
    ):
        await listener.listen(session)
        app = FastAPI()
        app.state.services = program.services
        install(app)
        app.include_router(router)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http:
            yield http


async def test_it_goes_from_its_route_to_its_handler_and_back(database: Database) -> None:
    await session_of(database)
    seen: list[Delivery] = []
    async with both_programs(database, seen) as http:
        answer = await http.post("/sessions/s/waves", json={"to": "Ada"}, headers=BY_KEY)
    assert (answer.status_code, answer.json()) == (200, {"to": "Ada in s", "times": 2})
    assert [json.loads(one.envelope.model_dump_json())["body"] for one in seen] == [
        {"name": "test-wave-at", "to": "Ada", "times": 2}
    ]


async def test_a_repeat_of_long_ago_is_answered_beside_the_route(database: Database) -> None:
    await session_of(database)
    seen: list[Delivery] = []
    keyed = {**BY_KEY, "Idempotency-Key": "the-one-and-only-1"}
    async with both_programs(database, seen) as http:
        await http.post("/sessions/s/waves", json={"to": "Ada"}, headers=keyed)
        async with database.client() as client:
            records = client[database.name]["commands"]
            async for record in records.find():
                old = record["at"] - timedelta(minutes=11)
                await records.update_one({"_id": record["_id"]}, {"$set": {"at": old}})
        answer = await http.post("/sessions/s/waves", json={"to": "Ada"}, headers=keyed)
    assert (answer.status_code, answer.json()) == (200, {"to": "Ada", "times": 0})
    assert len(seen) == 1
