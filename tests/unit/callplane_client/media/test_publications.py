"""Publications: one a source; replaced, muted, taken away, ended by its tracks or with the seat, and how fast."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiortc import MediaStreamTrack
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError

from callplane_client import AsyncSeat, Refused
from callplane_client.media import Picture
from callplane_client.media.peer import limit
from callplane_client.media.plans import Signalling
from callplane_client.media.publications import Publications, tracks_in
from tests.unit.callplane_client.media.answering_seat import AnsweringSeat


class Sender:
    """What a seat sends, and what it tells of it."""

    def __init__(self, seat: AnsweringSeat, tasks: asyncio.TaskGroup) -> None:
        self.seat = seat
        self.told: list[dict[str, bool]] = []
        signalling = Signalling(cast(AsyncSeat, seat), tasks, lambda: seat.epoch, [], lambda *_: None)
        self.publications = Publications(signalling, ["of before"], lambda: None, self._tell)

    async def _tell(self, muted: dict[str, bool]) -> None:
        self.told.append(muted)


class Short(Picture):
    """A picture that ends after the first."""

    async def recv(self) -> Any:
        """The next, or the end."""
        if self._count:
            raise MediaStreamError
        return await super().recv()


@asynccontextmanager
async def sending(seat: AnsweringSeat) -> AsyncIterator[Sender]:
    async with asyncio.TaskGroup() as tasks:
        sender = Sender(seat, tasks)
        try:
            yield sender
        finally:
            await sender.publications.left()
    await seat.close()


async def test_a_second_one_of_a_source_takes_the_place_of_the_first() -> None:
    seat, first, second = AnsweringSeat(), Picture(), Picture()
    async with sending(seat) as sender:
        before = await sender.publications.publish([first], "camera", None)
        after = await sender.publications.publish([second], "camera", 400)
        screen = await sender.publications.publish([Picture()], "screen", None)
        assert (before.ended.result(), before.state, list(sender.publications)) == (
            "replaced",
            "closed",
            [after, screen],
        )
        assert (after.media, first.readyState) == (["video"], "live")
    assert (after.ended.result(), second.readyState) == ("left", "ended")
    said = [{key: each[key] for key in ("source", "replaces") if key in each} for each in seat.offers]
    # What an earlier life of the seat sent is replaced, once; a camera is what is sent where nothing is said.
    assert said == [{"replaces": "of before"}, {}, {"source": "screen"}]
    assert seat.stopped == ["c1"]


async def test_muting_is_told_of_the_camera_alone_and_done_for_each_kind() -> None:
    async with sending(AnsweringSeat()) as sender:
        camera = await sender.publications.publish([Picture(), AudioStreamTrack()], "camera", None)
        screen = await sender.publications.publish([Picture()], "screen", None)
        await camera.mute(audio=True)
        await camera.mute(False)
        await screen.mute()
        assert sender.told == [{"audio": True}, {"video": False, "audio": False}]
        assert [each.muted for each in (*camera.outgoing.values(), *screen.outgoing.values())] == [False, False, True]
        with pytest.raises(TypeError):
            await screen.replace_track(AudioStreamTrack())


async def test_it_ends_with_its_tracks_or_when_it_is_taken_away() -> None:
    async with sending(AnsweringSeat()) as sender:
        short = await sender.publications.publish([Short()], "screen", None)
        taken = await sender.publications.publish([Picture()], "camera", None)
        async with asyncio.timeout(30):
            assert await short.ended == "track-ended"
            sender.publications.unpublished(str(taken.connection_id), "failed")  # that one is offered again
            await asyncio.sleep(0)
            assert sender.publications.of("camera") is taken
            sender.publications.unpublished(str(taken.connection_id), "removed")
            assert await taken.ended == "removed"
        assert list(sender.publications) == []


async def test_what_refuses_it_is_raised() -> None:
    seat = AnsweringSeat()
    seat.troubles = [Refused(403, {"code": "forbidden"})]
    async with sending(seat) as sender:
        sender.publications._earlier.clear()
        with pytest.raises(Refused) as refused:
            await sender.publications.publish([Picture()], "camera", None)
        assert (refused.value.code, list(sender.publications)) == ("forbidden", [])


def test_what_a_player_has_is_sent() -> None:
    picture = Picture()
    assert tracks_in(picture) == [picture]
    assert tracks_in(SimpleNamespace(audio=None, video=picture)) == [picture]
    assert tracks_in(cast(list[MediaStreamTrack], [picture])) == [picture]


async def test_an_encoder_is_kept_below_its_limit() -> None:
    encoder = SimpleNamespace(target_bitrate=500_000)
    seen: list[int] = []

    async def encoded(_: Any) -> None:
        seen.append(encoder.target_bitrate)

    sender = SimpleNamespace(_RTCRtpSender__encoder=encoder, _next_encoded_frame=encoded)
    limit(cast(Any, sender), 300_000)
    await sender._next_encoded_frame(None)
    encoder.target_bitrate = 200_000
    await sender._next_encoded_frame(None)
    assert seen == [300_000, 200_000]
