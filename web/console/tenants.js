// @ts-check
/** Views of what a tenant has: its webhooks with their deliveries, and the API keys of the database. */

import { make } from "../page/dom.js";
import { action, ago, badge, table, to } from "./tables.js";

/** @typedef {import("./views.js").Context} Context */

/** @param {Context} context */
export async function webhooks({ requests, doing }) {
  const { webhooks: all } = await requests.get("/webhooks");
  const rows = all.map((/** @type {any} */ one) => [
    to(`webhook/${one.id}`, one.url),
    badge(one.state),
    one.types.join(", "),
    one.reason ?? "-",
    ago(one.created_at),
    make("span", { class: "row" },
      action("Test", () => doing({ words: `Send a test to ${one.url}`, act: () => requests.call("POST", `/webhooks/${one.id}/test`) })),
      action("Remove", () => doing({ words: `Remove ${one.url}`, danger: true, act: () => requests.call("DELETE", `/webhooks/${one.id}`) }), "danger")),
  ]);
  return [table(["Address", "State", "Events", "Why", "Made", ""], rows, "Nobody is told of what happens: make a webhook by the API.")];
}

/**
 * @param {Context} context
 * @param {string} id
 */
export async function webhook({ requests, doing }, id) {
  const path = `/webhooks/${encodeURIComponent(id)}`;
  const [one, page] = await Promise.all([requests.get(path), requests.get(`${path}/deliveries?limit=100`)]);
  const rows = page.deliveries.toReversed().map((/** @type {any} */ delivery) => [
    delivery.type,
    badge(delivery.state),
    String(delivery.tries),
    [delivery.last_status, delivery.last_error].filter(Boolean).join(" ") || "-",
    ago(delivery.at),
    delivery.event_id,
    action("Send again", () => doing({ words: "Send it again", act: () => requests.call("POST", `${path}/deliveries/${encodeURIComponent(delivery.id)}/replay`) })),
  ]);
  return [
    make("p", { class: "row" }, badge(one.state), one.url),
    table(["Event", "State", "Tries", "Last answer", "Since", "Id", ""], rows, "Nothing was to be sent yet."),
  ];
}

/** @param {Context} context */
export async function keys({ requests, doing }) {
  const { keys: all } = await requests.get("/keys");
  const rows = all.map((/** @type {any} */ one) => [
    one.name,
    one.tenant,
    one.operator ? "operator" : "-",
    ago(one.created_at),
    action("Revoke", () => doing({ words: `Revoke ${one.name}`, danger: true, act: () => requests.call("DELETE", `/keys/${encodeURIComponent(one.name)}`) }), "danger"),
  ]);
  const words = "Keys of settings are not among these. A new one is made by `callplane keys make`, which shows its secret once.";
  return [table(["Name", "Tenant", "Kind", "Made", ""], rows, "The database has no keys."), make("p", { class: "lead" }, words)];
}
