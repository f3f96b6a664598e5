// A session on a scripted server: what the tests of the SDK's session start from.

import { Callplane } from "../../../web/sdk/index.js";
import { FakePeerConnection, answer, hanging, scripted } from "./support.mjs";

export const ICE = { candidate: "candidate:1 1 UDP 1 192.0.2.1 5000 typ host", sdpMid: "0" };
export const seat = (id, streams = []) => ({
  id, name: id, role: "publisher", state: "joined", metadata: {}, muted: { audio: false, video: false },
  streams: streams.map((connection_id) => ({ connection_id })),
});

/**
 * A session whose API answers connections `k1`, `k2`, … and whose mailbox is fed by `tell`.
 * `on` overrides the answer to a request by "METHOD path-end".
 */
export async function world({ others = [], mine = [], on = {}, join = true, options = {} } = {}) {
  FakePeerConnection.made.length = 0;
  const feed = { queue: [], wake: () => {}, version: 1, sent: 0, made: 0, ended: null };
  const participants = () => [seat("me", mine), ...others];
  const snapshot = (more = {}) => ({ id: "s", status: "open", version: 1, epoch: 1, participants: participants(), ...more });
  const mailbox = async ({ init }) => {
    while (!feed.queue.length && !feed.ended) {
      await Promise.race([new Promise((resolve) => (feed.wake = resolve)), hanging(init.signal)]);
    }
    if (!feed.queue.length) return feed.ended;
    return answer(200, { messages: feed.queue.splice(0), ack: `t${feed.sent}` });
  };
  const api = scripted((request) => {
    const { method, path } = request;
    if (path === "/messages") return mailbox(request);
    const name = `${method} ${path.replace("/sessions/s", "").replace(/\/k\d+/, "/k")}`;
    if (on[name]) return on[name](request, feed);
    if (name === "POST /participants") {
      return answer(201, { participant: seat("me"), token: "tok", ice_servers: [], session: snapshot() });
    }
    if (name === "GET ") return answer(200, snapshot());
    if (name === "POST /connections") return made(request, feed);
    return answer(method === "DELETE" ? 204 : 202, method === "DELETE" ? undefined : {});
  });
  const later = [];
  const fetchLater = (url, init) => void later.push({ url, ...init });
  const callplane = new Callplane({ baseUrl: "http://api.test", fetch: api.fetch, RTCPeerConnection: FakePeerConnection, fetchLater });
  const session = callplane.seat("s", { name: "me", transport: "poll", ...options });
  const heard = { states: [], errors: [], signals: [] };
  session.addEventListener("state", ({ detail }) => heard.states.push(detail.reason ? `${detail.state}: ${detail.reason}` : detail.state));
  session.addEventListener("error", ({ detail }) => heard.errors.push(detail.error.code));
  session.addEventListener("signal", ({ detail }) => heard.signals.push(detail));
  if (join) await session.join();
  const tell = (type, data, versioned = true) => {
    const version = versioned ? ++feed.version : null;
    feed.queue.push({ id: `m${++feed.sent}`, type, session_id: "s", version, at: "", data });
    feed.wake();
  };
  const asked = (method, end) => api.requests.filter((one) => one.method === method && one.path.endsWith(end));
  const offers = () => asked("POST", "/connections").map((one) => one.body);
  return { session, feed, tell, asked, offers, heard, later, requests: api.requests, pcs: FakePeerConnection.made, snapshot };
}

export function made({ body }, feed, epoch = 1) {
  const id = `k${++feed.made}`;
  return answer(201, { id, kind: body.kind, publisher: body.publisher ?? null, epoch, state: "ready", sdp_answer: `answer ${id}` });
}

/** Longer than anything that the SDK puts off on purpose. */
export const quiet = () => new Promise((resolve) => setTimeout(resolve, 120));

export const camera = () => new MediaStream([{ kind: "audio", enabled: true, stop() {} }, { kind: "video", enabled: true, stop() {} }]);
