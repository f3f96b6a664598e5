// @ts-check
/** What was given up: dead letters, sent again or removed, and documents that nobody can read. */

import { make } from "../page/dom.js";
import { action, ago, row, table, to } from "./tables.js";

/** @typedef {import("./views.js").Context} Context */

/** @param {Context} context */
export async function deadLetters({ requests, doing, kept }) {
  const { dead_letters: all } = await requests.get("/dead-letters");
  const operates = await requests.seldom(kept, "/processes", 60_000);
  const at = (/** @type {any} */ one) => `/dead-letters/${encodeURIComponent(one.id)}`;
  const rows = all.toReversed().map((/** @type {any} */ one) => [
    one.name ?? "?",
    one.session_id ? to(`session/${encodeURIComponent(one.session_id)}`, one.session_id) : "-",
    one.reason,
    String(one.attempt),
    ago(one.failed_at),
    one.id,
    row(
      action("Send again", () => doing({ words: `Send ${one.name ?? one.id} again`, act: () => requests.call("POST", `${at(one)}/replay`) })),
      action("Remove", () => doing({ words: "Forget this letter", danger: true, act: () => requests.call("DELETE", at(one)) }), "danger"),
    ),
  ]);
  const purge = action("Remove all", () => doing({ words: "Forget every dead letter of every tenant", danger: true, act: () => requests.call("DELETE", "/dead-letters") }), "danger");
  const more = all.length >= LISTED ? [make("p", { class: "lead" }, `These are the oldest ${LISTED}, the newest of them first.`)] : [];
  const shown = table(["Command", "Session", "Reason", "Attempts", "Given up", "Id in logs and traces", ""], rows, "No command was given up.");
  return [...more, shown, ...(all.length && operates ? [make("p", { class: "row" }, purge)] : [])];
}

const LISTED = 100;

/** @param {Context} context */
export async function unreadable({ requests, kept, go }) {
  /** @type {string[]} */
  const cursors = kept.get("cursors") ?? [];
  const { documents, next } = await requests.get(`/unreadable-documents${cursors.length ? `?cursor=${encodeURIComponent(cursors.at(-1) ?? "")}` : ""}`);
  const rows = documents.map((/** @type {any} */ one) => [one.collection, one.id, one.session_id ? to(`session/${encodeURIComponent(one.session_id)}`, one.session_id) : "-", one.why]);
  const again = (/** @type {string[]} */ places) => {
    kept.set("cursors", places);
    go();
  };
  const pages = row();
  if (cursors.length) pages.append(action("Back", () => again(cursors.slice(0, -1))));
  if (next) pages.append(action("Go on", () => again([...cursors, next])));
  const words = next || cursors.length ? "None among these documents." : "Every document can be read.";
  return [table(["Collection", "Document", "Session", "Why"], rows, words), pages];
}
