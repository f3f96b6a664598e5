// @ts-check
/** Client of a person: asked for what it alone knows (candidates, the chosen pair, rates, loss), and what it has said, over time. */

import { make } from "../page/dom.js";
import { remember } from "./charts.js";
import { orNothing } from "./requests.js";
import { action, ago, facts, figure, row, table } from "./tables.js";

/**
 * @typedef {import("./views.js").Context} Context
 * @typedef {{asked_at: string, answered_at: string | null, report: any}} Found
 */

/** Seconds between two questions while somebody follows. */
const EVERY = 5;
/** Milliseconds after which a client that answers has done so. */
const PATIENCE = 8000;
/** Milliseconds after a question in which its answer is looked for at each drawing. */
const LOOKED_FOR = 60_000;
const ROWS = 20;

/**
 * @param {Context} context
 * @param {string} at the participant
 */
export async function client(context, at) {
  const { requests, doing, kept } = context;
  const path = `${at}/report`;
  const ask = async () => {
    await requests.call("POST", path);
    kept.set("asked", performance.now());
  };
  const waited = () => performance.now() - (kept.get("asked") ?? -Infinity);
  if (kept.get("follows") && waited() > EVERY * 1000) await orNothing(ask());
  /** @type {Found | null} */
  const found = await requests.seldom(kept, path, waited() < LOOKED_FOR ? 0 : 15_000);
  const follow = async () => {
    kept.set("follows", !kept.get("follows"));
    if (kept.get("follows")) await ask();
  };
  return [
    make("h2", {}, "What its client knows"),
    row(
      action("Ask its client", () => doing({ words: "Ask its client", act: ask })),
      action(kept.get("follows") ? "Ask no more" : `Ask every ${EVERY} s`, () => doing({ words: "Ask again and again", act: follow })),
    ),
    make("p", { class: "lead", role: "status" }, state(found, waited())),
    ...(found?.report ? said(context, found) : []),
  ];
}

/**
 * @param {Found | null} found
 * @param {number} waited milliseconds since it was asked here
 */
export function state(found, waited) {
  const isOpen = found && (!found.answered_at || found.answered_at < found.asked_at);
  if (!found) return "It was not asked of late. Its answer has network addresses, which are personal data: it is kept for ten minutes.";
  if (!isOpen) return `It has answered ${ago(found.answered_at)}.`;
  if (waited < PATIENCE) return "It is asked.";
  return `It does not answer${found.answered_at ? ` any more; what it said ${ago(found.answered_at)} is below` : ""}: it is of a version before, no browser, asleep, or away.`;
}

/**
 * @param {Context} context
 * @param {Found} found
 */
function said({ history, kept }, { answered_at, report }) {
  const { agent, online, session = {}, connections = [], left_out, happened = [] } = report;
  const figures = rates(kept, { answered_at, connections });
  const shown = figures.map(({ words, value, text }) => figure(words, text, { points: value === null ? [] : remember(history, `${session.me} ${words}`, value) }));
  const told = happened.slice(-ROWS).toReversed().map((/** @type {any} */ one) => [one.at ?? "-", one.event ?? "-", JSON.stringify({ ...one, at: undefined, event: undefined })]);
  return [
    make("div", { class: "figures" }, ...shown),
    facts([["door", session.transport], ["state", session.state], ["browser", agent], ["online", String(online)]]),
    table(HEADS, connections.slice(0, ROWS).map(line), "It has no connection."),
    ...(left_out || connections.length > ROWS ? [make("p", { class: "lead" }, `And ${Number(left_out) + Math.max(0, connections.length - ROWS)} more.`)] : []),
    ...(told.length ? [make("h2", {}, "What happened there"), table(["When", "What", "How"], told, "")] : []),
  ];
}

const HEADS = ["Connection", "ICE", "Chosen pair", "Its candidates", "The server's candidates", "Round trip", "Lost"];

/** @param {any} one */
function line(one) {
  const list = (/** @type {unknown} */ texts) => make("ul", { class: "plain" }, ...(Array.isArray(texts) ? texts : []).map((text) => make("li", {}, String(text))));
  return [
    `${one.kind === "publish" ? "sends" : "receives"}, ${one.state}`,
    String(one.ice ?? "-"),
    one.chosen ? `${one.chosen.local} - ${one.chosen.remote}` : "none",
    list(one.local),
    list(one.remote),
    one.rtt_ms === null || one.rtt_ms === undefined ? "-" : `${one.rtt_ms} ms`,
    one.kind === "publish" ? `${one.lost_on_the_way} of ${one.packets_sent}` : `${one.packets_lost} of ${one.packets_received + one.packets_lost}`,
  ];
}

/**
 * What came and went between the last two answers; of the first one there is no rate.
 * @param {Map<string, any>} kept
 * @param {{answered_at: string | null, connections: any[]}} now
 * @returns {{words: string, value: number | null, text: string}[]}
 */
export function rates(kept, { answered_at, connections }) {
  const at = Date.parse(answered_at ?? "");
  const sum = (/** @type {string} */ field) => connections.reduce((all, one) => all + (Number(one[field]) || 0), 0);
  const now = { at, sent: sum("bytes_sent"), received: sum("bytes_received"), lost: sum("packets_lost"), packets: sum("packets_received") };
  const { last, before } = kept.get("answers") ?? {};
  if (last?.at !== at) kept.set("answers", { last: now, before: last });
  const from = last?.at === at ? before : last;
  const seconds = from ? (at - from.at) / 1000 : 0;
  const per = (/** @type {"sent" | "received"} */ what) => (seconds > 0 && now[what] >= from[what] ? ((now[what] - from[what]) * 8) / 1000 / seconds : null);
  const lost = from ? now.lost - from.lost : 0;
  const came = from ? now.packets - from.packets + lost : 0;
  const times = connections.map((one) => one.rtt_ms).filter((one) => typeof one === "number");
  const rtt = times.length ? Math.max(...times) : null;
  const share = came > 0 && lost >= 0 ? (lost * 100) / came : null;
  const whole = (/** @type {number | null} */ value) => (value === null ? "-" : String(Math.round(value)));
  return [
    { words: "kbit/s sent", value: per("sent"), text: whole(per("sent")) },
    { words: "kbit/s received", value: per("received"), text: whole(per("received")) },
    { words: "% of packets lost", value: share, text: share === null ? "-" : share.toFixed(1) },
    { words: "ms of round trip, the longest", value: rtt, text: whole(rtt) },
  ];
}
