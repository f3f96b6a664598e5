import assert from "node:assert/strict";
import { test } from "node:test";

import { rates, state } from "../../../web/console/client.js";
import { graph } from "../../../web/console/graph.js";
import { readBy } from "../../../web/console/person.js";
import { link, observe } from "../../../web/console/observer.js";
import { person } from "../../../web/console/person.js";
import { Drawn, world } from "./document.mjs";

const ID = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";
const AT = `/sessions/${ID}`;
const SEAT = { id: "p1", name: "Ann", role: "publisher", state: "joined", muted: {}, presence: {}, hand_raised_at: null, streams: [], metadata: {}, grants: null };
const LINK = { id: "c1", participant_id: "p1", kind: "publish", publisher: null, state: "ready", epoch: 1 };
const CONNECTION = {
  id: "c1", kind: "publish", state: "ready", ice: "connected", local: ["host udp 10.0.0.9:5"], remote: ["host udp 10.0.0.1:6"],
  chosen: { local: "host udp 10.0.0.9:5", remote: "host udp 10.0.0.1:6" }, rtt_ms: 12, bytes_sent: 1000, bytes_received: 0,
  packets_sent: 50, packets_received: 0, packets_lost: 0, lost_on_the_way: 2,
};
const report = (more = {}) => ({ agent: "<b>Browser</b>", online: true, session: { me: "p1", transport: "sse", state: "connected" }, connections: [{ ...CONNECTION, ...more }], left_out: 3, happened: [{ at: "then", event: "state", state: "connected" }] });

test("the graph draws people, connections and the server, and says the same in a table with links", () => {
  const receives = { ...LINK, id: "c2", participant_id: "p2", kind: "subscribe", publisher: "p1" };
  const drawn = new Drawn(graph(ID, { epoch: 1, media_server: "kms-1", connections: [LINK, receives], more: 0 }, [{ id: "p1", name: "Ann" }, { id: "p2", name: "<Bob>" }], new Map()));
  const [svg] = drawn.of("svg");
  assert.equal(svg.getAttribute("aria-label"), "2 people, 2 connections and kms-1; the table below says the same");
  assert.deepEqual(drawn.of("text").map((one) => one.textContent), ["sends", "receives Ann", "Ann", "<Bob>", "kms-1"]);
  assert.equal(drawn.of("line").length, 4);
  assert.deepEqual(drawn.rows.slice(1), [["Ann", "sends", "ready", "kms-1", "c1"], ["<Bob>", "receives Ann", "ready", "kms-1", "c2"]]);
  assert.deepEqual(drawn.of("a").map((one) => one.getAttribute("href")), [`#/person/${ID}/p1`, `#/person/${ID}/p2`, `#/person/${ID}/p1`]);
});

test("of a hundred people the first are drawn, and it is said how many there are besides", () => {
  const people = Array.from({ length: 100 }, (_, n) => ({ id: `p${n}`, name: `P${n}` }));
  const connections = people.flatMap(({ id }) => Array.from({ length: 5 }, (_, n) => ({ ...LINK, id: `${id}-${n}`, participant_id: id })));
  const drawn = new Drawn(graph(ID, { epoch: 1, media_server: null, connections, more: 7 }, people, new Map()));
  assert.match(drawn.text, /And 80 more people, 447 more connections/);
  assert.equal(drawn.of("line").length, 120);
  assert.ok(drawn.rows.length <= 301);
});

test("what is of an epoch before leads to no server, and an empty session is drawn", () => {
  const drawn = new Drawn(graph(ID, { epoch: 2, media_server: "kms-2", connections: [LINK], more: 0 }, [{ id: "p1", name: "Ann" }], new Map()));
  assert.deepEqual(drawn.rows[1].slice(2, 4), ["ready", "a media server before"]);
  assert.equal(drawn.of("line").length, 1);
  assert.match(new Drawn(graph(ID, { epoch: 0, media_server: null, connections: [], more: 0 }, [], new Map())).text, /Nobody is connected/);
});

test("a table that was unfolded is so in the next drawing", () => {
  const kept = new Map();
  const draw = () => new Drawn(graph(ID, { epoch: 1, media_server: null, connections: [LINK], more: 0 }, [{ id: "p1", name: "Ann" }], kept)).of("details")[0];
  const details = draw();
  assert.equal(details.getAttribute("open"), null);
  details.open = true;
  details.listeners.toggle();
  assert.equal(draw().getAttribute("open"), "");
});

