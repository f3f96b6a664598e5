import assert from "node:assert/strict";
import { test } from "node:test";

import { Mailbox } from "../../../web/sdk/mailbox.js";
import { FakeLine as Fake, speech } from "./lines.mjs";
import { answer, problem, scripted, until } from "./support.mjs";

/** A mailbox on one transport whose tickets are answered with these, and then with good ones. */
function streaming(transport, tickets = []) {
  Fake.made = [];
  const got = [];
  const reached = [];
  const { http, requests } = scripted((_, n) => tickets[n]?.clone() ?? answer(201, { ticket: `k-${n}`, expires_in: 60 }));
  const box = new Mailbox(http, { token: "token-1" }, {
    transport,
    deliver: (one) => void got.push(one.id),
    reachable: (yes) => reached.push(yes),
  });
  return { box, got, reached, requests, run: box.run() };
}

for (const [transport, say] of Object.entries(speech)) {
  test(`${transport}: opened with a ticket, delivered in order, opened again with the last acknowledgement`, async () => {
    const { box, got, reached, requests, run } = streaming(transport);
    await until(() => Fake.made.length === 1);
    const [first] = Fake.made;
    assert.equal(first.url.pathname, say.path);
    assert.deepEqual([...first.url.searchParams], [["ticket", "k-0"]]);
    assert.deepEqual([requests[0].method, requests[0].path], ["POST", "/messages/tickets"]);
    assert.equal(requests[0].headers.Authorization, "Bearer token-1");
    say.beats(first);
    say.gives(first, ["a", "b"]);
    await until(() => got.length === 2);
    say.gives(first, ["b", "c"]);
    await until(() => got.length === 3);
    say.ends(first);
    await until(() => Fake.made.length === 2);
    assert.ok(first.closed);
    assert.deepEqual([...Fake.made[1].url.searchParams], [["ticket", "k-1"], ["ack", "t-c"]]);
    assert.deepEqual(got, ["a", "b", "c"]);
    assert.ok(!reached.includes(false), "it ended in peace");
    box.stop();
    assert.equal((await run).why, "stopped");
    assert.ok(Fake.made[1].closed);
  });

  test(`${transport}: a refusal ends it with its reason`, async () => {
    for (const [status, code, reason, why] of [
      [409, "poll-replaced", undefined, "replaced"],
      [410, "join-again", "kicked", "gone"],
    ]) {
      const { run } = streaming(transport);
      await until(() => Fake.made.length === 1);
      say.beats(Fake.made[0]);
      say.refuses(Fake.made[0], status, code, reason);
      const ending = await run;
      assert.deepEqual([ending.why, ending.reason ?? undefined], [why, reason]);
    }
  });

  test(`${transport}: one that never opens is tried again later, and a ticket refused says why`, async () => {
    const gone = problem(410, "join-again", { reason: "connection-lost" });
    const { reached, requests, run } = streaming(transport, [answer(201, { ticket: "k-0" }), gone]);
    await until(() => Fake.made.length === 1);
    say.ends(Fake.made[0]);
    const { why, reason } = await run;
    assert.deepEqual([why, reason, reached, requests.length], ["gone", "connection-lost", [false], 2]);
  });

  test(`${transport}: one that drains is opened elsewhere at once, one that only ever opens is not`, async () => {
    const { box, reached, run } = streaming(transport);
    await until(() => Fake.made.length === 1);
    say.gives(Fake.made[0], ["a"]);
    say.refuses(Fake.made[0], 503, "unavailable");
    await until(() => Fake.made.length === 2);
    assert.ok(!reached.includes(false));
    say.beats(Fake.made[1]);
    say.refuses(Fake.made[1], 503, "unavailable");
    await until(() => reached.includes(false));
    box.stop();
    await run;
  });
}

test("a socket acknowledges what was handed on, once", async () => {
  const { box, got, run } = streaming("websocket");
  await until(() => Fake.made.length === 1);
  const [socket] = Fake.made;
  speech.websocket.gives(socket, ["a", "b"]);
  await until(() => socket.sent.length === 1);
  assert.deepEqual(got, ["a", "b"]);
  speech.websocket.beats(socket);
  speech.websocket.gives(socket, ["c"]);
  await until(() => socket.sent.length === 2);
  assert.deepEqual(socket.sent, [{ ack: "t-b" }, { ack: "t-c" }]);
  assert.equal(socket.url.protocol, "ws:");
  box.stop();
  await run;
});

test("a line that says nothing for long is given up", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { box, run } = streaming("sse");
  for (let turn = 0; turn < 50 && !Fake.made.length; turn++) await new Promise((resolve) => setImmediate(resolve));
  speech.sse.gives(Fake.made[0], ["a"]);
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  context.mock.timers.tick(26_000);
  for (let turn = 0; turn < 50 && Fake.made.length < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(Fake.made[0].closed);
  assert.equal(Fake.made[1].url.searchParams.get("ack"), "t-a");
  box.stop();
  await run;
});
