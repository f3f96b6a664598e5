"""Page benchmark: how soon the call page shows somebody else, and what its own code costs with many tiles.

    python -m bench.page [--looks 20] [--tiles 16] [--fps 15] [--seconds 20] [--only first|tiles]

Everything is `callplane up` and Chromium on one machine. First: a browser profile of its own, with nothing cached,
opens the link to a call in which somebody sends, so many times; the clock runs from the navigation to the first picture
of the other one. Then: a page with a camera and so many tiles, whose other people sit in another page and send so many
pictures a second. CPU is what a profile of the page's main thread (CDP Profiler) names of its scripts and what they
call, and what Chromium counts of scripts, styles and layout there.
"""

import argparse
import asyncio
import os
import statistics
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

from playwright.async_api import Browser, CDPSession, Page

from testkit.clients.browsers import AUTOPLAY, chromium, person
from testkit.servers.programs import up

FIRST_GOAL, CPU_GOAL = 1.0, 0.10
STEPS = ("scripts", "session", "seat", "answer", "connected", "picture")
"""Each is over so long after the navigation: the last script, the session, the seat, the answer to the first offer."""
MARKS = """
    const marks = (globalThis.benchMarks = {});
    const mark = (name) => (marks[name] ??= performance.now());
    globalThis.RTCPeerConnection = class extends RTCPeerConnection {
        constructor(configuration) {
            super(configuration);
            this.addEventListener("connectionstatechange", () => {
                const receives = this.getTransceivers().some((one) => one.direction === "recvonly");
                if (receives && this.connectionState === "connected") mark("connected");
            });
        }
    };
    new MutationObserver((_, observer) => {
        const video = document.querySelector("figure[data-self=false] video");
        if (!video) return;
        observer.disconnect();
        video.requestVideoFrameCallback(() => mark("picture"));
    }).observe(document, { childList: true, subtree: true });
"""
TAKEN = """() => {
    const ends = (pattern) => performance.getEntriesByType("resource")
        .filter((one) => pattern.test(one.name)).map((one) => one.responseEnd);
    const first = (pattern) => Math.min(...ends(pattern));
    const begun = first(/\\/v1\\/sessions$/);
    return { ...benchMarks, scripts: Math.max(...ends(/\\.js$/).filter((at) => at < begun)), session: begun,
             seat: first(/\\/participants$/), answer: first(/\\/connections$/) };
}"""
CROWD = """async ({ session, count, fps }) => {
    const { Callplane } = await import("/sdk/index.js");
    const { synthetic } = await import("/sdk/synthetic.js");
    const callplane = new Callplane({ accessToken: sessionStorage.getItem("callplane.access-token") });
    const { stream, resume } = synthetic({ label: "Bench", width: 320, height: 180, fps });
    await resume();
    const { id } = await callplane.createSession({ custom_id: session });
    for (let n = 1; n <= count; n++) {
        const seat = await callplane.join(id, { name: `Person ${n}`, autoSubscribe: false });
        await seat.publish(new MediaStream(stream.getTracks().map((track) => track.clone())));
    }
}"""


async def first_pictures(browser: Browser, url: str, looks: int) -> None:
    """Open the link so many times while somebody sends."""
    call = f"bench-{uuid.uuid4().hex[:8]}"
    taken: dict[str, list[float]] = {step: [] for step in STEPS}
    async with person(browser) as host:
        await host.opens(url, session=call, name="Host", source="synthetic", auto="1")
        await host.is_in()
        for _ in range(looks):
            async with person(browser) as guest:
                await guest.page.add_init_script(MARKS)
                await guest.opens(url, session=call, name="Guest", source="synthetic", auto="1")
                await guest.page.wait_for_function("() => benchMarks.picture")
                found = await guest.page.evaluate(TAKEN)
                await guest.page.goto("about:blank")
                await host.sees_only("Host")
            for step in STEPS:
                taken[step].append(found[step] / 1e3)
    for step, times in taken.items():
        print(f"  {step:<10} {statistics.median(times):6.3f} s at the median, {max(times):.3f} s at most")
    middle = statistics.median(taken["picture"])
    print(f"first picture of somebody else: {middle:.2f} s, median of {looks}", end="; ")
    print(f"under {FIRST_GOAL:g} s: {_kept(middle, FIRST_GOAL)}")
    print(f"  load average {os.getloadavg()[0]:.1f}", flush=True)


