// @ts-check
/** Simulated failures: a line for messages that is lost, media that is negotiated again, a token that is not good any more. */

/** @typedef {"signal-reconnect" | "media-reconnect" | "token-expired"} Failure */

/**
 * Have one of them happen, so that what follows is what follows from a real one.
 * @param {Failure} failure
 * @param {{session: import("./session.js").Session, seat: import("./seat.js").Seat, hurry: () => void}} parts `hurry`:
 *   read messages by another line
 */
export function simulate(failure, { session, seat, hurry }) {
  if (failure === "media-reconnect") return session.restart();
  // Such a token the API itself refuses, with what comes next.
  if (failure === "token-expired") seat.token = "expired";
  else if (failure !== "signal-reconnect") throw new TypeError(`nothing is known of a failure "${failure}"`);
  hurry();
}
