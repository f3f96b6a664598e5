import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { follow } from "../../../web/console/faults.js";
import { Problem, Requests, inOtherWords } from "../../../web/console/requests.js";
import { ago, memory } from "../../../web/console/tables.js";

const CONSOLE = new URL("../../../web/console/", import.meta.url);

test("nothing that anybody said becomes markup", () => {
  for (const name of readdirSync(CONSOLE)) {
    const text = readFileSync(new URL(name, CONSOLE), "utf8");
    assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/, name);
    if (name.endsWith(".html")) assert.doesNotMatch(text, / style=| on[a-z]+=|https?:\/\//);
  }
});

test("every module is asked for at once, and none that is not needed", () => {
  const names = readdirSync(CONSOLE).filter((one) => one.endsWith(".js"));
  const [needed, left] = [new Set(), ["console/main.js"]];
  for (const name of left) {
    const text = readFileSync(new URL(`../${name}`, CONSOLE), "utf8");
    const imported = [...text.matchAll(/^import [^;]*?"(?:\.\/(?<own>\w+\.js)|\.\.\/(?<other>[\w/]+\.js))";/gm)].map(({ groups: { own, other } }) => (own ? `console/${own}` : other));
    for (const one of imported.filter((one) => !needed.has(one))) needed.add(one) && left.push(one);
  }
  const page = readFileSync(new URL("index.html", CONSOLE), "utf8");
  const preloaded = [...page.matchAll(/rel="modulepreload" href="([^"]+)"/g)].map(([, path]) => path);
  assert.deepEqual(preloaded.toSorted(), [...needed].toSorted());
  assert.equal(needed.size, names.length); // all but main.js, and one of the page's
});

test("a request carries the key, and what was asked never does", async () => {
  const asked = [];
  const answer = { ok: true, status: 200, text: async () => '{"a":1}' };
  const requests = new Requests("secret-key", async (url, init) => (asked.push([url, init]), answer));
  assert.deepEqual(await requests.get("/sessions?limit=1"), { a: 1 });
  await requests.call("POST", "/media-servers", { name: "k", url: "ws://k" });
  assert.equal(asked[0][1].headers["X-API-Key"], "secret-key");
  assert.ok(asked[1][1].headers["Idempotency-Key"]);
  const words = [...requests.asked.values()].map((one) => JSON.stringify(inOtherWords(one, "http://localhost:8080")));
  assert.equal(words.length, 2);
  for (const each of words) assert.doesNotMatch(each, /secret-key/);
  requests.begin();
  assert.equal(requests.asked.size, 0);
});

test("what is refused says so in the API's words, and a proxy's page too", async () => {
  const refusing = (status, text) => new Requests("k", async () => ({ ok: false, status, text: async () => text }));
  await assert.rejects(refusing(409, '{"code":"wrong-state","title":"No"}').get("/x"), (error) => error instanceof Problem && error.code === "wrong-state" && error.message === "No");
  await assert.rejects(refusing(502, "<html>").get("/x"), (error) => error.status === 502);
  const unreachable = new Requests("k", async () => Promise.reject(new TypeError("x")));
  await assert.rejects(unreachable.get("/x"), (error) => error.status === 0 && /reached/.test(error.message));
});

test("a body stays one argument of the shell", () => {
  const { curl, Python } = inOtherWords({ method: "PATCH", path: "/x", body: { name: "it's" } }, "http://h");
  assert.match(curl, /-X PATCH .*'\{"name":"it'\\''s"\}' 'http:\/\/h\/v1\/x'$/s);
  assert.match(Python, /httpx\.request\("PATCH"/);
});

test("what happens after a kill is written down when it changes, until all is well", () => {
  const broken = { name: "the media server", id: "media-server", at: 1000, moves: 2, course: [], over: false };
  const look = (second, state, server, reconnecting, moves) =>
    follow(broken, [{ id: "media-server", state }], { servers: [`embedded is ${server}`], reconnecting, moves }, 1000 + second * 1000);
  look(1, "down", "up", 0, 2);
  look(2, "down", "down", 1, 2);
  look(3, "down", "down", 1, 2);
  look(5, "up", "up", 2, 2);
  look(7, "up", "up", 0, 3);
  look(8, "up", "up", 0, 3);
  assert.equal(broken.over, false);
  for (const second of [9, 10]) look(second, "up", "up", 0, 3);
  assert.deepEqual(broken.course.map(({ after }) => after), [1, 2, 5, 7, 7]);
  assert.match(broken.course[1].words, /media server is down; embedded is down; 1 person is reconnecting; 2 moves/);
  assert.match(broken.course.at(-1).words, /everybody is connected again; 1 move of a session$/);
  assert.equal(broken.over, true);
});

test("times and sizes are read at a glance", () => {
  const now = Date.parse("2026-01-05T12:00:00Z");
  const words = ["2026-01-05T11:59:30Z", "2026-01-05T11:00:00Z", "2026-01-05T02:00:00Z", "2026-01-01T12:00:00Z", null].map((at) => ago(at, now));
  assert.deepEqual(words, ["30 s ago", "60 min ago", "10 h ago", "4 d ago", "-"]);
  assert.deepEqual([memory(900), memory(204_800)], ["900 KiB", "200 MiB"]);
});
