import assert from "node:assert/strict";
import { test } from "node:test";

import { Monitor, qualityOf } from "../../../web/sdk/monitor.js";
import { sums } from "../../../web/sdk/stats.js";
import { until } from "./support.mjs";
import { world } from "./world.mjs";

const of = (participant_id, more = {}) => ({
  participant_id, state: "connected", packetsReceived: 0, packetsLost: 0, jitter: 0, freezes: 0, audioLevel: 0, ...more,
});

function monitor() {
  const told = [];
  const one = new Monitor((type, detail) => type !== "stats" && told.push([type, detail.participants ?? detail.quality]));
  const said = (type) => told.filter(([what]) => what === type).map(([, detail]) => detail);
  return { look: (stats) => one.look(stats), said };
}

test("who speaks: told at the beginning and at the end, not between words, the loudest first", () => {
  const { look, said } = monitor();
  const level = (ann, bob) => look({ k1: of("ann", { audioLevel: ann }), k2: of("bob", { audioLevel: bob }) });
  level(0, 0.02);
  assert.deepEqual(said("speaking"), []);
  level(0.2, 0);
  level(0, 0);
  level(0.02, 0); // quieter than what began it, and still speech
  level(0.2, 0.5);
  assert.deepEqual(said("speaking"), [["ann"], ["bob", "ann"]]);
  for (let n = 0; n < 3; n++) level(0, 0.5);
  assert.deepEqual(said("speaking").at(-1), ["bob"]);
  look({});
  assert.deepEqual(said("speaking").at(-1), []);
});

test("quality is of the last look, and told when it is another", () => {
  const { look, said } = monitor();
  look({ k1: of("ann") });
  look({ k1: of("ann", { packetsReceived: 100, packetsLost: 3 }) });
  look({ k1: of("ann", { packetsReceived: 150, packetsLost: 20 }) });
  look({ k1: of("ann", { packetsReceived: 150, packetsLost: 20, state: "reconnecting" }) });
  look({ k1: of("ann", { packetsReceived: 10, packetsLost: 0 }) }); // counted from the beginning by another connection
  assert.deepEqual(said("quality"), ["good", "poor", "lost", "good"]);
  assert.equal(qualityOf(of("a"), of("a", { jitter: 0.2 })), "poor");
  assert.equal(qualityOf(of("a", { freezes: 1 }), of("a", { freezes: 2 })), "poor");
});

test("the numbers of a stream are added up from what the browser reports", () => {
  const got = sums([
    { type: "inbound-rtp", kind: "audio", bytesReceived: 10, packetsReceived: 1, jitter: 0.02, audioLevel: 0.4 },
    { type: "inbound-rtp", kind: "video", bytesReceived: 90, packetsReceived: 4, packetsLost: 2, framesDecoded: 7, freezeCount: 1, jitter: 0.01, frameWidth: 640, frameHeight: 360, framesPerSecond: 15, codecId: "v" },
    { type: "codec", id: "v", mimeType: "video/VP8" },
    { type: "candidate-pair", nominated: true, state: "succeeded", currentRoundTripTime: 0.03, localCandidateId: "c1" },
    { type: "local-candidate", id: "c1", candidateType: "relay", protocol: "udp", relayProtocol: "tcp" },
    { type: "outbound-rtp", bytesSent: 5 },
  ]);
  assert.deepEqual(got, {
    bytes: 100, videoBytes: 90, audioBytes: 10, framesDecoded: 7, packetsReceived: 5, packetsLost: 2, freezes: 1,
    jitter: 0.02, audioLevel: 0.4, width: 640, height: 360, fps: 15, codecs: "VP8", roundTrip: 0.03, path: "relay tcp",
  });
  assert.equal(sums([]).roundTrip, null);
});

test("a session looks until it is over", async () => {
  const { session } = await world();
  let looks = 0;
  session.on("stats", () => looks++);
  session.monitor(5);
  await until(() => looks > 2);
  await session.leave();
  const last = looks;
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(looks, last);
});
