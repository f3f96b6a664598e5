"""Two pages write to each other and ask each other, with a word on who is there; the keys that open it all."""

from playwright.async_api import Browser

from testkit.clients.browsers import person


async def test_two_pages_chat_and_unread_messages_are_counted(base_url: str, browser: Browser, call: str) -> None:
    async with person(browser) as ann, person(browser) as bob:
        for someone, name in ((ann, "Ann"), (bob, "Bob")):
            await someone.opens(base_url, session=call, name=name, source="synthetic", auto="1")
            await someone.is_in()
        await ann.page.keyboard.press("c")
        await ann.page.get_by_label("Message to everybody").fill("<b>Hello</b> & welcome")
        await ann.page.keyboard.press("Enter")
        await ann.page.get_by_role("list", name="Messages").get_by_text("<b>Hello</b> & welcome", exact=True).wait_for()
        await bob.page.get_by_role("button", name="Chat, 1 unread").click()
        await bob.page.get_by_text("<b>Hello</b> & welcome", exact=True).wait_for()
        await bob.page.get_by_role("button", name="Chat", exact=True).wait_for()

        await ann.page.get_by_label("To whom").select_option(label="to Bob alone")
        await ann.page.get_by_label("Message to Bob alone").fill("Between you and me")
        await ann.page.keyboard.press("Enter")
        for someone, whom in ((ann, "to Bob alone"), (bob, "to you alone")):
            said = someone.page.locator("#chat-list li", has_text="Between you and me")
            await said.get_by_text(whom).wait_for()

        await bob.page.get_by_role("button", name="Close chat").click()
        await bob.page.keyboard.press("p")
        await bob.page.get_by_label("How available you are").select_option("dnd")
        await ann.page.keyboard.press("Escape")
        await ann.page.keyboard.press("p")
        await ann.page.locator("#people-list li", has_text="Bob").get_by_text("do not disturb").wait_for()
        await ann.page.keyboard.press("?")
        await ann.page.get_by_role("dialog", name="Keyboard shortcuts").wait_for()


async def test_people_ask_each_other_over_a_new_line_until_a_token_is_refused(
    base_url: str, browser: Browser, call: str
) -> None:
    async with person(browser) as ann, person(browser) as bob:
        for someone, name in ((ann, "Ann"), (bob, "Bob")):
            await someone.opens(base_url, session=call, name=name, source="synthetic", auto="1")
        await ann.sees_only("Ann", "Bob")
        await bob.is_in()
        await bob.page.evaluate("callplane.session.onRpc('double', ({ data }) => data * 2)")
        await bob.page.evaluate("callplane.session.simulate('signal-reconnect')")
        assert await ann.page.evaluate("callplane.session.rpc(callplane.participants[1].id, 'double', 21)") == 42
        await ann.page.evaluate("callplane.session.simulate('token-expired')")
        await ann.is_told("The server does not accept your seat any more.")
