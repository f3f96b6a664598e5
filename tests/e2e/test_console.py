"""The operations console: what it shows of a call, what it does to it, and what it says to who may not."""

import asyncio
import csv
import json
import os
import shutil
import subprocess
from functools import partial
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from testkit.clients.browsers import person
from testkit.servers.programs import UpLinks

PATIENCE = 20_000
"""Milliseconds: what is asked for every five seconds, on a busy machine."""


async def test_a_call_is_found_watched_and_closed(links: UpLinks, browser: Browser, call: str, tmp_path: Path) -> None:
    async with person(browser) as ann, person(browser) as ops:
        await ann.opens(links.page, session=call, name="Ann", source="synthetic", auto="1")
        await ann.is_in()
        page = ops.page
        await page.goto(links.console)
        await page.get_by_role("heading", name="Overview").wait_for()
        assert "key" not in page.url
        await expect(page.locator(".figure", has_text="media servers up")).to_contain_text("1 of 1")

        await page.get_by_role("link", name="Sessions", exact=True).click()
        await page.get_by_role("link", name=call).click()
        row = page.get_by_role("row").filter(has=page.get_by_role("button", name="Mute", exact=True))
        await expect(row).to_contain_text("Ann")
        await row.get_by_role("button", name="Mute").click()
        await ann.reads("Ann (you) - connected, sending video, muted")
        await expect(row).to_contain_text("muted")
        await expect(page.get_by_role("row").filter(has_text="participant-joined")).to_contain_text("open")
        await page.get_by_text("The same by curl, JavaScript and Python").click()
        await _say_the_same(page, links.console.partition("#key=")[2].partition("&")[0])
        async with page.expect_download() as downloading:
            await page.get_by_role("button", name="Export as CSV").click()
        kept = tmp_path / "events.csv"
        await (await downloading.value).save_as(kept)
        told = [line["type"] for line in csv.DictReader(kept.read_text(encoding="utf-8").splitlines())]
        assert told[:2] == ["session-created", "participant-joined"]

        picture = page.locator("svg.graph")
        await expect(picture).to_contain_text("Ann", timeout=PATIENCE)
        async with page.context.expect_page() as opening:
            await page.get_by_role("button", name="Open as hidden observer").click()
        observer = await opening.value
        await observer.wait_for_function("() => globalThis.callplane?.state === 'connected'")
        assert "token" not in observer.url
        await expect(page.get_by_role("row").filter(has_text="Observer")).to_contain_text(
            "subscriber, hidden", timeout=PATIENCE
        )
        await expect(picture).to_contain_text("receives Ann", timeout=PATIENCE)
        assert await ann.page.evaluate("callplane.participants.length") == 1
        await observer.close()

        await row.get_by_role("link", name="Ann").click()
        await expect(page.get_by_role("row").filter(has_text="opus, VP8")).to_contain_text("sends")
        await page.get_by_role("button", name="Ask its client").click()
        await expect(page.locator("#content")).to_contain_text("It has answered", timeout=PATIENCE)
        await expect(page.get_by_role("row").filter(has_text="connected")).to_contain_text("host udp")
        await expect(page.locator("dd").filter(has_text="Chrome/")).to_have_count(1)
        await expect(page.locator("#same-lines")).to_contain_text("/connections?participant_id=")
        await page.get_by_role("link", name="The session").click()

        await page.get_by_role("button", name="Close the session").click()
        await page.get_by_role("button", name="Cancel").click()
        await ann.is_in()
        await page.get_by_role("button", name="Close the session").click()
        await page.get_by_role("dialog").get_by_role("button", name="Close the session for everybody").click()
        await ann.is_told("The call has ended.")
        await expect(page.locator("#content")).to_contain_text("It was closed")
        await expect(page.get_by_role("button", name="Close the session")).to_have_count(0)

        await page.get_by_role("link", name="Processes and queues").click()
        await page.get_by_role("row").filter(has_text="dead-letters").wait_for()
        await expect(page.get_by_role("row").filter(has_text="embedded")).to_contain_text("%")

        await page.get_by_role("link", name="Media servers", exact=True).click()
        await page.get_by_role("button", name="Cordon", exact=True).click()
        await page.get_by_role("button", name="Uncordon").click()
        await page.get_by_role("button", name="Cordon", exact=True).wait_for()

        await page.get_by_role("link", name="API keys").click()
        await page.get_by_label("Name").fill(call)
        await page.get_by_role("button", name="Make a key").click()
        await page.get_by_role("dialog").wait_for()
        secret = await page.locator("#once-secret").inner_text()
        await page.get_by_role("button", name="I have it").click()
        await page.get_by_role("button", name="Forget the key").click()
        await page.get_by_label("API key").fill(secret)
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_text("This key may not see that: it needs an operator's.").wait_for()
        await page.get_by_role("link", name="Tenants").click()
        await page.get_by_label("Tenant").fill(call)
        await page.get_by_role("button", name="Look").click()
        await expect(page.get_by_role("row").filter(has_text="seats")).to_contain_text(["no bound", "no bound"])
        await expect(page.get_by_text("Only operators change quotas.")).to_be_visible()


