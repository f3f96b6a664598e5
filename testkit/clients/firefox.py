"""Firefox with fake devices, driven by the WebDriver BiDi protocol that it speaks itself, and its windows on a page."""

import asyncio
import contextlib
import itertools
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from cli.machine.process import Command, Process, running
from testkit.clients.browsers import link

STARTS_WITHIN = 60.0
ANSWERS_WITHIN = 60.0

# Each is what a test needs of a real user's Firefox: no first-run pages, devices without asking, sound without a click,
# and host candidates that a media server on this machine can use (loopback, no mDNS names).
_PREFERENCES: dict[str, bool | int] = {
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "media.autoplay.default": 0,
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "network.captive-portal-service.enabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


@dataclass
class Window:
    """Somebody with the call page open in a window of their own."""

    bidi: "_BiDi"
    context: str

    async def opens(self, url: str, **options: str) -> None:
        """Open a page; ``options`` are its query options."""
        address = link(url, options)
        await self.bidi.call("browsingContext.navigate", context=self.context, url=address, wait="complete")

    async def evaluate(self, expression: str) -> Any:
        """The value of an expression, or of the promise that it is; anything JSON holds."""
        target = {"context": self.context}
        whole = f"(async () => JSON.stringify((await ({expression})) ?? null))()"
        said = await self.bidi.call("script.evaluate", expression=whole, target=target, awaitPromise=True)
        if said["type"] != "success":
            raise RuntimeError(said["exceptionDetails"]["text"])
        return json.loads(said["result"]["value"])

    async def reads(self, line: str, within: float = 40) -> None:
        """Wait until the page says this. Raises TimeoutError with what it says by then."""
        deadline, said = time.monotonic() + within, ""
        while line not in said:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{line!r} is not in {said!r}")
            await asyncio.sleep(0.2)
            said = await self.evaluate("document.body.innerText")

    async def receives(self, times: int = 3) -> None:
        """Wait until bytes of both kinds and decoded frames of the one other have grown ``times`` times."""
        counted = "const one = Object.values(await callplane.stats())[0] ?? {};"
        script = f"(async () => {{ {counted} return [one.videoBytes, one.audioBytes, one.framesDecoded]; }})()"
        before: list[int | None] = [None]
        async with asyncio.timeout(40):
            while times:
                now = await self.evaluate(script)
                times -= None not in (*before, *now) and all(b > a for a, b in zip(before, now, strict=True))
                before = now
                await asyncio.sleep(0.5)


class _BiDi:
    """One session of WebDriver BiDi: numbered commands on a WebSocket, each with its answer."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._turn = asyncio.Lock()

    async def call(self, method: str, **params: Any) -> Any:
        """The result of one command."""
        async with self._turn, asyncio.timeout(ANSWERS_WITHIN):
            number = next(self._numbers)
            await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
            async for frame in self._socket:
                said = json.loads(frame)
                if said.get("id") == number:
                    if said["type"] == "error":
                        raise RuntimeError(f"{method}: {said['error']}: {said['message']}")
                    return said["result"]
        raise RuntimeError("Firefox has gone")


@contextlib.asynccontextmanager
async def firefox() -> AsyncIterator[_BiDi]:
    """The distribution's Firefox for the block, with a profile of its own."""
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    if path is None:
        raise RuntimeError("firefox is not installed: apt-get install firefox-esr")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        profile = Path(folder)
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in _PREFERENCES.items()]
        (profile / "user.js").write_text("\n".join(lines))
        arguments = ["--headless", "--no-remote", "--remote-debugging-port", "0", "--profile", folder, "about:blank"]
        # A home of its own: it would write to the user's.
        environment = {**os.environ, "HOME": folder, "MOZ_DISABLE_CONTENT_SANDBOX": "1"}
        command = Command(
            "firefox", [path, *arguments], profile / "firefox.log", environment, ready_within=STARTS_WITHIN
        )
        async with running(command) as process:
            address = await process.until(lambda: _listening(process))
            async with connect(f"{address}/session", max_size=None) as socket:
                bidi = _BiDi(socket)
                await bidi.call("session.new", capabilities={})
                yield bidi


async def _listening(process: Process) -> str | None:
    found = re.search(r"WebDriver BiDi listening on (ws://\S+)", process.output())
    return found[1] if found else None


@contextlib.asynccontextmanager
async def window(bidi: _BiDi) -> AsyncIterator[Window]:
    """A window for the block."""
    made = await bidi.call("browsingContext.create", type="window")
    try:
        yield Window(bidi, made["context"])
    finally:
        await bidi.call("browsingContext.close", context=made["context"])
