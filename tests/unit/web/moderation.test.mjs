import assert from "node:assert/strict";
import { test } from "node:test";

import { screensOf } from "../../../web/page/people.js";
import { answer } from "./support.mjs";
import { seat, world } from "./world.mjs";

const on = { "PATCH /participants/bob": () => answer(200, {}), "POST /mute": () => answer(204) };

test("everybody but oneself is muted in one request, or whom and what is named", async () => {
  const { session, asked } = await world({ others: [seat("bob")], on });
  await session.muteAll();
  await session.muteAll({ but: ["bob"], media: ["audio", "video"] });
  const [first, second] = asked("POST", "/mute");
  assert.deepEqual(first.body, { audio: true, but: ["me"] });
  assert.deepEqual(second.body, { audio: true, video: true, but: ["bob"] });
  assert.match(first.headers["Idempotency-Key"], /^[0-9a-f]{32}$/);
  await session.leave();
});

test("grants are changed one by one, and a stream is ended by its connection", async () => {
  const { session, asked } = await world({ others: [seat("bob", ["b1"])], on });
  await session.grant("bob", { publish: ["microphone"], chat: false });
  assert.deepEqual(asked("PATCH", "/participants/bob")[0].body, { grants: { publish: ["microphone"], chat: false } });
  await session.stopStream("b1");
  assert.equal(asked("DELETE", "/connections/b1").length, 1);
  await session.leave();
});

test("who is removed is banned, or may come back", async () => {
  const { session, requests } = await world({ others: [seat("bob")] });
  await session.remove("bob");
  await session.remove("bob", { ban: false });
  const deleted = requests.filter(({ method }) => method === "DELETE").map(({ path, query }) => [path, query.get("ban")]);
  assert.deepEqual(deleted, [["/sessions/s/participants/bob", null], ["/sessions/s/participants/bob", "false"]]);
  await session.leave();
});

test("the page knows a shared screen by the connection that a moderator ends", () => {
  const streams = [{ connection_id: "b1", source: "camera" }, { connection_id: "b2", source: "screen" }];
  assert.deepEqual(screensOf({ streams }), ["b2"]);
});
