// @ts-check
/** Processes and queues: which wrappers and pods live, how busy they are, and what waits for them. */

import { make } from "../page/dom.js";
import { row, table, to } from "./tables.js";

/** @param {import("./views.js").Context} context */
export async function processes({ requests }) {
  const { wrappers, pods, queues } = await requests.get("/processes");
  const shown = (/** @type {unknown} */ value) => String(value ?? "-");
  const percent = (/** @type {number | null} */ load) => (load === null ? "-" : `${(load * 100).toFixed(1)} %`);
  const wrapperRows = wrappers.map((/** @type {any} */ one) => [
    one.id, shown(one.version), percent(one.load), shown(one.sessions), shown(one.shards), one.media_servers.length ? row(...one.media_servers.map((/** @type {string} */ name) => to("media-servers", name))) : "-",
  ]);
  const podRows = pods.map((/** @type {any} */ one) => [one.id, shown(one.version), one.holds_mailboxes ? "connected" : "not connected", shown(one.commands_per_second), shown(one.p99_ms)]);
  const queueRows = queues.map((/** @type {any} */ one) => [one.name === "dead-letters" ? to("dead-letters", one.name) : one.name, shown(one.messages), one.messages === 0 ? "-" : `${Math.round(one.waiting_seconds)} s`]);
  return [
    make("h2", {}, "Queues"),
    table(["What waits", "How many", "For how long"], queueRows, "No wrapper has said what waits."),
    make("h2", {}, "Wrappers"),
    table(["Id", "Version", "CPU", "Sessions listened to", "Shards", "Media servers"], wrapperRows, "No wrapper lives: nobody can join."),
    make("h2", {}, "API pods"),
    table(["Id", "Version", "Broker", "Commands a second", "99 % within, ms"], podRows, "No pod has a lease."),
  ];
}
