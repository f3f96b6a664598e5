"""Callers: what a person without a browser sends, and what is told of trouble."""

import asyncio
from functools import partial

import pytest
from aiortc.mediastreams import AudioStreamTrack

from callplane_client import AsyncCallplane, AsyncWay, Retries, Unreachable
from callplane_client.media import Picture
from cli.calls.callers import KEPT, Caller, InCall, in_call, tracks_of
from testkit.fakes.asgi import KEY
from testkit.inprocess.whole import whole
from testkit.servers.servers import Database
from testkit.servers.until import until


def test_a_synthetic_picture_has_a_sound() -> None:
    assert [type(track) for track in tracks_of("synthetic")] == [Picture, AudioStreamTrack]
    with pytest.raises(OSError, match="nowhere"):
        tracks_of("nowhere.webm")


async def is_troubled(somebody: InCall) -> bool:
    return bool(somebody.troubles)


async def test_offers_that_are_refused_are_told_and_the_seat_goes_on(database: Database) -> None:
    way = AsyncWay(Retries(patience=0))
    async with whole(database) as url, AsyncCallplane(url, api_key=KEY, way=way) as callplane:
        session = await callplane.sessions.create()  # there is no media server here
        async with in_call(callplane, session.id, Caller("me", publish="synthetic", subscribe=True)) as somebody:
            await until(partial(is_troubled, somebody))
            assert not somebody.media.is_over
            for n in range(2 * KEPT):
                somebody.count(Unreachable(str(n)))
            assert (len(somebody.troubles), somebody.troubles[-1]) == (KEPT, str(2 * KEPT - 1))
        assert (await callplane.sessions.get(session.id)).participants == []


async def test_a_seat_that_is_gone_ends_it_and_what_the_block_raises_comes_out_as_it_is(database: Database) -> None:
    async with whole(database) as url, AsyncCallplane(url, api_key=KEY) as callplane:
        session = await callplane.sessions.create()
        with pytest.raises(LookupError):
            async with in_call(callplane, session.id, Caller("me")) as somebody:
                await callplane.sessions.close(session.id)
                async with asyncio.timeout(20):
                    await somebody.media.wait_until_over()
                raise LookupError
