// @ts-check
/** Views of the console: what each is called, how often it asks, and what draws it. */

import { audit } from "./audit.js";
import { faults } from "./faults.js";
import { keys } from "./keys.js";
import { deadLetters, unreadable } from "./letters.js";
import { overview } from "./overview.js";
import { person } from "./person.js";
import { processes } from "./processes.js";
import { quotas, tenants } from "./quotas.js";
import { mediaServers } from "./servers.js";
import { session } from "./session.js";
import { sessions } from "./sessions.js";
import { webhook, webhooks } from "./webhooks.js";

/**
 * @typedef {import("./requests.js").Requests} Requests
 * @typedef {{words: string, act: () => Promise<unknown>, danger?: boolean}} Act `words`: what is about to be done
 * @typedef {object} Context
 * @property {Requests} requests
 * @property {(words: string) => void} say of something that was done
 * @property {(act: Act) => void} doing does it, once somebody is sure, and draws anew
 * @property {(view?: string) => void} go to another view, or draw this one anew
 * @property {(words: string, secret: string) => void} once shows a secret that is shown once
 * @property {Map<string, import("./charts.js").Point[]>} history figures since the page was opened
 * @property {Map<string, any>} kept this view's own; `every` in it: seconds until it asks again, in place of the view's
 * @typedef {{title: string, every: number, load: (context: Context, ...ids: string[]) => Promise<Node[]>, ids?: number, within?: string, operators?: true}} View
 *   `every`: seconds; `ids`: so many in its address; `within`: the view whose link leads to it; `operators`: their keys alone see it
 */

/** @type {Record<string, View>} */
export const VIEWS = {
  overview: { title: "Overview", every: 3, load: overview },
  sessions: { title: "Sessions", every: 5, load: sessions },
  session: { title: "Session", every: 2, load: session, ids: 1, within: "sessions" },
  person: { title: "Person", every: 2, load: person, ids: 2, within: "sessions" },
  audit: { title: "Audit", every: 3600, load: audit },
  "media-servers": { title: "Media servers", every: 2, load: mediaServers, operators: true },
  processes: { title: "Processes and queues", every: 5, load: processes, operators: true },
  "dead-letters": { title: "Dead letters", every: 5, load: deadLetters },
  webhooks: { title: "Webhooks", every: 5, load: webhooks },
  webhook: { title: "Webhook", every: 5, load: webhook, ids: 1, within: "webhooks" },
  keys: { title: "API keys", every: 10, load: keys, operators: true },
  tenants: { title: "Tenants", every: 10, load: tenants },
  tenant: { title: "Tenant", every: 5, load: quotas, ids: 1, within: "tenants" },
  faults: { title: "Break something", every: 1, load: faults, operators: true },
  unreadable: { title: "Unreadable documents", every: 10, load: unreadable, operators: true },
};

/**
 * The view that an address names, and the ids in it.
 * @param {string} hash
 */
export function wanted(hash) {
  const [name, ...ids] = hash.replace(/^#\/?/, "").split("/");
  try {
    if (Object.hasOwn(VIEWS, name) && ids.length === (VIEWS[name].ids ?? 0)) return { name, ids: ids.map((id) => decodeURIComponent(id)) };
  } catch {
    // An address that somebody has cut in the middle of a character.
  }
  return { name: "overview", ids: [] };
}
