// @ts-check
/** Exports: every event of a session as a file, CloudEvents in JSON or a table in CSV, made in the page from what the API answers. */

const PAGE = 500;
const MOST_PAGES = 400;
const COLUMNS = ["time", "type", "subject", "actor", "requestid", "sessionid", "sessionversion", "tenant", "id", "source"];

/**
 * Every event, page by page.
 * @param {import("./requests.js").Requests} requests
 * @param {string} path of the session
 * @param {(count: number) => void} [told] how many have been read
 * @returns {Promise<{events: Record<string, any>[], isWhole: boolean}>}
 */
export async function everyEvent(requests, path, told = () => {}) {
  /** @type {Map<string, Record<string, any>>} what was refused may be in two pages */
  const events = new Map();
  let after = 0;
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const page = await requests.get(`${path}/events?limit=${PAGE}&after=${after}`);
    for (const event of page.events) events.set(event.id, event);
    told(events.size);
    if (page.next === null) return { events: [...events.values()], isWhole: true };
    after = page.next;
  }
  return { events: [...events.values()], isWhole: false };
}

/** @param {Record<string, any>[]} events as a batch of CloudEvents is written (JSON Event Format, 4) */
export function asJson(events) {
  return `[\n${events.map((one) => JSON.stringify(one)).join(",\n")}\n]\n`;
}

/** @param {Record<string, any>[]} events as RFC 4180 has it, `data` in JSON */
export function asCsv(events) {
  const rows = events.map((one) => [...COLUMNS.map((name) => one[name]), JSON.stringify(one.data)]);
  return [[...COLUMNS, "data"], ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

/** @param {unknown} value */
function cell(value) {
  const text = String(value ?? "");
  // A spreadsheet would take these for a formula, whoever has said them.
  const inert = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}

/**
 * Hand events to the browser as a file.
 * @param {string} name without its ending
 * @param {"JSON" | "CSV"} kind
 * @param {Record<string, any>[]} events
 */
export function save(name, kind, events) {
  const [text, type] = kind === "JSON" ? [asJson(events), "application/cloudevents-batch+json"] : [asCsv(events), "text/csv;charset=utf-8"];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = `${name}.${kind.toLowerCase()}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** @typedef {{act: "JSON" | "CSV", path: string, name: string, pick?: (events: any[]) => any[]}} Wanted `name` of the file; `pick`: those that are wanted */

/**
 * @param {import("./views.js").Context} context
 * @param {Wanted} wanted
 */
export async function exported({ requests, say }, { act, path, name, pick = (all) => all }) {
  const { events, isWhole } = await everyEvent(requests, path, (count) => say(`Reading what happened: ${count} events so far.`));
  const kept = pick(events);
  save(name, act, kept);
  say(isWhole ? `Exported: ${kept.length} events.` : `Exported: ${kept.length} of the first ${events.length} events; there are more, which the API gives.`);
}
