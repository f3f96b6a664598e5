import assert from "node:assert/strict";
import { test } from "node:test";

import { Unseen } from "../../../web/page/pauses.js";
import { problem, until } from "./support.mjs";
import { made, quiet, seat, world } from "./world.mjs";

const streamOf = (session, id, source = "camera") =>
  session.participants.find((one) => one.id === id).streams.find((one) => one.source === source);
const two = () => ({ ...seat("bob"), streams: [{ connection_id: "b1" }, { connection_id: "b2", source: "screen" }] });
const connected = async ({ pcs }, count) => {
  await until(() => pcs.length === count && pcs[count - 1].answers.length === 1);
  pcs[count - 1].becomes("connected");
};

test("without autoSubscribe each stream is shown, and received when it is asked for", async () => {
  for (const options of [{ autoSubscribe: false }, { subscribe: false }]) {
    const { session, offers } = await world({ others: [two()], options });
    await quiet();
    assert.deepEqual([offers(), session.autoSubscribe], [[], false]);
    const screen = streamOf(session, "bob", "screen");
    assert.deepEqual([screen.media, screen.stream, screen.subscribed], ["none", null, false]);
    screen.subscribe();
    await until(() => offers().length === 1);
    assert.deepEqual([offers()[0].publisher, offers()[0].stream], ["bob", "b2"]);
    assert.deepEqual([streamOf(session, "bob", "screen").subscribed, streamOf(session, "bob").subscribed], [true, false]);
    await session.leave();
  }
});

test("what is not wanted is ended, and not received again when it is sent anew", async () => {
  const { session, tell, offers, asked } = await world({ others: [two()] });
  await until(() => offers().length === 2);
  await quiet();
  streamOf(session, "bob").unsubscribe();
  await until(() => asked("DELETE", "/connections/k1").length === 1);
  tell("stream-unpublished", { participant_id: "bob", connection_id: "b1" });
  tell("stream-published", { participant_id: "bob", connection_id: "b3" });
  await until(() => streamOf(session, "bob")?.connection_id === "b3");
  await quiet();
  assert.equal(offers().length, 2);
  streamOf(session, "bob").subscribe();
  await until(() => offers().length === 3);
  tell("participant-left", { participant_id: "bob" });
  tell("participant-joined", { participant: seat("eve", ["e1"]) });
  await until(() => offers().length === 4); // of whom nothing was said
  await session.leave();
});

test("a pause receives the sound alone, by an endpoint that is connected before the other ends", async () => {
  const w = await world({ others: [seat("bob", ["b1"])] });
  const { session, pcs, asked, heard } = w;
  await connected(w, 1);
  streamOf(session, "bob").pause();
  await until(() => pcs.length === 2);
  assert.deepEqual(pcs[1].transceivers, [["audio", "recvonly"]]);
  await until(() => pcs[1].answers.length === 1);
  assert.deepEqual([pcs[0].connectionState, asked("DELETE", "/connections/k1").length], ["connected", 0]);
  pcs[1].becomes("connected");
  await until(() => asked("DELETE", "/connections/k1").length === 1);
  assert.deepEqual([pcs[0].connectionState, streamOf(session, "bob").paused, streamOf(session, "bob").media], ["closed", true, "connected"]);
  streamOf(session, "bob").resume();
  await connected(w, 3);
  await until(() => asked("DELETE", "/connections/k2").length === 1);
  assert.deepEqual(pcs[2].transceivers, [["audio", "recvonly"], ["video", "recvonly"]]);
  assert.deepEqual(heard.states, ["connected"]); // nothing was lost for that
  await session.leave();
});

test("a pause that is taken back at once ends what it began, and nothing else", async () => {
  const w = await world({ others: [seat("bob", ["b1"])] });
  const { session, pcs, asked } = w;
  await connected(w, 1);
  streamOf(session, "bob").pause();
  await until(() => pcs.length === 2);
  streamOf(session, "bob").resume();
  await until(() => asked("DELETE", "/connections/k2").length === 1);
  await quiet();
  assert.deepEqual([pcs.length, pcs[0].connectionState], [2, "connected"]);
  await session.leave();
});

test("a pause that is refused leaves the picture, is told, and is not tried again by itself", async () => {
  let refuses = false;
  const on = { "POST /connections": (request, feed) => (refuses ? problem(403, "forbidden") : made(request, feed)) };
  const w = await world({ others: [seat("bob", ["b1"])], on });
  await connected(w, 1);
  refuses = true;
  streamOf(w.session, "bob").pause();
  await until(() => w.heard.errors.length === 1);
  await quiet();
  assert.deepEqual([w.offers().length, streamOf(w.session, "bob").paused, w.pcs[0].connectionState], [2, false, "connected"]);
  await w.session.leave();
});

test("a pause outlives a lost media server: what is offered again is the sound alone", async () => {
  let epoch = 1;
  const on = { "POST /connections": (request, feed) => made(request, feed, epoch) };
  const w = await world({ others: [seat("bob", ["b1"])], on });
  const { session, tell, pcs } = w;
  await connected(w, 1);
  streamOf(session, "bob").pause();
  await connected(w, 2);
  await until(() => pcs[0].connectionState === "closed");
  epoch = 2;
  tell("media-lost", { epoch: 2 });
  tell("media-ready", { epoch: 2 });
  tell("stream-published", { participant_id: "bob", connection_id: "b2" });
  await until(() => pcs.length === 3 && pcs[2].transceivers.length);
  assert.deepEqual(pcs[2].transceivers, [["audio", "recvonly"]]);
  assert.equal(streamOf(session, "bob").paused, true);
  await session.leave();
});

test("the page pauses what nobody has seen for a while, unless its sender speaks, and resumes only that", () => {
  const said = [];
  const stream = (id, paused = false) => ({ source: "camera", paused, pause: () => said.push(`pause ${id}`), resume: () => said.push(`resume ${id}`) });
  const people = ["bob", "eve"].map((id) => ({ id, self: false, streams: [stream(id)] }));
  people.push({ id: "me", self: true, streams: [stream("me")] });
  const unseen = new Unseen();
  const look = (now, more = {}) => unseen.look(people, { seen: () => false, hidden: false, speaking: ["eve"], now, ...more });
  look(0);
  look(9_000);
  assert.deepEqual(said, []);
  look(10_000);
  look(11_000);
  assert.deepEqual(said.splice(0), ["pause bob"]);
  look(12_000, { seen: () => true });
  assert.deepEqual(said.splice(0), ["resume bob"]);
  look(20_000, { hidden: true, speaking: [] });
  look(70_000, { hidden: true, speaking: [] });
  assert.deepEqual(said, []);
  look(80_000, { hidden: true, speaking: [] });
  assert.deepEqual(said.splice(0), ["pause bob", "pause eve"]);
  look(81_000, { hidden: true });
  assert.deepEqual(said.splice(0), ["resume eve"]);
  people[0].streams = [];
  look(82_000, { seen: () => true });
  people[0].streams = [stream("bob", true)];
  look(83_000, { seen: () => true });
  assert.deepEqual(said.splice(0), ["resume bob"]);
  people[0].streams = [stream("bob", true)]; // paused by others, who have the session
  look(84_000, { seen: () => true });
  assert.deepEqual(said, []);
});
