// @ts-check
/** Graph: which person sends and receives by which connections, and on which media server; as a picture, and as a table. */

import { make } from "../page/dom.js";
import { badge, table, to } from "./tables.js";
import { person } from "./timeline.js";

/**
 * @typedef {{id: string, participant_id: string, kind: "publish" | "subscribe", publisher: string | null, state: string, epoch: number}} Link
 * @typedef {{epoch: number, media_server: string | null, connections: Link[], more: number}} Found
 * @typedef {{id: string, name: string}} Somebody
 */

const SVG = "http://www.w3.org/2000/svg";
/** People and connections that are drawn; of the others it is said how many there are. */
const PEOPLE = 20;
const LINKS = 60;
const [ROW, TOP, LEFT, MIDDLE, RIGHT, WIDTH] = [26, 20, 150, 400, 690, 860];

/**
 * @param {string} session its id
 * @param {Found} found
 * @param {Somebody[]} people in the order in which they are listed
 * @param {Map<string, any>} kept whether the table is open, from one drawing to the next
 * @returns {Node[]}
 */
export function graph(session, found, people, kept) {
  const names = new Map(people.map(({ id, name }) => [id, name]));
  const drawn = people.slice(0, PEOPLE);
  const known = new Set(drawn.map(({ id }) => id));
  const links = found.connections.filter((one) => known.has(one.participant_id)).slice(0, LINKS);
  const left = { people: people.length - drawn.length, links: found.connections.length + found.more - links.length };
  return [
    make("h2", {}, "Who is connected through what"),
    make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Picture" }, picture(found, { drawn, links, names })),
    ...(left.people || left.links ? [make("p", { class: "lead" }, `And ${left.people} more people, ${left.links} more connections.`)] : []),
    folded(kept, equivalent(session, found, names)),
  ];
}

/**
 * @param {Map<string, any>} kept
 * @param {Node} rows
 */
function folded(kept, rows) {
  const whole = make("details", kept.get("unfolded") ? { open: "" } : {}, make("summary", {}, "The same as a table"), rows);
  whole.addEventListener("toggle", () => kept.set("unfolded", whole.open));
  return whole;
}

/**
 * @param {string} session
 * @param {Found} found
 * @param {Map<string, string>} names
 */
function equivalent(session, { connections, media_server, epoch }, names) {
  const who = (/** @type {string} */ id) => to(person(session, id), names.get(id) ?? "Somebody who has left");
  const rows = connections.slice(0, LINKS * 5).map((one) => [
    who(one.participant_id),
    one.kind === "publish" ? "sends" : make("span", {}, "receives ", one.publisher ? who(one.publisher) : "somebody"),
    badge(one.state),
    one.epoch === epoch ? (media_server ?? "-") : "a media server before",
    one.id,
  ]);
  return table(["Who", "What", "State", "Media server", "Connection"], rows, "Nobody is connected.");
}

/**
 * @param {Found} found
 * @param {{drawn: Somebody[], links: Link[], names: Map<string, string>}} what
 */
function picture({ media_server, epoch }, { drawn, links, names }) {
  const height = TOP * 2 + Math.max(1, drawn.length, links.length) * ROW;
  const place = (/** @type {number} */ index, /** @type {number} */ of) => TOP + ((index + 0.5) * (height - 2 * TOP)) / Math.max(1, of);
  const rows = new Map(drawn.map(({ id }, index) => [id, place(index, drawn.length)]));
  const server = { x: RIGHT, y: height / 2 };
  const name = `${drawn.length} people, ${links.length} connections and ${media_server ?? "the media server"}; the table below says the same`;
  const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${height}`, width: WIDTH, height, class: "graph", role: "img", "aria-label": name });
  links.forEach((one, index) => {
    const y = place(index, links.length);
    const state = one.state === "ready" && one.epoch === epoch ? "ready" : "negotiating";
    svg.append(line({ x: LEFT, y: rows.get(one.participant_id) ?? y }, { x: MIDDLE - 90, y }, state));
    if (one.epoch === epoch) svg.append(line({ x: MIDDLE + 90, y }, server, state));
    const words = one.kind === "publish" ? "sends" : `receives ${names.get(one.publisher ?? "") ?? "somebody"}`;
    svg.append(text({ x: MIDDLE, y }, words, "middle"));
  });
  for (const { id, name: words } of drawn) svg.append(text({ x: LEFT - 8, y: rows.get(id) ?? 0 }, words, "end"));
  svg.append(text({ x: server.x + 8, y: server.y }, links.length ? (media_server ?? "media server") : "", "start"));
  return svg;
}

/** @typedef {{x: number, y: number}} Place */

/**
 * @param {Place} from
 * @param {Place} until
 * @param {string} state
 */
function line(from, until, state) {
  return element("line", { x1: from.x, y1: from.y, x2: until.x, y2: until.y, "data-state": state });
}

/**
 * @param {Place} at
 * @param {string} words
 * @param {string} anchor
 */
function text({ x, y }, words, anchor) {
  const made = element("text", { x, y: y + 5, "text-anchor": anchor });
  made.append(words.length > 20 ? `${words.slice(0, 19)}…` : words);
  return made;
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 */
function element(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
}
