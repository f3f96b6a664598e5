import assert from "node:assert/strict";
import { test } from "node:test";

import { FakePeerConnection, answer, problem, until } from "./support.mjs";
import { ICE, camera, made, quiet, seat, world } from "./world.mjs";

test("subscribes to whatever is there and whatever comes, once, and never to itself", async () => {
  const { session, tell, offers, pcs } = await world({ others: [seat("bob", ["b1"]), seat("eve")] });
  await until(() => offers().length === 1);
  tell("stream-published", { participant_id: "eve", connection_id: "e1" });
  tell("stream-published", { participant_id: "me", connection_id: "mine" });
  tell("stream-published", { participant_id: "eve", connection_id: "e1" });
  await until(() => offers().length === 2);
  await until(() => pcs.every((pc) => pc.answers.length));
  assert.deepEqual(offers().map((one) => [one.kind, one.publisher]), [["subscribe", "bob"], ["subscribe", "eve"]]);
  assert.deepEqual(pcs[0].transceivers, [["audio", "recvonly"], ["video", "recvonly"]]);
  await session.leave();
});

test("each change is told by itself, after the list of people is what it says, and nothing that is known already", async () => {
  const { session, tell } = await world();
  const told = [];
  for (const type of ["participant-joined", "stream-published", "stream-unpublished", "participant-left"]) {
    session.on(type, (data) => told.push([type, data.participant?.id ?? data.participant_id, session.participants.length]));
  }
  tell("participant-joined", { participant: seat("bob") });
  tell("stream-published", { participant_id: "bob", connection_id: "b1" });
  tell("stream-unpublished", { participant_id: "bob", connection_id: "b1" });
  tell("participant-left", { participant_id: "bob", reason: "left" });
  await until(() => told.length === 4);
  assert.deepEqual(told, [
    ["participant-joined", "bob", 2], ["stream-published", "bob", 2], ["stream-unpublished", "bob", 2], ["participant-left", "bob", 1],
  ]);
  await session.leave();
});

test("a hidden seat, which is in no list, goes on receiving, and ends when its mailbox does", async () => {
  const me = { ...seat("me"), grants: { publish: [], subscribe: true, signal: false, chat: false, moderate: false, hidden: true } };
  const { session, tell, feed, offers, heard } = await world({
    others: [seat("bob", ["b1"])],
    on: {
      "POST /participants": async () =>
        answer(201, {
          participant: me, token: "tok", ice_servers: [],
          session: { id: "s", status: "open", version: 1, epoch: 1, participants: [seat("bob", ["b1"])] },
        }),
    },
  });
  tell("participant-joined", { participant: seat("eve", ["e1"]) });
  tell("stream-published", { participant_id: "eve", connection_id: "e1" });
  await until(() => offers().length === 2);
  assert.deepEqual(offers().map((one) => one.publisher), ["bob", "eve"]);
  assert.ok(heard.states.every((state) => !state.startsWith("left")));
  feed.ended = problem(410, "gone", { reason: "kicked" });
  feed.wake();
  await session.ended;
  assert.equal(heard.states.at(-1), "left: kicked");
});

test("publishes what it is given, and the answer's second copy is ignored", async () => {
  const { session, tell, offers, pcs } = await world();
  const publication = await session.publish(camera());
  assert.deepEqual([publication.connection_id, publication.media], ["k1", ["audio", "video"]]);
  tell("answer", { command_id: "x", connection_id: "k1", sdp_answer: "another" }, false);
  tell("signal", { from: "bob", type: "x", data: 1 }, false);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(pcs[0].answers, ["answer k1"]);
  assert.deepEqual(pcs[0].transceivers, [["audio", "sendonly"], ["video", "sendonly"]]);
  assert.equal(offers()[0].replaces, undefined);
  await session.leave();
});

