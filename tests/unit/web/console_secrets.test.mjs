import assert from "node:assert/strict";
import { test } from "node:test";

import { ending, keys } from "../../../web/console/keys.js";
import { deadLetters } from "../../../web/console/letters.js";
import { success, webhook, webhooks } from "../../../web/console/webhooks.js";
import { world } from "./document.mjs";

const WEBHOOK = { id: "w1", url: "https://x", state: "active", types: ["*"], reason: null, created_at: null };
const acts = (asked) => asked.filter(({ method }) => method !== "GET").map(({ method, path, body }) => [method, path, body]);

test("a key is made, rotated and revoked, and its secret shown once, nowhere else", async () => {
  const key = { name: "shop", tenant: "acme", operator: false, created_at: null, ending: [] };
  const { draw, asked, secrets, done, context } = world({ "GET /keys": { keys: [key] }, "POST /keys": { secret: "s1" }, "POST /keys/shop/rotate": { secret: "s2" } });
  const drawn = await draw(keys);
  drawn.send("Make a key", { name: "till", tenant: "", operator: true });
  drawn.press("Rotate");
  drawn.press("Revoke");
  await done();
  assert.deepEqual(acts(asked), [
    ["POST", "/keys", { name: "till", operator: true }],
    ["POST", "/keys/shop/rotate", { overlap: 3600 }],
    ["DELETE", "/keys/shop", undefined],
  ]);
  assert.deepEqual(secrets.map(([, secret]) => secret), ["s1", "s2"]);
  assert.doesNotMatch(JSON.stringify([...context.requests.asked.values()]) + (await draw(keys)).text, /s1|s2/);
  const now = Date.parse("2026-01-05T09:00:00Z");
  assert.match(ending(["2026-01-05T08:00:00Z", "2026-01-05T10:00:00Z"], now), /^1 until /);
  assert.equal(ending([], now), "-");
});

test("a webhook is made, tested, disabled, rotated and removed", async () => {
  const { draw, asked, secrets, done } = world({ "GET /webhooks": { webhooks: [WEBHOOK] }, "POST /webhooks": { secret: "whsec_1" }, "POST /webhooks/w1/rotate": { secret: "whsec_2" } });
  const drawn = await draw(webhooks);
  for (const words of ["Test", "Disable", "Rotate", "Remove"]) drawn.press(words);
  drawn.send("Make a webhook", { url: "https://y", types: "participant-joined, participant-left" });
  drawn.send("Make a webhook", { url: "https://z", types: "" });
  await done();
  assert.deepEqual(acts(asked), [
    ["POST", "/webhooks/w1/test", undefined],
    ["PATCH", "/webhooks/w1", { state: "disabled" }],
    ["POST", "/webhooks/w1/rotate", {}],
    ["DELETE", "/webhooks/w1", undefined],
    ["POST", "/webhooks", { url: "https://y", types: ["participant-joined", "participant-left"] }],
    ["POST", "/webhooks", { url: "https://z" }],
  ]);
  assert.equal(secrets.length, 3);
});

test("deliveries by state and page by page, with their attempts, and all that are dead are sent again", async () => {
  const delivery = { id: "d1", type: "media-lost", state: "dead", tries: 9, last_status: 500, last_error: null, at: null, event_id: "e1" };
  const replays = [{ replayed: 500, next: "n1" }, { replayed: 3, next: null }];
  const { draw, asked, done, context, went } = world({
    "GET /webhooks/w1": WEBHOOK,
    "GET /webhooks/w1/deliveries": ({ query }) => ({ deliveries: query.get("state") === "pending" ? [] : [delivery, { ...delivery, state: "delivered" }], next: "p1" }),
    "GET /webhooks/w1/deliveries/d1/attempts": { attempts: [{ at: null, milliseconds: 84, status: 500, error: null }] },
    "POST /webhooks/w1/replay": () => replays.shift(),
  });
  const drawn = await draw(webhook, "w1");
  assert.match(drawn.text, /50\.0 % of 2[^]*nothing waits/);
  assert.equal(asked.find(({ path, query }) => path.endsWith("/deliveries") && query.get("limit") === "100").query.get("order"), "newest");
  assert.deepEqual(drawn.rows.slice(1).map((row) => row[1]), ["dead", "delivered"]);
  for (const words of ["Send all dead ones again", "Attempts", "Older"]) drawn.press(words);
  await done();
  assert.deepEqual(acts(asked).map(([, , body]) => body), [{ states: ["dead"] }, { states: ["dead"], after: "n1" }]);
  assert.match((await draw(webhook, "w1")).text, /Attempts of media-lost[^]*84 ms/);
  assert.deepEqual([context.kept.get("places"), went], [["p1"], [undefined]]);
  assert.equal(success([{ state: "pending" }]), "-");
});

test("dead letters are sent again or removed, and all of them by operators alone", async () => {
  const letter = { id: "l1", name: "publish", session_id: null, reason: "attempts", attempt: 5, failed_at: null };
  const answers = { "GET /dead-letters": { dead_letters: [letter] } };
  const tenant = world(answers);
  assert.deepEqual((await tenant.draw(deadLetters)).buttons, ["Send again", "Remove"]);
  const operator = world({ ...answers, "GET /processes": { wrappers: [], pods: [], queues: [] } });
  const drawn = await operator.draw(deadLetters);
  for (const words of drawn.buttons) drawn.press(words);
  await operator.done();
  assert.deepEqual(acts(operator.asked).map(([method, path]) => [method, path]), [["POST", "/dead-letters/l1/replay"], ["DELETE", "/dead-letters/l1"], ["DELETE", "/dead-letters"]]);
});
