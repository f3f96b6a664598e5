// @ts-check
/** API keys of the database: made, rotated and revoked; a secret is shown once. */

import { make } from "../page/dom.js";
import { form } from "./forms.js";
import { action, ago, row, table, to } from "./tables.js";

/** @typedef {import("./views.js").Context} Context */

const OVERLAP_SECONDS = 3600;

/** @param {Context} context */
export async function keys({ requests, doing, once }) {
  const { keys: all } = await requests.get("/keys");
  const at = (/** @type {any} */ one) => `/keys/${encodeURIComponent(one.name)}`;
  const secret = (/** @type {string} */ words, /** @type {string} */ path, /** @type {unknown} */ body) => async () => once(words, (await requests.call("POST", path, body)).secret);
  const rows = all.map((/** @type {any} */ one) => [
    one.name,
    to(`tenant/${encodeURIComponent(one.tenant)}`, one.tenant),
    one.operator ? "operator" : "-",
    ago(one.created_at),
    ending(one.ending),
    row(
      action("Rotate", () => doing({ words: `Rotate ${one.name}`, danger: true, act: secret(`The new secret of ${one.name}; the one before is good for an hour`, `${at(one)}/rotate`, { overlap: OVERLAP_SECONDS }) })),
      action("Revoke", () => doing({ words: `Revoke ${one.name}`, danger: true, act: () => requests.call("DELETE", at(one)) }), "danger"),
    ),
  ]);
  const fields = [
    { name: "name", words: "Name", required: true },
    { name: "tenant", words: "Tenant", placeholder: "as the name" },
    { name: "operator", words: "Operator", type: "checkbox" },
  ];
  const add = form(fields, "Make a key", ({ name, tenant, operator }) => {
    const body = { name, operator: operator === "on", ...(tenant ? { tenant } : {}) };
    doing({ words: `Make the key ${name}`, act: secret(`The secret of ${name}`, "/keys", body) });
  });
  const words = "Keys of settings are not among these. When one was used last is not kept: the timelines say which key asked for what.";
  return [table(["Name", "Tenant", "Kind", "Made", "Old secrets", ""], rows, "The database has no keys."), add, make("p", { class: "lead" }, words)];
}

/**
 * @param {string[]} times when each old secret ends
 * @param {number} [now]
 */
export function ending(times, now = Date.now()) {
  const left = times.map((time) => Date.parse(time)).filter((time) => time > now);
  return left.length ? `${left.length} until ${new Date(Math.max(...left)).toLocaleTimeString()}` : "-";
}