test("a client is asked, and what it has said is drawn as text, with rates between two answers", async () => {
  let found = 404;
  const answers = {
    [`GET ${AT}/participants/p1`]: SEAT,
    [`GET ${AT}/events`]: { events: [], next: null },
    [`GET ${AT}/participants/p1/report`]: () => found,
    [`POST ${AT}/participants/p1/report`]: { id: "q1" },
  };
  const { draw, asked, done } = world(answers);
  const before = await draw(person, ID, "p1");
  assert.match(before.text, /It was not asked of late/);
  before.press("Ask its client");
  await done();
  assert.equal(asked.at(-1).method, "POST");
  found = { asked_at: "2026-01-05T09:00:00Z", answered_at: null, report: null };
  assert.match((await draw(person, ID, "p1")).text, /It is asked\./);
  found = { ...found, answered_at: "2026-01-05T09:00:01Z", report: report() };
  await draw(person, ID, "p1");
  found = { ...found, asked_at: "2026-01-05T09:00:10Z", answered_at: "2026-01-05T09:00:11Z", report: report({ bytes_sent: 126_000 }) };
  const after = await draw(person, ID, "p1");
  assert.match(after.text, /100kbit\/s sent/);
  assert.match(after.text, /sse[^]*<b>Browser<\/b>[^]*And 3 more/);
  const row = after.rows.find(([name]) => name === "sends, ready");
  assert.deepEqual(row.slice(1), ["connected", "host udp 10.0.0.9:5 - host udp 10.0.0.1:6", "host udp 10.0.0.9:5", "host udp 10.0.0.1:6", "12 ms", "2 of 50"]);
});

test("who does not answer is said in a sentence, and what it said before stays", () => {
  const found = { asked_at: "2026-01-05T09:00:00Z", answered_at: null, report: null };
  assert.match(state(found, 9000), /does not answer: it is of a version before/);
  assert.match(state({ ...found, answered_at: "2026-01-05T08:00:00Z" }, 9000), /any more; what it said/);
  assert.match(state(found, 100), /It is asked/);
  assert.match(state({ ...found, answered_at: "2026-01-05T09:00:01Z" }, 0), /It has answered/);
});

test("a client that has begun anew has no rates below nothing", () => {
  const kept = new Map();
  const answer = (second, bytes) => ({ answered_at: `2026-01-05T09:00:0${second}Z`, connections: [{ bytes_sent: bytes, packets_received: 0, packets_lost: 0 }] });
  rates(kept, answer(1, 5000));
  assert.deepEqual(rates(kept, answer(2, 100)).map(({ text }) => text), ["-", "-", "-", "-"].with(1, "0"));
});

test("a call is opened as a hidden observer, by a token that is in the fragment alone", async () => {
  const opened = [];
  globalThis.window = { open: (place) => (opened.push({ place, location: { replace: (href) => (opened.at(-1).href = href) }, close: () => (opened.at(-1).closed = true) }), opened.at(-1)) };
  globalThis.document.baseURI = "http://127.0.0.1:1/console";
  const answers = { [`POST ${AT}/participants`]: { token: "t.o.k" } };
  const { context, asked, done, said } = world(answers);
  const press = () => observe(context, ID).listeners.click();
  press();
  assert.equal(opened[0].place, "about:blank");
  await done();
  const { role, grants, identity } = asked[0].body;
  assert.deepEqual([role, grants], ["subscriber", { hidden: true }]);
  assert.match(identity, /^console-[0-9a-f-]{36}$/);
  assert.equal(opened[0].href, link(ID, "t.o.k"));
  const url = new URL(opened[0].href);
  assert.deepEqual([url.pathname, url.searchParams.get("source"), url.hash], ["/", "none", "#access_token=t.o.k"]);
  assert.equal(opened[0].opener, null);
  assert.match(said[0], /another tab/);
  answers[`POST ${AT}/participants`] = 409;
  press();
  await assert.rejects(done(), /refused 409/);
  assert.equal(opened[1].closed, true);
});

test("how a person's messages are read: for how long, and how many wait", () => {
  const now = Date.parse("2026-01-05T09:31:00Z");
  const since = "2026-01-05T09:30:00Z";
  assert.equal(readBy({ state: "attached", since, waiting: 3 }, now), "read for 60 s; 3 at most not acknowledged");
  assert.equal(readBy({ state: "detached", since, waiting: null }, now), "not read for 60 s; how many wait RabbitMQ alone knows");
});
