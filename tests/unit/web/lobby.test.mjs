import assert from "node:assert/strict";
import { test } from "node:test";

import { inspected } from "../../../web/sdk/report.js";
import { Voice, loudness } from "../../../web/page/level.js";
import { pressed } from "../../../web/page/shortcuts.js";
import { checkWords } from "../../../web/page/texts.js";
import { check } from "../../../web/sdk/check.js";

/** A Callplane whose seats hear each signal, but for those of a transport that is blocked. */
function world({ blocked = [], refused = null, iceServers = [] } = {}) {
  const left = [];
  const seats = new Map();
  const seat = (id, { transport }) => {
    const heard = [];
    const made = {
      id, me: `p${seats.size}`, transport, iceServers, state: "connected",
      join: async () => made,
      on: (_, listener) => heard.push(listener),
      signal: async (type, data, { to }) => {
        const other = seats.get(to);
        if (!blocked.includes(other.transport)) other.heard.forEach((listener) => listener({ type, data }));
      },
      leave: async () => left.push(made.me),
      publish: async () => {},
      stats: async () => ({}),
    };
    seats.set(made.me, { transport, heard });
    return made;
  };
  const createSession = async () => {
    if (refused) throw refused;
    return { id: "s1" };
  };
  return { callplane: { createSession, seat }, left };
}

test("each transport is tried by itself, and every seat given back", async () => {
  const { callplane, left } = world({ blocked: ["websocket"] });
  const told = [];
  const report = await check(callplane, { told: (step) => told.push(step.name), patience: 50 });
  assert.deepEqual(told, ["server", "websocket", "sse", "poll", "turn", "media"]);
  assert.deepEqual(report.steps.map(({ ok }) => ok), [true, false, true, true, null, false]); // node has no media
  assert.equal(report.ok, false);
  assert.match(report.steps[1].detail, /nothing for/);
  assert.ok(new Set(left).size >= 4);
});

test("without a seat nothing else is tried, and the code says why", async () => {
  const refused = Object.assign(new Error("no"), { code: "forbidden" });
  const { steps, ok } = await check(world({ refused }).callplane);
  assert.equal(ok, false);
  assert.deepEqual(steps.map(({ name, detail }) => [name, detail]), [["server", "forbidden"]]);
  for (const name of ["server", "websocket", "sse", "poll", "turn", "media"]) {
    assert.notEqual(checkWords({ name, ok: true }), checkWords({ name, ok: false }));
  }
  assert.match(checkWords({ name: "turn", ok: null }), /No relay/);
});

test("a microphone is silent after a while, and talk is more than a noise", () => {
  assert.equal(loudness([0.5, -0.5]), 0.5);
  assert.equal(loudness([]), 0);
  const voice = new Voice();
  for (let look = 0; look < 49; look++) voice.heard(0);
  assert.equal(voice.silent, false);
  voice.heard(0);
  assert.equal(voice.silent, true);
  voice.heard(0.2);
  assert.deepEqual([voice.silent, voice.talking], [false, false]);
  for (let look = 0; look < 4; look++) voice.heard(0.2);
  assert.equal(voice.talking, true);
});

test("the inspector shows ids and numbers, and neither token nor words", () => {
  const stats = { k1: { connection_id: "c9", roundTrip: 0.0312, jitter: 0.004, packetsReceived: 98, packetsLost: 2, bytes: 7, framesDecoded: 3, freezes: 0, width: 640, height: 360, path: "host udp" } };
  const participants = [{ id: "ann", self: true, sends: ["audio"], state: "joined", media: "connected", metadata: { secret: "x" }, streams: [{ connection_id: "k1", source: "camera", media: "connected", stream: {} }] }];
  const seen = inspected({ id: "s1", me: "ann", token: "jwt", state: "connected", reason: null, transport: "sse", info: { epoch: 2, version: 9 }, participants }, stats);
  assert.deepEqual(seen.session, { id: "s1", epoch: 2, version: 9, state: "connected", reason: null, transport: "sse", me: "ann" });
  const [stream] = seen.participants[0].streams;
  assert.deepEqual([stream.rtt_ms, stream.jitter_ms, stream.lost, stream.picture, stream.path], [31, 4, "2 of 100", "640x360", "host udp"]);
  assert.doesNotMatch(JSON.stringify(seen), /jwt|secret/);
});

test("shift makes another key of a letter, caps lock does not", () => {
  const key = (more) => pressed({ altKey: false, ctrlKey: false, metaKey: false, target: null, ...more });
  assert.equal(key({ key: "D", shiftKey: true }), "D");
  assert.equal(key({ key: "D", shiftKey: false }), "d");
  assert.equal(key({ key: "M", shiftKey: true }), "m");
});
