// @ts-check
/** Page options: which call, who, with what, and whether to go at once, out of the address. */

/**
 * @typedef {{room: string, name: string, source: "camera" | "synthetic" | "none" | null, auto: boolean,
 *   transport?: "websocket" | "sse" | "poll", role?: import("../sdk/index.js").Role, server?: string}} Options `transport`:
 *   the only one to be used; `role`: to join in, as far as the token goes; `server`: another than the page's own
 */

/** How the token begins that `callplane up` makes for one run: whoever is on that machine may have it. */
const OF_ONE_RUN = "open-";

const TRANSPORTS = /** @type {const} */ (["websocket", "sse", "poll"]);
const SOURCES = /** @type {const} */ (["camera", "synthetic", "none"]);
const ROLES = /** @type {const} */ (["subscriber", "publisher", "moderator"]);

const ID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/**
 * Read the query and the fragment; a fragment without `=` is the call itself.
 * @param {{search: string, hash: string}} location
 * @returns {Options}
 */
export function readOptions({ search, hash }) {
  const query = new URLSearchParams(search);
  const rest = hash.replace(/^#/, "");
  const fragment = new URLSearchParams(rest.includes("=") ? rest : { session: decoded(rest) });
  const pick = (/** @type {string} */ name) => fragment.get(name) || query.get(name) || "";
  const source = pick("source");
  const transport = TRANSPORTS.find((one) => one === pick("transport"));
  const role = ROLES.find((one) => one === pick("role"));
  // From where the page's own server has read it, too: by its policy nothing else is reached.
  const server = serverOf(query.get("server") ?? "");
  return {
    ...(server ? { server } : {}),
    ...(transport ? { transport } : {}),
    ...(role ? { role } : {}),
    room: pick("session"),
    name: pick("name"),
    source: SOURCES.find((one) => one === source) ?? null,
    auto: ["1", "true"].includes(pick("auto")),
  };
}

/**
 * What the page does before anybody has clicked: a link may make nobody send a camera, for that takes a click.
 * @param {{auto: boolean}} options
 * @param {string} source what is chosen to be sent
 * @returns {"join" | "ask" | "wait"} `ask`: wait, and say that it takes a click
 */
export function beforeClick({ auto }, source) {
  if (!auto) return "wait";
  return ["synthetic", "none"].includes(source) ? "join" : "ask";
}

/**
 * What somebody typed or pasted: a link, an id, or a name of their own.
 * @param {string} text
 * @returns {{id: string} | {custom_id: string} | null} null for a new call
 */
export function readRoom(text) {
  let room = text.trim();
  if (/^https?:\/\//i.test(room)) {
    const { search, hash } = new URL(room);
    room = readOptions({ search, hash }).room;
  }
  if (!room) return null;
  if (ID.test(room)) return { id: room.toLowerCase() };
  return { custom_id: room.replace(/[^A-Za-z0-9._-]+/g, "-").slice(0, 128) };
}

/**
 * The origin that somebody typed or pasted, or null where that is none.
 * @param {string} text
 */
export function serverOf(text) {
  const typed = text.trim();
  if (!typed) return null;
  try {
    const { protocol, username, password, origin } = new URL(typed.includes("://") ? typed : `https://${typed}`);
    return /^https?:$/.test(protocol) && !username && !password ? origin : null;
  } catch {
    return null;
  }
}

/**
 * The link that others open, on the same server; it never contains a token.
 * @param {string} page the address of this page
 * @param {{id: string, custom_id?: string | null}} session
 */
export function linkTo(page, { id, custom_id }) {
  const link = new URL(page);
  const server = link.searchParams.get("server");
  link.search = `?${server ? `server=${encodeURIComponent(server)}&` : ""}session=${encodeURIComponent(custom_id || id)}`;
  link.hash = "";
  return link.href;
}

/**
 * What *Copy link* copies: with the token of one run, without which nobody gets in there; other tokens are personal.
 * @param {string} link
 * @param {string | null} accessToken
 */
export function shared(link, accessToken) {
  return accessToken?.startsWith(OF_ONE_RUN) ? `${link}#access_token=${accessToken}` : link;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
