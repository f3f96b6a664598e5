import assert from "node:assert/strict";
import { test } from "node:test";

import { onNetworkChange } from "../../../web/sdk/browser.js";
import { endOf, refreshing } from "../../../web/sdk/turn.js";
import { answer, until } from "./support.mjs";
import { camera, seat, world } from "./world.mjs";

const turn = (end) => ({ urls: ["turn:turn.test"], username: `${end}:me`, credential: "c" });
const now = () => Math.floor(Date.now() / 1000);
const turns = async () => {
  for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve));
};

test("the end of a credential stands in its username", () => {
  assert.equal(endOf([{ urls: "stun:a" }, turn(1_700_000_000), turn(1_800_000_000)]), 1_700_000_000_000);
  assert.equal(endOf([{ urls: "turn:a", username: "ann" }, { urls: "turn:a", username: "4711:ann" }]), Infinity);
  assert.equal(endOf([]), Infinity);
});

test("credentials are asked for anew before they end, and later where that fails", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_700_000_000_000 });
  let asked = 0;
  const end = refreshing([turn(now() + 1000)], async () => {
    if (++asked === 1) throw new Error("away");
    return [turn(now() + 1000)];
  });
  context.mock.timers.tick(799_000);
  assert.equal(asked, 0);
  context.mock.timers.tick(2_000);
  await turns();
  assert.equal(asked, 1);
  context.mock.timers.tick(161_000);
  await turns();
  assert.equal(asked, 2, "before the end: at 961 s of 1000");
  context.mock.timers.tick(799_000);
  assert.equal(asked, 2);
  end();
  context.mock.timers.tick(10_000_000);
  assert.equal(asked, 2);
});

test("nothing is asked for where nothing ends", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  refreshing([{ urls: "stun:a" }], async () => assert.fail("asked"));
  context.mock.timers.tick(2 ** 31);
});

test("who asks anew asks for the seat that it has, and what is connected from then on uses what came", async (context) => {
  const servers = [turn(now() + 1), turn(now() + 90_000)];
  const join = ({ headers }, feed) => {
    feed.tokens = [...(feed.tokens ?? []), headers.Authorization];
    const participant = seat("me");
    const session = { id: "s", status: "open", version: 1, epoch: 1, participants: [participant] };
    return answer(201, { participant, token: "tok", ice_servers: [servers.shift()], session });
  };
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { session, feed, pcs } = await world({ on: { "POST /participants": join } });
  await turns(); // What asks is loaded first.
  context.mock.timers.tick(10_000);
  await turns();
  context.mock.timers.reset();
  assert.deepEqual(feed.tokens, [undefined, "Bearer tok"]);
  await session.publish(camera());
  assert.match(pcs[0].configuration.iceServers[0].username, new RegExp(`^${String(now() + 90_000).slice(0, 7)}`));
  await session.leave();
});

test("online, and another kind of network, are told; a new estimate of the same one is not", () => {
  const page = new EventTarget();
  globalThis.addEventListener = page.addEventListener.bind(page);
  const connection = Object.assign(new EventTarget(), { type: "wifi" });
  Object.defineProperty(globalThis, "navigator", { value: { onLine: true, connection }, configurable: true });
  let changes = 0;
  const end = onNetworkChange(() => changes++);
  page.dispatchEvent(new Event("online"));
  connection.dispatchEvent(new Event("change"));
  assert.equal(changes, 1);
  connection.type = "cellular";
  connection.dispatchEvent(new Event("change"));
  assert.equal(changes, 2);
  end();
  page.dispatchEvent(new Event("online"));
  assert.equal(changes, 2);
});

test("what broke off with the network is negotiated again at once, what holds is not", async () => {
  const page = new EventTarget();
  globalThis.addEventListener = page.addEventListener.bind(page);
  const { session, offers, pcs } = await world({ others: [seat("bob", ["b1"])] });
  await session.publish(camera());
  await until(() => pcs.length === 2 && pcs.every((pc) => pc.answers.length));
  for (const pc of pcs) pc.becomes("connected");
  pcs[0].becomes("disconnected");
  page.dispatchEvent(new Event("online"));
  await until(() => offers().length === 3);
  assert.equal(pcs[1].connectionState, "connected");
  await session.leave();
});
