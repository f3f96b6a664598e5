// @ts-check
/** Words about moderation: what is said to whom it is given or taken from, and to whom it is refused. */

import { errorWords } from "./texts.js";

/**
 * What is said to somebody who moderates from now on, or does no more.
 * @param {boolean} now
 */
export function moderationWords(now) {
  return now
    ? "You are a moderator now. Open “People” to mute, remove, or make others moderators."
    : "You are not a moderator any more: another moderator, or the server, took that back.";
}

/**
 * Why something could not be done to others.
 * @param {unknown} error
 */
export function refusedWords(error) {
  const { code } = /** @type {any} */ (error ?? {});
  return code === "forbidden" ? "You may not do that, or not any more. Ask another moderator." : errorWords(error);
}
