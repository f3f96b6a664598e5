import assert from "node:assert/strict";
import { test } from "node:test";

import { Mailbox } from "../../../web/sdk/mailbox.js";
import { FakeLine, message, speech } from "./lines.mjs";
import { answer, hanging, problem, scripted, until } from "./support.mjs";

/** A mailbox that finds its own way; polls are answered with `polls`, and then hang. */
function finding({ polls = [], tickets = () => answer(201, { ticket: "k" }) } = {}) {
  FakeLine.made = [];
  const got = [];
  const changes = [];
  const reached = [];
  const { http, requests } = scripted(({ path, init }) => {
    if (path === "/messages/tickets") return tickets();
    return polls.shift()?.clone() ?? hanging(init.signal);
  });
  const box = new Mailbox(http, { token: "token-1" }, {
    deliver: (one) => void got.push(one.id),
    reachable: (yes) => reached.push(yes),
    changed: (transport) => changes.push(transport),
  });
  return { box, got, changes, reached, requests, run: box.run(), line: (n) => FakeLine.made[n] };
}

const opened = (n) => until(() => FakeLine.made.length === n);

test("a socket first, then a stream, then polls: each goes on where the last one ended, and no trouble is shown", async () => {
  const polls = [answer(200, { messages: [message("b"), message("c")], ack: "t-c" })];
  const { box, got, changes, reached, requests, run, line } = finding({ polls });
  await opened(1);
  assert.equal(line(0).url.protocol, "ws:");
  speech.websocket.gives(line(0), ["a"]);
  await until(() => got.length === 1);
  // It has worked, so the next one is a socket again, which something on the way does not let through any more.
  line(0).onclose({ code: 1006, reason: "" });
  await opened(2);
  assert.equal(line(1).url.protocol, "ws:");
  line(1).onclose({ code: 1006, reason: "" });
  await opened(3);
  assert.equal(line(2).url.pathname, "/v1/messages/stream");
  assert.equal(line(2).url.searchParams.get("ack"), "t-a");
  speech.sse.gives(line(2), ["b"]);
  await until(() => got.length === 2);
  speech.sse.ends(line(2));
  await opened(4);
  speech.sse.ends(line(3));
  await until(() => got.length === 3);
  assert.deepEqual(got, ["a", "b", "c"]);
  assert.deepEqual(changes, ["sse", "poll"]);
  assert.ok(!reached.includes(false));
  assert.equal(requests.find((one) => one.path === "/messages").query.get("ack"), "t-b");
  box.stop();
  await run;
});

test("a server that is away is no reason to change: its ticket is what fails, or it says so itself", async () => {
  let away = true;
  const tickets = () => (away ? problem(503, "unavailable") : answer(201, { ticket: "k" }));
  const { box, changes, reached, run, line } = finding({ tickets });
  await until(() => reached.includes(false));
  away = false;
  await opened(1);
  assert.equal(line(0).url.protocol, "ws:");
  speech.websocket.refuses(line(0), 503, "unavailable");
  await opened(2);
  assert.equal(line(1).url.protocol, "ws:");
  assert.deepEqual(changes, []);
  box.stop();
  await run;
});

test("a socket that opens and says nothing is left after 8 s, and tried again a minute later", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const turns = async (check) => {
    for (let turn = 0; turn < 200 && !check(); turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(check());
  };
  const { box, changes, run, line } = finding();
  await turns(() => FakeLine.made.length === 1);
  await new Promise((resolve) => setImmediate(resolve));
  context.mock.timers.tick(8_100);
  await turns(() => FakeLine.made.length === 2);
  assert.deepEqual([line(1).url.pathname, line(0).closed], ["/v1/messages/stream", true]);
  speech.sse.beats(line(1));
  for (let beat = 0; beat < 7; beat++) {
    await new Promise((resolve) => setImmediate(resolve));
    context.mock.timers.tick(10_000);
    speech.sse.beats(line(1));
  }
  await turns(() => FakeLine.made.length === 3);
  assert.deepEqual([line(2).url.pathname, changes], ["/v1/messages/socket", ["sse", "websocket"]]);
  box.stop();
  await run;
});

test("on another network the line is opened anew at once, and the best one is tried", async () => {
  const { box, changes, reached, run, line } = finding();
  await opened(1);
  line(0).onclose({ code: 1006, reason: "" });
  await opened(2);
  speech.sse.beats(line(1));
  speech.sse.gives(line(1), ["a"]);
  await until(() => reached.includes(true));
  box.hurry();
  await opened(3);
  assert.deepEqual([line(1).closed, line(2).url.pathname, changes], [true, "/v1/messages/stream", ["sse"]]);
  speech.sse.gives(line(2), ["b"]);
  await opened(4);
  assert.deepEqual([line(3).url.pathname, changes], ["/v1/messages/socket", ["sse", "websocket"]]);
  box.stop();
  await run;
});

test("a browser without sockets and streams polls", async () => {
  const { WebSocket, EventSource } = globalThis;
  globalThis.WebSocket = globalThis.EventSource = undefined;
  try {
    const { box, got, changes, run } = finding({ polls: [answer(200, { messages: [message("a")], ack: "t-a" })] });
    await until(() => got.length === 1);
    assert.deepEqual(changes, ["sse", "poll"]);
    box.stop();
    await run;
  } finally {
    Object.assign(globalThis, { WebSocket, EventSource });
  }
});

test("on another network a poll that is open is asked for again at once", async () => {
  const { WebSocket } = globalThis;
  globalThis.WebSocket = globalThis.EventSource = undefined;
  try {
    const { box, requests, run } = finding();
    const polls = () => requests.filter((one) => one.path === "/messages").length;
    await until(() => polls() === 1);
    box.hurry();
    await until(() => polls() === 2);
    box.stop();
    await run;
  } finally {
    Object.assign(globalThis, { WebSocket, EventSource: WebSocket });
  }
});
