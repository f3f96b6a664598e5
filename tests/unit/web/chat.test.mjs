import assert from "node:assert/strict";
import { test } from "node:test";

import { answer, problem, until } from "./support.mjs";
import { world } from "./world.mjs";

const old = (id, position, more = {}) => ({
  id, position, from: "bob", to: null, at: `2026-01-05T09:00:0${position}Z`, data: id, edited_at: null, deleted: false, ...more,
});
const page = (messages, next = null) => answer(200, { messages, next });
const said = (data) => ({ from: "bob", type: "chat", data });
const texts = (chat) => chat.messages.map((one) => (one.deleted ? "-" : one.data));

test("history and what follows it are one list, without gap or double", async () => {
  const gate = {};
  const opened = new Promise((resolve) => (gate.open = resolve));
  const { session, tell } = await world({
    on: { "GET /messages": async () => (await opened, page([old("h1", 1), { ...old("x", 2), id: "m1", data: "live" }], 1)) },
  });
  const { chat } = session;
  const loading = chat.load();
  tell("signal", said("live"), false); // m1, which the history has, too
  tell("signal", said("after"), false);
  await until(() => chat.messages.length === 2);
  gate.open();
  assert.equal(await loading, true);
  assert.deepEqual(texts(chat), ["h1", "live", "after"]);
  assert.deepEqual([chat.history, chat.more], [true, true]);
  await session.leave();
});

test("edits and deletions are folded, also those that come before what they are about", async () => {
  const gate = {};
  const opened = new Promise((resolve) => (gate.open = resolve));
  const { session, tell } = await world({ on: { "GET /messages": async () => (await opened, page([old("h1", 1), old("h2", 2)])) } });
  const { chat } = session;
  const loading = chat.load();
  tell("signal", { from: "bob", type: "chat-edit", data: { id: "h1", data: "h1, better" } }, false);
  tell("signal", { from: "eve", type: "chat-delete", data: { id: "h2" } }, false);
  tell("signal", said("one"), false); // m3
  tell("signal", { from: "bob", type: "chat-edit", data: { id: "m3", data: "two" } }, false);
  await until(() => texts(chat).includes("two"));
  gate.open();
  await loading;
  assert.deepEqual(texts(chat), ["h1, better", "-", "two"]);
  tell("signal", { from: "bob", type: "chat-delete", data: { id: "m3" } }, false);
  tell("signal", { from: "bob", type: "chat-edit", data: { id: "m3", data: "too late" } }, false);
  tell("signal", said("end"), false);
  await until(() => texts(chat).includes("end"));
  assert.deepEqual(texts(chat), ["h1, better", "-", "-", "end"]);
  assert.equal(chat.messages[1].data, null, "the words of what is deleted are gone here, too");
  await session.leave();
});

test("pages before go before, until there is none", async () => {
  const pages = [page([old("h3", 3), old("h4", 4)], 3), page([old("h1", 1), old("h2", 2)])];
  const { session, asked } = await world({ on: { "GET /messages": () => pages.shift() } });
  const { chat } = session;
  await chat.load(2);
  assert.equal(await chat.earlier(2), true);
  assert.deepEqual(texts(chat), ["h1", "h2", "h3", "h4"]);
  assert.deepEqual([chat.more, await chat.earlier()], [false, false]);
  const [, second] = asked("GET", "/sessions/s/messages");
  assert.deepEqual([second.query.get("before"), second.query.get("limit")], ["3", "2"]);
  await session.leave();
});

test("after a resync what was missed is read, in its place", async () => {
  const pages = [page([old("h1", 1)]), page([old("h1", 1), old("h2", 2), { ...old("m1", 3), data: "live" }])];
  const { session, tell } = await world({ on: { "GET /messages": () => pages.shift() } });
  const { chat } = session;
  await chat.load();
  tell("signal", said("live"), false);
  tell("resync-required", {}, false);
  await until(() => chat.messages.length === 3);
  assert.deepEqual(texts(chat), ["h1", "h2", "live"]);
  await session.leave();
});

test("a session that keeps nothing has what comes", async () => {
  const { session, tell, heard } = await world({ on: { "GET /messages": () => problem(409, "wrong-state") } });
  const { chat } = session;
  assert.deepEqual([await chat.load(), chat.history, chat.more], [false, false, false]);
  const heardOf = [];
  chat.on("message", (one) => heardOf.push(one.data));
  tell("signal", said("hello"), false);
  tell("signal", { from: "bob", type: "wave", data: 1 }, false);
  await until(() => heard.signals.length === 2);
  assert.deepEqual([texts(chat), heardOf], [["hello"], ["hello"]]);
  await session.leave();
});

test("what one says, edits and deletes", async () => {
  const on = { "POST /signals": () => answer(202, { id: "m9" }) };
  const { session, asked } = await world({ on });
  assert.equal(await session.chat.send("hello", { to: "bob" }), "m9");
  await session.chat.edit("m9", "hello!");
  await session.chat.delete("m9");
  assert.deepEqual(asked("POST", "/signals")[0].body, { type: "chat", data: "hello", to: "bob" });
  assert.deepEqual(asked("PATCH", "/messages/m9")[0].body, { data: "hello!" });
  assert.equal(asked("DELETE", "/messages/m9").length, 1);
  await session.leave();
});

test("presence is said as a whole, and who is nobody any more says nothing", async () => {
  const { session, asked } = await world();
  await session.setPresence({ show: "dnd", status: "in a talk", until: new Date("2026-01-05T09:30:00Z") });
  await session.setPresence({});
  await session.raiseHand();
  assert.deepEqual(asked("PATCH", "/participants/me").map((one) => one.body), [
    { presence: { show: "dnd", status: "in a talk", until: "2026-01-05T09:30:00.000Z" } },
    { presence: {} },
    { hand_raised: true },
  ]);
  await session.leave();
});
