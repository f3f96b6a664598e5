import assert from "node:assert/strict";
import { test } from "node:test";

import { problem, until } from "./support.mjs";
import { seat, world } from "./world.mjs";

test("a report names ids, states and numbers, and keeps what has happened since the first one", async () => {
  const on = { "POST /connections": () => problem(403, "forbidden", { request_id: "r-9" }) };
  const secret = { ...seat("bob"), name: "Bob's name", metadata: { plan: "secret" } };
  const { session, tell, heard } = await world({ others: [secret], on });
  const before = await session.report();
  assert.deepEqual([before.session.id, before.session.me, before.session.state, before.happened], ["s", "me", "connected", []]);
  assert.deepEqual(before.participants.map(({ id }) => id), ["me", "bob"]);
  tell("signal", { from: "bob", type: "chat", data: "secret words" }, false);
  tell("stream-published", { participant_id: "bob", connection_id: "b1" });
  await until(() => heard.errors.length === 1);
  await session.leave();
  const { happened, session: last } = await session.report();
  assert.equal(last.state, "left");
  const [error, state] = happened;
  assert.deepEqual([error.event, error.during, error.code, error.status, error.request_id], ["error", "subscribe", "forbidden", 403, "r-9"]);
  assert.deepEqual([state.event, state.state, state.previous], ["state", "left", "connected"]);
  assert.ok(Date.parse(state.at) >= Date.parse(before.at));
  assert.doesNotMatch(JSON.stringify([before, happened]), /tok\b|secret|Bob's name/);
});

test("of what has happened the last two hundred are kept", async () => {
  const { session } = await world();
  await session.report();
  for (let n = 0; n < 250; n++) session.say("transport", { transport: n, previous: n - 1 });
  const { happened } = await session.report();
  assert.deepEqual([happened.length, happened[0].transport, happened[199].transport], [200, 50, 249]);
  await session.leave();
});

test("two reports at once keep what happens once", async () => {
  const { session } = await world();
  await Promise.all([session.report(), session.report()]);
  session.say("transport", { transport: "poll", previous: "sse" });
  assert.equal((await session.report()).happened.length, 1);
  await session.leave();
});
