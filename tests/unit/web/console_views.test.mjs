import assert from "node:assert/strict";
import { test } from "node:test";

import { mediaServers } from "../../../web/console/servers.js";
import { overview } from "../../../web/console/overview.js";
import { inAnswer, person } from "../../../web/console/person.js";
import { quotas, tenants } from "../../../web/console/quotas.js";
import { session } from "../../../web/console/session.js";
import { sessions } from "../../../web/console/sessions.js";
import { VIEWS, wanted } from "../../../web/console/views.js";
import { world } from "./document.mjs";

const ID = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";
const SEAT = { id: "p1", name: "Ann", role: "publisher", state: "joined", muted: { audio: false, video: true }, presence: { show: "dnd", status: "busy" }, hand_raised_at: null, streams: [], metadata: { a: 1 }, grants: null };
const OPEN = { id: ID, custom_id: "daily", status: "open", version: 3, epoch: 1, created_at: "2026-01-05T09:00:00Z", participants: [SEAT], max_participants: 10 };
const JOINED = { id: "s:1", type: "participant-joined", time: "2026-01-05T09:00:00Z", sessionversion: 1, subject: "p1", data: { participant: SEAT } };
const PROCESSES = {
  wrappers: [{ id: "w", version: "1", load: 0.25, sessions: 1, shards: 64, media_servers: ["kms-1"] }],
  pods: [], queues: [{ name: "wrapper", messages: 3, waiting_seconds: 7 }, { name: "retry", messages: 0, waiting_seconds: 99 }, { name: "outbox of sessions", messages: null, waiting_seconds: 4 }],
};
const server = (more) => ({ name: "kms-1", state: "up", cordoned: false, sessions: 10, pipelines: 10, memory: 900, detail: "", ...more });
const OVERVIEW = { sessions: 1, people: 2, streams: 2, moved: 0, reconnecting: [{ id: ID, custom_id: null, people: 2, reconnecting: 1, epoch: 1, created_at: null }], most_moved: [] };
const AT = `/sessions/${ID}`;
const STORY = { [`GET ${AT}/events`]: { events: [JOINED], next: null } };
const CALL = { ...STORY, [`GET ${AT}`]: OPEN, [`GET ${AT}/bans`]: { bans: [{ identity: "web:eve", reason: "kicked", at: null }] } };
const QUOTAS = { sessions: 5, requests: 0 };
const TENANT = { tenant: "acme", quotas: QUOTAS, own: ["sessions"], used: { sessions: 4, seats: 9 } };

test("an address names a view with its ids, and nothing else does", () => {
  assert.deepEqual(wanted(`#/person/${ID}/a%2Fb`), { name: "person", ids: [ID, "a/b"] });
  for (const other of ["", "#/constructor", "#/session", "#/session/a/b", "#/overview/x", "#/session/%E0%A4%A", "#key=x"]) {
    assert.deepEqual(wanted(other), { name: "overview", ids: [] }, other);
  }
});

test("figures of the overview are lines over time, and an operator's are there for operators", async () => {
  const answers = { "GET /overview": OVERVIEW, "GET /media-servers": { media_servers: [server({})] }, "GET /processes": PROCESSES, "GET /dead-letters": { dead_letters: [] } };
  const operator = world(answers);
  assert.equal((await operator.draw(overview)).of("svg").length, 0);
  const drawn = await operator.draw(overview);
  assert.deepEqual(operator.asked.map(({ path }) => path).slice(4), ["/overview"]);
  const lines = drawn.of("svg").map((one) => one.getAttribute("aria-label"));
  assert.ok(lines.includes("people reconnecting: 1 in the last minute"));
  assert.ok(lines.includes("longest wait: 7 in the last minute"));
  assert.ok(lines.includes("CPU of all wrappers: 25 in the last minute"));
  const tenant = await world({ "GET /overview": OVERVIEW, "GET /dead-letters": { dead_letters: [] } }).draw(overview);
  assert.doesNotMatch(tenant.text, /media servers up|CPU/);
  assert.match(tenant.text, /dead letters/);
});

test("sessions are found by status, by their own name, and by id", async () => {
  const { draw, context, asked, went } = world({ "GET /sessions": { sessions: [OPEN], next: "c" } });
  const drawn = await draw(sessions);
  assert.deepEqual(drawn.rows[1].slice(0, 3), ["daily", "open", "1 of 10"]);
  drawn.send("Search", { search: ID, status: "open" });
  drawn.send("Search", { search: " daily ", status: "all" });
  assert.deepEqual(went, [`session/${ID}`, undefined]);
  context.kept.set("cursors", ["c"]);
  assert.deepEqual((await draw(sessions)).buttons, ["Search", "Back", "Next"]);
  assert.equal(asked.at(-1).query.toString(), "limit=50&cursor=c&custom_id=daily");
});

