"""A media server dies under two pages: the picture freezes, *reconnecting* shows, and frames go on by themselves."""

import pytest
from playwright.async_api import Browser

from testkit.clients.browsers import Person, person
from testkit.servers.programs import Cluster, Program, Size, cluster
from testkit.servers.servers import Servers

pytestmark = pytest.mark.alone

WATCH = """() => {
    window.told = [];
    callplane.session.on("state", ({ state, reason }) => told.push(`${state} ${reason}`));
}"""
FRAMES = "video => [video.getVideoPlaybackQuality().totalVideoFrames, video.videoWidth]"
GONE = "Reconnecting: the media server went away, another takes over"
LIVE = 20.0
"""Seconds for pages, servers and the whole rest on two busy cores; what it takes is for the bench to say."""


async def in_use(machines: Cluster) -> Program:
    """The media server that the only session is on, or was on last."""
    [session] = await machines.servers.database.documents("sessions")
    [program] = [m for m in machines.media_servers if str(session["server"]) in m.url]
    return program


async def still(someone: Person) -> tuple[int, int, bool]:
    """Of the other's picture: frames shown so far, its width, and whether the tile says that it is reconnecting."""
    tile = someone.page.locator("figure[data-self=false]")
    shown = await tile.locator("video").evaluate(FRAMES)
    return shown[0], shown[1], await tile.get_by_text("Reconnecting…").is_visible()


@pytest.mark.timeout(180)
async def test_pages_go_on_by_themselves_on_another_server(servers: Servers, browser: Browser, call: str) -> None:
    size = Size(apis=1, wrappers=2, media_servers=2)
    async with (
        cluster(servers, size, CALLPLANE_OPEN_ACCESS="true") as machines,
        person(browser) as ann,
        person(browser) as bob,
    ):
        for someone, name in ((ann, "Ann"), (bob, "Bob")):
            await someone.opens(f"{machines.apis[0].url}/", session=call, name=name, source="synthetic", auto="1")
        for someone, other in ((ann, "Bob"), (bob, "Ann")):
            await someone.receives(other)
            await someone.page.evaluate(WATCH)
        seats = [await someone.page.evaluate("callplane.session.me") for someone in (ann, bob)]

        first = await in_use(machines)
        await first.kill()
        for someone, other in ((ann, "Bob"), (bob, "Ann")):
            await someone.page.wait_for_function("() => told.includes('reconnecting media-lost')")
            await someone.is_in("connected")
            await someone.receives(other, within=LIVE)
        assert await in_use(machines) is not first

        # Now there is none left, so the picture stands still for as long as anybody cares to look.
        second = await in_use(machines)
        await second.kill()
        for someone in (ann, bob):
            await someone.page.locator("#state", has_text=GONE).wait_for()
        frames, width, veiled = await still(ann)
        assert (width > 0, veiled) == (True, True)
        await ann.page.wait_for_timeout(500)
        assert await still(ann) == (frames, width, True)
        await first.restart()
        for someone, other in ((ann, "Bob"), (bob, "Ann")):
            await someone.receives(other, within=2 * LIVE)
            await someone.is_in("connected")
        assert [await someone.page.evaluate("callplane.session.me") for someone in (ann, bob)] == seats
