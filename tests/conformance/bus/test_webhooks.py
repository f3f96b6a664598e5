"""Webhooks are the same on either bus: what happens is posted, in order, again after a restart, and refusals too."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from api.app import assemble
from api.dispatch.buses import Buses
from callplane.bus.ports import Bus
from callplane.contracts.ids import SessionId
from testkit.fakes.asgi import BY_KEY, settings_for
from testkit.inprocess.bus import Corner
from testkit.inprocess.hooks import endpoint, hooks_program
from testkit.inprocess.streams import happened
from testkit.servers.servers import Database
from testkit.servers.webhook_receiver import Behaviour, WebhookReceiver, webhook_receiver

S = SessionId("s")
REFUSED = "request-refused"


def taken(receiver: WebhookReceiver) -> list[str]:
    """Ids of what was answered with 200, each as often as it came; without the one that shows that events come."""
    return [one.id for one in receiver.taken() if one.event["sessionid"] != "try"]


async def events_come(bus: Bus, receiver: WebhookReceiver) -> None:
    """Back when the queue is bound: what was published before that is for nobody. It is one event, stored once."""
    for _ in range(100):
        await bus.events.publish([happened(SessionId("try"), 1, tenant="tests")])
        try:
            await receiver.until(lambda: bool(receiver.received), within=0.2)
        except TimeoutError:
            continue
        return
    raise AssertionError("no event has come")


@asynccontextmanager
async def served(database: Database, corner: Corner, bus: Bus) -> AsyncIterator[httpx.AsyncClient]:
    """An API on this bus, without a wrapper behind it."""
    async with assemble(settings_for(database), buses=Buses(bus, corner.mailboxes)) as program:
        transport = httpx.ASGITransport(program.asgi)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
            yield http


async def test_a_delivery_comes_in_order_and_again_when_the_program_was_restarted(
    corner: Corner, database: Database
) -> None:
    is_well = False

    def behave(_path: str, event_id: str) -> Behaviour:
        return "ok" if is_well or not event_id.endswith(":2") else "error"

    async with corner.bus() as bus, webhook_receiver(behave) as receiver:
        async with hooks_program(database, bus.events) as program:
            await endpoint(program, "e", receiver.url(), "session-updated")
            await events_come(bus, receiver)
            await bus.events.publish([happened(S, version, tenant="tests") for version in (1, 2, 3)])
            await bus.events.publish(
                [happened(S, 4, tenant="others"), happened(S, 5, "session-closed", tenant="tests")]
            )
            await receiver.until(lambda: any(one.id == "s:2" for one in receiver.received))
        assert taken(receiver) == ["s:1"]
        is_well = True
        await bus.events.publish([happened(S, 6, tenant="tests")])  # while none runs: the queue keeps it
        async with hooks_program(database, bus.events):
            # On a machine that is busy enough the first ends while it takes the lane, whose lease is 40 s then.
            await receiver.until(lambda: "s:6" in receiver.taken_ids, within=55)
    assert taken(receiver) == ["s:1", "s:2", "s:3", "s:6"]


async def test_a_request_that_was_refused_is_posted(corner: Corner, database: Database) -> None:
    async with (
        corner.bus() as bus,
        webhook_receiver(lambda *_: "ok") as receiver,
        hooks_program(database, bus.events) as program,
        served(database, corner, bus) as http,
    ):
        await endpoint(program, "e", receiver.url(), REFUSED, "session-updated")
        await events_come(bus, receiver)
        join = http.post("/v1/sessions/s/participants", json={"nome": "Ada"}, headers=BY_KEY)
        assert (await join).status_code == 422
        await receiver.until(lambda: bool(taken(receiver)))
    (event,) = [one.event for one in receiver.taken() if one.event["type"] == REFUSED]
    assert (event["tenant"], event["actor"], event["sessionid"]) == ("tests", "key:tests", "s")
    assert event["data"]["problem"]["code"] == "invalid"
