import assert from "node:assert/strict";
import { test } from "node:test";

import { Tab } from "../../../web/sdk/tabs.js";
import { problem, until } from "./support.mjs";
import { camera, world } from "./world.mjs";

/** The locks of one browser, as its tabs have them. */
class FakeLocks {
  held = new Map();
  told = true;
  tab(clientId) {
    const request = async (name, { steal }, hold) => {
      assert.equal(steal, true);
      const before = this.held.get(name);
      if (before && this.told) before.reject(new DOMException("stolen", "AbortError"));
      return new Promise((resolve, reject) => {
        const mine = { clientId, reject };
        this.held.set(name, mine);
        const letGo = () => this.held.get(name) === mine && this.held.delete(name);
        Promise.resolve(hold({ name })).then(resolve, reject).finally(letGo);
      });
    };
    const query = async () => ({ held: [...this.held].map(([name, one]) => ({ name, clientId: one.clientId })), pending: [] });
    return new Tab({ request, query });
  }
}

const turns = () => new Promise((resolve) => setTimeout(resolve, 5));

test("of two tabs the newer holds the seat, and the older is told once", async () => {
  const locks = new FakeLocks();
  const told = [];
  const one = locks.tab("one").hold("ann", () => told.push("one"));
  await turns();
  assert.equal(await one.mine(), true);
  const two = locks.tab("two").hold("ann", () => told.push("two"));
  const other = locks.tab("two").hold("bob", () => told.push("other"));
  await turns();
  assert.deepEqual(told, ["one"]);
  assert.deepEqual([await one.mine(), await two.mine(), await other.mine()], [false, true, true]);
  one.release();
  await turns();
  assert.deepEqual([told, await two.mine()], [["one"], true]);
});

test("it goes back and forth as often as somebody wants it, and what was let go is taken from nobody", async () => {
  const locks = new FakeLocks();
  const told = [];
  const [one, two] = [locks.tab("one"), locks.tab("two")];
  one.hold("ann", () => told.push(1));
  await turns();
  two.hold("ann", () => told.push(2));
  await turns();
  const again = one.hold("ann", () => told.push(3));
  await turns();
  assert.deepEqual(told, [1, 2]);
  again.release();
  await turns();
  assert.equal(locks.held.size, 0);
  two.hold("ann", () => told.push(4));
  await turns();
  assert.deepEqual(told, [1, 2]);
});

test("two sessions of one page share what it holds", async () => {
  const locks = new FakeLocks();
  const told = [];
  const tab = locks.tab("one");
  tab.hold("ann", () => told.push(1)).release();
  const first = tab.hold("ann", () => told.push(2));
  await turns();
  tab.hold("ann", () => told.push(3));
  await turns();
  assert.deepEqual(told, []);
  first.release();
  await turns();
  assert.equal(locks.held.size, 1);
  locks.tab("two").hold("ann", () => {});
  await turns();
  assert.deepEqual(told, [3]);
});

test("a page that was not told yet finds out when it looks", async () => {
  const locks = new FakeLocks();
  const one = locks.tab("one").hold("ann", () => assert.fail("it sleeps"));
  await turns();
  locks.told = false;
  locks.tab("two").hold("ann", () => {});
  await turns();
  assert.equal(await one.mine(), false);
});

test("without locks, and where a page may have none, the seat is held all the same", async () => {
  const refusing = { request: async () => Promise.reject(new DOMException("no", "SecurityError")), query: async () => Promise.reject(new Error("no")) };
  for (const locks of [undefined, refusing]) {
    const held = new Tab(locks).hold("ann", () => assert.fail("nobody took it"));
    await turns();
    assert.equal(await held.mine(), true);
    held.release();
  }
});

test("a session whose seat another tab takes ends, sends nothing more, and asks for nothing again", async () => {
  const { session, heard, pcs, asked, requests } = await world({ options: { leaveWithPage: true } });
  await session.publish(camera());
  const name = "callplane me";
  await until(() => globalThis.navigator.locks !== undefined);
  let isHeld = false;
  for (let n = 0; n < 200 && !isHeld; n++) {
    isHeld = (await navigator.locks.query()).held.some((lock) => lock.name === name);
    await turns();
  }
  let letGo;
  void navigator.locks.request(name, { steal: true }, () => new Promise((resolve) => (letGo = resolve)));
  await until(() => session.state === "left");
  assert.equal(session.reason, "poll-replaced");
  assert.ok(pcs.every((pc) => pc.signalingState === "closed"));
  const before = requests.length;
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(requests.length, before);
  assert.equal(asked("DELETE", "/participants/me").length, 0, "the seat is the other tab's");
  assert.equal(heard.states.filter((state) => state.startsWith("left")).length, 1);
  letGo();
});

test("what the server tells is the same", async () => {
  const { session, feed } = await world();
  feed.ended = problem(409, "poll-replaced");
  feed.wake();
  await session.ended;
  assert.equal(session.reason, "poll-replaced");
});
