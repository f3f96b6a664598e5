// @ts-check
/** Moderation: what moderators ask of the API about others, beside changes of their seats. */

/** @typedef {import("./seat.js").Seat} Seat the moderator's own */

/**
 * @param {Seat} seat
 * @param {string} participant
 * @param {{ban?: boolean}} options
 */
export async function remove(seat, participant, { ban = true }) {
  await seat.call("DELETE", `${seat.at(participant)}${ban ? "" : "?ban=false"}`, { patience: 10_000 });
}

/**
 * @param {Seat} seat
 * @param {{but?: string[], media?: ("audio" | "video")[]}} options
 */
export async function muteAll(seat, { but = [seat.me], media = ["audio"] }) {
  const muted = Object.fromEntries(media.map((medium) => [medium, true]));
  await seat.call("POST", "/mute", { body: { ...muted, but }, once: true });
}

/**
 * @param {Seat} seat
 * @param {string} connection_id
 */
export async function stopStream(seat, connection_id) {
  await seat.call("DELETE", `/connections/${connection_id}`, { patience: 10_000 });
}
