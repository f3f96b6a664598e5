import assert from "node:assert/strict";
import { test } from "node:test";

import { CallplaneError } from "../../../web/sdk/index.js";
import { answer, problem, until } from "./support.mjs";
import { quiet, seat, world } from "./world.mjs";

const others = [seat("bob"), seat("eve")];
/** A session, the signals that it has sent, and one that says it is from `from`. */
async function talking(more = {}) {
  const here = await world({ others, ...more });
  const sent = () => here.asked("POST", "/signals").map(({ body }) => body);
  const says = (from, type, data) => here.tell("signal", { from, type, data, to: ["me"] }, false);
  return { ...here, sent, says };
}

test("a question goes to one participant, and its answer is what that one says", async () => {
  const { session, sent, says } = await talking();
  const asked = session.rpc("bob", "quiz", { n: 3 });
  await until(() => sent().length === 1);
  const [{ to, type, data }] = sent();
  assert.deepEqual([to, type, data.method, data.data], ["bob", "rpc-question", "quiz", { n: 3 }]);
  says("eve", "rpc-answer", { id: data.id, data: "forged" });
  says("bob", "rpc-answer", { id: "another", data: "stray" });
  says("bob", "rpc-answer", { id: data.id, data: [9] });
  assert.deepEqual(await asked, [9]);
  await session.leave();
});

test("a question ends by a problem, a timeout, who leaves, the API's refusal, or the end of the session", async () => {
  const on = { "POST /signals": ({ body }) => (body.data.method === "refused" ? problem(403, "forbidden") : answer(202, {})) };
  const { session, sent, says, tell } = await talking({ on });
  await assert.rejects(session.rpc("bob", "slow", null, { timeout: 20 }), { code: "rpc-timeout" });
  await assert.rejects(session.rpc("bob", "refused"), { code: "forbidden" });
  const failed = session.rpc("bob", "quiz");
  await until(() => sent().length === 3);
  says("bob", "rpc-answer", { id: sent()[2].data.id, problem: { code: "too-late", title: "The quiz is over" } });
  await assert.rejects(failed, { code: "too-late", message: "The quiz is over" });
  const alone = session.rpc("bob", "quiz");
  await until(() => sent().length === 4);
  tell("participant-left", { participant_id: "bob", reason: "left" });
  await assert.rejects(alone, { code: "rpc-gone" });
  const over = assert.rejects(session.rpc("eve", "quiz"), { code: "left" });
  await until(() => sent().length === 5);
  await session.leave();
  await over;
});

test("what others ask is answered by the handler of its method, until that is ended", async () => {
  const { session, sent, says } = await talking();
  const end = await session.onRpc("double", async ({ from, data }) => [from, data * 2]);
  await session.onRpc("nothing", () => {});
  says("bob", "rpc-question", { id: "q1", method: "double", data: 4 });
  says("bob", "rpc-question", { id: "q2", method: "nothing", data: null });
  says("bob", "rpc-question", { id: "q3", method: "toString", data: null });
  await until(() => sent().length === 3);
  end();
  says("eve", "rpc-question", { id: "q4", method: "double", data: 4 });
  await until(() => sent().length === 4);
  const answers = Object.fromEntries(sent().map(({ to, data }) => [data.id, [to, data.data, data.problem?.code]]));
  assert.deepEqual(answers, {
    q1: ["bob", ["bob", 8], undefined], q2: ["bob", null, undefined],
    q3: ["bob", undefined, "rpc-unknown"], q4: ["eve", undefined, "rpc-unknown"],
  });
  await session.leave();
});

test("what a handler throws is told in the words that are meant for others, and in no others", async () => {
  const { session, sent, says } = await talking();
  await session.onRpc("told", () => { throw new CallplaneError({ code: "too-late", title: "The quiz is over" }); });
  await session.onRpc("secret", () => { throw new Error("password is x"); });
  says("bob", "rpc-question", { id: "q1", method: "told" });
  says("bob", "rpc-question", { id: "q2", method: "secret" });
  await until(() => sent().length === 2);
  assert.deepEqual(sent()[0].data.problem, { code: "too-late", title: "The quiz is over", detail: "" });
  assert.equal(sent()[1].data.problem.code, "rpc-failed");
  assert.doesNotMatch(JSON.stringify(sent()[1]), /password/);
  await session.leave();
});

test("an answer that is too long is told to be that, and what is no question is passed over", async () => {
  const on = { "POST /signals": ({ body }) => ("data" in body.data ? problem(413, "too-large") : answer(202, {})) };
  const { session, sent, says } = await talking({ on });
  let asked = 0;
  await session.onRpc("long", () => (asked++, "x".repeat(20_000)));
  says("bob", "rpc-question", { id: "q1", method: "long" });
  await until(() => sent().length === 2);
  assert.deepEqual([sent()[1].data.id, sent()[1].data.problem.code], ["q1", "too-large"]);
  says(null, "rpc-question", { id: "q2", method: "long" });
  for (const data of [null, "long", { method: "long" }, { id: 7, method: "long" }]) says("bob", "rpc-question", data);
  says("bob", "rpc-answer", { id: "q1", data: 1 });
  await quiet();
  assert.deepEqual([asked, sent().length], [1, 2]);
  await session.leave();
});

test("so many are answered at one time, and whoever asks more is told so", async () => {
  const { session, sent, says } = await talking();
  const gate = {};
  const opened = new Promise((resolve) => (gate.open = resolve));
  await session.onRpc("wait", () => opened);
  for (let n = 0; n < 65; n++) says("bob", "rpc-question", { id: `q${n}`, method: "wait" });
  await until(() => sent().length === 1);
  assert.deepEqual([sent()[0].data.id, sent()[0].data.problem.code], ["q64", "rpc-busy"]);
  gate.open("now");
  await until(() => sent().length === 65);
  await session.leave();
});
