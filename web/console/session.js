// @ts-check
/** One session: who is in it, what may be done to it, and what happened, also when it is over or gone. */

import { make } from "../page/dom.js";
import { form } from "./forms.js";
import { graph } from "./graph.js";
import { observe } from "./observer.js";
import { orNothing } from "./requests.js";
import { Story } from "./story.js";
import { action, ago, badge, facts, row, table, to } from "./tables.js";
import { exportButtons, person, timeline } from "./timeline.js";

/** @typedef {import("./views.js").Context} Context */

/**
 * @param {Context} context
 * @param {string} id
 */
export async function session(context, id) {
  const { requests, kept } = context;
  const path = `/sessions/${encodeURIComponent(id)}`;
  const one = await orNothing(requests.get(path));
  const story = await told(context, path);
  if (!one && !story?.events.length) await requests.get(path); // refused, in the API's words
  kept.set("every", one?.status === "open" ? 2 : 20);
  const bans = one?.status === "open" ? await requests.seldom(kept, `${path}/bans`, 10_000) : null;
  return [
    ...(one ? state(context, path, one) : [make("p", { class: "row" }, badge("gone"), "The session is not there any more; what happened in it is kept for some days.")]),
    ...(one?.status === "open" ? people(context, path, one) : []),
    ...(one?.status === "open" ? await connected(context, path, one) : []),
    ...banned(context, path, bans?.bans ?? []),
    make("h2", {}, "What happened"),
    ...(story
      ? [exportButtons(context, { path, name: `callplane-session-${id}` }), ...timeline(story.events, story.events, id)]
      : [make("p", { class: "lead" }, "What happened cannot be read just now.")]),
  ];
}

/**
 * The story that this view reads on, null where it may not or cannot be read.
 * @param {Context} context
 * @param {string} path of the session
 * @returns {Promise<Story | null>}
 */
export async function told({ requests, kept }, path) {
  if (!kept.has("story")) kept.set("story", new Story());
  const story = kept.get("story");
  return story.follow(requests, path).then(() => story, () => (story.events.length ? story : null));
}

/**
 * @param {Context} context
 * @param {string} path
 * @param {any} one
 */
function state(context, path, one) {
  const { requests, doing } = context;
  const over = one.status === "closed";
  const mute = action("Mute everybody", () => doing({ words: "Mute everybody", act: () => requests.call("POST", `${path}/mute`, { audio: true }) }));
  const close = action("Close the session", () => doing({ words: "Close the session for everybody", danger: true, act: () => requests.call("DELETE", path) }), "danger");
  const end = over ? [`It was closed ${ago(one.closed_at)} (${one.closed_because ?? "closed"}).`] : [mute, observe(context, one.id), close];
  /** @type {[string, string | number | null][]} */
  const after = over ? [["most people at once", one.peak_participants], ["minutes of all", one.participant_minutes === null ? null : one.participant_minutes.toFixed(1)]] : [];
  return [
    make("p", { class: "row", role: over ? "status" : "group", "aria-label": "State" }, badge(one.status), ...end),
    facts([["id", one.id], ["custom_id", one.custom_id], ["version", one.version], ["epoch", one.epoch], ["made", ago(one.created_at)], ...after]),
  ];
}

/**
 * @param {Context} context
 * @param {string} path
 * @param {any} one
 */
function people(context, path, one) {
  // Of hidden seats (a recorder, a supervisor) only keys and moderators are told.
  const hidden = (one.hidden ?? []).map((/** @type {any} */ seat) => ({ ...seat, role: `${seat.role}, hidden` }));
  const rows = [...one.participants, ...hidden].map((/** @type {any} */ seat) => [
    to(person(one.id, seat.id), seat.name || "Guest"),
    badge(seat.state),
    seat.role,
    [seat.muted.audio ? "muted" : "", seat.muted.video ? "no video" : "", seat.hand_raised_at ? "hand up" : ""].filter(Boolean).join(", ") || "-",
    seat.streams.map((/** @type {any} */ stream) => stream.source ?? stream.media?.join("+") ?? "stream").join(", ") || "-",
    acts(context, path, seat),
  ]);
  return [make("h2", {}, "People"), table(["Name", "State", "Role", "Says", "Sends", ""], rows, "Nobody is in it."), signals(context, path)];
}

/**
 * @param {Context} context
 * @param {string} path
 * @param {any} one
 */
async function connected({ requests, kept }, path, one) {
  const found = await requests.seldom(kept, `${path}/graph`, 5000);
  const seats = [...one.participants, ...(one.hidden ?? [])];
  return found ? graph(one.id, found, seats.map((/** @type {any} */ seat) => ({ id: seat.id, name: seat.name || "Guest" })), kept) : [];
}

/**
 * @param {Context} context
 * @param {string} path
 * @param {any} seat
 */
export function acts({ requests, doing }, path, seat) {
  const [at, name] = [`${path}/participants/${encodeURIComponent(seat.id)}`, seat.name || "Guest"];
  return row(
    action("Mute", () => doing({ words: `Mute ${name}`, act: () => requests.call("PATCH", at, { muted: { audio: true } }) })),
    action("Show out", () => doing({ words: `Show ${name} out, who may join again`, danger: true, act: () => requests.call("DELETE", `${at}?ban=false`) })),
    action("Remove", () => doing({ words: `Remove ${name} from the session`, danger: true, act: () => requests.call("DELETE", at) }), "danger"),
  );
}

/**
 * A signal by a form: the line of it stands among those of curl, JavaScript and Python then.
 * @param {Context} context
 * @param {string} path
 * @param {{id: string, name: string}} [seat] to whom; to everybody without one
 */
export function signals({ requests, doing }, path, seat) {
  const whom = seat ? seat.name || "Guest" : "everybody";
  const fields = [
    { name: "type", words: `Signal to ${whom}, of type`, required: true, placeholder: "notice" },
    { name: "data", words: "with", placeholder: '{"text": "Hello"}' },
  ];
  return form(fields, "Send", ({ type, data }) => {
    const body = { ...(seat ? { to: seat.id } : {}), type, data: parsed(data) };
    doing({ words: `Send ${type} to ${whom}`, act: () => requests.call("POST", `${path}/signals`, body) });
  });
}

/** @param {string} text JSON, or a text as it is */
function parsed(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return text;
  }
}

/**
 * @param {Context} context
 * @param {string} path
 * @param {any[]} bans
 */
function banned({ requests, doing, kept }, path, bans) {
  if (!bans.length) return [];
  const lift = (/** @type {any} */ one) => async () => {
    await requests.call("DELETE", `${path}/bans/${encodeURIComponent(one.identity)}`);
    kept.delete(`${path}/bans`);
  };
  const rows = bans.map((one) => [one.identity, one.reason, ago(one.at), action("Lift", () => doing({ words: `Let ${one.identity} join again`, act: lift(one) }))]);
  return [make("h2", {}, "May not join"), table(["Who", "Why", "Since", ""], rows, "")];
}
