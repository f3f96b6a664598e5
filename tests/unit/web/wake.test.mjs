import assert from "node:assert/strict";
import { test } from "node:test";

import "../../../web/sdk/upkeep.js";
import { onWake, revive } from "../../../web/sdk/wake.js";
import { answer, problem, until } from "./support.mjs";
import { camera, seat, world } from "./world.mjs";

const START = 1_700_000_000_000;
const SLEPT = 300_000;
const pages = new EventTarget();
globalThis.addEventListener = pages.addEventListener.bind(pages);

const turns = async () => {
  for (let n = 0; n < 40; n++) await new Promise((resolve) => setImmediate(resolve));
};

/** Clocks of a machine that can be put to sleep: its timers do not run then. */
function clocks(context) {
  context.mock.timers.enable({ apis: ["setInterval", "Date"], now: START });
  const sleep = (ms) => {
    context.mock.timers.setTime(Date.now() + ms);
    context.mock.timers.tick(5_000);
  };
  return { sleep, tick: (ms) => context.mock.timers.tick(ms) };
}

test("who slept is told for how long, and who did not is told nothing", (context) => {
  const { sleep, tick } = clocks(context);
  const woke = [];
  const end = onWake((slept) => woke.push(slept));
  for (let n = 0; n < 20; n++) tick(5_000);
  sleep(9_000);
  assert.deepEqual(woke, [], "a busy machine is late as well");
  sleep(SLEPT);
  assert.equal(woke.length, 1);
  assert.ok(woke[0] >= SLEPT);
  context.mock.timers.setTime(START); // Somebody has put the clock back.
  for (let n = 0; n < 3; n++) tick(5_000);
  assert.equal(woke.length, 1);
  end();
  sleep(SLEPT);
  assert.equal(woke.length, 1);
});

test("whatever the browser says first is the moment of waking, once", (context) => {
  const { tick } = clocks(context);
  for (const type of ["online", "pageshow"]) {
    const woke = [];
    const end = onWake((slept) => woke.push(slept));
    context.mock.timers.setTime(Date.now() + SLEPT);
    pages.dispatchEvent(new Event(type));
    pages.dispatchEvent(new Event("online"));
    tick(5_000);
    assert.deepEqual(woke, [SLEPT]);
    end();
  }
});

test("timers of a page in the background run once a minute, which is no sleep", (context) => {
  const { sleep } = clocks(context);
  globalThis.document = Object.assign(new EventTarget(), { hidden: true });
  const woke = [];
  const end = onWake((slept) => woke.push(slept));
  for (let n = 0; n < 5; n++) sleep(60_000);
  assert.deepEqual(woke, []);
  context.mock.timers.setTime(Date.now() + SLEPT);
  globalThis.document.hidden = false;
  globalThis.document.dispatchEvent(new Event("visibilitychange"));
  assert.deepEqual(woke, [SLEPT]);
  end();
  delete globalThis.document;
});

test("a session that wakes reads its messages and mends what broke off, once", async (context) => {
  const { sleep } = clocks(context);
  const { session, asked, offers, pcs, tell, heard } = await world({ others: [seat("bob", ["b1"])] });
  await session.publish(camera());
  await until(() => pcs.length === 2 && pcs.every((pc) => pc.answers.length));
  await turns();
  for (const pc of pcs) pc.becomes("connected");
  const woken = [];
  session.on("waking", ({ slept }) => woken.push(slept, session.woken));
  const polls = () => asked("GET", "/messages").length;
  const before = polls();
  pcs[0].connectionState = "disconnected"; // What was said of it while it slept is not heard.
  sleep(SLEPT);
  assert.equal(woken.length, 2, "before anything is waited for, for the seat's end may be the first that is heard");
  await until(() => offers().length === 3);
  await until(() => polls() > before);
  await turns();
  assert.deepEqual([woken.length, woken[1]], [2, true]);
  assert.equal(polls(), before + 1);
  assert.equal(pcs[1].signalingState, "stable");
  assert.equal(offers().length, 3);
  tell("signal", { from: "bob" }, false);
  await until(() => heard.signals.length === 1);
  await session.leave();
});

test("what the network says while a page wakes is no second reason, but later it is one", async () => {
  const { session, asked } = await world();
  await turns();
  const polls = () => asked("GET", "/messages").length;
  const before = polls();
  session.woken = true;
  pages.dispatchEvent(new Event("online"));
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(polls(), before);
  session.woken = false;
  pages.dispatchEvent(new Event("online"));
  await until(() => polls() === before + 1);
  await session.leave();
});

test("TURN credentials that ended in sleep are asked for before anything is connected again", async (context) => {
  const { sleep } = clocks(context);
  const turn = (ms) => ({ urls: ["turn:turn.test"], username: `${Math.floor(ms / 1000)}:me`, credential: "c" });
  const gate = { opened: Promise.resolve() };
  const join = async () => {
    await gate.opened;
    return answer(201, {
      participant: seat("me"), token: "tok", ice_servers: [turn(Date.now() + 100_000)],
      session: { id: "s", status: "open", version: 1, epoch: 1, participants: [seat("me")] },
    });
  };
  const { session, pcs, asked } = await world({ on: { "POST /participants": join } });
  await session.publish(camera());
  await turns();
  pcs[0].becomes("connected");
  pcs[0].connectionState = "failed";
  gate.opened = new Promise((resolve) => (gate.open = resolve));
  sleep(SLEPT);
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.equal(pcs.length, 1);
  gate.open();
  await until(() => pcs.length === 2);
  assert.equal(asked("POST", "/participants").length, 2);
  assert.equal(pcs[1].configuration.iceServers[0].username, turn(START + SLEPT + 105_000).username);
  await session.leave();
});

test("a seat whose grace ended in sleep says so", async (context) => {
  const { sleep } = clocks(context);
  const { session, feed, heard } = await world();
  await turns();
  feed.ended = problem(410, "join-again", { reason: "connection-lost" });
  sleep(SLEPT);
  await session.ended;
  assert.equal(heard.states.at(-1), "left: connection-lost");
});

test("what only seems to be connected is negotiated anew, what receives is not, nor what gives no numbers", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const restarted = [];
  const connection = (name, came) => {
    const pc = { getStats: async () => new Map(came.length ? [["p", { type: "candidate-pair", bytesReceived: came.shift(), responsesReceived: 1 }]] : []) };
    return { state: "connected", peer: { pc }, restart: () => restarted.push(name) };
  };
  const end = new AbortController();
  const done = revive([connection("dead", [5, 5]), connection("alive", [5, 6]), connection("silent", [])], end.signal);
  await turns();
  context.mock.timers.tick(4_000);
  await done;
  assert.deepEqual(restarted, ["dead"]);
});

test("one that ends while it wakes does nothing more", async (context) => {
  const { sleep } = clocks(context);
  const { session, requests } = await world();
  await turns();
  sleep(SLEPT);
  await turns();
  await session.leave();
  const before = requests.length;
  sleep(SLEPT);
  await turns();
  assert.equal(requests.length, before);
});
