import assert from "node:assert/strict";
import { test } from "node:test";

import { Mailbox } from "../../../web/sdk/mailbox.js";
import { answer, hanging, problem, scripted } from "./support.mjs";

const message = (id) => ({ id, type: "signal", session_id: "s", version: null, at: "", data: {} });

/** A mailbox that gives these answers, then hangs; `got` are the ids delivered. */
function mailbox(answers, options = {}) {
  const got = [];
  const { http, requests } = scripted(({ init }, n) => {
    const next = answers[n];
    if (!next) return hanging(init.signal);
    if (next instanceof Error) throw next;
    return next.clone();
  });
  const box = new Mailbox(http, { token: "token-1" }, {
    transport: "poll",
    deliver: (one) => {
      got.push(one.id);
      options.delivered?.(one.id, got, box);
    },
    reachable: options.reachable,
  });
  return { box, got, requests };
}

test("asking again acknowledges, only after everything was handed on", async () => {
  const { box, got, requests } = mailbox(
    [
      answer(200, { messages: [message("a"), message("b")], ack: "t2" }),
      answer(200, { messages: [], ack: null }),
      answer(200, { messages: [message("c")], ack: "t3" }),
    ],
    { delivered: (id) => id === "b" && assert.equal(requests.length, 1) },
  );
  const run = box.run();
  await new Promise((resolve) => setTimeout(resolve, 20));
  box.stop();
  assert.equal((await run).why, "stopped");
  assert.deepEqual(got, ["a", "b", "c"]);
  assert.deepEqual(requests.map((one) => one.query.get("ack")), [null, "t2", "t2", "t3"]);
  assert.equal(requests[0].query.get("wait"), "25");
  assert.equal(requests[0].query.get("max"), "100");
  assert.equal(requests[0].headers.Authorization, "Bearer token-1");
});

test("repeats by event id are dropped although their publication is another", async () => {
  const { box, got } = mailbox([
    answer(200, { messages: [message("a"), message("b")], ack: "t2" }),
    answer(200, { messages: [message("b"), message("c"), message("a")], ack: "t5" }),
    problem(410, "join-again", { reason: "connection-lost" }),
  ]);
  await box.run();
  assert.deepEqual(got, ["a", "b", "c"]);
});

test("trouble that passes is asked again with the same ack", async () => {
  const reached = [];
  const { box, got, requests } = mailbox(
    [
      answer(200, { messages: [message("a")], ack: "t1" }),
      problem(503, "unavailable"),
      new TypeError("connection reset"),
      answer(200, { messages: [message("b")], ack: "t2" }),
      problem(410, "join-again", { reason: "left" }),
    ],
    { reachable: (yes) => reached.push(yes) },
  );
  await box.run();
  assert.deepEqual(got, ["a", "b"]);
  assert.deepEqual(requests.map((one) => one.query.get("ack")), [null, "t1", "t1", "t1", "t2"]);
  assert.deepEqual(reached, [true, false, false, true]);
  // A poll that waits would hide for 25 s that the trouble is over.
  assert.deepEqual(requests.map((one) => one.query.get("wait")), ["25", "25", "0", "0", "25"]);
});

test("too many polls are asked again later, and nothing is acknowledged or lost meanwhile", async () => {
  const { box, got, requests } = mailbox([
    answer(200, { messages: [message("a")], ack: "t1" }),
    problem(429, "too-many-requests", { retryable: true }, { "Retry-After": "0.2" }),
    answer(200, { messages: [message("b")], ack: "t2" }),
    problem(410, "join-again", { reason: "left" }),
  ]);
  const begun = performance.now();
  await box.run();
  assert.ok(performance.now() - begun >= 200);
  assert.deepEqual(got, ["a", "b"]);
  assert.deepEqual(requests.map((one) => one.query.get("ack")), [null, "t1", "t1", "t2"]);
});

test("an answer without messages is trouble that passes, not the end of the mailbox", async () => {
  const { box, got, requests } = mailbox([
    answer(200),
    answer(200, { hello: "I am a proxy" }),
    answer(200, { messages: [message("a")], ack: "t1" }),
    problem(410, "join-again", { reason: "left" }),
  ]);
  assert.equal((await box.run()).why, "gone");
  assert.deepEqual(got, ["a"]);
  assert.deepEqual(requests.map((one) => one.query.get("ack")), [null, null, null, "t1"]);
});

test("a newer poll elsewhere stops this one", async () => {
  const { box, requests } = mailbox([problem(409, "poll-replaced")]);
  assert.equal((await box.run()).why, "replaced");
  assert.equal(requests.length, 1);
});

test("a seat that is gone says why", async () => {
  const { box } = mailbox([problem(410, "join-again", { reason: "kicked" })]);
  const { why, reason } = await box.run();
  assert.deepEqual([why, reason], ["gone", "kicked"]);
});

test("a token that is not taken ends it", async () => {
  const { box } = mailbox([problem(401, "unauthorized")]);
  const { why, reason } = await box.run();
  assert.deepEqual([why, reason], ["refused", "unauthorized"]);
});

test("a stop in the middle of an answer hands nothing more on and acknowledges nothing", async () => {
  const { box, got, requests } = mailbox([answer(200, { messages: [message("a"), message("b")], ack: "t2" })], {
    delivered: (_id, _got, self) => self.stop(),
  });
  assert.equal((await box.run()).why, "stopped");
  assert.deepEqual(got, ["a"]);
  assert.equal(requests.length, 1);
});
