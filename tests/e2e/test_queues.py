"""A call by the engine of queues in real browsers: like any other, but that who comes late reads nothing of before."""

import pytest
from playwright.async_api import Browser

from testkit.clients.browsers import person
from testkit.servers.programs import up


@pytest.mark.long
async def test_a_call_on_queues_is_like_any_but_for_what_was_written_before(browser: Browser, call: str) -> None:
    async with up(CALLPLANE_MAILBOXES="queues") as links, person(browser) as ann, person(browser) as bob:
        for someone, name in ((ann, "Ann"), (bob, "Bob")):
            await someone.opens(links.page, session=call, name=name, source="synthetic", auto="1")
        await ann.receives("Bob")
        await bob.receives("Ann")
        await ann.page.get_by_role("button", name="Mute", exact=True).click()
        await bob.reads("Ann - connected, sending video, muted")
        await ann.page.keyboard.press("c")
        await ann.page.get_by_label("Message to everybody").fill("We are on floor 4")
        await ann.page.keyboard.press("Enter")
        await bob.page.get_by_role("button", name="Chat, 1 unread").click()
        await bob.page.get_by_text("We are on floor 4", exact=True).wait_for()
        async with person(browser) as cy:
            await cy.opens(links.page, session=call, name="Cy", source="synthetic", auto="1")
            await cy.receives("Bob")
            await cy.page.keyboard.press("c")
            assert await cy.page.get_by_text("We are on floor 4", exact=True).count() == 0
            await bob.page.get_by_role("button", name="Leave").click()
            await bob.is_told("You have left the call.")
            await cy.sees_only("Ann", "Cy")
        await ann.sees_only("Ann")
