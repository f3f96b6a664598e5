"""The call page and the console in each state: rules of accessibility, and that nothing is cut or covered.

With SCREENSHOTS=FOLDER every state is looked at in each combination, and its pictures are kept there; else
the wide page is looked at in the dark and the narrow one in the light.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from testkit.clients.browsers import Person, person
from testkit.clients.npm import npm_packages
from testkit.servers.programs import UpLinks

SHAPES = {"desktop": (1280, 760), "phone": (390, 844)}
Scheme = Literal["dark", "light"]
SCHEMES: dict[str, Scheme] = {"desktop": "dark", "phone": "light"}
SMALLEST = 24
"""CSS pixels: a target that a finger hits (WCAG 2.2, 2.5.8)."""

# What is wrong with what can be seen: wider than the page, a control that is cut or covered by another element. On a
# narrow page a panel lies over the pictures.
LAYOUT = """([smallest, narrow]) => {
    const wrong = [];
    const {scrollWidth} = document.documentElement;
    if (scrollWidth > innerWidth) wrong.push(`page is ${scrollWidth} wide`);
    const over = document.querySelector("dialog[open]") ?? (narrow && document.querySelector(".panel:not([hidden])"));
    const shown = over || document;
    for (const control of shown.querySelectorAll("button, a, select, input:not([type=radio]), textarea")) {
        if (!control.checkVisibility()) continue;
        control.scrollIntoView({block: "nearest"});
        const {left, right, top, bottom, width, height} = control.getBoundingClientRect();
        const name = control.id || control.textContent;
        if (width < smallest || height < smallest) wrong.push(`${name} is ${Math.round(width)}x${Math.round(height)}`);
        if (left < 0 || right > innerWidth + 1) wrong.push(`${name} is cut`);
        const found = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
        const covered = found && !control.contains(found) && !found.contains(control);
        if (covered) wrong.push(`${name} is covered by ${found.id || found.className}`);
    }
    return wrong;
}"""


# A session with somebody in it, made by the console's own key.
SEAT = """async () => {
    const headers = {"X-API-Key": sessionStorage.getItem("callplane.key"), "Content-Type": "application/json"};
    const asked = body => ({method: "POST", headers, body: JSON.stringify(body)});
    const post = async (path, body) => (await fetch(path, asked(body))).json();
    const session = await post("/v1/sessions", {});
    const joined = await post(`/v1/sessions/${session.id}/participants`, {name: "Ann with a long name ".repeat(3)});
    return [session.id, joined.participant.id];
}"""


@pytest.fixture(scope="module")
def axe() -> str:
    """The rules, as one script."""
    return (npm_packages() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


BOB = "Bob with quite a long name of his own"


@pytest.fixture
async def two(links: UpLinks, browser: Browser, call: str) -> AsyncIterator[tuple[Person, Person]]:
    """Two people, each with the page open; the first by a moderator's token."""
    [key] = parse_qs(urlsplit(links.console).fragment)["key"]
    base = links.page.partition("#")[0]
    async with (
        httpx.AsyncClient(base_url=base, headers={"X-API-Key": key}, timeout=20) as http,
        person(browser) as ann,
        person(browser) as bob,
    ):
        session = (await http.post("/v1/sessions", json={"custom_id": call})).json()["id"]
        tokens = {}
        for identity, role in (("ann", "moderator"), ("bob", "publisher")):
            asked = {"session": session, "identity": identity, "role": role}
            tokens[identity] = (await http.post("/v1/tokens", json=asked)).json()["token"]
        await bob.opens(f"{base}#access_token={tokens['bob']}", session=session, name=BOB, source="synthetic", auto="1")
        await ann.opens(f"{base}#access_token={tokens['ann']}", session=session, name="Ann", source="synthetic")
        yield ann, bob


