import assert from "node:assert/strict";
import { test } from "node:test";

import { Callplane } from "../../../web/sdk/index.js";
import { answer, problem, scripted } from "./support.mjs";

/** A Callplane whose API takes the token `good` alone; `tokens` are given one after the other. */
function guarded(tokens) {
  const { fetch, requests } = scripted(({ headers }) =>
    headers.Authorization === "Bearer good" ? answer(201, { id: "s" }) : problem(401, "unauthorized"),
  );
  const accessToken = async () => tokens.shift();
  return { callplane: new Callplane({ baseUrl: "http://api.test", fetch, accessToken }), requests };
}

test("a token is asked for whenever one is needed", async () => {
  const tokens = ["good", "good", "left"];
  const { callplane, requests } = guarded(tokens);
  await callplane.createSession();
  await callplane.createSession();
  assert.deepEqual([requests.length, tokens], [2, ["left"]]);
});

test("one that is refused is asked for once more, under the same key", async () => {
  const tokens = ["old", "good", "left"];
  const { callplane, requests } = guarded(tokens);
  assert.deepEqual(await callplane.createSession({ custom_id: "a" }), { id: "s" });
  const keys = new Set(requests.map((one) => one.headers["Idempotency-Key"]));
  assert.deepEqual([requests.length, keys.size, tokens], [2, 1, ["left"]]);
});

test("a second refusal is told, and so is a token that cannot be had", async () => {
  const { callplane, requests } = guarded(["old", "older", "good"]);
  await assert.rejects(callplane.join("s"), { code: "unauthorized" });
  assert.equal(requests.length, 2);
  const none = new Callplane({ baseUrl: "http://api.test", accessToken: () => Promise.reject(new Error("logged out")) });
  await assert.rejects(none.createSession(), { message: "logged out" });
});
