import assert from "node:assert/strict";
import { test } from "node:test";

import { answer, problem, until } from "./support.mjs";
import { camera, made, quiet, seat, world } from "./world.mjs";

test("a lost media server: own media at once, the others' when it is there again, the old picture until then", async () => {
  const { session, tell, offers, pcs, heard } = await world({
    others: [seat("bob", ["b1"])],
    on: { "POST /connections": (request, feed) => made(request, feed, feed.made < 2 ? 1 : 2) },
  });
  await session.publish(camera());
  await until(() => pcs.length === 2 && pcs.every((pc) => pc.answers.length));
  for (const pc of pcs) pc.becomes("connected");
  assert.equal(session.state, "connected");
  tell("media-lost", { epoch: 2, reason: "media-server-lost" });
  await until(() => offers().length === 3);
  assert.deepEqual(heard.states.at(-1), "reconnecting: media-lost");
  assert.deepEqual([offers()[2].kind, offers()[2].replaces], ["publish", undefined]);
  const [bob, own] = offers()[0].kind === "subscribe" ? pcs : [pcs[1], pcs[0]];
  own.becomes("failed");
  bob.becomes("failed");
  await quiet();
  assert.equal(offers().length, 3);
  tell("stream-published", { participant_id: "bob", connection_id: "b2" });
  await until(() => offers().length === 4);
  assert.deepEqual([offers()[3].kind, offers()[3].publisher], ["subscribe", "bob"]);
  assert.equal(bob.signalingState, "stable");
  await until(() => pcs.length === 4 && pcs.every((pc) => pc.answers.length));
  pcs[2].becomes("connected");
  pcs[3].becomes("connected");
  await until(() => session.state === "connected");
  assert.equal(bob.signalingState, "closed");
  assert.equal(offers().length, 4);
  await session.leave();
});

test("a failed connection is replaced, and one that others replaced is only renamed", async () => {
  const { session, tell, offers, pcs, asked } = await world({ others: [seat("bob", ["b1"])] });
  await session.publish(camera());
  await until(() => pcs.length === 2 && pcs.every((pc) => pc.answers.length));
  for (const pc of pcs) pc.becomes("connected");
  const mine = asked("POST", "/connections").findIndex((one) => one.body.kind === "publish");
  tell("connection-failed", { connection_id: `k${mine + 1}`, reason: "drop" }, false);
  await until(() => offers().length === 3);
  assert.equal(offers()[2].replaces, `k${mine + 1}`);
  tell("participant-updated", { participant: seat("bob", ["b2"]) });
  tell("stream-published", { participant_id: "bob", connection_id: "b2" });
  await until(() => session.info.version === 3);
  assert.equal(offers().length, 3);
  assert.equal(asked("DELETE", "/connections/k1").length, 0);
  // The event shows the seat as it is when it goes out: this was no swap, as the next one says.
  tell("stream-unpublished", { participant_id: "bob", connection_id: "b1", reason: "stopped" });
  await until(() => offers().length === 4);
  assert.equal(offers()[3].publisher, "bob");
  await session.leave();
});

test("what was sent in an earlier life of the seat is replaced; gone, an ordinary offer does", async () => {
  const on = {
    "POST /connections": (request, feed) => (request.body.replaces ? problem(404, "not-found") : made(request, feed)),
  };
  const { session, offers } = await world({ mine: ["old"], on });
  await session.publish(camera());
  assert.deepEqual(offers().map((one) => one.replaces), ["old", undefined]);
  await session.leave();
});

test("no media server yet: goes on offering until there is one", async () => {
  let tries = 0;
  const on = {
    "POST /connections": (request, feed) =>
      ++tries < 3 ? problem(503, "unavailable", { retryable: true }) : made(request, feed),
  };
  const { session, asked } = await world({ on });
  await session.publish(camera());
  const keys = asked("POST", "/connections").map((one) => one.headers["Idempotency-Key"]);
  assert.equal(new Set(keys).size, 1);
  await session.leave();
});

test("an offer whose epoch ended under it is made again, but not for ever", async () => {
  let refusals = 1;
  const on = {
    "POST /connections": (request, feed) => (refusals-- > 0 ? problem(409, "wrong-state") : made(request, feed)),
  };
  const { session, offers, heard } = await world({ on });
  await session.publish(camera());
  assert.deepEqual([offers().length, heard.errors], [2, []]);
  refusals = Infinity;
  await assert.rejects(session.publish(camera()), { code: "wrong-state" });
  assert.ok(offers().length < 10);
  await session.leave();
});

test("a subscription that is refused is not asked for again and again", async () => {
  const on = { "POST /connections": () => problem(403, "forbidden") };
  const { session, tell, asked, heard } = await world({ others: [seat("bob", ["b1"])], on });
  await until(() => heard.errors.length === 1);
  tell("participant-joined", { participant: seat("eve") });
  await until(() => session.info.version === 2);
  assert.equal(asked("POST", "/connections").length, 1);
  await session.leave();
});

