"""A person alone invites the synthetic companion and has a call."""

from playwright.async_api import Browser

from testkit.clients.browsers import person


async def test_the_companion_is_seen_and_heard_and_can_be_removed(base_url: str, browser: Browser, call: str) -> None:
    async with person(browser) as ann:
        await ann.joins(base_url, session=call, name="Ann", source="camera")
        await ann.page.get_by_text("Nobody else is here yet").wait_for()
        await ann.page.get_by_role("button", name="Invite a synthetic companion").click()
        await ann.receives("Companion")
        await ann.reads("Companion - connected, sending video and audio")
        # It is a participant like any other: it receives, too.
        await ann.page.wait_for_function(
            "async () => Object.values(await callplane.companion.stats()).some(one => one.framesDecoded > 10)"
        )
        await ann.page.get_by_role("button", name="Remove the companion").click()
        await ann.sees_only("Ann")
        await ann.page.get_by_text("Nobody else is here yet").wait_for()


async def test_the_companion_goes_with_the_page(base_url: str, browser: Browser, call: str) -> None:
    async with person(browser) as bob:
        await bob.opens(base_url, session=call, name="Bob", source="synthetic", auto="1")
        async with person(browser) as ann:
            await ann.opens(base_url, session=call, name="Ann", source="synthetic", auto="1")
            await ann.page.get_by_role("button", name="Invite a synthetic companion").click()
            # The others hear of a seat before the page that takes it can give it back.
            await ann.page.get_by_role("button", name="Remove the companion").wait_for()
            await bob.sees_only("Ann", "Bob", "Companion")
            await ann.page.goto("about:blank")
            await bob.sees_only("Bob")
