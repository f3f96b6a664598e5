// @ts-check
/** Elsewhere: another server than the one that served this page, and a token for it; by a link, or by the lobby's form. */

import { part } from "./dom.js";
import { serverOf } from "./options.js";
import { elsewhereWords } from "./texts.js";

/** A file of every Callplane that is small, and for everybody. */
const SMALL = "/sdk/package.json";
const LOCAL = /^http:\/\/(localhost|127\.0\.0\.1)(:\d+)?$/;

/**
 * What a token says of its session: its id or name; "" where it is for all of them, or says nothing that can be read.
 * @param {string | null} token
 * @returns {string}
 */
export function sessionOf(token) {
  try {
    const bytes = atob((token ?? "").split(".")[1].replace(/-/g, "+").replace(/_/g, "/"));
    const { session } = JSON.parse(decodeURIComponent(bytes.replace(/[^]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, "0")}`)));
    return typeof session === "string" && session !== "*" ? session : "";
  } catch {
    return "";
  }
}

/**
 * The link that has this page use another server; its token stands where no server is told of it.
 * @param {string} page the address of this page
 * @param {{server: string, token: string, session: string, name: string}} fields "" for what is not said
 */
export function linkElsewhere(page, { server, token, session, name }) {
  const link = new URL(page);
  const said = Object.entries({ server: server === link.origin ? "" : server, session, name }).filter(([, value]) => value);
  link.search = new URLSearchParams(said).toString();
  link.hash = token ? new URLSearchParams({ access_token: token }).toString() : "";
  return link.href;
}

/**
 * Why this page cannot use that server, or null when it can: CORS says no more than that something failed.
 * @param {string} server
 */
export async function reachWords(server) {
  const { origin, protocol } = location;
  if (protocol === "https:" && server.startsWith("http:") && !LOCAL.test(server)) return elsewhereWords("insecure", { server, origin });
  const answers = async (/** @type {RequestMode} */ mode) => {
    const init = { mode, cache: /** @type {const} */ ("no-store"), credentials: /** @type {const} */ ("omit") };
    return fetch(server + SMALL, { ...init, signal: AbortSignal.timeout(8_000) }).then(() => true, () => false);
  };
  if (await answers("cors")) return null;
  return elsewhereWords((await answers("no-cors")) ? "refused" : "away", { server, origin });
}

/**
 * Have the lobby's form lead there.
 * @param {{server?: string}} options
 * @param {() => {name: string, room: string}} wishes what the lobby's other form says
 */
export function offerElsewhere({ server = "" }, wishes) {
  const [where, token] = ["elsewhere-server", "elsewhere-token"].map((id) => /** @type {HTMLInputElement} */ (part(id)));
  const notice = part("elsewhere-notice");
  where.value = server;
  part("elsewhere-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const to = where.value.trim() ? serverOf(where.value) : location.origin;
    notice.textContent = to ? "" : elsewhereWords("odd", { server: "", origin: location.origin });
    notice.hidden = !!to;
    if (!to) return;
    const { name, room } = wishes();
    go(linkElsewhere(location.href, { server: to, token: token.value.trim(), session: room.trim(), name }));
  });
}

/**
 * Also where only the token is another, for which no browser loads a page anew.
 * @param {string} link
 */
function go(link) {
  history.pushState(null, "", link);
  location.reload();
}
