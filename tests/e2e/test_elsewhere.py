"""A call on another server than the page's own, and one seat in two tabs."""

from urllib.parse import urlsplit

from playwright.async_api import Browser

from testkit.clients.browsers import Person, person
from testkit.servers.programs import up

SENDING = "() => callplane.state === 'connected' && callplane.participants[0]?.media === 'connected'"
SEAT = "({ id: callplane.session.id, token: callplane.session.token })"
FOLLOWED = "window.told = []; callplane.session.on('state', ({ state }) => told.push(state))"
QUIET_MS = 5_000
"""Longer than what follows of itself from a seat that changes tabs: a poll, a socket, a restart."""


async def test_the_page_is_a_client_of_another_server(base_url: str, browser: Browser, call: str) -> None:
    async with up(CALLPLANE_CORS_ORIGINS=_origin(base_url)) as other, person(browser) as ann:
        theirs, token = _origin(other.page), urlsplit(other.page).fragment.removeprefix("access_token=")
        await ann.opens(base_url)
        await ann.page.get_by_text("Another server or token").click()
        await ann.page.get_by_label("Server").fill(f"{theirs}/")
        await ann.page.get_by_label("Access token").fill(token)
        await ann.page.get_by_label("Call (empty for a new one)").fill(call)
        await ann.page.get_by_role("button", name="Use this server").click()
        await ann.page.get_by_text(f"This call is on the server {theirs}").wait_for()
        await ann.page.get_by_label("Synthetic picture and sound").check()
        await ann.page.get_by_role("button", name="Join the call").click()
        await ann.is_in()
        await ann.page.wait_for_function(SENDING)
        assert await ann.page.evaluate("callplane.session.transport") == "websocket"
        assert _origin(ann.page.url) == _origin(base_url)
        assert "#" not in ann.page.url


async def test_a_server_that_lets_no_other_page_in_is_told_with_the_name_of_the_setting(
    base_url: str, browser: Browser, call: str
) -> None:
    port = urlsplit(base_url).port
    page, server = f"http://localhost:{port}", f"http://127.0.0.1:{port}"
    async with person(browser) as ann:
        await ann.opens(f"{page}/", session=call, server=server, name="Ann", source="synthetic", auto="1")
        await ann.is_told(f"adds {page} to its setting CALLPLANE_CORS_ORIGINS.")
        assert await ann.page.evaluate("callplane.state") == "lobby"


async def test_one_seat_in_two_tabs_is_in_the_call_in_the_newer_until_it_is_used_in_the_older(
    base_url: str, browser: Browser, call: str
) -> None:
    async with person(browser) as older:
        await older.opens(base_url, session=call, name="Ann", source="synthetic", auto="1")
        await older.page.wait_for_function(SENDING)
        seat = await older.page.evaluate(SEAT)
        newer = Person(await older.page.context.new_page())
        newer.page.set_default_timeout(30_000)
        link = f"{_origin(base_url)}/#access_token={seat['token']}"
        await newer.opens(link, session=seat["id"], source="synthetic", auto="1")
        await newer.page.wait_for_function(SENDING)
        await older.is_told("This call goes on in another tab")
        await _stays(newer, outside=older)

        await older.page.get_by_role("button", name="Use it here").click()
        await older.page.wait_for_function(SENDING)
        await newer.is_told("This call goes on in another tab")
        await _stays(older, outside=newer)


async def _stays(inside: Person, outside: Person) -> None:
    """One tab is in the call and the other is not, whatever the browser tells of the network."""
    await inside.page.evaluate(FOLLOWED)
    for someone in (outside, inside):
        await someone.page.evaluate("dispatchEvent(new Event('online'))")
    await inside.page.wait_for_timeout(QUIET_MS)
    assert "left" not in await inside.page.evaluate("told")
    assert await outside.page.evaluate("callplane.state") == "left"
    await inside.page.wait_for_function(SENDING)
    await inside.sees_only("Ann")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
