import assert from "node:assert/strict";
import { test } from "node:test";

import { answer, until } from "./support.mjs";
import { world } from "./world.mjs";

const pages = new EventTarget();
globalThis.addEventListener = pages.addEventListener.bind(pages);

test("a seat that leaves with its page is the browser's to give back, and is given back by the page as well", async () => {
  const { asked, later, heard } = await world({ options: { leaveWithPage: true } });
  assert.deepEqual(later.map(({ url, method, headers }) => [url, method, headers.Authorization]), [
    ["http://api.test/v1/sessions/s/participants/me", "DELETE", "Bearer tok"],
  ]);
  pages.dispatchEvent(new Event("pagehide"));
  // Before anything is waited for: there is no later turn of a page that goes.
  const [request] = asked("DELETE", "/participants/me");
  assert.equal(request.init.keepalive, true);
  assert.deepEqual(heard.states.at(-1), "left: left");
  assert.equal(later[0].signal.aborted, false, "where the page's own request does not come through, this one does");
});

test("a seat that has gone before its page takes nothing with it", async () => {
  const { session, later, asked } = await world({ options: { leaveWithPage: true } });
  await session.leave();
  assert.equal(later[0].signal.aborted, true);
  pages.dispatchEvent(new Event("pagehide"));
  assert.equal(asked("DELETE", "/participants/me").length, 1);
});

test("a page that keeps its token for a reload keeps its seat", async () => {
  const { session, later, asked } = await world();
  pages.dispatchEvent(new Event("pagehide"));
  assert.deepEqual([later.length, asked("DELETE", "/participants/me").length, session.state], [0, 0, "connected"]);
  await session.leave();
});

test("who leaves while joining has no seat when it is over", async () => {
  const gate = {};
  const opened = new Promise((resolve) => (gate.open = resolve));
  const seat = { participant: { id: "me" }, token: "tok", session: { id: "s", version: 1, participants: [] } };
  const { session, asked, heard } = await world({ join: false, on: { "POST /participants": async () => (await opened, answer(201, seat)) } });
  const joining = assert.rejects(session.join(), { code: "left" });
  await session.leave();
  gate.open();
  await joining;
  assert.equal(asked("DELETE", "/participants/me").length, 1);
  assert.deepEqual(heard.states, ["left: left"]);
  assert.equal(asked("GET", "/messages").length, 0);
});

test("two seats of one page are both given back at once", async () => {
  const worlds = [await world({ options: { leaveWithPage: true } }), await world({ options: { leaveWithPage: true } })];
  pages.dispatchEvent(new Event("pagehide"));
  await until(() => worlds.every(({ asked }) => asked("DELETE", "/participants/me").length === 1));
});
