import assert from "node:assert/strict";
import { test } from "node:test";

import { Flows, outgoing } from "../../../web/page/flows.js";
import { columns, tileWidth } from "../../../web/page/layout.js";
import { beforeClick, linkTo, readOptions, readRoom, shared } from "../../../web/page/options.js";
import { againWords, errorWords, insecureWords, participantWords, stateWords, untakenWords, watchingWords } from "../../../web/page/texts.js";

const ID = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";

test("the address says which call, by query or by fragment", () => {
  const all = readOptions({ search: "?session=standup&name=Ann&source=synthetic&auto=1", hash: "#access_token=jwt" });
  assert.deepEqual(all, { room: "standup", name: "Ann", source: "synthetic", auto: true });
  assert.equal(readOptions({ search: "", hash: "#standup" }).room, "standup");
  assert.equal(readOptions({ search: "", hash: "#session=standup&name=Bob" }).name, "Bob");
  assert.equal(readOptions({ search: "?session=standup&role=subscriber", hash: "" }).role, "subscriber");
  assert.equal("role" in readOptions({ search: "?role=king", hash: "" }), false);
  assert.deepEqual(readOptions({ search: "", hash: "" }), { room: "", name: "", source: null, auto: false });
});

test("without a click a link sends the synthetic picture and nothing else", () => {
  const first = (search, chosen) => {
    const options = readOptions({ search, hash: "" });
    return beforeClick(options, options.source ?? chosen);
  };
  assert.equal(first("?session=x&source=synthetic&auto=1", "camera"), "join");
  assert.equal(first("?session=x&source=camera&auto=1", "synthetic"), "ask");
  assert.equal(first("?session=x&source=microphone&auto=1", "camera"), "ask");
  assert.equal(first("?session=x&auto=1", "camera"), "ask");
  assert.equal(first("?session=x&auto=1", ""), "ask");
  for (const source of ["synthetic", "camera"]) assert.equal(first(`?session=x&source=${source}`, source), "wait");
});

test("a copied link holds the token of one run, and nobody's own", () => {
  assert.equal(shared("http://localhost:8080/?session=x", "open-abc"), "http://localhost:8080/?session=x#access_token=open-abc");
  assert.equal(shared("http://localhost:8080/?session=x", "eyJ.a.b"), "http://localhost:8080/?session=x");
  assert.equal(shared("http://localhost:8080/?session=x", null), "http://localhost:8080/?session=x");
});

test("a call is a link, an id, a name of one's own or new", () => {
  assert.deepEqual(readRoom(`https://calls.example/?session=${ID}`), { id: ID });
  assert.deepEqual(readRoom(ID.toUpperCase()), { id: ID });
  assert.deepEqual(readRoom(" team stand-up "), { custom_id: "team-stand-up" });
  assert.equal(readRoom("  "), null);
});

test("the link to send around carries neither name nor token", () => {
  const page = "http://localhost:8080/?session=x&name=Ann&auto=1#access_token=jwt";
  assert.equal(linkTo(page, { id: ID, custom_id: null }), `http://localhost:8080/?session=${ID}`);
  assert.equal(linkTo(page, { id: ID, custom_id: "standup" }), "http://localhost:8080/?session=standup");
});

const ann = { name: "Ann", self: false, state: "joined", media: "connected", muted: { audio: false, video: false } };
const both = { video: true, audio: true, numbers: "" };

