// @ts-check
/** Overview: figures that the API counts, however many sessions there are, and which of these are in trouble. */

import { make } from "../page/dom.js";
import { ago, figure, table, to } from "./tables.js";

/** @typedef {import("./views.js").Context} Context */

const MOST_POINTS = 60;
const SELDOM = 15_000; // Milliseconds: these change seldom, and reading letters is the dearest of all.

/** @param {Context} context */
export async function overview({ requests, history, kept }) {
  const ask = (/** @type {string} */ path) => requests.get(path).catch((problem) => ([403, 404].includes(problem.status) ? null : Promise.reject(problem)));
  const [open, servers, letters] = await Promise.all([requests.get("/overview"), seldom(kept, "/media-servers", ask), seldom(kept, "/dead-letters", ask)]);
  const shown = (/** @type {string} */ words, /** @type {number} */ value, /** @type {string} */ text = String(value)) => {
    const values = [...(history.get(words) ?? []), value].slice(-MOST_POINTS);
    history.set(words, values);
    return figure(words, text, values);
  };
  const figures = [shown("open sessions", open.sessions), shown("people", open.people), shown("streams", open.streams), shown("sessions moved", open.moved)];
  if (servers) {
    const all = servers.media_servers;
    const up = all.filter((/** @type {any} */ one) => one.state !== "down").length;
    figures.push(shown("media servers up", up, `${up} of ${all.length}`));
  }
  if (letters) figures.push(shown("dead letters", letters.dead_letters.length));
  return [
    make("div", { class: "figures" }, ...figures),
    make("h2", {}, "Somebody is reconnecting"),
    table(HEADS, rows(open.reconnecting), "Everybody is connected."),
    make("h2", {}, "Moved to another media server"),
    table(HEADS, rows(open.most_moved), "No open session has lost its media server."),
  ];
}

/**
 * What was answered not long ago, or now.
 * @param {Map<string, any>} kept
 * @param {string} path
 * @param {(path: string) => Promise<any>} ask
 */
async function seldom(kept, path, ask) {
  const { at, answer } = kept.get(path) ?? { at: -Infinity, answer: null };
  if (performance.now() - at < SELDOM) return answer;
  const fresh = await ask(path);
  kept.set(path, { at: performance.now(), answer: fresh });
  return fresh;
}

const HEADS = ["Session", "People", "Epoch", "Made"];

/**
 * @param {any[]} all
 * @returns {(Node | string)[][]}
 */
function rows(all) {
  return all.map((one) => [
    to(`session/${one.id}`, one.custom_id ?? one.id),
    `${one.people}${one.reconnecting ? `, ${one.reconnecting} reconnecting` : ""}`,
    String(one.epoch),
    ago(one.created_at),
  ]);
}
