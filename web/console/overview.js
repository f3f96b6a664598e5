// @ts-check
/** Overview: figures that the API counts, however many sessions there are, over time, and which of these are in trouble. */

import { make } from "../page/dom.js";
import { remember } from "./charts.js";
import { ago, figure, span, table, to } from "./tables.js";

/** @typedef {import("./views.js").Context} Context */

/** @param {Context} context */
export async function overview({ requests, history, kept }) {
  // What changes seldom is asked for seldom; reading letters is the dearest of all.
  const [open, servers, letters, serving] = await Promise.all([
    requests.get("/overview"),
    ...["/media-servers", "/dead-letters", "/processes"].map((path) => requests.seldom(kept, path)),
  ]);
  const shown = (/** @type {string} */ words, /** @type {number} */ value, /** @type {string} */ text = String(value)) => figure(words, text, remember(history, words, value));
  const away = open.reconnecting.reduce((/** @type {number} */ sum, /** @type {any} */ one) => sum + one.reconnecting, 0);
  const figures = [
    shown("open sessions", open.sessions),
    shown("people", open.people),
    shown("streams", open.streams),
    shown("people reconnecting", away, `${away}${open.reconnecting.length < LISTED ? "" : " or more"}`),
    shown("sessions moved", open.moved),
  ];
  if (servers) {
    const all = servers.media_servers;
    const up = all.filter((/** @type {any} */ one) => one.state !== "down").length;
    figures.push(shown("media servers up", up, `${up} of ${all.length}`));
  }
  if (letters) figures.push(shown("dead letters", letters.dead_letters.length));
  if (serving) {
    const { messages, seconds, load } = waiting(serving);
    figures.push(shown("commands and letters waiting", messages), shown("longest wait", seconds, span(seconds)));
    figures.push(shown("CPU of all wrappers", load * 100, `${(load * 100).toFixed(1)} %`));
  }
  return [
    make("div", { class: "figures" }, ...figures),
    make("h2", {}, "Somebody is reconnecting"),
    table(HEADS, rows(open.reconnecting), "Everybody is connected."),
    make("h2", {}, "Moved to another media server"),
    table(HEADS, rows(open.most_moved), "No open session has lost its media server."),
  ];
}

const LISTED = 20;

/**
 * What waits in queues and outboxes, the longest of it, and how busy the wrappers are together.
 * @param {{wrappers: any[], queues: any[]}} serving
 */
export function waiting({ wrappers, queues }) {
  const full = queues.filter((one) => one.messages !== 0);
  return {
    messages: queues.reduce((sum, one) => sum + (one.messages ?? 0), 0),
    seconds: Math.max(0, ...full.map((one) => one.waiting_seconds)),
    load: wrappers.reduce((sum, one) => sum + (one.load ?? 0), 0),
  };
}

const HEADS = ["Session", "People", "Epoch", "Made"];

/**
 * @param {any[]} all
 * @returns {(Node | string)[][]}
 */
function rows(all) {
  return all.map((one) => [
    to(`session/${encodeURIComponent(one.id)}`, one.custom_id ?? one.id),
    `${one.people}${one.reconnecting ? `, ${one.reconnecting} reconnecting` : ""}`,
    String(one.epoch),
    ago(one.created_at),
  ]);
}
