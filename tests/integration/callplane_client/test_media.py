"""Participants with media on real servers: they see each other, also after the loss of one, and leave nothing."""

import ast
import asyncio
import re
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from callplane_client import AsyncCallplane, Refused
from callplane_client.media import MediaSeat, Picture, RemoteStream, join
from testkit.clients.calls import Call, machine
from testkit.clients.participant import Pods
from testkit.deploy.manifests import ROOT
from testkit.servers.programs import API_KEY, Cluster, Size, cluster
from testkit.servers.servers import Servers
from testkit.servers.until import until

PAGE = (ROOT / "docs/howto/use-the-python-sdk.md").read_text()
WITHIN = 60.0


def udp_sockets() -> set[str]:
    """Those of this process, by inode: one for each address of a peer connection that is open."""
    tables = [Path(f"/proc/self/net/{name}").read_text().splitlines()[1:] for name in ("udp", "udp6")]
    known = {line.split()[9] for table in tables for line in table}
    found = set()
    for handle in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # of the listing itself
            found.add(str(handle.readlink()).removeprefix("socket:[").removesuffix("]"))
    return known & found


async def frames(seat: MediaSeat, epoch: int, count: int = 5) -> None:
    """Take so many pictures of the first stream, in this epoch."""
    async with asyncio.timeout(WITHIN):
        async for stream in seat.streams:
            await until(partial(_flows, stream, epoch), WITHIN)
            before = stream.video.count
            async for _ in stream.video:
                if stream.video.count >= before + count:
                    return


async def see_each_other(callplane: AsyncCallplane, machines: Cluster) -> None:
    """Two people, and the loss of the media server that they are on."""
    session = await callplane.sessions.create()
    states: list[str] = []
    async with join(callplane, session.id, name="Ann") as ann, join(callplane, session.id, name="Bo") as bo:
        ann.on("state", lambda said: states.append(said["state"]))
        publications = [await one.publish(Picture()) for one in (ann, bo)]
        await asyncio.gather(frames(ann, 1), frames(bo, 1))
        of_bo = ann.streams.now[0]
        assert udp_sockets()
        await (await machine(Call(cast(Pods, None), session.id), machines)).kill()
        await asyncio.gather(frames(ann, 2), frames(bo, 2))
        assert (ann.streams.now, ann.info.epoch, publications[0].media) == ([of_bo], 2, ["video"])
        await until(lambda: _is(ann, "connected"), WITHIN)
        assert "reconnecting" in states
        await publications[1].stop()
        await until(lambda: _sees_nobody(ann), WITHIN)
    assert [await publication.ended for publication in publications] == ["left", "stopped"]
    assert (ann.state, ann.reason, of_bo.is_over) == ("left", "left", True)
    assert (await callplane.sessions.get(session.id)).participants == []


async def the_bot_of_the_page(callplane: AsyncCallplane) -> None:
    """Its lines, as they stand there: somebody sees what they send, and has it end."""
    [lines] = [each for each in re.findall(r"```python\n(.*?)```", PAGE, re.S) if "callplane_client.media" in each]
    bot = eval(compile(lines, "page", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), {})
    session = await callplane.sessions.create(custom_id="daily")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(bot)
        async with join(callplane, session.id, name="Ann") as ann:
            await ann.publish(Picture())
            await frames(ann, 1)
            await ann.say("Enough")
            async with asyncio.timeout(WITHIN):
                await running


async def are_cancelled(callplane: AsyncCallplane) -> None:
    """Somebody who is cancelled while joining, while publishing, and in the call."""
    session = await callplane.sessions.create()

    async def takes_part() -> None:
        async with join(callplane, session.id) as seat:
            await seat.publish(Picture())
            await seat.wait_until_over()

    for seconds in (0.0, 0.02, 0.06, 0.12, 0.25, 0.5, 1.0):
        taking_part = asyncio.create_task(takes_part())
        await asyncio.sleep(seconds)
        taking_part.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taking_part
        assert (await callplane.sessions.get(session.id)).participants == []


async def is_shown_out(callplane: AsyncCallplane) -> None:
    """Somebody who is told so, and can send nothing any more."""
    session = await callplane.sessions.create()
    with pytest.raises(Refused) as refused:
        async with join(callplane, session.id, name="Bot") as seat:
            await seat.publish(Picture())
            await callplane.participants.kick(session.id, seat.id, reason="noisy")
            told = [message.type async for message in seat.messages]
            assert (told[-1], seat.state, seat.reason) == ("participant-left", "left", "noisy")
            await seat.publish(Picture())
    assert refused.value.status == 410


async def test_people_see_each_other_and_whichever_way_they_leave_nothing_is_left(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        cluster(servers, Size(apis=1, wrappers=1, media_servers=2)) as machines,
        AsyncCallplane(machines.apis[0].url, api_key=API_KEY) as callplane,
    ):
        await callplane.sessions.create()
        tasks, sockets = asyncio.all_tasks(), udp_sockets()
        await is_shown_out(callplane)
        monkeypatch.setenv("CALLPLANE_URL", machines.apis[0].url)
        monkeypatch.setenv("CALLPLANE_API_KEY", API_KEY)
        await the_bot_of_the_page(callplane)
        await are_cancelled(callplane)
        await see_each_other(callplane, machines)
        ending = asyncio.all_tasks() - tasks
        _, left = await asyncio.wait(ending, timeout=10) if ending else (set(), set())
        assert left == set()
        assert udp_sockets() - sockets == set()


async def _is(seat: MediaSeat, state: str) -> bool:
    return seat.state == state


async def _flows(stream: RemoteStream, epoch: int) -> bool:
    return stream.epoch >= epoch and stream.media == "connected"


async def _sees_nobody(seat: MediaSeat) -> bool:
    return seat.streams.now == []
