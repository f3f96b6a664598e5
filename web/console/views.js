// @ts-check
/** Views of the console: what each one asks for, how often, and what it shows and does. */

import { make } from "../page/dom.js";
import { action, ago, badge, memory, table, to } from "./tables.js";
import { faults } from "./faults.js";
import { overview } from "./overview.js";
import { processes } from "./processes.js";
import { keys, webhook, webhooks } from "./tenants.js";

/**
 * @typedef {import("./requests.js").Requests} Requests
 * @typedef {{words: string, act: () => Promise<unknown>, danger?: boolean}} Act `words`: what is about to be done
 * @typedef {{requests: Requests, say: (words: string) => void, doing: (act: Act) => void, history: Map<string, number[]>,
 *   kept: Map<string, any>}} Context `history` of figures since the page was opened; `kept` is this view's own
 * @typedef {{title: string, every: number, load: (context: Context, id: string) => Promise<Node[]>}} View `every`: seconds
 */

const PAGE = 50;

/** @type {Record<string, View>} */
export const VIEWS = {
  overview: { title: "Overview", every: 3, load: overview },
  sessions: { title: "Sessions", every: 5, load: sessions },
  session: { title: "Session", every: 2, load: session },
  "media-servers": { title: "Media servers", every: 2, load: mediaServers },
  processes: { title: "Processes and queues", every: 5, load: processes },
  "dead-letters": { title: "Dead letters", every: 5, load: deadLetters },
  webhooks: { title: "Webhooks", every: 5, load: webhooks },
  webhook: { title: "Webhook", every: 5, load: webhook },
  keys: { title: "API keys", every: 10, load: keys },
  faults: { title: "Break something", every: 1, load: faults },
  unreadable: { title: "Unreadable documents", every: 10, load: unreadable },
};

/** @param {Context} context */
async function sessions({ requests, kept }) {
  const { cursors = [], search = "" } = Object.fromEntries(kept);
  const query = new URLSearchParams({ limit: String(PAGE), status: "open" });
  if (cursors.length) query.set("cursor", cursors.at(-1));
  if (search) query.set("custom_id", search);
  const found = await requests.get(`/sessions?${query}`);
  const field = make("input", { type: "search", placeholder: "custom_id", "aria-label": "Search by custom_id", value: search });
  const form = make("form", { class: "row" }, field, make("button", {}, "Search"));
  const again = (/** @type {unknown} */ next) => {
    kept.set("cursors", next);
    dispatchEvent(new Event("hashchange"));
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    kept.set("search", field.value.trim());
    again([]);
  });
  const pages = make("p", { class: "row" });
  if (cursors.length) pages.append(action("Back", () => again(cursors.slice(0, -1))));
  if (found.next) pages.append(action("Next", () => again([...cursors, found.next])));
  return [form, table(...sessionRows(found.sessions), "No session is open."), pages];
}

/**
 * @param {any[]} all
 * @returns {[string[], (Node | string)[][]]}
 */
function sessionRows(all) {
  const rows = all.map((one) => {
    const waiting = one.participants.filter((/** @type {any} */ seat) => seat.state === "reconnecting").length;
    const people = `${one.participants.length} of ${one.max_participants}${waiting ? `, ${waiting} reconnecting` : ""}`;
    return [to(`session/${one.id}`, one.custom_id ?? one.id), badge(one.status), people, String(one.epoch), ago(one.created_at)];
  });
  return [["Session", "Status", "People", "Epoch", "Made"], rows];
}

/**
 * @param {Context} context
 * @param {string} id
 */
async function session({ requests, doing }, id) {
  const path = `/sessions/${encodeURIComponent(id)}`;
  const one = await requests.get(path);
  const story = await requests.get(`${path}/events?limit=200`).catch(() => null);
  const rows = one.participants.map((/** @type {any} */ seat) => [
    seat.name || "Guest",
    badge(seat.state),
    seat.role,
    [seat.muted.audio ? "muted" : "", seat.muted.video ? "no video" : "", seat.hand_raised_at ? "hand up" : ""].filter(Boolean).join(", ") || "-",
    seat.streams.map((/** @type {any} */ stream) => stream.source ?? stream.media?.join("+") ?? "stream").join(", ") || "-",
    make("span", { class: "row" },
      action("Mute", () => doing({ words: `Mute ${seat.name || "Guest"}`, act: () => requests.call("PATCH", `${path}/participants/${seat.id}`, { muted: { audio: true } }) })),
      action("Remove", () => doing({ words: `Remove ${seat.name || "Guest"} from the session`, danger: true, act: () => requests.call("DELETE", `${path}/participants/${seat.id}`) }), "danger")),
  ]);
  const facts = [["id", one.id], ["custom_id", one.custom_id ?? "-"], ["version", one.version], ["epoch", one.epoch], ["made", ago(one.created_at)]];
  const close = action("Close the session", () => doing({ words: "Close the session for everybody", danger: true, act: () => requests.call("DELETE", path) }), "danger");
  return [
    make("p", { class: "row" }, badge(one.status), ...(one.status === "open" ? [close] : [])),
    make("dl", {}, ...facts.map(([name, value]) => make("div", {}, make("dt", {}, String(name)), make("dd", {}, String(value))))),
    make("h2", {}, "People"),
    table(["Name", "State", "Role", "Says", "Sends", ""], rows, "Nobody is in it."),
    ...(story ? [make("h2", {}, "What happened"), timeline(story.events)] : []),
  ];
}

