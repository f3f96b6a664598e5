import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeLine, speech } from "./lines.mjs";
import { answer, until } from "./support.mjs";
import { world } from "./world.mjs";

/** A session on a socket that has said its first word. */
async function socketed(on = {}) {
  FakeLine.made = [];
  const ticket = () => answer(201, { ticket: "k" });
  const here = await world({ options: { transport: "auto" }, on: { "POST /messages/tickets": ticket, ...on } });
  await until(() => FakeLine.made.length === 1);
  const [socket] = FakeLine.made;
  speech.websocket.beats(socket);
  await until(() => here.session.state === "connected");
  const frames = () => socket.sent.filter((one) => one.request);
  const reply = ({ request }, status, body = null, headers = {}) =>
    socket.onmessage({ data: JSON.stringify({ reply: request, status, headers, body }) });
  const http = (method, end) => here.asked(method, end).length;
  return { ...here, socket, frames, reply, http };
}

test("what is asked for goes over the socket, and its reply is the answer", async () => {
  const { session, frames, reply, http } = await socketed();
  const sent = session.signal("wave", { n: 1 }, { to: ["bob", "role:moderator"], ttl: 900 });
  await until(() => frames().length === 1);
  const [{ idempotency_key, ...frame }] = frames();
  assert.deepEqual(frame, {
    request: "1",
    method: "POST",
    path: "/v1/sessions/s/signals",
    body: { type: "wave", data: { n: 1 }, to: ["bob", "role:moderator"], volatile: true, ttl_ms: 900 },
  });
  assert.match(idempotency_key, /^[0-9a-f]{32}$/);
  reply(frame, 202, { id: "m1" });
  await sent;
  assert.equal(http("POST", "/signals"), 0);
  await session.leave();
  assert.equal(http("DELETE", "/participants/me"), 1, "the socket ends with the seat, so the seat is given back by HTTP");
});

test("a refusal by frame is the same problem, and Retry-After is honoured", async () => {
  const { session, frames, reply } = await socketed();
  const refused = assert.rejects(session.signal("x", 1, "nobody"), { status: 404, code: "not-found" });
  await until(() => frames().length === 1);
  reply(frames()[0], 404, { status: 404, code: "not-found", title: "There is no such participant" });
  await refused;
  const begun = performance.now();
  const sent = session.signal("x", 2);
  await until(() => frames().length === 2);
  reply(frames()[1], 429, { status: 429, code: "too-many-requests", retryable: true }, { "retry-after": "0.2" });
  await until(() => frames().length === 3);
  assert.ok(performance.now() - begun >= 200);
  assert.equal(frames()[1].idempotency_key, frames()[2].idempotency_key);
  reply(frames()[2], 202, { id: "m" });
  await sent;
  await session.leave();
});

test("what a socket took with it is asked for again by HTTP, under the same key", async () => {
  const { session, socket, frames, asked } = await socketed();
  const sent = session.signal("x", 1);
  await until(() => frames().length === 1);
  socket.readyState = 3;
  socket.onclose({ code: 1006, reason: "" });
  await sent;
  const [again] = asked("POST", "/signals");
  assert.equal(again.headers["Idempotency-Key"], frames()[0].idempotency_key);
  assert.deepEqual(again.body, frames()[0].body);
  await session.leave();
});

test("no more go over a socket than the server takes, the others by HTTP", async () => {
  const { session, frames, reply, http } = await socketed();
  const all = Array.from({ length: 20 }, (_, n) => session.signal("count", n));
  await until(() => frames().length === 16 && http("POST", "/signals") === 4);
  for (const frame of frames()) reply(frame, 202, { id: "m" });
  await Promise.all(all);
  await session.leave();
});

test("an empty reply is an empty answer", async () => {
  const { session, frames, reply } = await socketed();
  const removed = session.remove("bob");
  await until(() => frames().length === 1);
  assert.deepEqual([frames()[0].method, frames()[0].path], ["DELETE", "/v1/sessions/s/participants/bob"]);
  reply(frames()[0], 204);
  await removed;
  await session.leave();
});
