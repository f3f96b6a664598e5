// @ts-check
/** Words of the chat: what a message says, who says it and to whom, and how many are unread. */

/** @param {number} unread */
export function unreadWords(unread) {
  return unread ? `Chat, ${unread} unread` : "Chat";
}

/** @param {{data: any, deleted: boolean}} message of this page or of another program */
export function messageText({ data, deleted }) {
  if (deleted) return "This message was deleted.";
  const text = typeof data === "object" && data !== null ? data.text : data;
  return typeof text === "string" ? text : JSON.stringify(data);
}

/**
 * @param {string | null} from
 * @param {string} me
 * @param {Map<string, string>} names by participant, also of those who have left
 */
export function authorWords(from, me, names) {
  if (from === null) return "The server";
  return from === me ? "You" : (names.get(from) ?? "Somebody who has left");
}

/**
 * Who else has a message, where not everybody has: as the history says it, or else its sender's page.
 * @param {{to: string[] | null, data: any}} message
 * @returns {string[] | null}
 */
export function receiversOf({ to, data }) {
  const said = to ?? data?.to;
  return Array.isArray(said) && said.every((one) => typeof one === "string") ? said : null;
}

/**
 * To whom a message went that was not for everybody.
 * @param {{to: string[], from: string | null}} message
 * @param {string} me
 * @param {Map<string, string>} names
 */
export function receiverWords({ to, from }, me, names) {
  const others = to.filter((one) => one !== from);
  const words = others.map((one) => {
    if (one === me) return "you";
    return one.startsWith("role:") ? `${one.slice("role:".length)}s` : (names.get(one) ?? "somebody who has left");
  });
  return `to ${words.join(", ") || "nobody else"} alone`;
}
