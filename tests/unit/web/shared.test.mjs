import assert from "node:assert/strict";
import { test } from "node:test";

import { answer, problem, until } from "./support.mjs";
import { seat, world } from "./world.mjs";

const snapshot = (version, state) => ({ id: "s", status: "open", version, epoch: 1, participants: [seat("me")], state });

/** A session in which something is shared, and what was heard of it. */
async function sharing(state, on = {}) {
  const joined = () => answer(201, { participant: seat("me"), token: "tok", ice_servers: [], session: snapshot(1, state) });
  const here = await world({ on: { "POST /participants": joined, ...on } });
  const shared = await here.session.shared();
  const heard = [];
  shared.on("changed", ({ key, value, version }) => heard.push([key, value, version]));
  return { ...here, shared, heard };
}

test("what is shared is that of the snapshot and what was told since", async () => {
  const { session, shared, heard, tell } = await sharing({ slide: { value: 4, version: 1 } });
  assert.deepEqual([shared.get("slide"), shared.get("constructor"), shared.entry("slide").version], [4, undefined, 1]);
  tell("state-changed", { key: "constructor", value: { n: 1 }, participant_id: "bob" });
  tell("session-updated", { session: { metadata: {} } });
  tell("state-changed", { key: "slide", value: null, participant_id: null });
  await until(() => heard.length === 2);
  assert.deepEqual(heard, [["constructor", { n: 1 }, 2], ["slide", null, 0]]);
  assert.deepEqual(shared.entries(), [["constructor", { n: 1 }]]);
  assert.equal(await session.shared(), shared);
  await session.leave();
});

test("what was missed is told when the session is read anew", async () => {
  const now = { slide: { value: 4, version: 1 }, topic: { value: "$x", version: 5 } };
  const { session, shared, heard, tell } = await sharing({ slide: { value: 4, version: 1 }, gone: { value: 1, version: 1 } }, {
    "GET ": () => answer(200, snapshot(7, now)),
  });
  tell("resync-required", {}, false);
  await until(() => heard.length === 2);
  assert.deepEqual(heard, [["gone", null, 0], ["topic", "$x", 5]]);
  assert.deepEqual(shared.entries(), [["slide", 4], ["topic", "$x"]]);
  await session.leave();
});

test("a key is set by itself, and one of several who have seen the same gets in", async () => {
  const set = ({ body }) => (body.if_version === 3 ? problem(412, "stale-version") : answer(200, { version: 9 }));
  const { session, shared, asked } = await sharing(undefined, { "PATCH /state/a.b": set });
  assert.deepEqual(shared.entries(), []);
  assert.equal(await shared.set("a.b", [1]), 9);
  await assert.rejects(shared.set("a.b", 2, { ifVersion: 3 }), { code: "stale-version" });
  await shared.delete("a.b", { ifVersion: 9 });
  assert.deepEqual(asked("PATCH", "/state/a.b").map(({ body }) => body), [
    { value: [1] }, { value: 2, if_version: 3 }, { value: null, if_version: 9 },
  ]);
  await session.leave();
});