async def _say_the_same(page: Page, key: str) -> None:
    """Run the three lines of the view's first question as they stand there."""
    await page.locator("#same-lines pre").nth(2).wait_for()
    curl, script, python = (await page.locator("#same-lines pre").all_inner_texts())[:3]
    assert 'curl -H "X-API-Key: $CALLPLANE_API_KEY"' in curl
    answers = [await page.evaluate(f"async key => {script}", key), eval(python, {"httpx": httpx, "key": key})]
    if shutil.which("curl"):
        environment = os.environ | {"CALLPLANE_API_KEY": key}
        asked = partial(subprocess.run, ["sh", "-c", curl], env=environment, capture_output=True, timeout=20)
        answers.append(json.loads((await asyncio.to_thread(asked)).stdout))
    shown = await page.locator("dd").first.inner_text()
    assert {one["id"] for one in answers} == {shown}


@pytest.mark.long
async def test_a_call_outlives_the_media_server_that_the_console_kills(
    links: UpLinks, browser: Browser, call: str
) -> None:
    async with person(browser) as ann, person(browser) as bob, person(browser) as ops:
        for one, name in ((ann, "Ann"), (bob, "Bob")):
            await one.opens(links.page, session=call, name=name, source="synthetic", auto="1")
        for one, other in ((ann, "Bob"), (bob, "Ann")):
            await one.receives(other)
        page = ops.page
        await page.goto(links.console)
        await page.get_by_role("link", name="Break something").click()
        await page.get_by_role("button", name="Kill the media server").click()
        await page.get_by_role("dialog").get_by_role("button", name="Kill the media server").click()
        await expect(page.get_by_role("listitem").filter(has_text="the media server is down")).not_to_have_count(0)
        for one, other in ((ann, "Bob"), (bob, "Ann")):
            await one.is_in()
            await one.receives(other)
        end = page.get_by_role("listitem").filter(has_text="everybody is connected again; 1 move of a session")
        await end.wait_for()


async def test_a_key_that_is_none_is_told_so(links: UpLinks, browser: Browser) -> None:
    async with person(browser) as ops:
        page = ops.page
        await page.goto(links.console.partition("#")[0])
        await page.get_by_label("API key").fill("no-key-of-anybody-0123456789abcdef")
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_text("The server does not know this key.").wait_for()
        assert await page.evaluate("sessionStorage.length") == 0
        # The same key, but not as `callplane up` prints it: elsewhere nothing can be killed, and nothing says so.
        await page.goto(links.console.removesuffix("&up=1"))
        await page.get_by_role("heading", name="Overview").wait_for()
        await expect(page.get_by_role("link", name="Break something")).to_have_count(0)