/** @param {any[]} events */
function timeline(events) {
  const rows = events.toReversed().map((one) => [
    new Date(one.time).toLocaleTimeString(), one.type, String(one.subject ?? "-"), String(one.actor ?? "-"), String(one.requestid ?? "-"),
  ]);
  return table(["When", "What", "Whom", "Who asked", "Request"], rows, "Nothing is known of it.");
}

/** @param {Context} context */
async function mediaServers({ requests, doing }) {
  const { media_servers: all } = await requests.get("/media-servers");
  const change = (/** @type {any} */ one, /** @type {Record<string, boolean>} */ body, /** @type {string} */ words) =>
    action(words, () => doing({ words: `${words} ${one.name}`, act: () => requests.call("PATCH", `/media-servers/${one.name}`, body) }));
  const rows = all.map((/** @type {any} */ one) => {
    const acts = make("span", { class: "row" });
    if (one.cordoned || one.state === "draining") acts.append(change(one, { cordoned: false }, "Uncordon"));
    else acts.append(change(one, { cordoned: true }, "Cordon"));
    if (one.state !== "draining") acts.append(change(one, { draining: true }, "Drain"));
    if (!one.sessions) {
      acts.append(action("Remove", () => doing({ words: `Forget ${one.name}`, danger: true, act: () => requests.call("DELETE", `/media-servers/${one.name}`) }), "danger"));
    }
    return [one.name, badge(one.state), one.cordoned ? "cordoned" : "-", String(one.sessions), String(one.pipelines ?? "-"), memory(one.memory), one.detail || "-", acts];
  });
  const heads = ["Name", "State", "Placement", "Sessions", "Pipelines", "Memory", "Detail", ""];
  return [table(heads, rows, "No media server is known yet."), addServer(requests, doing)];
}

/**
 * @param {Requests} requests
 * @param {Context["doing"]} doing
 */
function addServer(requests, doing) {
  const name = make("input", { id: "server-name", required: "", maxlength: "64", placeholder: "kurento-3" });
  const url = make("input", { id: "server-url", required: "", maxlength: "512", placeholder: "ws://host:8888/kurento" });
  const form = make("form", { class: "row" }, make("label", { for: "server-name" }, "Name"), name, make("label", { for: "server-url" }, "Address"), url, make("button", {}, "Add"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const body = { name: name.value.trim(), url: url.value.trim() };
    doing({ words: `Add ${body.name}`, act: () => requests.call("POST", "/media-servers", body) });
  });
  return form;
}

/** @param {Context} context */
async function deadLetters({ requests, doing }) {
  const { dead_letters: all } = await requests.get("/dead-letters");
  const rows = all.map((/** @type {any} */ one) => [
    one.name ?? "?", one.session_id ? to(`session/${one.session_id}`, one.session_id) : "-", one.reason, String(one.attempt), ago(one.failed_at),
    make("span", { class: "row" },
      action("Send again", () => doing({ words: `Send ${one.name ?? one.id} again`, act: () => requests.call("POST", `/dead-letters/${encodeURIComponent(one.id)}/replay`) })),
      action("Remove", () => doing({ words: "Forget this letter", danger: true, act: () => requests.call("DELETE", `/dead-letters/${encodeURIComponent(one.id)}`) }), "danger")),
  ]);
  return [table(["Command", "Session", "Reason", "Attempts", "Given up", ""], rows, "No command was given up.")];
}

/** @param {Context} context */
async function unreadable({ requests }) {
  const { documents } = await requests.get("/unreadable-documents");
  const rows = documents.map((/** @type {any} */ one) => [one.collection, one.id, one.session_id ?? "-", one.why]);
  return [table(["Collection", "Document", "Session", "Why"], rows, "Every document can be read.")];
}
