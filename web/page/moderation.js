// @ts-check
/** Moderation: who moderates, by role and grants, and whom somebody may let moderate. */

/** @typedef {Pick<import("../sdk/index.js").Participant, "role" | "grants">} Seat */

const SOURCES = /** @type {const} */ (["camera", "microphone", "screen", "screen_audio"]);

/** @param {Seat | undefined} seat */
export function moderates(seat) {
  return !!seat && !!may(seat).moderate;
}

/**
 * Whether this moderator may let that one moderate, who keeps what it has then: nobody gets more than the giver has.
 * @param {Seat | undefined} mine
 * @param {Seat} theirs
 */
export function mayMakeModerator(mine, theirs) {
  if (!mine || !moderates(mine) || moderates(theirs)) return false;
  const [own, other] = [may(mine), may(theirs)];
  const all = (other.publish ?? SOURCES).every((source) => (own.publish ?? SOURCES).includes(source));
  return all && /** @type {const} */ (["subscribe", "signal", "chat"]).every((grant) => own[grant] || !other[grant]);
}

/**
 * @param {Seat} seat
 * @returns {Partial<import("../sdk/index.js").Grants>}
 */
function may({ role, grants }) {
  const preset = { publish: role === "subscriber" ? [] : [...SOURCES], subscribe: true, signal: true, chat: true };
  return { ...preset, moderate: role === "moderator", ...grants };
}
