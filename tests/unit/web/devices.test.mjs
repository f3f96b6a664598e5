import assert from "node:assert/strict";
import { test } from "node:test";

import { devices, onDeviceChange, openDevice } from "../../../web/sdk/devices.js";
import { Playback } from "../../../web/sdk/playback.js";
import { until } from "./support.mjs";

class MediaDevices extends EventTarget {
  found = [];
  asked = [];
  async enumerateDevices() {
    return this.found;
  }
  async getUserMedia(constraints) {
    this.asked.push(constraints);
    return { getTracks: () => ["the track"] };
  }
}

const mediaDevices = new MediaDevices();
Object.defineProperty(globalThis, "navigator", { value: { mediaDevices }, configurable: true });
const device = (kind, deviceId) => ({ kind, deviceId, label: deviceId });

test("devices by their kind, in our words; what has no id is none that could be asked for", async () => {
  mediaDevices.found = [device("videoinput", "cam"), device("audioinput", "mic"), device("audiooutput", "out"), device("videoinput", "")];
  assert.deepEqual((await devices()).map(({ kind, id }) => [kind, id]), [["camera", "cam"], ["microphone", "mic"], ["speaker", "out"]]);
  assert.deepEqual((await devices("microphone")).map(({ id }) => id), ["mic"]);
  assert.equal(await openDevice("camera", "cam", { width: 640 }), "the track");
  assert.deepEqual(mediaDevices.asked, [{ video: { width: 640, deviceId: { exact: "cam" } } }]);
});

test("a change is told once for all that comes with it, and what changes nothing is not", async () => {
  mediaDevices.found = [device("videoinput", "cam")];
  const told = [];
  const end = onDeviceChange((now, { added, removed }) => told.push([now.length, added.map(({ id }) => id), removed.map(({ id }) => id)]));
  await new Promise((resolve) => setImmediate(resolve));
  mediaDevices.found = [device("videoinput", "hub-cam"), device("audioinput", "hub-mic")];
  for (let n = 0; n < 3; n++) mediaDevices.dispatchEvent(new Event("devicechange"));
  await until(() => told.length === 1);
  assert.deepEqual(told, [[2, ["hub-cam", "hub-mic"], ["cam"]]]);
  mediaDevices.dispatchEvent(new Event("devicechange"));
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(told.length, 1);
  end();
  mediaDevices.found = [];
  mediaDevices.dispatchEvent(new Event("devicechange"));
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(told.length, 1);
});

/** A video element of a browser that plays sound only when `allowed`. */
const element = (browser, muted = false) => ({
  muted,
  srcObject: null,
  async play() {
    if (!this.muted && !browser.allowed) throw new DOMException("the browser's own text", "NotAllowedError");
  },
});

test("sound that the browser blocks is played without, told once, and comes back with a click", async () => {
  const browser = { allowed: false };
  const playback = new Playback();
  let blocked = 0;
  playback.on("blocked", () => blocked++);
  const [own, bob, eve, late] = [element(browser, true), element(browser), element(browser), element(browser)];
  await playback.play(own, {});
  assert.equal(playback.blocked, false);
  await playback.play(bob, {});
  await playback.play(eve, {});
  await playback.play(late, null);
  assert.deepEqual([blocked, bob.muted, eve.muted, late.muted], [1, true, true, false]);
  browser.allowed = true;
  await playback.allow();
  assert.deepEqual([playback.blocked, own.muted, bob.muted, eve.muted], [false, true, false, false]);
});

test("another speaker plays what is there and what comes, and where there is no choice nothing else changes", async () => {
  const playback = new Playback();
  const chosen = (browser) => ({ ...element(browser), sinks: [], async setSinkId(id) { this.sinks.push(id); } });
  const [bob, eve, gone] = [chosen({ allowed: true }), chosen({ allowed: true }), chosen({ allowed: true })];
  await playback.play(bob, {});
  await playback.play(gone, {});
  playback.release(gone);
  await playback.setSpeaker("headset");
  await playback.play(eve, {});
  await playback.play(eve, {});
  assert.deepEqual([bob.sinks, eve.sinks, gone.sinks], [["headset"], ["headset"], []]);
  const old = element({ allowed: true });
  await playback.play(old, {});
  await assert.rejects(playback.setSpeaker("other"), TypeError);
});

test("a click that was none leaves it blocked, and what has gone meanwhile is left alone", async () => {
  const browser = { allowed: false };
  const playback = new Playback();
  let blocked = 0;
  playback.on("blocked", () => blocked++);
  const [bob, eve] = [element(browser), element(browser)];
  await playback.play(bob, {});
  await playback.play(eve, {});
  playback.release(eve);
  await playback.allow();
  assert.deepEqual([blocked, playback.blocked, bob.muted, eve.srcObject], [2, true, true, null]);
});
