"""Chromium with fake devices, and people who meet on the call page in it."""

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from playwright.async_api import Browser, BrowserContext, Page, async_playwright
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

MEDIA = ("videoBytes", "audioBytes", "framesDecoded")
"""What grows in the statistics of somebody who is seen and heard."""
AUTOPLAY = "--autoplay-policy=no-user-gesture-required"
_ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    # Else host candidates are mDNS names, which no media server resolves.
    "--disable-features=WebRtcHideLocalIpsWithMdns",
]


@contextlib.asynccontextmanager
async def chromium(*arguments: str, asks: bool = False) -> AsyncIterator[Browser]:
    """The distribution's Chromium; ``arguments`` as ``AUTOPLAY`` come on top. ``asks`` before it uses devices."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise RuntimeError("chromium is not installed: apt-get install chromium")
    async with async_playwright() as playwright:
        consent = [] if asks else ["--use-fake-ui-for-media-stream"]
        browser = await playwright.chromium.launch(executable_path=path, args=[*_ARGUMENTS, *consent, *arguments])
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Person:
    """Somebody with the call page open."""

    page: Page
    errors: list[str] = field(default_factory=list)

    async def opens(self, url: str, **options: str) -> None:
        """Open the page; ``options`` are its query options."""
        await self.page.goto(link(url, options))

    async def joins(self, url: str, **options: str) -> None:
        """Open the page and click: without that nobody sends a camera."""
        await self.opens(url, **options)
        await self.page.get_by_role("button", name="Join the call").click()

    async def is_in(self, state: str = "connected") -> None:
        """Wait for a state of the call."""
        await self.page.wait_for_function("state => callplane.state === state", arg=state)

    async def reads(self, line: str) -> None:
        """Wait for a participant's status line."""
        await self.page.get_by_text(line, exact=True).wait_for()

    async def is_told(self, words: str) -> None:
        """Wait for a notice."""
        await self.page.locator("p[role=alert]:visible", has_text=words).wait_for()

    async def sees_only(self, *names: str) -> None:
        """Wait until exactly these people are in the call."""
        script = "names => callplane.participants.map(one => one.name).sort().join() === names"
        try:
            await self.page.wait_for_function(script, arg=",".join(sorted(names)))
        except PlaywrightTimeoutError:
            seen = await self.page.evaluate("callplane.participants.map(one => one.name)")
            raise AssertionError(f"{sorted(names)} were to be in the call; the page shows {seen}") from None

    async def inbound(self) -> dict[str, dict[str, Any]]:
        """What was received so far, by the name of who sent it."""
        script = """async () => {
            const names = new Map(callplane.participants.map(one => [one.id, one.name]));
            const stats = Object.values(await callplane.stats());
            return Object.fromEntries(stats.map(one => [names.get(one.participant_id), one]));
        }"""
        found: dict[str, dict[str, Any]] = await self.page.evaluate(script)
        return found

    async def receives(self, *names: str, times: int = 3, within: float = 40, media: tuple[str, ...] = MEDIA) -> None:
        """Wait until bytes and decoded frames of everybody named have grown ``times`` times."""
        deadline = time.monotonic() + within
        seen = dict.fromkeys(names, 0)
        before = await self.inbound()
        while min(seen.values()) < times:
            if time.monotonic() > deadline:
                raise TimeoutError(f"media of {seen} did not keep growing: {await self.inbound()}")
            await asyncio.sleep(0.5)
            now = await self.inbound()
            for name in names:
                seen[name] += _grown(before.get(name), now.get(name), media)
            before = now


def link(url: str, options: Mapping[str, str]) -> str:
    """The address with these query options; what stands behind its # stays there."""
    return urlsplit(url)._replace(query=urlencode(options) or urlsplit(url).query).geturl()


def _forbidden(said: str) -> list[str]:
    """What the page's own content security policy has refused it."""
    return [said] if "Content Security Policy" in said else []


def _grown(before: dict[str, Any] | None, now: dict[str, Any] | None, media: tuple[str, ...]) -> bool:
    return bool(before and now and all(now[one] > before[one] for one in media))


@contextlib.asynccontextmanager
async def person(browser: Browser) -> AsyncIterator[Person]:
    """Somebody with a browser profile of their own; errors of the page's scripts fail the block."""
    context: BrowserContext = await browser.new_context(viewport={"width": 1280, "height": 760})
    try:
        someone = Person(await context.new_page())
        someone.page.set_default_timeout(30_000)
        someone.page.on("pageerror", lambda error: someone.errors.append(str(error)))
        someone.page.on("console", lambda said: someone.errors.extend(_forbidden(said.text)))
        yield someone
        assert someone.errors == []
    finally:
        await context.close()