test("states: unreachable and back, kicked, closed, replaced", async () => {
  const kicked = await world();
  kicked.tell("participant-left", { participant_id: "me", reason: "kicked" });
  await kicked.session.ended;
  assert.deepEqual(kicked.heard.states, ["connected", "left: kicked"]);

  const closed = await world({ others: [seat("bob", ["b1"])] });
  closed.tell("session-closed", { reason: "empty" });
  await closed.session.ended;
  assert.deepEqual(closed.heard.states, ["connected", "closed: empty"]);
  assert.ok(closed.pcs.every((pc) => pc.signalingState === "closed"));

  const gone = await world();
  gone.feed.ended = problem(410, "join-again", { reason: "connection-lost" });
  gone.feed.wake();
  await gone.session.ended;
  assert.deepEqual(gone.heard.states, ["connected", "left: connection-lost"]);

  const replaced = await world();
  replaced.feed.ended = problem(409, "poll-replaced");
  replaced.feed.wake();
  await replaced.session.ended;
  assert.deepEqual(replaced.heard.states, ["connected", "left: poll-replaced"]);

  const away = await world();
  away.feed.ended = problem(503, "unavailable");
  away.feed.wake();
  await until(() => away.session.state === "reconnecting");
  assert.equal(away.session.reason, "unreachable");
  away.feed.ended = null;
  away.tell("signal", {}, false);
  await until(() => away.session.state === "connected");
  await away.session.leave();
  assert.equal(away.asked("DELETE", "/participants/me").length, 1);
});

test("mute is said to the others, and a moderator's mute is obeyed", async () => {
  const { session, tell, asked } = await world();
  const stream = camera();
  await session.publish(stream);
  await session.mute({ audio: true });
  assert.deepEqual(stream.getTracks().map((track) => track.enabled), [false, true]);
  assert.deepEqual(asked("PATCH", "/participants/me")[0].body, { muted: { audio: true } });
  tell("participant-updated", { participant: { ...seat("me", ["k1"]), muted: { audio: true, video: false } } });
  tell("participant-updated", { participant: { ...seat("me", ["k1"]), muted: { audio: true, video: true } } });
  await until(() => session.info.version === 3);
  assert.deepEqual(stream.getTracks().map((track) => track.enabled), [false, false]);
  tell("participant-updated", { participant: { ...seat("me", ["k1"]), muted: { audio: true, video: false } } });
  await until(() => session.info.version === 4);
  assert.deepEqual(stream.getTracks().map((track) => track.enabled), [false, false], "nobody else puts a track on");
  const asked_for = new Promise((resolve) => session.on("unmute-requested", resolve));
  tell("unmute-requested", { media: ["video"], from: "mod" }, false);
  assert.deepEqual(await asked_for, { media: ["video"], from: "mod" });
  await session.mute({ video: false });
  assert.deepEqual(stream.getTracks().map((track) => track.enabled), [false, true]);
  await session.leave();
});

test("an older word on one's own mute does not undo the one under way", async () => {
  const gate = {};
  const on = { "PATCH /participants/me": () => new Promise((resolve) => (gate.open = () => resolve(answer(200, {})))) };
  const { session, tell } = await world({ on });
  const stream = camera();
  await session.publish(stream);
  const [audio] = stream.getTracks();
  const muted = session.mute({ audio: true });
  tell("participant-updated", { participant: { ...seat("me", ["k1"]), muted: { audio: true, video: false } } });
  tell("participant-updated", { participant: { ...seat("me", ["k1"]), muted: { audio: false, video: false } } });
  await until(() => session.info.version === 3);
  assert.equal(audio.enabled, false);
  gate.open();
  await muted;
  await session.leave();
});

test("what is unpublished while it is still being offered is stopped when it is there", async () => {
  const gate = {};
  const opened = new Promise((resolve) => (gate.open = resolve));
  const on = { "POST /connections": async (request, feed) => (await opened, made(request, feed)) };
  const { session, asked, pcs } = await world({ on });
  const published = session.publish(camera());
  await until(() => asked("POST", "/connections").length === 1);
  await session.unpublish();
  gate.open();
  await published;
  await until(() => asked("DELETE", "/connections/k1").length === 1);
  assert.deepEqual(pcs[0].answers, []);
  await session.leave();
});

test("a publisher who is gone before the subscription is no error", async () => {
  const on = { "POST /connections": () => problem(404, "not-found") };
  const { session, asked, heard } = await world({ others: [seat("bob", ["b1"])], on });
  await until(() => asked("POST", "/connections").length === 1);
  await quiet();
  assert.deepEqual(heard.errors, []);
  await session.leave();
});

test("a stream that is published while its subscription is under way in an older epoch is offered again", async () => {
  const gate = {};
  const opened = new Promise((resolve) => (gate.open = resolve));
  const { session, tell, offers } = await world({
    others: [seat("bob", ["b1"])],
    on: { "POST /connections": async (request, feed) => (await opened, made(request, feed, ++gate.n > 1 ? 2 : 1)) },
  });
  gate.n = 0;
  await until(() => offers().length === 1);
  tell("media-lost", { epoch: 2, reason: "down" });
  tell("stream-published", { participant_id: "bob", connection_id: "b2" });
  await until(() => session.info.version === 3);
  assert.equal(offers().length, 1);
  gate.open();
  await until(() => offers().length === 2);
  await session.leave();
});

test("an answer of an epoch that was known to be over is offered again, and not in a tight loop", async () => {
  const { session, tell, offers } = await world({ on: { "POST /connections": (request, feed) => made(request, feed, 1) } });
  await session.publish(camera());
  tell("media-lost", { epoch: 2, reason: "down" });
  await until(() => offers().length === 3);
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.ok(offers().length < 10, `${offers().length} offers`);
  await session.leave();
});
