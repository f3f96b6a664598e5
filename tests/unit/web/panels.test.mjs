import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { authorWords, messageText, receiverWords, receiversOf, unreadWords } from "../../../web/page/chat_words.js";
import { chosenIn } from "../../../web/page/devices.js";
import { Flows } from "../../../web/page/flows.js";
import { inOrder } from "../../../web/page/people.js";
import { SHORTCUTS, pressed } from "../../../web/page/shortcuts.js";
import { errorWords, participantWords, personWords, sharingWords } from "../../../web/page/texts.js";

const PAGE = new URL("../../../web/page/", import.meta.url);
const read = (name) => readFileSync(new URL(name, PAGE), "utf8");
const person = (id, more = {}) => ({
  id, name: id, self: false, role: "publisher", state: "joined", muted: { audio: false, video: false },
  presence: { show: "available", status: "", until: null }, hand_raised_at: null, ...more,
});

test("nothing that anybody said becomes markup", () => {
  for (const name of readdirSync(PAGE).filter((one) => one.endsWith(".js"))) {
    const text = read(name);
    assert.doesNotMatch(text, /outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/, name);
    for (const [, made] of text.matchAll(/innerHTML\s*=\s*([^;]*);/g)) assert.doesNotMatch(made, /\$\{|\+/, name);
  }
  assert.doesNotMatch(read("index.html"), / style=| on[a-z]+=|https?:\/\//);
});

test("what was written, by whom", () => {
  assert.equal(messageText({ data: { text: "hello" }, deleted: false }), "hello");
  assert.equal(messageText({ data: "hello", deleted: false }), "hello");
  assert.equal(messageText({ data: { n: 1 }, deleted: false }), '{"n":1}');
  assert.equal(messageText({ data: null, deleted: true }), "This message was deleted.");
  const names = new Map([["bob", "Bob"]]);
  assert.deepEqual(["me", "bob", "eve", null].map((one) => authorWords(one, "me", names)), [
    "You", "Bob", "Somebody who has left", "The server",
  ]);
  const alone = (to, from) => receiverWords({ to, from }, "me", names);
  assert.deepEqual([alone(["bob", "me"], "me"), alone(["bob", "me"], "bob"), alone(["role:moderator", "eve"], "me"), alone(["me"], "me")], [
    "to Bob alone", "to you alone", "to moderators, somebody who has left alone", "to nobody else alone",
  ]);
  const kept = [{ to: ["a"], data: { to: ["b"] } }, { to: null, data: { to: ["b"] } }, { to: null, data: { to: [1] } }, { to: null, data: null }];
  assert.deepEqual(kept.map(receiversOf), [["a"], ["b"], null, null]);
  assert.deepEqual([unreadWords(0), unreadWords(3)], ["Chat", "Chat, 3 unread"]);
});

test("people: how they are, raised hands first in their order", () => {
  assert.equal(personWords(person("ann")), "available");
  assert.equal(personWords(person("ann", { presence: { show: "dnd", status: "in a talk" }, muted: { audio: true } })), "do not disturb · in a talk · muted");
  assert.equal(personWords(person("ann", { state: "reconnecting", role: "moderator" })), "reconnecting · available · moderator");
  const late = person("late", { hand_raised_at: "2026-01-05T09:01:00Z" });
  const early = person("early", { hand_raised_at: "2026-01-05T09:00:00Z" });
  assert.deepEqual(inOrder([person("me"), person("bob"), late, early]).map((one) => one.id), ["early", "late", "me", "bob"]);
});

test("a key is a shortcut where nobody types, and nothing is held down with it", () => {
  const key = (one, more = {}) => ({ key: one, altKey: false, ctrlKey: false, metaKey: false, target: {}, ...more });
  assert.deepEqual([pressed(key("M")), pressed(key("?")), pressed(key("Escape"))], ["m", "?", "Escape"]);
  assert.equal(pressed(key("m", { ctrlKey: true })), null);
  assert.equal(pressed(key("m", { repeat: true })), null);
  for (const tagName of ["INPUT", "TEXTAREA", "SELECT"]) {
    assert.deepEqual([pressed(key("m", { target: { tagName } })), pressed(key("Escape", { target: { tagName } }))], [null, "Escape"]);
  }
  const html = read("index.html");
  for (const [, what, id] of SHORTCUTS) assert.ok(what && html.includes(`<button id="${id}"`), id);
  assert.equal(new Set(SHORTCUTS.map(([one]) => one)).size, SHORTCUTS.length);
});

test("what flows of a screen is not taken for what flows of a camera", () => {
  const flows = new Flows();
  const at = (camera, screen) => ({
    k1: { participant_id: "bob", bytes: 0, audioBytes: 0, framesDecoded: camera },
    k2: { participant_id: "bob", bytes: 0, audioBytes: 0, framesDecoded: screen },
  });
  flows.update(at(0, 0), 1000);
  flows.update(at(0, 15), 2000);
  assert.deepEqual([flows.of("k1").video, flows.of("k2").video], [false, true]);
});

test("each code of the API, and each way a screen is refused, is a sentence of our own with what to do", () => {
  const types = readFileSync(new URL("../sdk/index.d.ts", PAGE), "utf8");
  const [, union] = /type ErrorCode =([^;]*);/.exec(types);
  const codes = [...union.matchAll(/"([a-z-]+)"/g)].map(([, code]) => code);
  assert.ok(codes.length > 15);
  // What only a program that is wrong can bring about is told with the API's own title.
  const programs = ["bad-request", "method-not-allowed", "head-too-large", "unsupported-media-type", "stale-version", "key-reused"];
  for (const code of codes.filter((one) => !programs.includes(one))) {
    assert.doesNotMatch(errorWords({ code, title: "the title" }), /the title/, code);
  }
  for (const name of ["NotAllowedError", "NotFoundError", "NotReadableError", "OddError"]) {
    assert.match(sharingWords(new DOMException("own text", name)), /screen/);
    assert.doesNotMatch(sharingWords(new DOMException("own text", name)), /own text/);
  }
});

test("dark and light have the same colours to choose from", () => {
  const css = read("page.css");
  const [dark, light] = [...css.matchAll(/:root\s*\{([^}]*)\}/g)].map(([, block]) => new Set(block.match(/--[a-z-]+(?=:)/g)));
  assert.deepEqual([...light].sort(), [...dark].sort());
});

test("what is remembered of devices is taken only as it was written", () => {
  assert.deepEqual(chosenIn('{"camera":"c1","microphone":"m1","other":"x"}'), { camera: "c1", microphone: "m1" });
  for (const text of [null, "", "{", "[]", "5", "null", '{"camera":5}']) assert.deepEqual(chosenIn(text), {}, String(text));
});

test("of a picture that is paused here nobody says that it is on its way", () => {
  const bob = { ...person("Bob"), media: "connected", streams: [{ source: "camera", paused: true }] };
  assert.equal(participantWords(bob, { video: false, audio: true }), "Bob - connected, sending audio, picture paused");
  assert.equal(participantWords({ ...bob, streams: [] }, { video: true, audio: true }), "Bob - connected, sending video and audio");
});

test("the page names every module that it imports, so that none is found only when another has come", () => {
  const needed = new Set();
  const add = (url) => {
    if (needed.has(url.pathname)) return;
    needed.add(url.pathname);
    for (const [, name] of readFileSync(url, "utf8").matchAll(/^(?:import|export)\b[^;]*?"(\.[^"]*)";/gm)) add(new URL(name, url));
  };
  add(new URL("main.js", PAGE));
  const html = read("index.html");
  const named = [...html.matchAll(/<(?:link rel="modulepreload" href|script type="module" src)="([^"]*)">/g)].map(([, one]) => new URL(one, new URL("../", PAGE)).pathname);
  assert.ok(needed.size > 40);
  assert.deepEqual(named.sort(), [...needed].sort());
});