test("one line tells how somebody is", () => {
  assert.equal(participantWords(ann, both), "Ann - connected, sending video and audio");
  assert.equal(participantWords({ ...ann, self: true }, both), "Ann (you) - connected, sending video and audio");
  assert.equal(participantWords(ann, { ...both, video: false }), "Ann - connected, sending audio");
  assert.equal(
    participantWords({ ...ann, muted: { audio: true, video: false } }, both),
    "Ann - connected, sending video, muted",
  );
  const hand = { hand_raised_at: "2026-01-05T09:00:00Z", presence: { show: "dnd", status: "$x", until: null } };
  assert.equal(
    participantWords({ ...ann, ...hand }, both),
    "Ann - connected, sending video and audio, hand raised, do not disturb, $x",
  );
  assert.equal(participantWords({ ...ann, media: "none" }, both), "Ann - connected, sending nothing");
  assert.equal(participantWords({ ...ann, media: "reconnecting" }, both), "Ann - reconnecting");
  assert.equal(participantWords({ ...ann, name: "", state: "reconnecting" }, both), "Guest - reconnecting");
});

test("who is connected again is told after how long", () => {
  assert.equal(againWords(1438), "Connected again after 1.4 s");
});

test("whatever is wrong with the devices is told in our words, and one may watch", () => {
  for (const name of ["NotAllowedError", "NotFoundError", "NotReadableError", "AbortError", "OverconstrainedError", "OddError"]) {
    const words = watchingWords(new DOMException("the browser's own text", name));
    assert.match(words, /[Cc]amera.* Until then you watch and listen\.$/);
    assert.doesNotMatch(words, /own text/);
  }
});

test("what the server does not take is told, and is not shown as sent", () => {
  assert.equal(untakenWords(["audio", "video"], ["audio", "video"]), null);
  assert.equal(untakenWords(["audio"], ["audio"]), null);
  assert.match(untakenWords(["audio", "video"], ["audio"]), /picture/);
  assert.match(untakenWords(["audio", "video"], []), /neither/);
  const track = (kind) => ({ kind, enabled: true, readyState: "live" });
  const stream = { getTracks: () => [track("audio"), track("video")] };
  assert.deepEqual(outgoing({ stream, media: "connected", sends: ["audio"] }), { audio: true, video: false, numbers: "" });
});

test("errors say what to do", () => {
  assert.match(errorWords({ code: "session-full", title: "x" }), /full/);
  assert.doesNotMatch(errorWords(new TypeError("x is undefined")), /undefined/); // the browser's own text is for nobody
  assert.equal(errorWords({ code: "odd", title: "Odd thing." }), "Odd thing. Try again.");
  assert.match(insecureWords({ isSecureContext: false, location: { port: "8080" }, devices: false }), /localhost:8080/);
  assert.equal(insecureWords({ isSecureContext: true, location: { port: "" }, devices: true }), null);
  assert.match(stateWords("reconnecting", "media-lost"), /media server/);
  assert.equal(stateWords("closed", "an own reason"), "The call has ended.");
});

test("flows are what arrived since the last look", () => {
  const flows = new Flows();
  const at = (bytes, audioBytes, framesDecoded) => ({ c1: { participant_id: "bob", bytes, audioBytes, framesDecoded } });
  flows.update(at(1000, 0, 0), 1000);
  assert.deepEqual(flows.of("bob"), { video: false, audio: false, numbers: "" });
  flows.update(at(126_000, 4000, 20), 2000);
  assert.deepEqual(flows.of("bob"), { video: true, audio: true, numbers: "20 fps · 1000 kbit/s" });
  flows.update(at(126_000, 4000, 20), 3000);
  assert.deepEqual(flows.of("bob"), { video: false, audio: false, numbers: "" });
  flows.update({}, 4000);
  assert.equal(flows.of("bob").video, false);
});

test("tiles are as wide as they can be", () => {
  assert.equal(tileWidth(1, 1200, 600), Math.floor(((600 - 44) * 16) / 9));
  assert.equal(tileWidth(2, 1200, 600), 594);
  assert.ok(tileWidth(4, 1200, 600) < 594);
  assert.equal(tileWidth(50, 1200, 600), 220);
  assert.equal(tileWidth(3, 200, 600), 200);
  assert.deepEqual([columns(594, 1200), columns(595, 1200), columns(350, 350)], [2, 1, 1]);
});
