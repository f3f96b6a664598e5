// @ts-check
/** Overview: figures that the API counts, however many sessions there are, over time, and which of these are in trouble. */

import { make } from "../page/dom.js";
import { perMinute, remember } from "./charts.js";
import { ago, figure, span, table, to } from "./tables.js";

/** @typedef {import("./views.js").Context} Context */

/** @param {Context} context */
export async function overview({ requests, history, kept }) {
  // What changes seldom is asked for seldom; reading letters is the dearest of all.
  const [open, servers, letters, serving] = await Promise.all([
    requests.get("/overview"),
    ...["/media-servers", "/dead-letters", "/processes"].map((path) => requests.seldom(kept, path)),
  ]);
  /** @type {Shown} */
  const shown = (words, value, { text = String(value), view, rate = false } = {}) => {
    const points = remember(history, words, value);
    return figure(words, text, { points, view, rate: rate ? perMinute(points) : "" });
  };
  const away = open.reconnecting.reduce((/** @type {number} */ sum, /** @type {any} */ one) => sum + one.reconnecting, 0);
  const figures = [
    shown("open sessions", open.sessions, { view: "sessions", rate: true }),
    shown("people", open.people, { view: "sessions", rate: true }),
    shown("streams", open.streams, { rate: true }),
    shown("people reconnecting", away, { text: `${away}${open.reconnecting.length < LISTED ? "" : " or more"}` }),
    shown("sessions moved", open.moved),
  ];
  if (servers) {
    const all = servers.media_servers;
    const up = all.filter((/** @type {any} */ one) => one.state !== "down").length;
    figures.push(shown("media servers up", up, { text: `${up} of ${all.length}`, view: "media-servers" }));
  }
  if (letters) figures.push(shown("dead letters", letters.dead_letters.length, { view: "dead-letters" }));
  if (serving) figures.push(...ofProcesses(serving, shown));
  return [
    make("div", { class: "figures" }, ...figures),
    make("h2", {}, "Somebody is reconnecting"),
    table(HEADS, rows(open.reconnecting), "Everybody is connected."),
    make("h2", {}, "Moved to another media server"),
    table(HEADS, rows(open.most_moved), "No open session has lost its media server."),
  ];
}

const LISTED = 20;

/** @typedef {(words: string, value: number, more?: {text?: string, view?: string, rate?: boolean}) => HTMLElement} Shown */

/**
 * @param {any} serving
 * @param {Shown} shown
 */
function ofProcesses(serving, shown) {
  const view = "processes";
  const { messages, seconds, load } = waiting(serving);
  const { rate, slowest } = answering(serving.pods);
  const owed = (/** @type {string} */ name) => serving.queues.find((/** @type {any} */ one) => one.name === `${name} of sessions`)?.waiting_seconds ?? 0;
  const last = serving.last_failover;
  return [
    shown("commands a second", rate, { text: rate.toFixed(1), view }),
    shown("ms for 99 % of them, in the slowest pod", slowest ?? 0, { text: slowest === null ? "-" : String(Math.round(slowest)), view }),
    shown("commands and letters waiting", messages, { view }),
    shown("longest wait", seconds, { text: span(seconds), view }),
    shown("oldest event untold", owed("outbox"), { text: span(owed("outbox")), view }),
    shown("oldest chore undone", owed("chores"), { text: span(owed("chores")), view }),
    shown("CPU of all wrappers", load * 100, { text: `${(load * 100).toFixed(1)} %`, view }),
    last
      ? figure(`last failover, ${ago(last.at)}: the slowest of ${last.sessions}`, `${last.seconds.toFixed(1)} s`, { view: `session/${encodeURIComponent(last.session_id)}` })
      : figure("last failover: none is known", "-"),
  ];
}

/**
 * What pods have answered of late: together, and within what time 99 of 100 where that took longest.
 * @param {{commands_per_second: number | null, p99_ms: number | null}[]} pods
 */
export function answering(pods) {
  const times = pods.flatMap(({ p99_ms }) => (p99_ms === null ? [] : [p99_ms]));
  return { rate: pods.reduce((sum, one) => sum + (one.commands_per_second ?? 0), 0), slowest: times.length ? Math.max(...times) : null };
}

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
