import assert from "node:assert/strict";
import { test } from "node:test";

import { CallplaneError } from "../../../web/sdk/errors.js";
import { answer, hanging, problem, scripted } from "./support.mjs";

test("a repeat carries the same idempotency key and body", async () => {
  const { http, requests } = scripted((_, n) => {
    if (n === 0) throw new TypeError("connection reset");
    if (n === 1) return problem(503, "unavailable", { retryable: true });
    return answer(201, { id: "s1" });
  });
  const made = await http.call("POST", "/sessions", { body: { custom_id: "a" }, once: true });
  assert.deepEqual(made, { status: 201, body: { id: "s1" } });
  const keys = requests.map((one) => one.headers["Idempotency-Key"]);
  assert.equal(new Set(keys).size, 1);
  assert.match(keys[0], /^[0-9a-f]{32}$/);
  assert.deepEqual(requests.map((one) => one.body), Array(3).fill({ custom_id: "a" }));
});

test("two calls have two keys, and what makes nothing has none", async () => {
  const { http, requests } = scripted(() => answer(200, {}));
  await http.call("POST", "/sessions", { body: {}, once: true });
  await http.call("POST", "/sessions", { body: {}, once: true });
  await http.call("GET", "/sessions/1");
  const keys = requests.map((one) => one.headers["Idempotency-Key"]);
  assert.notEqual(keys[0], keys[1]);
  assert.equal(keys[2], undefined);
});

test("each call is a trace of its own, repeats are part of it", async () => {
  const { http, requests } = scripted((_, n) => (n ? answer(200, {}) : problem(503, "unavailable", { retryable: true })));
  await http.call("GET", "/x");
  await http.call("GET", "/x");
  const traces = requests.map((one) => one.headers.traceparent);
  for (const one of traces) assert.match(one, /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  assert.equal(traces[0], traces[1]);
  assert.notEqual(traces[0].slice(3, 35), traces[2].slice(3, 35));
});

test("Retry-After is honoured", async () => {
  const { http } = scripted((_, n) => (n ? answer(200, {}) : problem(503, "unavailable", {}, { "Retry-After": "0.2" })));
  const begun = performance.now();
  await http.call("GET", "/x");
  assert.ok(performance.now() - begun >= 200);
});

test("a refusal is typed and not repeated", async () => {
  const { http, requests } = scripted(() => problem(409, "session-full", { detail: "All seats are taken." }));
  await assert.rejects(http.call("POST", "/sessions/1/participants", { body: {}, once: true }), (error) => {
    assert.ok(error instanceof CallplaneError);
    assert.equal(error.status, 409);
    assert.equal(error.code, "session-full");
    assert.equal(error.detail, "All seats are taken.");
    assert.equal(error.requestId, "r-1");
    assert.equal(error.retryable, false);
    return true;
  });
  assert.equal(requests.length, 1);
});

test("the API's own word on retryable counts", async () => {
  const { http, requests } = scripted((_, n) => (n ? answer(200, {}) : problem(500, "internal", { retryable: true })));
  await http.call("GET", "/x");
  assert.equal(requests.length, 2);
  const no = scripted(() => problem(503, "unavailable", { retryable: false }));
  await assert.rejects(no.http.call("GET", "/x"), { code: "unavailable" });
  assert.equal(no.requests.length, 1);
});

test("patience ends", async () => {
  const { http } = scripted(() => {
    throw new TypeError("connection refused");
  });
  await assert.rejects(http.call("GET", "/x", { patience: 100 }), { code: "unreachable", status: 0, retryable: true });
});

test("a try that hangs is cut off and made again", async () => {
  const { http, requests } = scripted(({ init }, n) => (n ? answer(200, { n }) : hanging(init.signal)));
  assert.deepEqual((await http.call("GET", "/x", { timeout: 20 })).body, { n: 1 });
  assert.equal(requests.length, 2);
});

test("the caller's own abort is no network error", async () => {
  const { http } = scripted(({ init }) => hanging(init.signal));
  const end = new AbortController();
  const asked = http.call("GET", "/x", { signal: end.signal });
  end.abort(new Error("enough"));
  await assert.rejects(asked, { message: "enough" });
});

test("a proxy's page becomes an error, and keepalive is one try that starts at once", async () => {
  const { http, requests } = scripted(() => new Response("<h1>Bad gateway</h1>", { status: 502 }));
  const asked = http.call("DELETE", "/x", { keepalive: true });
  assert.equal(requests.length, 1);
  assert.equal(requests[0].init.keepalive, true);
  await assert.rejects(asked, { status: 502, code: "http-502", retryable: true });
  assert.equal(requests.length, 1);
});

test("too many requests: the same command again, after as long as the server asked", async () => {
  const begun = performance.now();
  const { http, requests } = scripted((_, n) =>
    n < 2 ? problem(429, "too-many-requests", { retryable: true }, { "Retry-After": "0.15" }) : answer(202, { id: "m" }),
  );
  const sent = await http.call("POST", "/sessions/s/signals", { body: { type: "wave" }, once: true });
  assert.deepEqual(sent, { status: 202, body: { id: "m" } });
  assert.ok(performance.now() - begun >= 300);
  assert.equal(requests.length, 3);
  assert.equal(new Set(requests.map((one) => one.headers["Idempotency-Key"])).size, 1);
});

test("what a pod of the version before does not know below /v1 is asked where it was", async () => {
  const old = scripted(({ version }) => (version ? problem(404, "not-found", { detail: "There is no such thing." }) : answer(201, { id: "s1" })));
  assert.deepEqual((await old.http.call("POST", "/sessions", { body: {}, once: true })).body, { id: "s1" });
  assert.deepEqual(old.requests.map((one) => one.version), ["/v1", undefined]);
  assert.equal(new Set(old.requests.map((one) => one.headers["Idempotency-Key"])).size, 1);
  const now = scripted(() => problem(404, "not-found", { detail: "There is no such session." }));
  await assert.rejects(now.http.call("GET", "/sessions/1"), { status: 404 });
  assert.deepEqual(now.requests.map((one) => one.version), ["/v1"]);
});
