import assert from "node:assert/strict";
import { test } from "node:test";

import { numbers } from "../../../web/sdk/client_report.js";
import { quiet, camera, world } from "./world.mjs";
import { FakePeerConnection, until } from "./support.mjs";

const ASK = { from: null, type: "callplane.report", data: { id: "q1" } };
const STATS = [
  { id: "L1", type: "local-candidate", candidateType: "host", protocol: "udp", address: "10.0.0.9", port: 5 },
  { id: "L2", type: "local-candidate", candidateType: "relay", protocol: "udp", relayProtocol: "tls", address: "fe80::1", port: 7, url: "turn:turn.example.org", usernameFragment: "ufrag" },
  { id: "R1", type: "remote-candidate", candidateType: "host", protocol: "udp", address: null, port: 6 },
  { id: "P1", type: "candidate-pair", nominated: true, state: "succeeded", localCandidateId: "L1", remoteCandidateId: "R1", currentRoundTripTime: 0.0123 },
  { id: "P2", type: "candidate-pair", nominated: false, state: "failed", localCandidateId: "L2", remoteCandidateId: "R1" },
  { id: "O1", type: "outbound-rtp", kind: "video", bytesSent: 900, packetsSent: 9, qualityLimitationReason: "bandwidth" },
  { id: "O2", type: "outbound-rtp", kind: "audio", bytesSent: 100, packetsSent: 1, qualityLimitationReason: "none" },
  { id: "I1", type: "remote-inbound-rtp", packetsLost: 2 },
];

test("candidates of both sides, the pair that was chosen, and sums; no name of a relay's user", () => {
  const found = numbers(STATS);
  assert.deepEqual(found, {
    local: ["host udp 10.0.0.9:5", "relay tls [fe80::1]:7"], remote: ["host udp (hidden by the browser):6"],
    chosen: { local: "host udp 10.0.0.9:5", remote: "host udp (hidden by the browser):6" }, rtt_ms: 12,
    bytes_sent: 1000, bytes_received: 0, packets_received: 0, packets_lost: 0, lost_on_the_way: 2, packets_sent: 10, limited_by: "bandwidth",
  });
  assert.doesNotMatch(JSON.stringify(found), /turn\.example|ufrag/);
  assert.equal(numbers([]).chosen, null);
});

test("a server's question is answered, to the API and nobody else, without token or words", async () => {
  const { session, tell, asked } = await world();
  await quiet(); // What answers is loaded when the seat is taken.
  await session.publish(camera());
  tell("signal", { from: "bob", type: "chat", data: "secret words" }, false);
  tell("signal", ASK, false);
  await until(() => asked("POST", "/report/answer").length === 1);
  const [{ path, body }] = asked("POST", "/report/answer");
  assert.equal(path, "/sessions/s/participants/me/report/answer");
  assert.equal(body.id, "q1");
  assert.deepEqual(body.report.connections.map(({ id, kind }) => [id, kind]), [["k1", "publish"]]);
  assert.doesNotMatch(JSON.stringify(body), /tok\b|secret words/);
  await session.leave();
});

test("another seat's question is not answered", async () => {
  const { session, tell, asked } = await world();
  await quiet();
  tell("signal", { ...ASK, from: "bob" }, false);
  await quiet();
  assert.equal(asked("POST", "/report/answer").length, 0);
  await session.leave();
});

test("a refused answer troubles nobody, and of very many connections the first are told", async () => {
  const long = [{ id: "L", type: "local-candidate", candidateType: "host", protocol: "udp", address: "a".repeat(2000), port: 1 }];
  const before = FakePeerConnection.prototype.getStats;
  FakePeerConnection.prototype.getStats = async () => new Map(long.map((one) => [one.id, one]));
  try {
    const { session, tell, asked, heard } = await world();
    await quiet();
    for (let n = 0; n < 12; n++) await session.publish(camera(), { source: `other-${n}` });
    tell("signal", ASK, false);
    await until(() => asked("POST", "/report/answer").length === 1);
    const { report } = asked("POST", "/report/answer")[0].body;
    assert.ok(JSON.stringify(report).length <= 16_000);
    assert.equal(report.connections.length + report.left_out, 12);
    assert.ok(report.left_out > 0);
    await session.leave();
    assert.deepEqual(heard.errors, []);
  } finally {
    FakePeerConnection.prototype.getStats = before;
  }
});
