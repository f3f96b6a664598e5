"""A browser's own EventSource and WebSocket at the doors of a mailbox, and the SDK on each of them."""

import pytest
from playwright.async_api import Browser

from testkit.clients.browsers import person
from testkit.servers.programs import up

SIGNALS = 120

TALK = """async ({ transport, count }) => {
    const { Callplane } = await import("/sdk/index.js");
    const place = new Callplane({ accessToken: sessionStorage.getItem("callplane.access-token") });
    const { id } = await place.createSession();
    const [ann, bob] = [await place.join(id, { transport }), await place.join(id, { transport })];
    const heard = [];
    const states = [];
    bob.on("signal", ({ data }) => heard.push(data));
    bob.on("state", ({ state }) => states.push(state));
    for (let n = 0; n < count; n++) await ann.signal("count", n);
    for (const end = Date.now() + 15000; heard.length < count && Date.now() < end; ) {
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const seen = bob.participants.length;
    await ann.leave();
    await bob.leave();
    return { heard, states, seen, reason: bob.reason };
}"""


@pytest.mark.parametrize("transport", ["poll", "sse", "websocket"])
async def test_two_people_talk_by_each_transport(base_url: str, browser: Browser, transport: str) -> None:
    """More than a stream may leave unacknowledged: everything once, in order, and no trouble is shown."""
    async with person(browser) as someone:
        await someone.opens(base_url)
        got = await someone.page.evaluate(TALK, {"transport": transport, "count": SIGNALS})
    assert got["heard"] == list(range(SIGNALS))
    assert got["seen"] == 2
    assert got["states"] == ["left"]


SECOND_USE = """async ({ kind, rounds }) => {
    const { Callplane } = await import("/sdk/index.js");
    const place = new Callplane({ accessToken: sessionStorage.getItem("callplane.access-token") });
    const { id } = await place.createSession();
    const seat = await place.join(id, { transport: "poll" });
    const post = { method: "POST", headers: { Authorization: `Bearer ${seat.token}` } };
    const opens = (ticket) => new Promise((resolve) => {
        const door = kind === "sse"
            ? new EventSource(`/messages/stream?ticket=${ticket}`)
            : new WebSocket(`ws://${location.host}/messages/socket?ticket=${ticket}`);
        door.onmessage = () => (resolve(true), door.close());
        door.addEventListener("beat", door.onmessage);
        door.onerror = () => (resolve(false), door.close());
    });
    const uses = [];
    // A door that opens between two polls replaces none of them: then another one is opened.
    for (let n = 0; n < rounds && !seat.reason; n++) {
        const { ticket } = await (await fetch("/messages/tickets", post)).json();
        uses.push([await opens(ticket), await opens(ticket)]);
        await Promise.race([seat.ended, new Promise((resolve) => setTimeout(resolve, 500))]);
    }
    return { uses, reason: seat.reason };
}"""


@pytest.mark.parametrize("kind", ["sse", "websocket"])
async def test_a_ticket_lets_a_browser_in_once(base_url: str, browser: Browser, kind: str) -> None:
    """On logs, where a seat may have some readers at once, the poll that was open until then goes on."""
    async with person(browser) as someone:
        await someone.opens(base_url)
        got = await someone.page.evaluate(SECOND_USE, {"kind": kind, "rounds": 2})
    assert got == {"uses": [[True, False]] * 2, "reason": None}


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sse", "websocket"])
async def test_on_queues_the_poll_that_was_open_is_told_that_something_newer_is_there(
    browser: Browser, kind: str
) -> None:
    async with up(CALLPLANE_MAILBOXES="queues") as links, person(browser) as someone:
        await someone.opens(links.page)
        got = await someone.page.evaluate(SECOND_USE, {"kind": kind, "rounds": 10})
    assert got["uses"] == [[True, False]] * len(got["uses"])
    assert got["reason"] == "poll-replaced"
