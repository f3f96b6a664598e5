import assert from "node:assert/strict";
import { test } from "node:test";

import { problem, until } from "./support.mjs";
import { camera, seat, world } from "./world.mjs";

test("a token that is simulated to be over is refused by the API itself, and the seat is left with its reason", async () => {
  const on = {};
  const { session, feed, asked, heard } = await world({ on });
  await until(() => asked("GET", "/messages").length === 1);
  assert.equal(asked("GET", "/messages")[0].headers.Authorization, "Bearer tok");
  on["PATCH /participants/me"] = () => problem(401, "unauthorized");
  feed.ended = problem(401, "unauthorized");
  await session.simulate("token-expired");
  await assert.rejects(session.raiseHand(), { code: "unauthorized" });
  assert.equal(asked("PATCH", "/participants/me")[0].headers.Authorization, "Bearer expired");
  await session.ended;
  assert.equal(asked("GET", "/messages")[1].headers.Authorization, "Bearer expired");
  assert.deepEqual([heard.states.at(-1), heard.errors], ["left: unauthorized", ["unauthorized"]]);
});

test("messages are read by another line, and nothing of them is lost", async () => {
  const { session, tell, asked, heard } = await world();
  await until(() => asked("GET", "/messages").length === 1);
  await session.simulate("signal-reconnect");
  await until(() => asked("GET", "/messages").length === 2);
  tell("signal", { from: "bob", type: "wave", data: 1 }, false);
  await until(() => heard.signals.length === 1);
  await session.leave();
});

test("media is negotiated again, each stream once", async () => {
  const { session, offers, pcs } = await world({ others: [seat("bob", ["b1"])] });
  await session.publish(camera());
  await until(() => pcs.length === 2 && pcs.every((pc) => pc.answers.length));
  for (const pc of pcs) pc.becomes("connected");
  await session.simulate("media-reconnect");
  await until(() => offers().length === 4);
  assert.deepEqual(offers().map(({ kind }) => kind).sort(), ["publish", "publish", "subscribe", "subscribe"]);
  await session.leave();
});

test("a failure that nobody knows is said to be that", async () => {
  const { session } = await world();
  await assert.rejects(session.simulate("meteor"), TypeError);
  await session.leave();
});
