// @ts-check
/** Audit: who did what in all sessions that a key reaches, for some time back, found and exported. */

import { make } from "../page/dom.js";
import { save } from "./exports.js";
import { form } from "./forms.js";
import { Problem } from "./requests.js";
import { lasted } from "./story.js";
import { action, row, table, to } from "./tables.js";
import { person } from "./timeline.js";

/**
 * @typedef {import("./views.js").Context} Context
 * @typedef {{back: string, type: string, session: string, who: string}} Question `who`: in whom it is about, or who asked
 * @typedef {{events: Record<string, any>[], isWhole: boolean, why?: string}} Found
 */

const BACK = new Map([["15 min", 15], ["1 h", 60], ["6 h", 360], ["24 h", 1440], ["7 d", 10_080]]);
const MOST = 20_000;
const MOST_ROWS = 200;
const HEADS = ["When", "What", "Session", "Whom", "For how long", "Who asked", "Request", "Tenant"];

/** @param {Context} context */
export async function audit(context) {
  const { requests, kept, doing } = context;
  /** @type {Question} */
  const question = kept.get("question") ?? { back: "15 min", type: "", session: "", who: "" };
  if (!kept.has("found")) kept.set("found", await found(requests, question).catch(excused));
  const { events, isWhole, why } = /** @type {Found} */ (kept.get("found"));
  const fields = [
    { name: "back", words: "The last", options: [...BACK.keys()], value: question.back },
    { name: "type", words: "of type", placeholder: "participant-left", value: question.type },
    { name: "session", words: "in session", placeholder: "id", value: question.session },
    { name: "who", words: "with", placeholder: "key:shop", value: question.who },
  ];
  const ask = form(fields, "Read", (values) => {
    const asked = /** @type {Question} */ (values);
    doing({ words: "Read", act: async () => kept.set("question", asked).set("found", await found(requests, asked, context.say)) });
  });
  const file = (/** @type {"JSON" | "CSV"} */ kind) => action(`Export as ${kind}`, () => save("callplane-audit", kind, events));
  const spans = lasted(/** @type {import("./story.js").SessionEvent[]} */ (events));
  const count = `${events.length} events${events.length > MOST_ROWS ? `, of which the last ${MOST_ROWS} are shown` : ""}${isWhole ? "" : "; there are more: ask for less time, or read them by the API"}.`;
  return [
    ask,
    row(file("JSON"), file("CSV"), make("span", { class: "lead" }, why ?? count)),
    table(HEADS, events.slice(-MOST_ROWS).toReversed().map((one) => shown(one, spans)), "Nothing has happened."),
  ];
}

/**
 * A view whose form is not shown could not be asked again.
 * @param {unknown} error
 * @returns {Found}
 */
function excused(error) {
  if (!(error instanceof Problem) || [401, 403].includes(error.status)) throw error;
  return { events: [], isWhole: false, why: error.message };
}

/**
 * @param {Record<string, any>} one
 * @param {Map<string, string>} spans
 */
function shown(one, spans) {
  return [
    make("time", { datetime: one.time }, new Date(one.time).toLocaleString()),
    one.data.problem?.code ? `${one.type} (${one.data.problem.code})` : one.type,
    one.sessionid ? to(`session/${encodeURIComponent(one.sessionid)}`, one.sessionid) : "-",
    one.subject && one.sessionid && one.type.startsWith("participant") ? to(person(one.sessionid, one.subject), one.subject) : String(one.subject ?? "-"),
    spans.get(one.id) ?? "",
    ...["actor", "requestid", "tenant"].map((name) => String(one[name] ?? "-")),
  ];
}

/**
 * Read the stream of events up to the newest that there is.
 * @param {Context["requests"]} requests
 * @param {Question} question
 * @param {(words: string) => void} [say]
 * @returns {Promise<Found>}
 */
export async function found(requests, { back, type, session, who }, say = () => {}) {
  const from = new Date(Date.now() - (BACK.get(back) ?? 15) * 60_000).toISOString();
  const query = new URLSearchParams({ from, follow: "false", ...(type ? { type } : {}), ...(session ? { session } : {}) });
  /** @type {Map<string, Record<string, any>>} an event may come twice */
  const events = new Map();
  for await (const { name, data } of frames(requests.parts(`/events?${query}`))) {
    if (name === "complete") return { events: [...events.values()], isWhole: true };
    if (name === "end") throw new Problem(data);
    // The stream begins somewhat earlier than it was asked to.
    if (name === "message" && data.time >= from && isWith(data, who)) events.set(data.id, data);
    if (events.size && events.size % 500 === 0) say(`Reading: ${events.size} events so far.`);
    if (events.size >= MOST) break;
  }
  return { events: [...events.values()], isWhole: false };
}

/**
 * @param {Record<string, any>} event
 * @param {string} who
 */
function isWith({ actor = "", subject = "" }, who) {
  return actor.includes(who) || subject.includes(who);
}

/**
 * Server-sent events (HTML, 9.2.6), as our API writes them.
 * @param {AsyncIterable<string>} parts
 * @returns {AsyncGenerator<{name: string, data: any}>}
 */
async function* frames(parts) {
  let rest = "";
  for await (const part of parts) {
    const whole = (rest + part).split("\n\n");
    rest = whole.pop() ?? "";
    for (const frame of whole) {
      const lines = frame.split("\n");
      const field = (/** @type {string} */ name) => lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
      const data = field("data").join("\n");
      if (data) yield { name: field("event")[0] ?? "message", data: JSON.parse(data) };
    }
  }
}
