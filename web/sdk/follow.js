// @ts-check
/** Roster updates: moves a roster on by an event, reading the snapshot again where events are missing. */

import { pause } from "./backoff.js";

/** How often a snapshot that is behind an event is read again: a deposed primary lags for seconds (design 5). */
const SNAPSHOTS = 4;
const LAG = 500;

/**
 * @param {import("./roster.js").Roster} roster
 * @param {import("./mailbox.js").Message} message
 * @param {() => Promise<Record<string, any>>} read the session's snapshot
 * @returns {Promise<boolean>} whether the roster is another now
 */
export async function follow(roster, message, read) {
  const before = roster.version;
  for (let attempt = 0; roster.apply(message) === "gap"; attempt++) {
    if (attempt) await pause(LAG);
    if (attempt < SNAPSHOTS) roster.load(await read());
    else roster.skip(message);
  }
  return roster.version > before;
}
