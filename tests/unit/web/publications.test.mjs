import assert from "node:assert/strict";
import { test } from "node:test";

import { answer, problem, until } from "./support.mjs";
import { camera, made, seat, world } from "./world.mjs";

class Track extends EventTarget {
  enabled = true;
  readyState = "live";
  constructor(kind) {
    super();
    this.kind = kind;
  }
  stop() {}
  ends() {
    this.readyState = "ended";
    this.dispatchEvent(new Event("ended"));
  }
}

test("two publish() at once: one is sent, and nothing after unpublish()", async () => {
  const { session, pcs, asked } = await world();
  const [first, second] = await Promise.all([session.publish(camera()), session.publish(camera())]);
  assert.equal(await first.ended, "replaced");
  assert.equal(session.publications.length, 1);
  assert.equal(session.publications[0], second);
  await session.unpublish();
  assert.equal(await second.ended, "stopped");
  const stopped = asked("DELETE", "").map((one) => one.path.split("/").at(-1));
  await until(() => pcs.every((pc) => pc.signalingState === "closed"));
  const offered = asked("POST", "/connections").map((_, n) => `k${n + 1}`);
  await until(() => offered.every((id) => asked("DELETE", `/${id}`).length === 1), String(stopped));
  await session.leave();
});

test("unpublish() right behind publish() leaves nothing", async () => {
  const { session, asked } = await world();
  const publishing = session.publish(camera());
  await session.unpublish();
  assert.equal(await (await publishing).ended, "stopped");
  assert.deepEqual(session.publications, []);
  await until(() => asked("POST", "/connections").length === asked("DELETE", "/connections/k1").length);
  await session.leave();
});

test("a camera and a screen at once, and the others are told which is which", async () => {
  const { session, asked, offers, pcs } = await world();
  await session.publish(camera());
  const screen = await session.publish(new MediaStream([new Track("video")]), { source: "screen", maxKbps: 900 });
  assert.deepEqual(offers().map((one) => one.kind), ["publish", "publish"]);
  assert.deepEqual(pcs[1].limits, [900_000]);
  await until(() => asked("PATCH", "/participants/me").length === 1);
  assert.deepEqual(asked("PATCH", "/participants/me")[0].body, { metadata: { sources: { [screen.connection_id]: "screen" } } });
  await session.update("me", { metadata: { team: "red" } });
  assert.deepEqual(asked("PATCH", "/participants/me")[1].body, {
    metadata: { team: "red", sources: { [screen.connection_id]: "screen" } },
  });
  await session.unpublish("screen");
  assert.deepEqual(session.publications.map((one) => one.source), ["camera"]);
  await until(() => asked("PATCH", "/participants/me").length === 3);
  assert.equal(asked("PATCH", "/participants/me")[2].body.metadata.sources, undefined);
  await session.leave();
});

test("of somebody with two streams each is received, and known by its source", async () => {
  const bob = { ...seat("bob", ["b1", "b2"]), metadata: { sources: { b2: "screen" } } };
  const { session, offers } = await world({ others: [bob] });
  await until(() => offers().length === 2);
  assert.deepEqual(offers().map((one) => one.stream), ["b1", "b2"]);
  const [, view] = session.participants;
  assert.deepEqual(view.streams.map(({ connection_id, source }) => [connection_id, source]), [["b1", "camera"], ["b2", "screen"]]);
  assert.equal(view.stream, view.streams[0].stream);
  await session.leave();
});

test("another track of its kind takes a track's place, muted as that was, and outlives a restart", async () => {
  const { session, pcs, offers } = await world();
  const publication = await session.publish(new MediaStream([new Track("audio"), new Track("video")]));
  await publication.mute({ video: true });
  const other = new Track("video");
  await publication.replaceTrack(other);
  assert.deepEqual([pcs[0].replaced, other.enabled, offers().length], [[other], false, 1]);
  assert.ok(publication.stream.getTracks().includes(other));
  await assert.rejects(publication.replaceTrack(new Track("text")), TypeError);
  await session.leave();
  assert.equal(await publication.ended, "left");
});

test("an unplugged device is told; with the last track the publication ends", async () => {
  const { session, asked } = await world();
  const [audio, video] = [new Track("audio"), new Track("video")];
  const publication = await session.publish(new MediaStream([audio, video]));
  const ended = [];
  publication.on("track-ended", ({ kind }) => ended.push(kind));
  video.ends();
  assert.deepEqual(ended, ["video"]);
  audio.ends();
  assert.equal(await publication.ended, "track-ended");
  await until(() => asked("DELETE", "/connections/k1").length === 1);
  assert.deepEqual(session.publications, []);
  await session.leave();
});

test("one that is refused ends, and may be tried again", async () => {
  let refusals = 1;
  const on = { "POST /connections": (request, feed) => (refusals-- > 0 ? problem(422, "invalid-sdp") : made(request, feed)) };
  const { session } = await world({ on });
  await assert.rejects(session.publish(camera()), { code: "invalid-sdp" });
  assert.deepEqual(session.publications, []);
  assert.equal((await session.publish(camera())).state, "connecting");
  await session.leave();
});

test("a screen is muted by itself, and nobody is told that the camera is", async () => {
  const { session, asked } = await world({ on: { "PATCH /participants/me": () => answer(200, {}) } });
  const track = new Track("video");
  const screen = await session.publish(new MediaStream([track]), { source: "screen" });
  await screen.mute();
  assert.equal(track.enabled, false);
  await screen.mute(false);
  assert.equal(track.enabled, true);
  assert.ok(asked("PATCH", "/participants/me").every((one) => !one.body.muted));
  await session.leave();
});

test("what others took away is not offered again, and what was lost is", async () => {
  const { session, tell, offers, asked } = await world();
  const publication = await session.publish(camera());
  tell("stream-unpublished", { participant_id: "me", connection_id: publication.connection_id, reason: "removed" });
  assert.equal(await publication.ended, "removed");
  assert.deepEqual(session.publications, []);
  const again = await session.publish(camera());
  tell("stream-unpublished", { participant_id: "me", connection_id: again.connection_id, reason: "failed" });
  tell("connection-state", { connection_id: again.connection_id, state: "failed" }, false);
  await until(() => offers().length === 3);
  assert.equal(session.publications[0], again);
  assert.equal(asked("DELETE", "/connections/k1").length, 0); // it is gone there already
  await session.leave();
});

test("an offer says what it is of, and the others know it by that", async () => {
  const { session, tell, offers } = await world({ others: [seat("bob")] });
  await session.publish(camera());
  await session.publish(new MediaStream([new Track("video")]), { source: "screen" });
  await session.publish(new MediaStream([new Track("video")]), { source: "whiteboard" });
  assert.deepEqual(offers().map((one) => one.source), [undefined, "screen", undefined]);
  tell("stream-published", { participant_id: "bob", connection_id: "b1", media: ["video"], source: "screen" });
  await until(() => offers().length === 4);
  assert.equal(session.participants[1].streams[0].source, "screen");
  await session.leave();
});
