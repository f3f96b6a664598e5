// @ts-check
/** Webhooks: made, tested, disabled, rotated and removed; and of each its deliveries, with what came of them. */

import { make } from "../page/dom.js";
import { form } from "./forms.js";
import { action, ago, badge, facts, row, table, to } from "./tables.js";

/** @typedef {import("./views.js").Context} Context */

/** @param {Context} context */
export async function webhooks(context) {
  const { requests, doing, once } = context;
  const { webhooks: all } = await requests.get("/webhooks");
  const rows = all.map((/** @type {any} */ one) => [
    to(`webhook/${encodeURIComponent(one.id)}`, one.url), badge(one.state), one.types.join(", "), one.reason ?? "-", ago(one.created_at), acts(context, one),
  ]);
  const fields = [
    { name: "url", words: "Address", required: true, placeholder: "https://example.com/callplane" },
    { name: "types", words: "Events", placeholder: "*" },
  ];
  const makeOne = form(fields, "Make a webhook", ({ url, types }) => {
    const body = { url, types: types.split(/[\s,]+/).filter(Boolean) };
    const act = async () => once(`The secret of ${url}`, (await requests.call("POST", "/webhooks", body.types.length ? body : { url })).secret);
    doing({ words: `Make a webhook for ${url}`, act });
  });
  return [table(["Address", "State", "Events", "Why", "Made", ""], rows, "Nobody is told of what happens."), makeOne];
}

/**
 * @param {Context} context
 * @param {any} one
 */
function acts({ requests, doing, once }, one) {
  const path = `/webhooks/${encodeURIComponent(one.id)}`;
  const [words, state] = one.state === "active" ? ["Disable", "disabled"] : ["Enable", "active"];
  const rotate = async () => once(`The new secret of ${one.url}; the one before signs as well for a day`, (await requests.call("POST", `${path}/rotate`, {})).secret);
  return row(
    action("Test", () => doing({ words: `Send a test to ${one.url}`, act: () => requests.call("POST", `${path}/test`) })),
    action(words, () => doing({ words: `${words} ${one.url}`, act: () => requests.call("PATCH", path, { state }) })),
    action("Rotate", () => doing({ words: `Rotate the secret of ${one.url}`, danger: true, act: rotate })),
    action("Remove", () => doing({ words: `Remove ${one.url} with its deliveries`, danger: true, act: () => requests.call("DELETE", path) }), "danger"),
  );
}

/**
 * @param {Context} context
 * @param {string} id
 */
export async function webhook(context, id) {
  const { requests, doing, kept, go } = context;
  const path = `/webhooks/${encodeURIComponent(id)}`;
  const { places = [], state = "all" } = Object.fromEntries(kept);
  const query = new URLSearchParams({ limit: "100", order: "newest", ...(state === "all" ? {} : { state }), ...(places.length ? { after: places.at(-1) } : {}) });
  const [one, page, waiting] = await Promise.all([requests.get(path), requests.get(`${path}/deliveries?${query}`), oldest(context, path)]);
  const turn = (/** @type {string[]} */ next, /** @type {string} */ shown = state) => {
    kept.set("places", next);
    kept.set("state", shown);
    go();
  };
  const which = form([{ name: "state", words: "Deliveries", options: ["all", "pending", "dead", "delivered"], value: state }], "Show", (values) => turn([], values.state));
  const pages = row();
  if (places.length) pages.append(action("Newer", () => turn(places.slice(0, -1))));
  if (page.next) pages.append(action("Older", () => turn([...places, page.next])));
  const heads = ["Event", "State", "Tries", "Last answer", "Since", "Id", ""];
  return [
    make("p", { class: "row" }, badge(one.state), one.url),
    acts(context, one),
    facts([["delivered, of those below that are settled", success(page.deliveries)], ["oldest that waits", waiting]]),
    row(which, action("Send all dead ones again", () => doing({ words: "Send every dead delivery again", act: () => replayed(requests, path) }))),
    table(heads, page.deliveries.map((/** @type {any} */ each) => shown(context, path, each)), "There is none."),
    pages,
    ...attempts(kept.get("attempts")),
  ];
}

/**
 * How long the oldest has waited that is to be sent.
 * @param {Context} context
 * @param {string} path
 */
async function oldest({ requests, kept }, path) {
  const found = await requests.seldom(kept, `${path}/deliveries?state=pending&limit=1`, 5000);
  return found?.deliveries.length ? ago(found.deliveries[0].at) : "nothing waits";
}

/** @param {{state: string}[]} deliveries */
export function success(deliveries) {
  const settled = deliveries.filter((one) => one.state !== "pending");
  const delivered = settled.filter((one) => one.state === "delivered").length;
  return settled.length ? `${((delivered / settled.length) * 100).toFixed(1)} % of ${settled.length}` : "-";
}

/**
 * Each dead one, five hundred at a time.
 * @param {Context["requests"]} requests
 * @param {string} path
 */
async function replayed(requests, path) {
  let after = null;
  do after = (await requests.call("POST", `${path}/replay`, { states: ["dead"], ...(after ? { after } : {}) })).next;
  while (after);
}

/**
 * @param {Context} context
 * @param {string} path
 * @param {any} one
 */
function shown({ requests, doing, kept }, path, one) {
  const at = `${path}/deliveries/${encodeURIComponent(one.id)}`;
  const look = async () => kept.set("attempts", { type: one.type, ...(await requests.get(`${at}/attempts`)) });
  const last = [one.last_status, one.last_error].filter(Boolean).join(" ") || "-";
  return [
    one.type, badge(one.state), String(one.tries), last, ago(one.at), one.event_id,
    row(
      action("Attempts", () => doing({ words: "Show the attempts", act: look })),
      action("Send again", () => doing({ words: "Send it again", act: () => requests.call("POST", `${at}/replay`) })),
    ),
  ];
}

/** @param {{type: string, attempts: any[]} | undefined} of the delivery that was looked at last */
function attempts(of) {
  if (!of) return [];
  const rows = of.attempts.toReversed().map((one) => [ago(one.at), `${one.milliseconds} ms`, String(one.status ?? "nothing"), one.error ?? "-"]);
  return [make("h2", {}, `Attempts of ${of.type}`), table(["When", "Took", "Answer", "What was wrong"], rows, "It was not tried yet.")];
}