test("candidates wait for each other: ours for the 201, the server's for the answer", async () => {
  const gate = {};
  const opened = new Promise((resolve) => (gate.open = resolve));
  const { session, tell, asked, pcs, heard } = await world({
    on: { "POST /connections": async (request, feed) => (await opened, made(request, feed)) },
  });
  const published = session.publish(camera());
  await until(() => pcs.length === 1);
  pcs[0].found("local-1");
  pcs[0].found("local-2");
  tell("ice-candidate", { connection_id: "k1", candidate: ICE }, false);
  tell("signal", { from: null, type: "after", data: null }, false);
  await until(() => heard.signals.length === 1);
  await quiet();
  assert.equal(asked("POST", "/candidates").length, 0);
  gate.open();
  await published;
  assert.deepEqual(pcs[0].candidates, [ICE.candidate]);
  await until(() => asked("POST", "/k1/candidates").length === 1);
  pcs[0].found("local-3");
  await until(() => asked("POST", "/k1/candidates").length === 2);
  const sent = asked("POST", "/k1/candidates").map((one) => one.body.candidates.map((c) => c.candidate));
  assert.deepEqual(sent, [["local-1", "local-2"], ["local-3"]]);
  tell("ice-candidate", { connection_id: "k1", candidate: { candidate: "late" } }, false);
  await until(() => pcs[0].candidates.length === 2);
  await session.leave();
});

test("a 202 is settled by the mailbox, whichever comes first", async () => {
  for (const early of [true, false]) {
    const on = { "POST /connections": () => answer(202, { id: "k1", command_id: "c1" }) };
    const { session, tell, pcs, asked, heard } = await world({ on });
    const outcome = () => tell("answer", { command_id: "c1", connection_id: "k1", sdp_answer: "by mailbox" }, false);
    if (early) {
      outcome();
      tell("signal", {}, false);
      await until(() => heard.signals.length === 1);
    }
    const published = session.publish(camera());
    await until(() => asked("POST", "/connections").length === 1);
    if (!early) outcome();
    await published;
    assert.deepEqual(pcs[0].answers, ["by mailbox"]);
    await session.leave();
  }
});

test("a 202 that ends in a refusal is told, and stops", async () => {
  const on = { "POST /connections": () => answer(202, { id: "k1", command_id: "c1" }) };
  const { session, tell, heard, asked } = await world({ on });
  const published = session.publish(camera());
  await until(() => asked("POST", "/connections").length === 1);
  tell("error", { command_id: "c1", problem: { status: 422, code: "invalid-sdp", retryable: false } }, false);
  await assert.rejects(published, { code: "invalid-sdp" });
  assert.deepEqual(heard.errors, ["invalid-sdp"]);
  assert.equal(asked("DELETE", "/connections/k1").length, 1);
  assert.equal(asked("POST", "/connections").length, 1);
  await session.leave();
});

test("a gap in the versions reads the session again", async () => {
  const others = [];
  const { session, feed, tell, asked } = await world({
    others,
    on: { "GET ": () => answer(200, { id: "s", status: "open", version: 5, epoch: 1, participants: [seat("me"), seat("zoe", ["z1"])] }) },
  });
  feed.version = 4;
  tell("participant-joined", { participant: seat("never") });
  await until(() => asked("POST", "/connections").length === 1);
  assert.deepEqual(session.participants.map((one) => one.id), ["me", "zoe"]);
  await session.leave();
});

test("resync-required reads the session again; another stream there is asked for anew", async () => {
  const now = { id: "s", status: "open", version: 9, epoch: 1, participants: [seat("me"), seat("bob", ["b2"])] };
  const { session, tell, asked, offers } = await world({ others: [seat("bob", ["b1"])], on: { "GET ": () => answer(200, now) } });
  await until(() => offers().length === 1);
  tell("resync-required", {}, false);
  await until(() => asked("GET", "/sessions/s").length === 1 && offers().length === 2);
  await until(() => asked("DELETE", "/connections/k1").length === 1);
  await session.leave();
});

test("a stream that ends takes its subscription along, here and on the server", async () => {
  const { session, tell, asked, pcs } = await world({ others: [seat("bob", ["b1"])] });
  await until(() => pcs[0]?.answers.length);
  tell("stream-unpublished", { participant_id: "bob", connection_id: "b1", reason: "stopped" });
  await until(() => asked("DELETE", "/connections/k1").length === 1);
  assert.equal(pcs[0].signalingState, "closed");
  await session.leave();
});

test("what the answer rejects is not said to be sent", async () => {
  FakePeerConnection.rejected = ["video"];
  try {
    const { session } = await world();
    assert.deepEqual((await session.publish(camera())).media, ["audio"]);
    assert.deepEqual(session.participants[0].sends, ["audio"]);
    await session.leave();
  } finally {
    FakePeerConnection.rejected = [];
  }
});

test("a stream without a track is refused before anything is asked", async () => {
  const { session, offers } = await world();
  await assert.rejects(session.publish(new MediaStream()), TypeError);
  assert.equal(offers().length, 0);
  await session.leave();
});
