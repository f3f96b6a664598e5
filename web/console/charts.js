// @ts-check
/** Charts: lines over time of what this page has asked for itself since it was opened, drawn as SVG. */

import { make } from "../page/dom.js";

/** @typedef {{at: number, value: number}} Point `at`: milliseconds since the page was opened */

const SVG = "http://www.w3.org/2000/svg";
const KEPT_MS = 15 * 60_000;
const MOST_POINTS = 400;
/** Nobody looked for so long: no line is drawn through what is not known. */
const GAP_MS = 40_000;
const [WIDTH, HEIGHT] = [160, 36];

/**
 * A figure as it is now, beside those of the last quarter of an hour.
 * @param {Map<string, Point[]>} history
 * @param {string} name
 * @param {number} value
 * @param {number} [now]
 */
export function remember(history, name, value, now = performance.now()) {
  const points = [...(history.get(name) ?? []), { at: now, value }].filter(({ at }) => now - at <= KEPT_MS).slice(-MOST_POINTS);
  history.set(name, points);
  return points;
}

/**
 * By how much it has changed within the last minute that was looked at, in words.
 * @param {Point[]} points
 */
export function perMinute(points) {
  const last = points[points.length - 1];
  const first = pieces(points).at(-1)?.find(({ at }) => last.at - at <= 60_000);
  if (!first || last.at - first.at < 10_000) return "";
  const change = Math.round(((last.value - first.value) * 60_000) / (last.at - first.at));
  return `(${change < 0 ? "" : "+"}${change} a minute)`;
}

/**
 * Points that belong to one line: looked at one soon after the other.
 * @param {Point[]} points
 */
export function pieces(points) {
  /** @type {Point[][]} */
  const found = [];
  for (const point of points) {
    const last = found.at(-1)?.at(-1);
    if (last && point.at - last.at <= GAP_MS) found.at(-1)?.push(point);
    else found.push([point]);
  }
  return found;
}

/**
 * What the line says, for who does not see it, and below it.
 * @param {Point[]} points
 */
export function spanWords(points) {
  const values = points.map(({ value }) => value);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const minutes = (points[points.length - 1].at - points[0].at) / 60_000;
  const time = minutes < 1 ? "the last minute" : `${Math.round(minutes)} min`;
  return least === most ? `${round(least)} in ${time}` : `${round(least)} to ${round(most)} in ${time}`;
}

/** @param {number} value */
function round(value) {
  return String(Math.round(value * 10) / 10);
}

/**
 * @param {string} words what it is a line of
 * @param {Point[]} points oldest first, two at least
 */
export function chart(words, points) {
  const [first, last] = [points[0].at, points[points.length - 1].at];
  const most = Math.max(1, ...points.map(({ value }) => value));
  const place = (/** @type {Point} */ { at, value }) =>
    `${(((at - first) * WIDTH) / Math.max(1, last - first)).toFixed(1)},${(HEIGHT - 2 - (value / most) * (HEIGHT - 4)).toFixed(1)}`;
  const svg = document.createElementNS(SVG, "svg");
  const said = spanWords(points);
  for (const [name, value] of [["viewBox", `0 0 ${WIDTH} ${HEIGHT}`], ["preserveAspectRatio", "none"], ["role", "img"], ["aria-label", `${words}: ${said}`]]) {
    svg.setAttribute(name, value);
  }
  for (const piece of pieces(points)) {
    const line = document.createElementNS(SVG, "polyline");
    line.setAttribute("points", piece.map(place).join(" "));
    svg.append(line);
  }
  return make("div", { class: "chart" }, svg, make("small", { "aria-hidden": "true" }, said));
}
