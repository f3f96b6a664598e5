"""The page says what is wrong and what to do, and goes on by itself where it can."""

import uuid

from playwright.async_api import Browser, Route

from testkit.clients.browsers import AUTOPLAY, chromium, person

BLOCKING = "--autoplay-policy=user-gesture-required"
TELL_BLOCKED = """
    const play = HTMLMediaElement.prototype.play;
    HTMLMediaElement.prototype.play = function () {
        const playing = play.call(this);
        playing.catch((error) => console.log(error.name));
        return playing;
    };
"""

SLEEPS = """() => {
    const now = Date.now;
    Date.now = () => now() + 600000;
    globalThis.slept = true;
    dispatchEvent(new Event('online'));
}"""
GONE = {"status": 410, "code": "join-again", "title": "This seat is gone", "reason": "connection-lost"}


async def test_a_call_that_does_not_exist_is_told_and_a_new_one_offered(base_url: str, browser: Browser) -> None:
    async with person(browser) as ann:
        await ann.opens(base_url, session=str(uuid.uuid4()), name="Ann", source="synthetic", auto="1")
        await ann.is_told("This call does not exist any more.")
        await ann.page.get_by_role("button", name="Start the call").click()
        await ann.is_in()


async def test_a_server_out_of_reach_shows_reconnecting_and_heals(base_url: str, browser: Browser, call: str) -> None:
    async with person(browser) as ann, person(browser) as bob:
        for someone, name in ((ann, "Ann"), (bob, "Bob")):
            await someone.opens(base_url, session=call, name=name, source="synthetic", auto="1", transport="poll")
        await ann.receives("Bob", times=1)

        async def refuse(route: Route) -> None:
            await route.abort("connectionrefused")

        # The poll under way goes on until it has something to say.
        await ann.page.route("**/messages?*", refuse)
        await bob.page.get_by_role("button", name="Mute", exact=True).click()
        await ann.is_in("reconnecting")
        await ann.page.locator("#state", has_text="Reconnecting: the server does not answer").wait_for()
        await ann.page.unroute("**/messages?*")
        await ann.is_in("connected")
        await bob.page.get_by_role("button", name="Unmute").click()
        await ann.receives("Bob")


async def test_without_a_click_sound_waits_for_a_button(base_url: str, call: str) -> None:
    async with chromium(BLOCKING) as strict, person(strict) as ann, person(strict) as bob:
        await ann.page.add_init_script(TELL_BLOCKED)
        # Whatever a driver asks a page counts as a click there, so nothing is asked until the browser has said no;
        # who shares a camera may hear without one, so Ann does not.
        async with ann.page.expect_console_message(lambda message: message.text == "NotAllowedError"):
            await ann.opens(base_url, session=call, name="Ann", source="synthetic", auto="1")
            await bob.joins(base_url, session=call, name="Bob", source="camera")
        sound = ann.page.get_by_role("button", name="Play sound")
        await sound.click()
        await sound.wait_for(state="hidden")
        video = ann.page.locator("figure[data-self=false] video")
        assert await video.evaluate("video => [video.muted, video.paused]") == [False, False]


async def test_an_insecure_address_offers_the_synthetic_picture(base_url: str, browser: Browser) -> None:
    async with person(browser) as ann:

        async def forward(route: Route) -> None:
            url = route.request.url.replace("http://calls.example/", base_url.partition("#")[0])
            await route.fulfill(response=await route.fetch(url=url))

        await ann.page.route("http://calls.example/**", forward)
        await ann.opens("http://calls.example/", session="anything")
        await ann.page.get_by_text("Browsers give camera and microphone only to secure addresses.").wait_for()
        assert await ann.page.get_by_label("Camera and microphone").is_disabled()
        assert await ann.page.get_by_label("Synthetic picture and sound").is_checked()


async def test_whoever_may_not_use_camera_and_microphone_watches_and_listens(base_url: str, call: str) -> None:
    async with (
        chromium("--deny-permission-prompts", AUTOPLAY, asks=True) as denying,
        person(denying) as ann,
        person(denying) as bob,
    ):
        await bob.opens(base_url, session=call, name="Bob", source="synthetic", auto="1")
        await ann.joins(base_url, session=call, name="Ann", source="camera")
        await ann.is_told("The browser was not allowed to use camera and microphone.")
        await ann.receives("Bob")
        await ann.reads("Ann (you) - connected, sending nothing")
        await bob.reads("Ann - connected, sending nothing")


async def test_a_seat_that_was_lost_in_sleep_is_followed_by_another(base_url: str, browser: Browser, call: str) -> None:
    async with person(browser) as ann:
        await ann.opens(base_url, session=call, name="Ann", source="synthetic", auto="1", transport="poll")
        await ann.page.wait_for_function("() => callplane.participants[0]?.media === 'connected'")
        before = await ann.page.evaluate("callplane.session.me")

        old = f"Bearer {await ann.page.evaluate('callplane.session.token')}"

        async def refuse(route: Route) -> None:
            # Each poll of that seat from then on: one may be under way already, or be given up for another.
            is_gone = route.request.headers.get("authorization") == old and await ann.page.evaluate("globalThis.slept")
            await (route.fulfill(status=410, json=GONE) if is_gone else route.continue_())

        await ann.page.route("**/messages?*", refuse)
        await ann.page.evaluate(SLEEPS)
        await ann.is_told("so your seat was given up: you have joined again.")
        await ann.is_in()
        assert await ann.page.evaluate("callplane.session.me") != before


async def test_whoever_may_not_send_is_told_that_and_listens(base_url: str, browser: Browser, call: str) -> None:
    async with person(browser) as ann, person(browser) as bob:
        await bob.opens(base_url, session=call, name="Bob", source="synthetic", auto="1")
        await ann.opens(base_url, session=call, name="Ann", source="synthetic", auto="1", role="subscriber")
        await ann.is_told("Your access token does not let you send sound or picture: you watch and listen.")
        await ann.receives("Bob", times=1)
        await bob.reads("Ann - connected, sending nothing")
