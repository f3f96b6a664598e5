"""The lobby's preview and connection test, and in the call its numbers and a pinned picture."""

import json
import re
from pathlib import Path

from playwright.async_api import Browser, expect

from testkit.clients.browsers import person


async def test_the_preview_is_what_the_call_sends(base_url: str, browser: Browser, call: str) -> None:
    async with person(browser) as ann:
        page = ann.page
        await ann.opens(base_url, session=call, name="Ann", source="camera", auto="1")
        await ann.is_told("No link does that by itself.")
        assert await page.evaluate("callplane.state") == "lobby", "no link sends a camera without a click"
        # Where the browser allows the devices already it is open by itself: the button is gone then.
        await page.locator("#preview-open").dispatch_event("click")
        await page.get_by_text("Only you see and hear this.").wait_for()
        await page.wait_for_function("() => document.getElementById('preview-level').value > 0.02")
        await page.wait_for_function("() => document.getElementById('preview-video').videoWidth > 0")
        shown = await page.evaluate("document.getElementById('preview-video').srcObject.id")
        await page.get_by_role("button", name="Join the call").click()
        await ann.is_in()
        sent = await page.evaluate("callplane.session.publications[0]?.stream.id")
        assert sent == shown
        await page.get_by_role("button", name="Leave").click()
        await page.get_by_role("button", name="Try camera and microphone").wait_for()


async def test_what_the_connection_can_do_is_said_and_kept(base_url: str, browser: Browser, tmp_path: Path) -> None:
    async with person(browser) as ann:
        page = ann.page
        await ann.opens(base_url)
        await page.get_by_role("button", name="Test the connection").click()
        await page.get_by_text("Everything that a call needs works here.").wait_for()
        async with page.expect_download() as downloading:
            await page.get_by_role("link", name="Download the report").click()
        kept = tmp_path / "report.json"
        await (await downloading.value).save_as(kept)
        steps = {step["name"]: step for step in json.loads(kept.read_text())["steps"]}
        assert list(steps) == ["server", "websocket", "sse", "poll", "turn", "media"]
        assert "host udp" in steps["media"]["detail"]
        assert all(step["ok"] is not False for step in steps.values())


async def test_one_picture_is_held_large_and_numbers_are_shown(
    base_url: str, browser: Browser, call: str, tmp_path: Path
) -> None:
    async with person(browser) as ann, person(browser) as bob:
        for someone, name in ((ann, "Ann"), (bob, "Bob")):
            await someone.opens(base_url, session=call, name=name, source="synthetic", auto="1")
        await ann.receives("Bob", times=1)
        tile = ann.page.locator("figure.tile[data-self=false]")
        await ann.page.get_by_role("button", name="Pin Bob").click()
        await expect(tile).to_have_class(re.compile("pinned"))
        width = "tile => tile.getBoundingClientRect().width"
        small = await ann.page.locator("figure.tile[data-self=true]").evaluate(width)
        assert await tile.evaluate(width) > 1.5 * small
        await ann.page.keyboard.press("Shift+D")
        await expect(ann.page.locator("#inspector-text")).to_contain_text('"path": "host udp"')
        async with ann.page.expect_download() as downloading:
            await ann.page.get_by_role("button", name="Download").click()
        kept = tmp_path / "call.json"
        await (await downloading.value).save_as(kept)
        report = json.loads(kept.read_text())
        assert [one["media"] for one in report["participants"]] == ["connected", "connected"]
        await ann.page.keyboard.press("Shift+D")
        await expect(ann.page.locator("#inspector")).to_be_hidden()
        await ann.page.get_by_role("button", name="Pin Bob").click()
        await expect(tile).not_to_have_class(re.compile("pinned"))
