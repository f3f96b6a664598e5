// @ts-check
/** Tables, figures, facts and buttons, made of elements and texts that stay texts. */

import { make } from "../page/dom.js";
import { chart } from "./charts.js";

/**
 * @param {string[]} heads
 * @param {(Node | string)[][]} rows
 * @param {string} empty what is said when there is none
 */
export function table(heads, rows, empty) {
  if (!rows.length) return make("p", { class: "lead" }, empty);
  const head = make("tr", {}, ...heads.map((text) => (text ? make("th", { scope: "col" }, text) : make("td", {}))));
  const body = rows.map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, cell))));
  return make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Table" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)));
}

/**
 * @param {string} words
 * @param {string | number} value
 * @param {{points?: import("./charts.js").Point[], view?: string, rate?: string}} [more] `points` are drawn as a line; `view`: where
 *   there is more of it; `rate` stands beside the total
 */
export function figure(words, value, { points = [], view, rate = "" } = {}) {
  const name = make("span", {}, view ? to(view, words) : words, rate ? ` ${rate}` : "");
  const card = make("div", { class: "figure" }, make("b", {}, String(value)), name);
  if (points.length > 1) card.append(chart(words, points));
  return card;
}

/** @param {[string, Node | string | number | null | undefined][]} pairs */
export function facts(pairs) {
  const told = (/** @type {Node | string | number | null | undefined} */ value) => (typeof value === "object" && value ? value : String(value ?? "-"));
  return make("dl", {}, ...pairs.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, told(value)))));
}

/** @param {(Node | string)[]} parts beside each other */
export function row(...parts) {
  return make("span", { class: "row" }, ...parts);
}

/**
 * @param {string} words
 * @param {() => void} act
 * @param {string} [kind]
 */
export function action(words, act, kind = "") {
  return make("button", { type: "button", class: `small ${kind}`.trim(), onclick: act }, words);
}

/**
 * @param {string} view
 * @param {string} words
 */
export function to(view, words) {
  return make("a", { href: `#/${view}` }, words);
}

/** @param {string} state */
export function badge(state) {
  return make("span", { class: "badge", "data-state": state }, state);
}

/**
 * How long ago something was, in the largest unit.
 * @param {string | null} at
 * @param {number} [now]
 */
export function ago(at, now = Date.now()) {
  if (!at) return "-";
  return `${span(Math.max(0, (now - Date.parse(at)) / 1000))} ago`;
}

/** @param {number} seconds */
export function span(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}

/** @param {number} kib */
export function memory(kib) {
  return kib < 10_240 ? `${kib} KiB` : `${Math.round(kib / 1024)} MiB`;
}
