import assert from "node:assert/strict";
import { test } from "node:test";

import { asCsv, asJson, everyEvent } from "../../../web/console/exports.js";
import { Story, lasted, namesIn, storyOfSeat } from "../../../web/console/story.js";
import { Drawn, world } from "./document.mjs";
import { timeline } from "../../../web/console/timeline.js";

const at = (second) => new Date(Date.UTC(2026, 0, 5, 9, 0, second)).toISOString();
const event = (version, type, data = {}, more = {}) => ({
  id: `s:${version}`, type, time: at(version), sessionversion: version, subject: data.participant?.id ?? data.participant_id, data, ...more,
});
const joined = (version, id, name = id) => event(version, "participant-joined", { participant: { id, name } });
const refused = (second, id) => ({ id, type: "request-refused", time: at(second), data: { problem: { code: "forbidden" } } });

test("a story is read on from where it was, and what was told late stands in its place", async () => {
  const kept = [joined(1, "ann"), joined(2, "bob"), event(4, "media-lost")];
  const { context, asked } = world({ "GET /x/events": ({ query }) => ({ events: kept.filter((one) => (one.sessionversion ?? 99) > Number(query.get("after"))), next: null }) });
  const story = new Story();
  await story.follow(context.requests, "/x");
  kept.splice(2, 0, joined(3, "eve"), refused(3.5, "r"));
  kept.push(...Array.from({ length: 30 }, (_, index) => event(5 + index, "session-updated")));
  await story.follow(context.requests, "/x");
  await story.follow(context.requests, "/x");
  assert.deepEqual(story.events.map(({ id }) => id), ["s:1", "s:2", "s:3", "r", ...Array.from({ length: 31 }, (_, index) => `s:${index + 4}`)]);
  assert.deepEqual(asked.map(({ query }) => query.get("after")), ["0", "0", "14"]);
});

test("a long story is read a few pages at a time, and the newest of it is kept", async () => {
  const page = ({ query }) => {
    const after = Number(query.get("after"));
    const events = Array.from({ length: 500 }, (_, index) => event(after + index + 1, "session-updated"));
    return { events, next: after + 500 < 8000 ? after + 500 : null };
  };
  const { context, asked } = world({ "GET /x/events": page });
  const story = new Story();
  await story.follow(context.requests, "/x");
  assert.equal(asked.length, 4);
  assert.equal(story.isBehind, true);
  while (story.isBehind) await story.follow(context.requests, "/x");
  assert.equal(story.events.length, 5000);
  const versions = story.events.map((one) => one.sessionversion);
  assert.deepEqual(versions, Array.from({ length: 5000 }, (_, index) => versions[0] + index));
  assert.ok(versions.at(-1) >= 8000);
});

test("a person's story is its own, and what happened to everybody while it was there", () => {
  const events = [
    joined(1, "ann"), event(2, "media-lost"), joined(3, "bob"), event(4, "media-lost"), event(5, "participants-muted", { but: ["bob"] }),
    event(6, "participant-left", { participant_id: "bob", reason: "left" }), event(7, "media-lost"),
    event(8, "session-updated", {}, { actor: "seat:bob" }), event(9, "participants-muted", { but: [] }),
  ];
  assert.deepEqual(storyOfSeat(events, "bob").map((one) => one.sessionversion), [3, 4, 6, 8]);
  assert.deepEqual(storyOfSeat(events, "ann").map((one) => one.sessionversion), [1, 2, 4, 5, 7, 9]);
  assert.equal(namesIn([joined(1, "ann", "Ann"), joined(2, "bob", "")]).get("bob"), "Guest");
});

test("how long each trouble lasted is told where it ends", () => {
  const events = [
    event(0, "session-created"), joined(1, "ann"), event(2, "media-lost"), event(3, "participant-reconnecting", { participant_id: "ann" }),
    event(4, "media-lost"), event(5, "media-ready"), event(8, "participant-reconnected", { participant_id: "ann" }),
    event(9, "participant-reconnecting", { participant_id: "bob" }), event(10, "participant-reconnected", { participant_id: "ann" }),
    event(31, "participant-left", { participant_id: "ann" }), event(40, "session-closed"),
  ];
  assert.deepEqual([...lasted(events)], [["s:5", "back after 3.0 s"], ["s:8", "back after 5.0 s"], ["s:31", "was in for 30 s"], ["s:40", "was open for 40 s"]]);
});

test("a timeline has names for ids, says why, and how much of it is shown", () => {
  const events = [joined(1, "ann", "Ann"), event(2, "participant-left", { participant_id: "ann", reason: "kicked" }, { actor: "seat:ann" })];
  const drawn = new Drawn(timeline(events, events, "s"));
  assert.deepEqual(drawn.rows[1].slice(1), ["participant-left (kicked)", "Ann", "was in for 1.0 s", "Ann", "-"]);
  assert.equal(drawn.of("a")[0].getAttribute("href"), "#/person/s/ann");
  const many = Array.from({ length: 201 }, (_, index) => event(index, "session-updated"));
  assert.match(new Drawn(timeline(many, many, "s")).text, /The last 200 of 201/);
});

test("an export has every event once, page by page", async () => {
  const pages = { 0: { events: [joined(1, "ann"), refused(2, "r")], next: 1 }, 1: { events: [refused(2, "r"), joined(3, "bob")], next: null } };
  const { context } = world({ "GET /x/events": ({ query }) => pages[query.get("after")] });
  const counts = [];
  const { events, isWhole } = await everyEvent(context.requests, "/x", (count) => counts.push(count));
  assert.deepEqual([events.map(({ id }) => id), isWhole, counts], [["s:1", "r", "s:3"], true, [2, 3]]);
  assert.deepEqual(JSON.parse(asJson(events)), events);
  assert.deepEqual(JSON.parse(asJson([])), []);
});

test("a table of events stays a table, and is no formula, whatever anybody has said", () => {
  const lines = asCsv([event(1, "participant-left", { participant_id: "p", reason: 'a "b", c' }, { actor: "=HYPERLINK(1)", requestid: "-1", tenant: "a\nb" })]).split("\r\n");
  assert.equal(lines[0], "time,type,subject,actor,requestid,sessionid,sessionversion,tenant,id,source,data");
  assert.equal(lines.length, 3);
  assert.match(lines[1], /^2026-01-05T09:00:01.000Z,participant-left,p,'=HYPERLINK\(1\),'-1,,1,"a\nb",s:1,,/);
  assert.ok(lines[1].endsWith('"{""participant_id"":""p"",""reason"":""a \\""b\\"", c""}"'));
});
