// @ts-check
/** Tables, figures and small charts, made of elements and texts that stay texts. */

import { make } from "../page/dom.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string[]} heads
 * @param {(Node | string)[][]} rows
 * @param {string} empty what is said when there is none
 */
export function table(heads, rows, empty) {
  if (!rows.length) return make("p", { class: "lead" }, empty);
  const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
  const body = rows.map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, cell))));
  return make("div", { class: "scroll" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)));
}

/**
 * @param {string} words
 * @param {string | number} value
 * @param {number[]} [history] drawn as a line
 */
export function figure(words, value, history = []) {
  const card = make("div", { class: "figure" }, make("b", {}, String(value)), make("span", {}, words));
  if (history.length > 1) card.append(line(history));
  return card;
}

/** @param {number[]} values oldest first */
function line(values) {
  const [width, height, most] = [120, 28, Math.max(1, ...values)];
  const at = (/** @type {number} */ value, /** @type {number} */ index) =>
    `${((index * width) / (values.length - 1)).toFixed(1)},${(height - 2 - (value / most) * (height - 4)).toFixed(1)}`;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("aria-hidden", "true");
  const drawn = document.createElementNS(SVG, "polyline");
  drawn.setAttribute("points", values.map(at).join(" "));
  svg.append(drawn);
  return svg;
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
  const seconds = Math.max(0, Math.round((now - Date.parse(at)) / 1000));
  if (seconds < 120) return `${seconds} s ago`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min ago`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h ago` : `${Math.round(seconds / 86_400)} d ago`;
}

/** @param {number} kib */
export function memory(kib) {
  return kib < 10_240 ? `${kib} KiB` : `${Math.round(kib / 1024)} MiB`;
}
