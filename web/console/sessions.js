// @ts-check
/** Sessions: found by status, by their own name or by id, page by page. */

import { form } from "./forms.js";
import { action, ago, badge, row, table, to } from "./tables.js";

const PAGE = 50;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** @param {import("./views.js").Context} context */
export async function sessions({ requests, kept, go }) {
  const { cursors = [], search = "", status = "open" } = Object.fromEntries(kept);
  const query = new URLSearchParams({ limit: String(PAGE) });
  if (status !== "all") query.set("status", status);
  if (cursors.length) query.set("cursor", cursors.at(-1));
  if (search) query.set("custom_id", search);
  const found = await requests.get(`/sessions?${query}`);
  const again = (/** @type {Record<string, unknown>} */ changes) => {
    for (const [name, value] of Object.entries(changes)) kept.set(name, value);
    go();
  };
  const asked = form(
    [
      { name: "search", words: "custom_id or id", type: "search", value: search },
      { name: "status", words: "Status", options: ["open", "closed", "all"], value: status },
    ],
    "Search",
    (values) => (ID.test(values.search) ? go(`session/${values.search}`) : again({ ...values, cursors: [] })),
  );
  const pages = row();
  if (cursors.length) pages.append(action("Back", () => again({ cursors: cursors.slice(0, -1) })));
  if (found.next) pages.append(action("Next", () => again({ cursors: [...cursors, found.next] })));
  return [asked, table(HEADS, found.sessions.map(shown), status === "open" ? "No session is open." : "There is none."), pages];
}

const HEADS = ["Session", "Status", "People", "Epoch", "Made"];

/** @param {any} one */
function shown(one) {
  const waiting = one.participants.filter((/** @type {any} */ seat) => seat.state === "reconnecting").length;
  const people = `${one.participants.length} of ${one.max_participants}${waiting ? `, ${waiting} reconnecting` : ""}`;
  return [to(`session/${one.id}`, one.custom_id ?? one.id), badge(one.status), people, String(one.epoch), ago(one.created_at)];
}