test("what is done to a session and to who is in it", async () => {
  const { draw, asked, done } = world({ ...CALL, [`GET ${AT}`]: { ...OPEN, hidden: [{ ...SEAT, id: "p2", name: "Recorder", role: "subscriber" }] } });
  const drawn = await draw(session, ID);
  assert.deepEqual(drawn.rows.slice(1, 3).map((row) => row.slice(0, 3)), [["Ann", "joined", "publisher"], ["Recorder", "joined", "subscriber, hidden"]]);
  for (const words of ["Mute everybody", "Mute", "Show out", "Remove", "Lift", "Close the session"]) drawn.press(words);
  drawn.send("Send", { type: "notice", data: '{"a":1}' });
  await done();
  const acts = asked.filter(({ method }) => method !== "GET").map(({ method, path, query, body }) => [method, path.slice(AT.length), query.toString(), body]);
  assert.deepEqual(acts, [
    ["POST", "/mute", "", { audio: true }],
    ["PATCH", "/participants/p1", "", { muted: { audio: true } }],
    ["DELETE", "/participants/p1", "ban=false", undefined],
    ["DELETE", "/participants/p1", "", undefined],
    ["DELETE", "/bans/web%3Aeve", "", undefined],
    ["DELETE", "", "", undefined],
    ["POST", "/signals", "", { type: "notice", data: { a: 1 } }],
  ]);
});

test("a session that is closed and then gone while it is looked at: nothing to be done, and its story stays", async () => {
  const answers = { ...CALL };
  const { draw, context } = world(answers);
  assert.ok((await draw(session, ID)).buttons.includes("Close the session"));
  answers[`GET ${AT}`] = { ...OPEN, status: "closed", participants: [], closed_at: "2026-01-05T10:00:00Z", closed_because: "departed", peak_participants: 4, participant_minutes: 12.34 };
  const closed = await draw(session, ID);
  assert.deepEqual(closed.buttons, ["Export as JSON", "Export as CSV"]);
  assert.match(closed.text, /\(departed\)[^]*12\.3[^]*participant-joined/);
  assert.equal(context.kept.get("every"), 20);
  answers[`GET ${AT}`] = 404;
  const gone = await draw(session, ID);
  assert.match(gone.text, /not there any more[^]*participant-joined/);
  assert.deepEqual(gone.buttons, ["Export as JSON", "Export as CSV"]);
  answers[`GET ${AT}/events`] = 503;
  assert.match((await draw(session, ID)).text, /participant-joined/);
});

test("a session that never was, or is another tenant's, is refused in the API's words", async () => {
  await assert.rejects(world({}).draw(session, ID), (error) => error.status === 404);
  await assert.rejects(world({}).draw(person, ID, "p1"), (error) => error.status === 404);
});

const SDP = [
  "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=rtpmap:111 opus/48000/2", "a=candidate:1 1 UDP 2015363327 10.0.0.1 40000 typ host",
  "m=video 9 UDP/TLS/RTP/SAVPF 96", "a=rtpmap:96 VP8/90000", "a=candidate:1 1 UDP 2015363327 10.0.0.1 40000 typ host", "a=candidate:2 1 TCP 1015021823 fe80::1 9 typ host tcptype active", "",
].join("\r\n");

test("one person: its seat, its connections with their candidates, and its own story", async () => {
  assert.deepEqual(inAnswer(SDP), { candidates: ["host udp 10.0.0.1:40000", "host tcp [fe80::1]:9"], codecs: ["opus", "VP8"] });
  const connection = { id: "c1", kind: "publish", publisher: null, epoch: 1, state: "ready", sdp_answer: SDP, media: ["audio"] };
  const answers = {
    ...CALL,
    [`GET ${AT}/participants/p1`]: SEAT,
    [`GET ${AT}/connections`]: { connections: [connection, { ...connection, id: "c2", kind: "subscribe", publisher: "p1", sdp_answer: null }] },
    [`GET ${AT}/presence`]: { presence: [{ participant_id: "p1", last_active_at: null }] },
  };
  const { draw, asked, done } = world(answers);
  const drawn = await draw(person, ID, "p1");
  assert.deepEqual(drawn.rows[1].slice(0, 6), ["sends", "ready", "audio", "1", "host udp 10.0.0.1:40000host tcp [fe80::1]:9", "opus, VP8"]);
  assert.deepEqual(drawn.rows[2].slice(0, 5), ["receives Ann", "ready", "audio", "1", "none in the answer: they were told one by one"]);
  assert.match(drawn.text, /dnd: busy[^]*participant-joined/);
  drawn.press("End");
  drawn.send("Change", { role: "moderator" });
  drawn.send("Send", { type: "notice", data: "plain words" });
  await done();
  assert.deepEqual(asked.slice(-3).map(({ method, path, body }) => [method, path, body]), [
    ["DELETE", `${AT}/connections/c1`, undefined],
    ["PATCH", `${AT}/participants/p1`, { role: "moderator" }],
    ["POST", `${AT}/signals`, { to: "p1", type: "notice", data: "plain words" }],
  ]);
  answers[`GET ${AT}/participants/p1`] = 404;
  const gone = await draw(person, ID, "p1");
  assert.match(gone.text, /not in the session any more[^]*participant-joined/);
  assert.deepEqual(gone.buttons, ["Export as JSON", "Export as CSV"]);
});

