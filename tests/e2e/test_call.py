"""Two people in two browsers meet by a link, see and hear each other, and part."""

from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, expect

from testkit.clients.browsers import person


async def test_two_people_meet_by_link_and_media_flows_both_ways(base_url: str, browser: Browser) -> None:
    async with person(browser) as ann, person(browser) as bob:
        await ann.opens(base_url)
        assert "#" not in ann.page.url  # its token has left the address bar before anything was done
        await ann.page.get_by_label("Your name").fill("Ann")
        await ann.page.get_by_role("button", name="Start the call").click()
        await ann.is_in()
        assert "?session=" in ann.page.url
        assert "#" not in ann.page.url

        await bob.opens(f"{ann.page.url}#{urlsplit(base_url).fragment}")
        await bob.page.get_by_label("Your name").fill("Bob")
        await bob.page.get_by_role("button", name="Join the call").click()
        await bob.is_in()

        await ann.receives("Bob")
        await bob.receives("Ann")
        await ann.reads("Bob - connected, sending video and audio")
        await bob.reads("Ann - connected, sending video and audio")
        await bob.reads("Bob (you) - connected, sending video and audio")


async def test_synthetic_pictures_flow_too(base_url: str, browser: Browser, call: str) -> None:
    async with person(browser) as ann, person(browser) as bob:
        for someone, name in ((ann, "Ann"), (bob, "Bob")):
            await someone.opens(base_url, session=call, name=name, source="synthetic", auto="1")
        await ann.receives("Bob")
        await bob.receives("Ann")


async def test_who_leaves_or_closes_the_page_is_gone_at_once(base_url: str, browser: Browser, call: str) -> None:
    async with person(browser) as ann:
        await ann.opens(base_url, session=call, name="Ann", source="synthetic", auto="1")
        async with person(browser) as bob:
            await bob.opens(base_url, session=call, name="Bob", source="synthetic", auto="1")
            await ann.receives("Bob", times=1)
            await bob.page.get_by_role("button", name="Leave").click()
            await bob.is_told("You have left the call.")
            await ann.sees_only("Ann")
            assert await ann.page.locator("figure.tile").count() == 1

            await bob.page.get_by_role("button", name="Join again").click()
            await ann.receives("Bob", times=1)
            await bob.page.goto("about:blank")
            await ann.sees_only("Ann")


async def test_a_picture_is_paused_while_its_sound_goes_on_and_comes_back(
    base_url: str, browser: Browser, call: str
) -> None:
    async with person(browser) as ann, person(browser) as bob:
        for someone, name in ((ann, "Ann"), (bob, "Bob")):
            await someone.opens(base_url, session=call, name=name, source="synthetic", auto="1")
        await ann.receives("Bob", times=1)
        await ann.page.evaluate("callplane.participants[1].streams[0].pause()")
        await ann.reads("Bob - connected, sending audio, picture paused")
        await ann.receives("Bob", times=2, media=("audioBytes",))
        assert (await ann.inbound())["Bob"]["framesDecoded"] == 0  # of an endpoint that has no pictures
        await ann.page.evaluate("callplane.participants[1].streams[0].resume()")
        await ann.receives("Bob", times=1)
        await bob.receives("Ann", times=1)


@pytest.mark.long
async def test_mute_is_seen_by_the_other(base_url: str, browser: Browser, call: str) -> None:
    async with person(browser) as ann, person(browser) as bob:
        for someone, name in ((ann, "Ann"), (bob, "Bob")):
            await someone.opens(base_url, session=call, name=name, source="synthetic", auto="1")
        await bob.reads("Ann - connected, sending video and audio")
        await ann.page.get_by_role("button", name="Mute", exact=True).click()
        await bob.reads("Ann - connected, sending video, muted")
        await ann.reads("Ann (you) - connected, sending video, muted")
        await ann.page.get_by_role("button", name="Stop video").click()
        await bob.reads("Ann - connected, video stopped, muted")
        await bob.page.keyboard.press("p")
        await bob.page.get_by_role("button", name="Hide who sends no picture").click()
        await expect(bob.page.locator("figure.tile[data-self=false]")).to_be_hidden()
        await bob.page.get_by_role("button", name="Hide who sends no picture").click()
        await expect(bob.page.locator("figure.tile[data-self=false]")).to_be_visible()
        await bob.page.keyboard.press("Escape")
        await ann.page.get_by_role("button", name="Unmute").click()
        await ann.page.get_by_role("button", name="Start video").click()
        await bob.reads("Ann - connected, sending video and audio")
        await bob.receives("Ann")
        await ann.page.get_by_role("button", name="Raise hand").click()
        await bob.reads("Ann - connected, sending video and audio, hand raised")
        await ann.page.get_by_role("button", name="Lower hand").click()
        await bob.reads("Ann - connected, sending video and audio")


@pytest.mark.long
async def test_media_negotiated_again_reaches_everybody_again(base_url: str, browser: Browser, call: str) -> None:
    async with person(browser) as ann, person(browser) as bob:
        for someone, name in ((ann, "Ann"), (bob, "Bob")):
            await someone.opens(base_url, session=call, name=name, source="synthetic", auto="1")
        await ann.receives("Bob", times=1)
        await bob.receives("Ann", times=1)
        me = await ann.page.evaluate("callplane.session.me")
        await ann.page.evaluate("callplane.session.restart()")
        await ann.page.locator("#state", has_text="Connected again after").wait_for()
        await ann.is_in("connected")
        await ann.receives("Bob")
        await bob.receives("Ann")
        assert await ann.page.evaluate("callplane.session.me") == me