async def tiles(browser: Browser, url: str, options: argparse.Namespace) -> None:
    """Look at a page with so many tiles for a while."""
    call = f"bench-{uuid.uuid4().hex[:8]}"
    async with person(browser) as crowd, person(browser) as guest:
        await crowd.opens(url)
        others = options.tiles - 1
        await crowd.page.evaluate(CROWD, {"session": call, "count": others, "fps": options.fps})
        await guest.joins(url, session=call, name="Guest", source="camera")
        await guest.receives(*(f"Person {n}" for n in range(1, others + 1)), within=90)
        devtools = await guest.page.context.new_cdp_session(guest.page)
        before = await guest.inbound()
        profile, counted = await profiled(devtools, guest.page, options.seconds)
        after = await guest.inbound()
        rates = sorted(rate for rate in _rates(before, after, options.seconds))
        report(profile, counted, options.seconds, url.partition("#")[0])
    print(f"  {others} others: {statistics.median(rates):.1f} pictures a second at the median, {rates[0]:.1f} at least")
    print(f"  load average {os.getloadavg()[0]:.1f}", flush=True)


async def profiled(devtools: CDPSession, page: Page, seconds: float) -> tuple[dict[str, Any], dict[str, float]]:
    """A CPU profile of so long, and what Chromium has counted meanwhile."""
    await devtools.send("Performance.enable")
    await devtools.send("Profiler.enable")
    await devtools.send("Profiler.setSamplingInterval", {"interval": 500})
    before = await _counted(devtools)
    await devtools.send("Profiler.start")
    await page.wait_for_timeout(seconds * 1e3)
    profile = (await devtools.send("Profiler.stop"))["profile"]
    after = await _counted(devtools)
    return profile, {name: after[name] - before[name] for name in after}


async def _counted(devtools: CDPSession) -> dict[str, float]:
    metrics = (await devtools.send("Performance.getMetrics"))["metrics"]
    return {one["name"]: one["value"] for one in metrics if one["name"].endswith("Duration")}


def report(profile: dict[str, Any], counted: dict[str, float], seconds: float, url: str) -> None:
    """Print the shares of a core, and which functions take the most."""
    spent = costs(profile, url)
    own = sum(took for name, took in spent.items() if name.startswith("/"))
    share = own / (sum(profile["timeDeltas"]) / 1e6)
    print(f"the page's own code: {share:.1%} of a core; under {CPU_GOAL:.0%}: {_kept(share, CPU_GOAL)}")
    print(f"  garbage collector {spent['(garbage collector)'] / seconds:.1%}; by Chromium's own count", end=" ")
    print(", ".join(f"{name.removesuffix('Duration')} {took / seconds:.1%}" for name, took in sorted(counted.items())))
    for name, took in spent.most_common(14):
        if name.startswith("/"):
            print(f"  {took / seconds:6.2%}  {name}")


def costs(profile: dict[str, Any], url: str) -> Counter[str]:
    """Seconds by function, as `/sdk/stats.js sums`; what a script of the page calls of the browser is its caller's."""
    names = dict(_named(profile["nodes"], url))
    spent: Counter[str] = Counter()
    for node, delta in zip(profile["samples"], profile["timeDeltas"], strict=True):
        spent[names[node]] += delta / 1e6
    return spent


def _named(nodes: list[dict[str, Any]], url: str) -> Iterator[tuple[int, str]]:
    by_id = {node["id"]: node for node in nodes}
    waiting = [(nodes[0]["id"], "")]
    while waiting:
        node, caller = waiting.pop()
        frame = by_id[node]["callFrame"]
        if frame["url"].startswith(url):
            caller = f"/{frame['url'].removeprefix(url)} {frame['functionName'] or '(anonymous)'}"
        name = caller or frame["functionName"]
        yield node, name
        waiting += [(child, caller) for child in by_id[node].get("children", ())]


def _rates(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]], seconds: float) -> Iterator[float]:
    for name, now in after.items():
        if name in before:
            yield (now["framesDecoded"] - before[name]["framesDecoded"]) / seconds


def _kept(figure: float, goal: float) -> str:
    return "yes" if figure < goal else "NO"


async def main(options: argparse.Namespace) -> None:
    """The first pictures, then the tiles."""
    async with up() as links, chromium(AUTOPLAY) as browser:
        if options.only != "tiles":
            await first_pictures(browser, links.page, options.looks)
        if options.only != "first":
            await tiles(browser, links.page, options)


if __name__ == "__main__":
    parser = argparse.ArgumentParser("bench.page", description=__doc__.splitlines()[0])
    parser.add_argument("--looks", type=int, default=20)
    parser.add_argument("--tiles", type=int, default=16, help="the own one among them")
    parser.add_argument("--fps", type=int, default=15, help="pictures a second that each of the others sends")
    parser.add_argument("--seconds", type=float, default=20.0, help="of the profile")
    parser.add_argument("--only", choices=["first", "tiles"])
    asyncio.run(main(parser.parse_args()))