test("a media server is drained, and one sees how far it is and who reaches it", async () => {
  const answers = { "GET /media-servers": { media_servers: [server({})] }, "GET /processes": PROCESSES };
  const { draw, asked, done } = world(answers);
  const up = await draw(mediaServers);
  assert.deepEqual(up.buttons, ["Cordon", "Drain", "Add"]);
  assert.equal(up.rows[1][6], "1 of 1");
  up.press("Drain");
  up.send("Add", { name: "kms-2", url: "ws://k" });
  await done();
  assert.deepEqual(asked.slice(-2).map(({ method, body }) => [method, body]), [["PATCH", { draining: true }], ["POST", { name: "kms-2", url: "ws://k" }]]);
  const look = async (sessions) => {
    answers["GET /media-servers"] = { media_servers: [server({ state: "draining", cordoned: true, sessions })] };
    return draw(mediaServers);
  };
  assert.match((await look(10)).text, /0 of 10 moved/);
  assert.match((await look(4)).text, /6 of 10 moved, 0 s to go/);
  const empty = await look(0);
  assert.match(empty.text, /is empty/);
  assert.deepEqual(empty.buttons, ["Uncordon", "Remove", "Add"]);
});

test("quotas: an operator sets them, a tenant's key sees its own alone", async () => {
  const list = { tenants: [TENANT], defaults: QUOTAS };
  const operator = world({ "GET /tenants": list, "GET /tenants/acme": TENANT });
  assert.deepEqual((await operator.draw(tenants)).rows.slice(1), [["acme", "5", "no bound"], ["all others", "5", "no bound"]]);
  const drawn = await operator.draw(quotas, "acme");
  assert.deepEqual(drawn.rows.slice(1), [["sessions", "5", "4", "its own", "As in the settings"], ["requests", "no bound", "-", "the settings'", ""]]);
  drawn.press("As in the settings");
  drawn.send("Set", { quota: "requests", bound: "2.5" });
  await operator.done();
  assert.deepEqual(operator.asked.slice(-2).map(({ method, path, body }) => [method, path, body]), [
    ["PATCH", "/tenants/acme", { quotas: { sessions: null } }],
    ["PATCH", "/tenants/acme", { quotas: { requests: 2.5 } }],
  ]);
  const tenant = world({ "GET /tenants/acme": TENANT });
  const asking = await tenant.draw(tenants);
  assert.match(asking.text, /for operators/);
  asking.send("Look", { tenant: "acme" });
  assert.deepEqual(tenant.went, ["tenant/acme"]);
  const own = await tenant.draw(quotas, "acme");
  assert.equal(own.rows[1][2], "4");
  assert.deepEqual(own.buttons, []);
});

const WHOLE = {
  ...CALL, "GET /overview": OVERVIEW, "GET /media-servers": { media_servers: [server({})] }, "GET /processes": PROCESSES, "GET /dead-letters": { dead_letters: [] },
  "GET /sessions": { sessions: [], next: null }, [`GET ${AT}/participants/p1`]: SEAT, [`GET ${AT}/connections`]: { connections: [] }, [`GET ${AT}/presence`]: { presence: [] },
  "GET /webhooks": { webhooks: [] }, "GET /webhooks/w1": { id: "w1", url: "https://x", state: "active", types: ["*"], reason: null, created_at: null },
  "GET /webhooks/w1/deliveries": { deliveries: [], next: null }, "GET /keys": { keys: [] }, "GET /tenants": { tenants: [], defaults: QUOTAS }, "GET /tenants/acme": TENANT,
  "GET /events": 503, "GET /faults": { servers: [], note: "" }, "GET /unreadable-documents": { documents: [], next: null },
};
const IDS = { session: [ID], person: [ID, "p1"], webhook: ["w1"], tenant: ["acme"] };

test("every view says the same as curl, JavaScript and Python, for everything that it asks", async () => {
  const { inOtherWords } = await import("../../../web/console/requests.js");
  for (const [name, { load }] of Object.entries(VIEWS)) {
    const { draw, context, asked } = world(WHOLE);
    for (const _ of [1, 2]) await draw(load, ...(IDS[name] ?? []));
    const said = [...context.requests.asked.values()];
    assert.ok(said.length, name);
    assert.deepEqual(new Set(said.map(({ path }) => path.split("?")[0])), new Set(asked.map(({ path }) => path)), name);
    for (const request of said) {
      for (const line of Object.values(inOtherWords(request, "http://h"))) assert.ok(line.includes(`http://h/v1${request.path}`), name);
    }
  }
});
