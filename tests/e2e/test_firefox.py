"""Firefox and Chromium meet on the call page: what Firefox offers is another SDP than Chromium's."""

from playwright.async_api import Browser

from testkit.clients.browsers import person
from testkit.clients.firefox import firefox, window


async def test_firefox_and_chromium_see_and_hear_each_other(base_url: str, browser: Browser, call: str) -> None:
    async with firefox() as bidi, window(bidi) as ann, person(browser) as bob:
        await ann.opens(base_url, session=call, name="Ann", source="camera")
        await ann.evaluate("document.getElementById('go').click()")
        await bob.opens(base_url, session=call, name="Bob", source="synthetic", auto="1")
        await bob.receives("Ann")
        await ann.receives()
        await ann.reads("Ann (you) - connected, sending video and audio")
        await ann.reads("Bob - connected, sending video and audio")
        await bob.reads("Ann - connected, sending video and audio")
