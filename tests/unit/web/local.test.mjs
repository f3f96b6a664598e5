import assert from "node:assert/strict";
import { test } from "node:test";

import { problem, until } from "./support.mjs";
import { camera, quiet, world } from "./world.mjs";

/** A track that can be stopped, and be seen to be. */
class Track extends EventTarget {
  readyState = "live";
  enabled = true;
  constructor(kind) {
    super();
    this.kind = kind;
  }
  stop() {
    this.readyState = "ended";
  }
}

const opened = [];
const opening = (kind) => (opened.push(new Track(kind)), opened.at(-1));
/** What the browser's dialog gives next; null: it is cancelled. */
let chosen = ["video", "audio"];
const mediaDevices = {
  getUserMedia: async ({ video, audio }) => new MediaStream([opening(video ? "video" : "audio")]),
  getDisplayMedia: async (asked) => {
    mediaDevices.asked = asked;
    if (!chosen) throw new DOMException("", "NotAllowedError");
    return new MediaStream(chosen.map(opening));
  },
};
Object.defineProperty(globalThis, "navigator", { value: { mediaDevices }, configurable: true });

test("another device takes the place of the one that is sent, which is stopped", async () => {
  const { session, offers, pcs } = await world();
  const before = new Track("video");
  const publication = await session.publish(new MediaStream([before, new Track("audio")]));
  assert.equal(await session.setDevice("camera", "cam2"), publication);
  assert.deepEqual([offers().length, pcs[0].replaced, before.readyState], [1, [opened.at(-1)], "ended"]);
  await session.leave();
});

test("a kind that was not sent is sent with what is", async () => {
  const { session, offers } = await world();
  const first = await session.setDevice("microphone", "mic");
  assert.deepEqual(first.stream.getTracks().map(({ kind }) => kind), ["audio"]);
  const second = await session.setDevice("camera", "cam");
  assert.deepEqual(second.stream.getTracks().map(({ kind }) => kind), ["audio", "video"]);
  assert.equal(await first.ended, "replaced");
  assert.deepEqual([offers().length, session.publications.length], [2, 1]);
  await session.leave();
});

test("a device is given back where it cannot be sent", async () => {
  const { session } = await world({ on: { "POST /connections": () => problem(403, "forbidden") } });
  await assert.rejects(session.setDevice("camera", "cam"), { code: "forbidden" });
  assert.equal(opened.at(-1).readyState, "ended");
  await session.leave();
});

test("a screen is sent beside the camera, with its sound, and let go when that ends", async () => {
  const { session, offers } = await world();
  await session.publish(camera());
  const screen = await session.shareScreen();
  assert.deepEqual([screen.source, mediaDevices.asked.audio, offers()[1].source], ["screen", true, "screen"]);
  await screen.stop();
  await quiet();
  assert.deepEqual(opened.slice(-2).map(({ readyState }) => readyState), ["ended", "ended"]);
  await session.shareScreen({ audio: false });
  assert.equal(mediaDevices.asked.audio, false);
  await session.leave();
  await until(() => opened.at(-1).readyState === "ended");
});

test("another screen takes the place of the one that is shared, which goes on where none is chosen", async () => {
  const { session, offers, pcs, asked } = await world();
  const screen = await session.shareScreen();
  const [video, audio] = opened.slice(-2);
  chosen = null;
  await assert.rejects(session.shareScreen(), { name: "NotAllowedError" });
  assert.deepEqual([video.readyState, audio.readyState, screen.state], ["live", "live", "connecting"]);
  chosen = ["audio", "video"];
  assert.equal(await session.shareScreen(), screen);
  assert.deepEqual([offers().length, pcs[0].replaced], [1, opened.slice(-2)]);
  assert.deepEqual([video.readyState, audio.readyState], ["ended", "ended"]);
  assert.deepEqual(screen.stream.getTracks(), opened.slice(-2));
  assert.equal(asked("DELETE", "/connections/k1").length, 0);
  await screen.stop();
  await quiet();
  assert.deepEqual(opened.slice(-2).map(({ readyState }) => readyState), ["ended", "ended"]);
  await session.leave();
});

test("one with sound in the place of one without, or the other way round, takes an endpoint in the same place", async () => {
  const { session, offers, asked } = await world();
  chosen = ["video"];
  const screen = await session.shareScreen();
  for (const [kinds, before] of [[["video", "audio"], "k1"], [["video"], "k2"]]) {
    chosen = kinds;
    assert.equal(await session.shareScreen(), screen);
    await until(() => offers().length > Number(before.slice(1)) && !screen.connection.offering);
    assert.equal(offers().at(-1).replaces, before);
    assert.deepEqual(screen.stream.getTracks().map(({ kind }) => kind).toSorted(), kinds.toSorted());
  }
  assert.equal(asked("DELETE", "/connections/k1").length + asked("DELETE", "/connections/k2").length, 0);
  let over = null;
  void screen.ended.then((reason) => (over = reason));
  opened.at(-1).stop();
  opened.at(-1).dispatchEvent(new Event("ended"));
  await until(() => over === "track-ended");
  chosen = ["video", "audio"];
  await session.leave();
});

test("the browser is asked for a screen before anything is waited for", async () => {
  const { session } = await world();
  delete mediaDevices.asked;
  const sharing = session.shareScreen();
  assert.ok(mediaDevices.asked, "else the click does not count any more");
  await sharing;
  await session.leave();
});
