import assert from "node:assert/strict";
import { test } from "node:test";

import { Roster, follow } from "../../../web/sdk/roster.js";

const seat = (id, streams = []) => ({
  id, name: id, role: "publisher", state: "joined", metadata: {}, muted: { audio: false, video: false },
  streams: streams.map((connection_id) => ({ connection_id })),
});
const snapshot = (version, participants, more = {}) => ({ id: "s", status: "open", version, epoch: 1, participants, ...more });
const event = (version, type, data) => ({ id: `s:${version}`, type, session_id: "s", version, at: "", data });
const never = () => assert.fail("no snapshot was to be read");

function roster(...seats) {
  const made = new Roster();
  made.load(snapshot(5, seats));
  return made;
}

test("events in order need no snapshot", async () => {
  const known = roster(seat("ann"));
  const events = [
    event(6, "participant-joined", { participant: seat("bob") }),
    event(7, "stream-published", { participant_id: "bob", connection_id: "c1" }),
    event(8, "participant-reconnecting", { participant_id: "ann" }),
    event(9, "session-updated", { session: { id: "s", metadata: { topic: "x" }, version: 4 } }),
  ];
  for (const one of events) assert.equal(await follow(known, one, never), true);
  assert.deepEqual(known.streams("bob"), [{ connection_id: "c1" }]);
  assert.equal(known.participants.get("ann").state, "reconnecting");
  assert.deepEqual(known.session.metadata, { topic: "x" });
  assert.equal(known.version, 9);
});

test("a key that is set or taken away leaves the others alone", async () => {
  const known = roster(seat("ann"));
  await follow(known, event(6, "state-changed", { key: "a", value: 1, participant_id: "ann" }), never);
  await follow(known, event(7, "state-changed", { key: "b", value: [null], participant_id: null }), never);
  await follow(known, event(8, "session-updated", { session: { id: "s", metadata: {} } }), never);
  assert.deepEqual(known.session.state, { a: { value: 1, version: 6 }, b: { value: [null], version: 7 } });
  await follow(known, event(9, "state-changed", { key: "a", value: null, participant_id: null }), never);
  assert.deepEqual(known.session.state, { b: { value: [null], version: 7 } });
});

test("of everybody who is muted but some, those are not", async () => {
  const known = roster(seat("ann"), seat("bob"));
  await follow(known, event(6, "participants-muted", { media: ["audio"], but: ["bob"] }), never);
  assert.deepEqual(known.participants.get("ann").muted, { audio: true, video: false });
  assert.deepEqual(known.participants.get("bob").muted, { audio: false, video: false });
});

test("what the snapshot already contains is ignored", async () => {
  const known = roster(seat("ann"));
  assert.equal(await follow(known, event(5, "participant-left", { participant_id: "ann" }), never), false);
  assert.ok(known.participants.has("ann"));
});

test("a gap reads the snapshot, which then counts for the event too", async () => {
  const known = roster(seat("ann"));
  const changed = await follow(known, event(8, "participant-joined", { participant: seat("eve") }), async () =>
    snapshot(9, [seat("ann"), seat("bob")]),
  );
  assert.equal(changed, true);
  assert.deepEqual([...known.participants.keys()], ["ann", "bob"]);
  assert.equal(known.version, 9);
});

test("a snapshot that is behind is read again, and at last done without", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const known = roster(seat("ann"));
  let read = 0;
  const done = follow(known, event(9, "participant-joined", { participant: seat("bob") }), async () => {
    read++;
    return snapshot(6, [seat("ann")]);
  });
  for (let i = 0; i < 50; i++) {
    await Promise.resolve();
    t.mock.timers.tick(100);
  }
  await done;
  assert.equal(read, 4);
  assert.deepEqual([known.version, known.participants.has("bob")], [9, true]);
});

test("a lost media server ends every stream and starts an epoch", () => {
  const known = roster(seat("ann", ["c1"]), seat("bob", ["c2"]));
  known.apply(event(6, "media-lost", { epoch: 2, reason: "down" }));
  assert.equal(known.epoch, 2);
  assert.deepEqual([known.streams("ann"), known.streams("bob")], [[], []]);
});

test("an older snapshot does not turn time back", () => {
  const known = roster(seat("ann"));
  known.load(snapshot(4, []));
  assert.deepEqual([known.version, known.participants.size], [5, 1]);
});

test("connections count versions of their own", () => {
  assert.equal(Roster.counts(event(3, "connection-state", { connection_id: "c", state: "connected" })), false);
  assert.equal(Roster.counts(event(null, "signal", {})), false);
  assert.equal(Roster.counts(event(3, "media-ready", { epoch: 2 })), true);
});
