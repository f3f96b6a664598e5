// @ts-check
/** One person in a session: its seat, its connections as their answers show them, and its own timeline. */

import { make } from "../page/dom.js";
import { client } from "./client.js";
import { form } from "./forms.js";
import { orNothing } from "./requests.js";
import { acts, signals, told } from "./session.js";
import { namesIn, storyOfSeat } from "./story.js";
import { action, ago, badge, facts, span, table, to } from "./tables.js";
import { exportButtons, person as personOf, timeline } from "./timeline.js";

/** @typedef {import("./views.js").Context} Context */

/**
 * @param {Context} context
 * @param {string} session
 * @param {string} id of the seat
 */
export async function person(context, session, id) {
  const { requests, kept } = context;
  const path = `/sessions/${encodeURIComponent(session)}`;
  const seat = await orNothing(requests.get(`${path}/participants/${encodeURIComponent(id)}`));
  const story = await told(context, path);
  const own = storyOfSeat(story?.events ?? [], id);
  if (!seat && !own.length) await requests.get(`${path}/participants/${encodeURIComponent(id)}`); // refused, in the API's words
  kept.set("every", seat ? 2 : 20);
  const names = namesIn(story?.events ?? []);
  return [
    make("p", { class: "row" }, to(`session/${encodeURIComponent(session)}`, "The session"), make("b", {}, seat?.name || names.get(id) || "Guest"), badge(seat?.state ?? "gone")),
    ...(seat ? await present(context, path, seat, names) : [make("p", { role: "status" }, "This person is not in the session any more.")]),
    make("h2", {}, "What happened"),
    exportButtons(context, { path, name: `callplane-person-${id}`, pick: (events) => storyOfSeat(events, id) }),
    ...timeline(own, story?.events ?? [], session),
  ];
}

/**
 * @param {Context} context
 * @param {string} path
 * @param {any} seat
 * @param {Map<string, string>} names
 */
async function present(context, path, seat, names) {
  const { requests, kept } = context;
  const { connections } = (await orNothing(requests.get(`${path}/connections?participant_id=${encodeURIComponent(seat.id)}`))) ?? { connections: [] };
  const presence = await requests.seldom(kept, `${path}/presence`, 10_000);
  const mine = presence?.presence.find((/** @type {any} */ one) => one.participant_id === seat.id);
  const mailbox = await requests.seldom(kept, `${path}/participants/${encodeURIComponent(seat.id)}/mailbox`, 4000);
  const muted = ["audio", "video"].filter((medium) => seat.muted[medium]).join(" and ") || "nothing";
  const says = [seat.presence.show, seat.presence.status].filter(Boolean).join(": ");
  return [
    acts(context, path, seat),
    facts([
      ["id", seat.id],
      ["role", seat.role],
      ["may", granted(seat.grants)],
      ["muted", muted],
      ["says it is", says],
      ["hand", seat.hand_raised_at ? `up, ${ago(seat.hand_raised_at)}` : "down"],
      ["asked for something last", ago(mine?.last_active_at ?? null)],
      ["messages", mailbox ? readBy(mailbox) : "-"],
      ["metadata", JSON.stringify(seat.metadata)],
    ]),
    make("h2", {}, "Connections"),
    table(HEADS, connections.map((/** @type {any} */ one) => shown(context, path, one, names)), "It sends nothing and receives nothing."),
    ...(connections.length ? [make("p", { class: "lead" }, QUALITY)] : []),
    ...(await client(context, `${path}/participants/${encodeURIComponent(seat.id)}`)),
    roles(context, path, seat),
    signals(context, path, seat),
  ];
}

/**
 * @param {Context} context
 * @param {string} path
 * @param {any} seat
 */
function roles({ requests, doing }, path, seat) {
  const field = { name: "role", words: "Role", options: ["subscriber", "publisher", "moderator"], value: seat.role };
  const change = (/** @type {string} */ role) => requests.call("PATCH", `${path}/participants/${encodeURIComponent(seat.id)}`, { role });
  return form([field], "Change", ({ role }) => doing({ words: `Make ${seat.name || "Guest"} ${role}`, act: () => change(role) }));
}

const QUALITY =
  "These are the media server's candidates, as its answer names them. The browser's own, the pair that was chosen and what is lost on the way " +
  "its client alone knows.";
const HEADS = ["Direction", "State", "Media", "Epoch", "Candidates", "Codecs", ""];

/**
 * @param {Context} context
 * @param {string} path
 * @param {any} one
 * @param {Map<string, string>} names
 */
function shown({ requests, doing }, path, one, names) {
  const { candidates, codecs } = inAnswer(one.sdp_answer ?? "");
  const words = one.kind === "publish" ? "End what it sends" : "End what it receives";
  return [
    one.kind === "publish" ? "sends" : make("span", {}, "receives ", to(personOf(sessionIn(path), one.publisher ?? ""), names.get(one.publisher) ?? "somebody")),
    badge(one.state),
    one.media?.join("+") ?? "-",
    String(one.epoch),
    make("ul", { class: "plain" }, ...(candidates.length ? candidates : ["none in the answer: they were told one by one"]).map((text) => make("li", {}, text))),
    codecs.join(", ") || "-",
    action("End", () => doing({ words, danger: true, act: () => requests.call("DELETE", `${path}/connections/${encodeURIComponent(one.id)}`) }), "danger"),
  ];
}

/**
 * @param {{engine: string, state: string, since: string, waiting: number | null}} mailbox
 * @param {number} [now] milliseconds
 */
export function readBy({ state, since, waiting }, now = Date.now()) {
  const read = `${state === "attached" ? "read" : "not read"} for ${span(Math.max(0, (now - Date.parse(since)) / 1000))}`;
  return `${read}; ${waiting === null ? "how many wait RabbitMQ alone knows" : `${waiting} at most not acknowledged`}`;
}

/** @param {string} path */
function sessionIn(path) {
  return decodeURIComponent(path.split("/")[2]);
}

/**
 * The server's candidates and codecs in an answer, each once (RFC 8839, 5.1; RFC 8866, 6.6).
 * @param {string} sdp
 */
export function inAnswer(sdp) {
  const found = sdp.matchAll(/^a=candidate:\S+ \d+ (\S+) \d+ (\S+) (\d+) typ (\S+)/gm);
  const codecs = sdp.matchAll(/^a=rtpmap:\d+ ([^/\s]+)/gm);
  return {
    candidates: [...new Set([...found].map(([, protocol, address, port, type]) => `${type} ${protocol.toLowerCase()} ${address.includes(":") ? `[${address}]` : address}:${port}`))],
    codecs: [...new Set([...codecs].map(([, name]) => name))],
  };
}

/** @param {any} grants */
function granted(grants) {
  if (!grants) return "what its role may";
  const other = ["subscribe", "signal", "chat", "moderate"].filter((name) => grants[name]);
  return [`publish ${grants.publish.join(", ") || "nothing"}`, ...other].join("; ");
}
