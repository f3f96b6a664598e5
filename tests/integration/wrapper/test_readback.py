"""What media servers say is found out also where nobody heard it, and what could not be told is told later."""

import asyncio
from typing import Any

import pytest

from callplane.contracts.errors import Unavailable
from callplane.contracts.messages import Message
from callplane.store.documents import ConnectionDocument
from testkit.inprocess.wrappers import RunningWrappers, running_wrappers
from testkit.servers.servers import Servers
from testkit.servers.until import until
from wrapper.app import Program

FAST: dict[str, Any] = {"sweep_seconds": 0.1, "lease_seconds": 0.4, "drop_seconds": 900}
"""With a drop timer that never ends: nobody reads for these seats, and their media would be asked for."""


async def now(r: RunningWrappers, connection: str) -> ConnectionDocument:
    """The connection as it is."""
    found = await r.store.connections.find(connection)
    assert found is not None
    return found


async def put(r: RunningWrappers, connection: str, seconds: float, **fields: Any) -> None:
    """Write down what was heard of a connection so long ago."""
    past = {"$dateSubtract": {"startDate": "$$NOW", "unit": "second", "amount": seconds}}
    update = [{"$set": {**fields, "since": past}}]
    await r.store.database["connections"].update_one({"_id": connection}, update)


async def test_adoption_finds_out_what_was_said_while_nobody_heard(servers: Servers) -> None:
    """The publisher has gone, and so has a viewer that had reported; a viewer that never could is still there."""
    async with running_wrappers(servers, wrappers=1, **FAST) as r:
        session = await r.session()
        ann, bo, cy = [await r.seat(session) for _ in range(3)]
        sending = (await r.publish(session, ann))["id"]
        gone, waiting = [(await r.subscribe(session, one, ann))["id"] for one in (bo, cy)]
        for connection, heard in ((sending, False), (gone, True), (waiting, False)):
            await put(r, connection, 60, media_state="connected", heard=heard)
        survivor = await r.start(**FAST)
        await r.stop(0)

        async def known() -> bool:
            return [(await now(r, c)).media_state for c in (sending, gone)] == ["failed", "failed"]

        await until(known, 20)
        kept = await now(r, waiting)
        assert (kept.owner, kept.media_state) == (survivor.id, "connected")


class Unconfirmed:
    """A messenger whose broker does not confirm what is told to one participant, until it is well."""

    def __init__(self, messenger: Any, participant: str) -> None:
        self._messenger, self._participant = messenger, participant
        self.well = asyncio.Event()
        self.refused = 0

    async def to_participant(self, participant: str, *messages: Message) -> bool:
        """Tell it, or fail."""
        candidates = [message for message in messages if message.type == "ice-candidate"]
        if participant == self._participant and candidates and not self.well.is_set():
            self.refused += 1
            raise Unavailable("not confirmed")
        told: bool = await self._messenger.to_participant(participant, *messages)
        return told


def unconfirmed(program: Program, participant: str) -> Unconfirmed:
    """Put one between the wrapper's ears and the broker."""
    events = program.context.media._events  # type: ignore[attr-defined]
    events._messenger = Unconfirmed(events._messenger, participant)
    made: Unconfirmed = events._messenger
    return made


@pytest.mark.timeout(60)
async def test_a_candidate_that_the_broker_did_not_confirm_is_told_later(servers: Servers) -> None:
    async with running_wrappers(servers, wrappers=1, **FAST) as r:
        session = await r.session()
        ann, bo = await r.seat(session), await r.seat(session)
        broker = unconfirmed(r.programs[0], ann)
        await r.publish(session, ann)
        await r.publish(session, bo)

        async def tried() -> bool:
            return broker.refused >= 2

        await until(tried)
        told: list[dict[str, Any]] = []

        async def others() -> bool:  # are told meanwhile
            told.extend(m for m in await r.mailbox(bo) if m["type"] == "ice-candidate")
            return bool(told)

        await until(others)
        broker.well.set()
        heard: dict[str, Any] = {}

        async def complete() -> bool:
            heard.update({m["id"]: m for m in await r.mailbox(ann) if m["type"] == "ice-candidate"})
            return len(heard) >= len({m["id"] for m in told})

        await until(complete)
        lines = {m["data"]["candidate"]["sdpMLineIndex"] for m in heard.values()}
        components = {m["data"]["candidate"]["candidate"].split()[1] for m in heard.values()}
        assert (lines, components) == ({0}, {"1"}), "one line of the bundle, and no RTCP of its own"

        async def quiet() -> bool:
            return not r.programs[0].adoption._unsubscribed

        await until(quiet)
