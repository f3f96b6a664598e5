"""A shared screen is changed for another one in the same place: whoever watches it goes on watching."""

from playwright.async_api import Browser

from testkit.clients.browsers import person

FRAMES = """async () => Object.values(await callplane.stats())
    .filter(one => callplane.participants[1].streams.some(({connection_id, source}) => source === "screen"
        && connection_id === one.connection_id))
    .reduce((sum, one) => sum + one.framesDecoded, 0)"""
REFUSED = """() => {
    navigator.mediaDevices.getDisplayMedia = async () => { throw new DOMException("", "NotAllowedError"); };
}"""


async def test_something_else_is_shared_in_the_same_place(base_url: str, browser: Browser, call: str) -> None:
    async with person(browser) as ann, person(browser) as bob:
        for someone, name in ((ann, "Ann"), (bob, "Bob")):
            await someone.opens(base_url, session=call, name=name, source="synthetic", auto="1")
        await ann.receives("Bob", times=1)
        other = bob.page.get_by_role("button", name="Share something else")
        assert not await other.is_visible()
        await bob.page.get_by_role("button", name="Share screen").click()
        await other.wait_for()
        await ann.page.wait_for_function(f"async () => await ({FRAMES})() > 0")
        await ann.page.evaluate(
            "() => callplane.session.on('stream-unpublished', () => { globalThis.wasUnpublished = true; })"
        )
        before = await bob.page.evaluate("callplane.session.publications[1].stream.getTracks().map(({id}) => id)")
        await other.click()
        await bob.page.wait_for_function(
            "before => callplane.session.publications[1].stream.getTracks().every(({id}) => !before.includes(id))",
            arg=before,
        )
        seen = await ann.page.evaluate(FRAMES)
        await ann.page.wait_for_function(f"async seen => await ({FRAMES})() > seen", arg=seen)
        await bob.page.evaluate(REFUSED)
        await other.click()
        await bob.is_told("What you have shared is shared further")
        seen = await ann.page.evaluate(FRAMES)
        await ann.page.wait_for_function(f"async seen => await ({FRAMES})() > seen", arg=seen)
        assert await ann.page.evaluate("globalThis.wasUnpublished ?? false") is False
        await bob.page.get_by_role("button", name="Stop sharing").click()
        await other.wait_for(state="hidden")
