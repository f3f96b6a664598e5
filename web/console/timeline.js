// @ts-check
/** Timeline: what happened as a table, the newest first, with names for ids, and the buttons that export all of it. */

import { make } from "../page/dom.js";
import { exported } from "./exports.js";
import { lasted, namesIn } from "./story.js";
import { action, row, table, to } from "./tables.js";

/** @typedef {import("./story.js").SessionEvent} SessionEvent */

const MOST_ROWS = 200;
const HEADS = ["When", "What", "Whom", "For how long", "Who asked", "Request"];

/**
 * @param {SessionEvent[]} events oldest first, to be shown
 * @param {SessionEvent[]} all that are known, whose names are known by them
 * @param {string} session its id
 */
export function timeline(events, all, session) {
  const [names, spans] = [namesIn(all), lasted(all)];
  const seat = (/** @type {string | undefined} */ id) => (id && names.has(id) ? to(person(session, id), String(names.get(id))) : (id ?? "-"));
  const rows = events.slice(-MOST_ROWS).toReversed().map((one) => [
    make("time", { datetime: one.time, title: one.time }, new Date(one.time).toLocaleTimeString()),
    what(one),
    seat(one.subject),
    spans.get(one.id) ?? "",
    one.actor?.startsWith("seat:") ? seat(one.actor.slice(5)) : (one.actor ?? "-"),
    one.requestid ?? "-",
  ]);
  const shown = table(HEADS, rows, "Nothing is known of it.");
  if (events.length <= MOST_ROWS) return [shown];
  return [make("p", { class: "lead" }, `The last ${MOST_ROWS} of ${events.length}: all of them are in the exported file.`), shown];
}

/** @param {SessionEvent} event */
function what({ type, data }) {
  const why = data.problem?.code ?? data.reason ?? (data.source || null);
  return why ? `${type} (${why})` : type;
}

/**
 * The view of a seat.
 * @param {string} session
 * @param {string} seat
 */
export function person(session, seat) {
  return `person/${encodeURIComponent(session)}/${encodeURIComponent(seat)}`;
}

/**
 * @param {import("./views.js").Context} context
 * @param {{path: string, name: string, pick?: (events: any[]) => any[]}} what
 */
export function exportButtons(context, what) {
  const button = (/** @type {"JSON" | "CSV"} */ act) => action(`Export as ${act}`, () => context.doing({ words: `Export as ${act}`, act: () => exported(context, { act, ...what }) }));
  return row(button("JSON"), button("CSV"));
}
