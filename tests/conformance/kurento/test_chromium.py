"""Chromium as a publisher and a viewer of the media server, signalled by hand."""

import asyncio
import re
import shutil
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from mediaserver.server import assemble
from mediaserver.settings import MediaSettings, Settings
from testkit.clients.browsers import chromium
from testkit.fakes.raw_kurento import RawKurento, raw_kurento

CEILING = 900
SETTINGS = Settings(port=0, media=MediaSettings(max_video_bitrate=CEILING))
PAGE = """
const layered = sdp => {  // simulcast as it was asked for before there were rids: three streams in one line
  const at = sdp.indexOf('m=video'), video = sdp.slice(at);
  const [, first, again] = video.match(/a=ssrc-group:FID (\\d+) (\\d+)/).map(Number);
  const of = [...video.matchAll(/a=ssrc:\\d+ ((cname|msid):.*)/g)].slice(0, 2).map(found => found[1]);
  const streams = [0, 1, 2].map(n => [first + n, again + n]);
  const lines = video.split('\\r\\n').filter(line => line && !line.startsWith('a=ssrc'));
  lines.push('a=ssrc-group:SIM ' + streams.map(pair => pair[0]).join(' '));
  streams.forEach(pair => lines.push('a=ssrc-group:FID ' + pair.join(' ')));
  streams.flat().forEach(ssrc => of.forEach(what => lines.push(`a=ssrc:${ssrc} ${what}`)));
  return sdp.slice(0, at) + lines.join('\\r\\n') + '\\r\\n';
};
const begin = async (publish, change = sdp => sdp) => {
  window.pc = new RTCPeerConnection({iceServers: []});
  window.candidates = [];
  window.streams = [];
  pc.onicecandidate = e => e.candidate && candidates.push(e.candidate.toJSON());
  pc.ontrack = e => {
    streams.push(e.streams.length);
    const video = Object.assign(document.createElement('video'), {autoplay: true, muted: true});
    video.srcObject = e.streams[0];
    document.body.append(video);
  };
  if (publish) {
    const stream = await navigator.mediaDevices.getUserMedia({audio: true, video: {width: 640, height: 480}});
    stream.getTracks().forEach(track => pc.addTrack(track, stream));
  } else {
    pc.addTransceiver('video', {direction: 'recvonly'});
    pc.addTransceiver('audio', {direction: 'recvonly'});
  }
  await pc.setLocalDescription({type: 'offer', sdp: change((await pc.createOffer()).sdp)});
  return pc.localDescription.sdp;
};
const numbers = async () => {
  const found = {};
  (await pc.getStats()).forEach(r => {
    if (r.type === 'inbound-rtp' || r.type === 'outbound-rtp') found[r.kind] = r;
  });
  return found;
};
const frames = async ssrc => [...(await pc.getStats()).values()].find(each => each.ssrc === ssrc).framesSent;
"""

pytestmark = pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")


async def opened(browser: Browser) -> Page:
    """Open an empty secure page with the script in it."""
    context = await browser.new_context(permissions=["camera", "microphone"])
    page = await context.new_page()
    page.set_default_timeout(20_000)
    await page.route("**/*", lambda route: route.fulfill(body="<html></html>", content_type="text/html"))
    await page.goto("https://localhost/")
    await page.add_script_tag(content=PAGE)
    return page


async def until(page: Page, condition: str) -> None:
    """Look ten times a second, in the page, until a condition holds."""
    script = f"async () => {{ while (!({condition})) await new Promise(done => setTimeout(done, 100)) }}"
    await asyncio.wait_for(page.evaluate(script), 20)


async def attach(kurento: RawKurento, endpoint: str, page: Page, *, publish: bool, change: str = "sdp => sdp") -> str:
    """Negotiate with candidates trickled both ways, and return the offer, which the page may change."""
    await kurento.subscribe(endpoint, "IceCandidateFound", "IceGatheringDone", "ConnectionStateChanged")
    offer: str = await page.evaluate(f"publish => begin(publish, {change})", publish)
    answer = await kurento.invoke(endpoint, "processOffer", offer=offer)
    await page.evaluate("sdp => pc.setRemoteDescription({type: 'answer', sdp})", answer)
    await kurento.invoke(endpoint, "gatherCandidates")
    await kurento.event("IceGatheringDone", endpoint)
    for data in kurento.seen("IceCandidateFound", endpoint):
        await page.evaluate("candidate => pc.addIceCandidate(candidate)", data["candidate"])
    await page.wait_for_function("pc.iceGatheringState === 'complete' || candidates.length > 1")
    for candidate in await page.evaluate("candidates"):
        await kurento.invoke(endpoint, "addIceCandidate", candidate=candidate)
    await kurento.event("ConnectionStateChanged", endpoint, newState="CONNECTED")
    return offer


async def test_a_publisher_climbs_to_its_ceiling_and_a_viewer_decodes() -> None:
    async with chromium() as browser, assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        pipeline = await kurento.pipeline()
        source, sink = await kurento.endpoint(pipeline), await kurento.endpoint(pipeline)
        publisher, viewer = await opened(browser), await opened(browser)
        await attach(kurento, source, publisher, publish=True)
        await kurento.invoke(source, "connect", sink=sink)
        await attach(kurento, sink, viewer, publish=False)
        assert await viewer.evaluate("streams") == [1, 1]
        await until(viewer, "(await numbers()).video?.framesDecoded > 30")
        await until(viewer, "(await numbers()).audio?.bytesReceived > 3000")
        await until(publisher, f"(await numbers()).video?.targetBitrate > {0.8 * CEILING * 1000}")
        sent: dict[str, Any] = await publisher.evaluate("numbers()")
        assert sent["video"]["targetBitrate"] <= CEILING * 1000
        seen: dict[str, Any] = await viewer.evaluate("numbers()")
        assert seen["video"]["packetsLost"] == 0
        assert seen["video"]["framesDropped"] <= 5
        await asyncio.gather(publisher.evaluate("pc.close()"), viewer.evaluate("pc.close()"))


async def test_of_simulcast_that_is_written_into_the_offer_one_layer_is_forwarded_whole() -> None:
    async with chromium() as browser, assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        pipeline = await kurento.pipeline()
        source, sink = await kurento.endpoint(pipeline), await kurento.endpoint(pipeline)
        publisher, viewer = await opened(browser), await opened(browser)
        offer = await attach(kurento, source, publisher, publish=True, change="layered")
        first, second = map(int, re.findall("a=ssrc-group:SIM (\\d+) (\\d+)", offer)[0])
        await kurento.invoke(source, "connect", sink=sink)
        await attach(kurento, sink, viewer, publish=False)
        await until(publisher, f"await frames({second}) > 5")  # two layers at least are sent
        await until(viewer, "(await numbers()).video?.framesDecoded > 5")
        sent, seen = await publisher.evaluate(f"frames({first})"), await viewer.evaluate("numbers()")
        await until(viewer, f"(await numbers()).video.framesDecoded > {seen['video']['framesDecoded'] + 40}")
        more = await publisher.evaluate(f"frames({first})") - sent
        assert more < 90  # a third of the frames came through when the layers were taken for one stream
        await asyncio.gather(publisher.evaluate("pc.close()"), viewer.evaluate("pc.close()"))
