// @ts-check
/** Media servers: how full each is and who reaches it, cordoned, drained with its progress, removed, and added. */

import { make } from "../page/dom.js";
import { form } from "./forms.js";
import { action, badge, memory, row, span, table } from "./tables.js";

/** @typedef {import("./views.js").Context} Context */

/** @param {Context} context */
export async function mediaServers(context) {
  const { requests, doing, kept } = context;
  const { media_servers: all } = await requests.get("/media-servers");
  const serving = await requests.seldom(kept, "/processes");
  const reached = (/** @type {string} */ name) => serving?.wrappers.filter((/** @type {any} */ one) => one.media_servers.includes(name)).length;
  const rows = all.map((/** @type {any} */ one) => [
    one.name,
    badge(one.state),
    one.state === "draining" ? drained(progress(kept, one, performance.now())) : one.cordoned ? "cordoned" : "-",
    String(one.sessions),
    String(one.pipelines ?? "-"),
    memory(one.memory),
    serving ? `${reached(one.name)} of ${serving.wrappers.length}` : "-",
    one.detail || "-",
    acts(context, one),
  ]);
  const heads = ["Name", "State", "Placement", "Sessions", "Pipelines", "Memory", "Wrappers that reach it", "Detail", ""];
  const fields = [
    { name: "name", words: "Name", required: true, placeholder: "kurento-3" },
    { name: "url", words: "Address", required: true, placeholder: "ws://host:8888/kurento" },
  ];
  const add = form(fields, "Add", (body) => doing({ words: `Add ${body.name}`, act: () => requests.call("POST", "/media-servers", body) }));
  return [table(heads, rows, "No media server is known yet."), add];
}

/**
 * @param {Context} context
 * @param {any} one
 */
function acts({ requests, doing }, one) {
  const path = `/media-servers/${encodeURIComponent(one.name)}`;
  const change = (/** @type {string} */ words, /** @type {Record<string, boolean>} */ body) =>
    action(words, () => doing({ words: `${words} ${one.name}`, act: () => requests.call("PATCH", path, body) }));
  const buttons = [one.cordoned || one.state === "draining" ? change("Uncordon", { cordoned: false }) : change("Cordon", { cordoned: true })];
  if (one.state !== "draining") buttons.push(change("Drain", { draining: true }));
  if (!one.sessions) buttons.push(action("Remove", () => doing({ words: `Forget ${one.name}`, danger: true, act: () => requests.call("DELETE", path) }), "danger"));
  return row(...buttons);
}

/**
 * How far a draining has come since it was first seen here, and how long the rest takes at that pace.
 * @param {Map<string, any>} kept
 * @param {{name: string, sessions: number}} one
 * @param {number} now in milliseconds
 */
export function progress(kept, { name, sessions }, now) {
  const key = `draining ${name}`;
  const before = kept.get(key);
  // Nobody looked for a while: that may have been another draining.
  const from = before && now - before.seen < 30_000 && sessions <= before.of ? before : { of: sessions, since: now };
  kept.set(key, { ...from, seen: now });
  const moved = from.of - sessions;
  const pace = moved / Math.max(1, now - from.since);
  return { of: from.of, moved, seconds: moved && sessions ? sessions / pace / 1000 : null };
}

/** @param {{of: number, moved: number, seconds: number | null}} far */
function drained({ of, moved, seconds }) {
  const words = moved === of ? "is empty" : `${moved} of ${of} moved${seconds === null ? "" : `, ${span(seconds)} to go`}`;
  return row(make("progress", { max: String(Math.max(1, of)), value: String(of ? moved : 1), "aria-label": "moved" }), words);
}
