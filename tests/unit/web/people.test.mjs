import assert from "node:assert/strict";
import { test } from "node:test";

import { mayMakeModerator, moderates } from "../../../web/page/moderation.js";
import { moderationWords, refusedWords } from "../../../web/page/moderation_words.js";
import { personWords } from "../../../web/page/texts.js";
import "./document.mjs";
import { answer, until } from "./support.mjs";
import { seat, world } from "./world.mjs";

const SOURCES = ["camera", "microphone", "screen", "screen_audio"];
const grants = (more) => ({ publish: SOURCES, subscribe: true, signal: true, chat: true, moderate: true, ...more });

const parts = new Map();
document.getElementById = (id) => parts.get(id) ?? parts.set(id, document.createElement("div")).get(id);
const { People } = await import("../../../web/page/people.js");
const buttons = () => parts.get("people-list").querySelectorAll("button").map((one) => one.textContent);
const press = (words) => parts.get("people-list").querySelectorAll("button").find((one) => one.textContent === words).listeners.click();

const MODERATING = ["Mute bob", "Make moderator: bob", "Remove bob"];

test("who is made a moderator has a moderator's buttons at once, and loses them at once", async () => {
  const { session, tell } = await world({ others: [seat("bob")] });
  const notices = [];
  const people = new People(session, (words) => notices.push(words));
  session.on("participants", ({ participants }) => people.show(participants));
  people.show(session.participants);
  assert.deepEqual([buttons(), parts.get("mute-all").hidden], [[], true]);
  tell("participant-updated", { participant: { ...seat("me"), role: "moderator", grants: null } });
  await until(() => buttons().length);
  assert.deepEqual([buttons(), parts.get("mute-all").hidden], [MODERATING, false]);
  tell("participant-updated", { participant: { ...seat("me"), role: "moderator", grants: grants({ moderate: false }) } });
  await until(() => !buttons().length);
  assert.equal(parts.get("mute-all").hidden, true);
  assert.deepEqual(notices, [true, false].map(moderationWords));
  people.close();
  await session.leave();
});

test("a moderator makes another, and takes that back; the button that was pressed stays where the keyboard is", async () => {
  const me = { ...seat("me"), role: "moderator" };
  const joined = { participant: me, token: "tok", ice_servers: [], session: { id: "s", status: "open", version: 1, epoch: 1, participants: [me, seat("bob")] } };
  const on = { "POST /participants": () => answer(201, joined), "PATCH /participants/bob": () => answer(200, {}) };
  const { session, tell, asked } = await world({ on });
  const people = new People(session, assert.fail);
  session.on("participants", ({ participants }) => people.show(participants));
  people.show(session.participants);
  press("Make moderator: bob");
  await until(() => asked("PATCH", "/participants/bob").length === 1);
  parts.get("people-list").querySelectorAll("button").find((one) => one.textContent === "Make moderator: bob").focus();
  tell("participant-updated", { participant: { ...seat("bob"), role: "moderator" } });
  await until(() => buttons().includes("Take moderation back from bob"));
  assert.equal(document.activeElement.textContent, "Take moderation back from bob");
  press("Take moderation back from bob");
  await until(() => asked("PATCH", "/participants/bob").length === 2);
  assert.deepEqual(asked("PATCH", "/participants/bob").map(({ body }) => body), ["moderator", "publisher"].map((role) => ({ role })));
  people.close();
  await session.leave();
});

test("who moderates is said by the grant, and by the role where there is none", () => {
  assert.deepEqual([{ role: "moderator" }, { role: "moderator", grants: null }, { role: "publisher", grants: grants() }].map(moderates), [true, true, true]);
  assert.deepEqual([undefined, { role: "publisher" }, { role: "moderator", grants: grants({ moderate: false }) }].map(moderates), [false, false, false]);
  const shown = { state: "joined", muted: { audio: false, video: false }, presence: null, hand_raised_at: null };
  assert.equal(personWords({ ...shown, role: "publisher", grants: grants() }), "available · moderator");
});

test("nobody is offered to make a moderator of whom that would take something from", () => {
  const mine = { role: "moderator" };
  const listening = { role: "subscriber", grants: grants({ publish: [] }) };
  const quiet = { role: "moderator", grants: grants({ chat: false }) };
  assert.equal(mayMakeModerator(mine, { role: "publisher" }), true);
  assert.equal(mayMakeModerator(mine, mine), false);
  assert.equal(mayMakeModerator({ role: "publisher" }, { role: "publisher" }), false);
  assert.deepEqual([{ role: "publisher" }, { role: "subscriber" }].map((one) => mayMakeModerator(listening, one)), [false, true]);
  assert.equal(mayMakeModerator(quiet, { role: "publisher" }), false);
  assert.equal(mayMakeModerator(quiet, { role: "publisher", grants: grants({ chat: false, moderate: false }) }), true);
});

test("what has become of oneself, and why something was refused, are sentences", () => {
  for (const words of [moderationWords(true), moderationWords(false), refusedWords({ code: "forbidden" })]) assert.match(words, /^[A-Z].*\.$/);
  assert.doesNotMatch(refusedWords({ code: "forbidden" }), /link|token/);
  assert.match(refusedWords({ code: "not-found" }), /does not exist/);
});