async def test_every_state_is_accessible_and_whole(two: tuple[Person, Person], axe: str) -> None:
    ann, bob = two
    page = ann.page
    await _look(page, "lobby", axe)
    await page.get_by_role("button", name="Join the call").click()
    await ann.receives(BOB, times=1)
    await _look(page, "call", axe)
    await page.get_by_role("button", name="Chat").click()
    await page.get_by_label("Message to everybody").fill("Hello " * 30)
    await page.get_by_role("button", name="Send").click()
    await page.get_by_text("Hello Hello").wait_for()
    await _look(page, "chat", axe)
    await page.get_by_role("button", name="People").click()
    await bob.page.get_by_role("button", name="Share screen").click()
    await bob.page.get_by_role("button", name="Raise hand").click()
    of_bob = (
        f"Mute {BOB}",
        f"Lower the hand of {BOB}",
        f"Stop the screen of {BOB}",
        f"Make moderator: {BOB}",
        f"Remove {BOB}",
    )
    for name in ("Mute all", *of_bob):
        await page.get_by_role("button", name=name, exact=True).wait_for()
    await _look(page, "moderating", axe)
    await page.get_by_role("button", name=f"Stop the screen of {BOB}").click()
    await bob.is_told("Your screen was stopped by a moderator")
    await page.get_by_role("button", name=f"Lower the hand of {BOB}").click()
    await page.get_by_role("button", name="Mute all").click()
    await page.get_by_role("button", name=f"Ask to unmute: {BOB}").click()
    await bob.is_told("You are asked to unmute yourself")
    await _look(page, "people", axe)
    await bob.page.get_by_role("button", name="People").click()
    await expect(bob.page.get_by_role("button", name="Remove Ann")).to_be_hidden()
    await page.get_by_role("button", name=f"Make moderator: {BOB}").press("Enter")
    await bob.page.get_by_role("button", name="Remove Ann").wait_for()
    await bob.is_told("You are a moderator now.")
    await expect(page.get_by_role("button", name=f"Take moderation back from {BOB}")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(bob.page.get_by_role("button", name="Remove Ann")).to_be_hidden()
    await page.get_by_role("button", name=f"Remove {BOB}").click()
    await bob.is_told("You were removed from the call.")
    await page.get_by_role("button", name="Close list").click()
    await page.get_by_role("button", name="Keyboard shortcuts").click()
    await _look(page, "keys", axe)
    await page.get_by_role("button", name="Close", exact=True).click()
    await page.keyboard.press("Shift+D")
    await page.locator("#inspector-text", has_text="epoch").wait_for()
    await page.keyboard.press("Shift+D")
    await page.get_by_role("button", name="Leave").click()
    await ann.is_told("You have left the call.")
    await _look(page, "left", axe)


async def test_the_console_is_accessible_and_whole(links: UpLinks, browser: Browser, axe: str) -> None:
    async with person(browser) as ops:
        page = ops.page
        await page.goto(links.console.partition("#")[0])
        await _look(page, "console-key", axe)
        await page.goto(links.console)
        for name in ("Overview", "Sessions", "Media servers", "Webhooks", "API keys", "Break something"):
            await page.get_by_role("link", name=name, exact=True).click()
            await page.locator("#content > *").first.wait_for()
            await _look(page, f"console-{name.lower().replace(' ', '-')}", axe)


@pytest.mark.long
async def test_what_the_console_shows_of_one_is_accessible_and_whole(
    links: UpLinks, browser: Browser, call: str, axe: str
) -> None:
    async with person(browser) as ops:
        page = ops.page
        await page.goto(links.console)
        await page.get_by_role("link", name="API keys").click()
        await page.get_by_label("Name").fill(call)
        await page.get_by_role("button", name="Make a key").click()
        await page.get_by_role("dialog").wait_for()
        await _look(page, "console-secret", axe)
        await page.get_by_role("button", name="I have it").click()
        session, seat = await page.evaluate(SEAT)
        views = {"session": session, "person": f"{session}/{seat}", "tenant": call, "tenants": "", "audit": ""}
        for name, ids in views.items():
            await page.evaluate("hash => { location.hash = hash }", f"#/{name}/{ids}".removesuffix("/"))
            await page.locator("#content > *").first.wait_for()
            await _look(page, f"console-{name}", axe)


async def _look(page: Page, state: str, axe: str) -> None:
    """At one state in every shape and scheme."""
    for shape, (width, height) in SHAPES.items():
        await page.set_viewport_size({"width": width, "height": height})
        assert await page.evaluate(LAYOUT, [SMALLEST, shape == "phone"]) == [], (state, shape)
        kept = os.environ.get("SCREENSHOTS")
        for scheme in get_args(Scheme) if kept else (SCHEMES[shape],):
            await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert await _violations(page, axe) == [], (state, shape, scheme)
            if kept:
                await page.screenshot(path=Path(kept) / f"{state}-{shape}-{scheme}.png")


async def _violations(page: Page, axe: str) -> list[str]:
    """What is serious or critical."""
    await page.evaluate(f"() => {{ if (!globalThis.axe) {{ {axe} }} }}")
    script = """async () => (await axe.run({resultTypes: ["violations"]})).violations
        .filter(one => ["serious", "critical"].includes(one.impact))
        .map(one => [one.id, ...one.nodes.map(node => `${node.target} ${node.failureSummary}`)].join("; "))"""
    found: list[str] = await page.evaluate(script)
    return found
