import assert from "node:assert/strict";
import { test } from "node:test";

import { audit } from "../../../web/console/audit.js";
import { Requests } from "../../../web/console/requests.js";
import { Drawn, world } from "./document.mjs";

const event = (id, more = {}) => ({ id, type: "participant-left", time: new Date().toISOString(), sessionid: "s", actor: "key:shop", data: {}, ...more });
const framed = (one) => `id: 1\ndata: ${JSON.stringify(one)}\n\n`;

/** An API whose stream of events says these parts, one after the other. */
function stream(...parts) {
  const asked = [];
  const encoder = new TextEncoder();
  const fetching = async (url) => {
    asked.push(new URL(url, "http://h"));
    return new Response(new ReadableStream({ start: (body) => (parts.forEach((one) => body.enqueue(encoder.encode(one))), body.close()) }));
  };
  const made = world({});
  return { ...made, context: { ...made.context, requests: new Requests("k", fetching) }, streamed: asked };
}

test("who did what is read to its end, once each, whatever parts it comes in", async () => {
  const text = `retry: 1000\n\n: \nevent: beat\ndata: {}\n\n${framed(event("1"))}${framed(event("1"))}${framed(event("old", { time: "2020-01-01T00:00:00Z" }))}${framed(event("2", { actor: "seat:ü" }))}event: complete\ndata: {}\n\n`;
  const bytes = [...text];
  const { context, streamed } = stream(...bytes);
  const drawn = new Drawn(await audit(context));
  assert.deepEqual(drawn.rows.slice(1).map((row) => [row[1], row[5]]), [["participant-left", "seat:ü"], ["participant-left", "key:shop"]]);
  assert.match(drawn.text, /2 events\./);
  assert.equal(streamed[0].searchParams.get("follow"), "false");
  await audit(context);
  assert.equal(streamed.length, 1);
});

test("it is asked of one type, one session, and with somebody in it", async () => {
  const { context, streamed, done } = stream(framed(event("1")), framed(event("2", { subject: "ann" })), "event: complete\ndata: {}\n\n");
  new Drawn(await audit(context)).send("Read", { back: "1 h", type: "media-lost", session: "s", who: "ann" });
  await done();
  assert.deepEqual(["type", "session"].map((name) => streamed[1].searchParams.get(name)), ["media-lost", "s"]);
  assert.equal(new Drawn(await audit(context)).rows.length, 2);
});

test("how long each failover lasted is told, session by session", async () => {
  const at = (second) => new Date(Date.now() - 60_000 + second * 1000).toISOString();
  const lost = (id, sessionid, type, second) => framed(event(id, { sessionid, type, time: at(second) }));
  const { context } = stream(lost("1", "a", "media-lost", 0), lost("2", "b", "media-lost", 1), lost("3", "a", "media-ready", 2), lost("4", "b", "media-ready", 4));
  assert.deepEqual(new Drawn(await audit(context)).rows.slice(1, 3).map((row) => [row[2], row[4]]), [["b", "back after 3.0 s"], ["a", "back after 2.0 s"]]);
});

test("what was cut off says so, and what is refused leaves the form there", async () => {
  assert.match(new Drawn(await audit(stream(framed(event("1"))).context)).text, /1 events; there are more/);
  const ended = 'event: end\ndata: {"status":503,"code":"unavailable","title":"Away"}\n\n';
  const drawn = new Drawn(await audit(stream(ended).context));
  assert.match(drawn.text, /Away/);
  assert.ok(drawn.buttons.includes("Read"));
});
