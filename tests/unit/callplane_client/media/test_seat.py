"""Seat with media: who leaves while joining, what a caller's block raises, and who has not got aiortc."""

import asyncio
import subprocess
import sys

import pytest

from callplane_client import AsyncCallplane, AsyncWay, Refused, Retries, Unreachable
from callplane_client.aio.doors import AsyncPollDoor
from callplane_client.media import Picture, join
from callplane_client.media.turn import end_of
from callplane_client.shapes import Batch
from testkit.deploy.manifests import ROOT
from testkit.fakes.asgi import KEY
from testkit.inprocess.whole import whole
from testkit.servers.servers import Database

WITHOUT = """
import sys
sys.modules["aiortc"] = None
import callplane_client
try:
    import callplane_client.media
except ImportError as missing:
    print(missing)
"""


def test_without_aiortc_the_client_works_and_its_media_say_what_they_need() -> None:
    run = subprocess.run([sys.executable, "-c", WITHOUT], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.stdout.strip() == (
        "callplane_client.media needs aiortc (aiortc is not there): pip install 'callplane[media]'"
    ), run.stderr


async def test_who_is_cancelled_while_joining_gives_the_seat_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with whole(database) as url, AsyncCallplane(url, api_key=KEY) as callplane:
        session = await callplane.sessions.create()
        really, asked, go = callplane.participants.join, asyncio.Event(), asyncio.Event()

        async def slowly(*args: object, **fields: object) -> object:
            joined = await really(*args, **fields)  # type: ignore[arg-type]
            asked.set()
            await go.wait()
            return joined

        monkeypatch.setattr(callplane.participants, "join", slowly)
        joining = asyncio.create_task(join(callplane, session.id).__aenter__())
        await asked.wait()
        joining.cancel()
        await asyncio.sleep(0)
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await joining
        assert (await callplane.sessions.get(session.id)).participants == []


async def test_what_the_block_raises_comes_out_as_it_is_and_the_seat_is_given_back(database: Database) -> None:
    async with whole(database) as url, AsyncCallplane(url, api_key=KEY) as callplane:
        session = await callplane.sessions.create()
        with pytest.raises(LookupError, match="mine"):
            async with join(callplane, session.id, name="Bot") as seat:
                assert [one.name for one in seat.participants] == ["Bot"]
                raise LookupError("mine")
        assert (await callplane.sessions.get(session.id)).participants == []
        with pytest.raises(Refused):
            async with join(callplane, "nowhere"):
                pass


async def test_messages_come_once_and_end_with_the_session(database: Database) -> None:
    way = AsyncWay(Retries(patience=5))
    async with whole(database) as url, AsyncCallplane(url, api_key=KEY, way=way) as callplane:
        session = await callplane.sessions.create()
        async with join(callplane, session.id) as seat:
            heard: list[object] = []
            seat.on("signal", lambda message: heard.append(message.data["data"]))
            seat.on("signal", lambda _: 1 / 0)
            for n in range(3):
                await seat.signal("count", n)
            await callplane.sessions.close(session.id, reason="over")
            told = [message.data.get("data") async for message in seat.messages if message.type == "signal"]
            assert (told, heard, seat.state, seat.reason) == ([0, 1, 2], [0, 1, 2], "closed", "over")
            with pytest.raises(Refused):
                await seat.publish(Picture())


async def test_while_its_pod_is_away_it_is_reconnecting_and_then_goes_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    states: list[tuple[str, str | None]] = []
    async with whole(database) as url, AsyncCallplane(url, api_key=KEY) as callplane:
        session = await callplane.sessions.create()
        async with join(callplane, session.id, transport="poll") as seat:
            seat.on("state", lambda said: states.append((said["state"], said["reason"])))
            asked, answers = AsyncPollDoor.next, iter([False, True])

            async def away(door: AsyncPollDoor, ack: str | None, wait: float) -> Batch:
                if next(answers, True):
                    return await asked(door, ack, min(wait, 0.5))
                raise Unreachable("away")

            monkeypatch.setattr(AsyncPollDoor, "next", away)
            await seat.signal("count", 1)
            async with asyncio.timeout(30):
                while (await seat.messages.get()).type != "signal" or len(states) < 2:
                    await seat.signal("count", 2)
            assert states[:2] == [("reconnecting", "unreachable"), ("connected", None)]


def test_turn_credentials_end_when_their_names_say_so() -> None:
    assert end_of([{"urls": "stun:x"}, {"urls": "turn:x", "username": "ada"}]) == float("inf")
    found = [{"urls": "turn:x", "username": "1790000000:ada"}, {"urls": "turn:y", "username": "1780000000"}]
    assert end_of(found) == 1780000000
