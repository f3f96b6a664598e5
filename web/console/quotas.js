// @ts-check
/** Quotas: what each tenant may have of what all share, what it has taken of that, and, for operators, other bounds. */

import { make } from "../page/dom.js";
import { form } from "./forms.js";
import { orNothing } from "./requests.js";
import { action, table, to } from "./tables.js";

/** @typedef {import("./views.js").Context} Context */

/** @param {Context} context */
export async function tenants({ requests, go }) {
  const found = await orNothing(requests.get("/tenants"));
  const look = form([{ name: "tenant", words: "Tenant", required: true }], "Look", ({ tenant }) => go(`tenant/${encodeURIComponent(tenant)}`));
  if (!found) return [make("p", { class: "lead" }, "A list of tenants is for operators. A key of one tenant sees that one: write its name."), look];
  const names = Object.keys(found.defaults);
  const bounds = (/** @type {any} */ quotas) => names.map((name) => bound(quotas[name]));
  const rows = found.tenants.map((/** @type {any} */ one) => [to(`tenant/${encodeURIComponent(one.tenant)}`, one.tenant), ...bounds(one.quotas)]);
  return [
    table(["Tenant", ...names.map(words)], [...rows, ["all others", ...bounds(found.defaults)]], ""),
    look,
  ];
}

/**
 * @param {Context} context
 * @param {string} tenant
 */
export async function quotas({ requests, doing, kept }, tenant) {
  const path = `/tenants/${encodeURIComponent(tenant)}`;
  const one = await requests.get(path);
  const operates = await requests.seldom(kept, "/tenants", 60_000);
  const change = (/** @type {Record<string, number | null>} */ body, /** @type {string} */ said) => doing({ words: said, act: () => requests.call("PATCH", path, { quotas: body }) });
  const names = Object.keys(one.quotas);
  const rows = names.map((name) => {
    const isOwn = one.own.includes(name);
    const back = operates && isOwn ? [action("As in the settings", () => change({ [name]: null }, `Leave ${words(name)} of ${tenant} to the settings`))] : [];
    return [words(name), bound(one.quotas[name]), String(one.used[name] ?? "-"), isOwn ? "its own" : "the settings'", make("span", { class: "row" }, ...back)];
  });
  const fields = [
    { name: "quota", words: "Quota", options: names, value: names[0] },
    { name: "bound", words: "at most", type: "number", required: true, placeholder: "0: no bound" },
  ];
  const set = form(fields, "Set", ({ quota, bound: most }) => change({ [quota]: Number(most) }, `Set ${words(quota)} of ${tenant} to ${bound(Number(most))}`));
  const about = "Every pod follows within 2 s. What was taken before stays, also where that is more.";
  return [
    make("p", { class: "row" }, make("b", {}, tenant)),
    table(["Quota", "At most", "Taken", "Whose", ""], rows, ""),
    ...(operates ? [set, make("p", { class: "lead" }, about)] : [make("p", { class: "lead" }, "Only operators change quotas.")]),
  ];
}

/** @param {number} value */
function bound(value) {
  return value ? String(value) : "no bound";
}

/** @param {string} name of a quota */
function words(name) {
  return name.replace("identity_", "identity's ");
}
