// @ts-check
/** Participants as a page shows them. */

/**
 * @typedef {import("./roster.js").Participant & {self: boolean, stream: MediaStream | null,
 *   media: "none" | "connecting" | "connected" | "reconnecting",
 *   sends: import("./peer.js").Kind[]}} ParticipantView of oneself `sends` is what the server takes of what is published
 */

/**
 * Everybody in the session, oneself first, with the media that arrives from them.
 * @param {import("./roster.js").Roster} roster
 * @param {import("./connections.js").Connections} connections
 * @param {string} me
 * @returns {ParticipantView[]}
 */
export function participantViews(roster, connections, me) {
  const all = [...roster.participants.values()].map((participant) => {
    const self = participant.id === me;
    const connection = self ? connections.publication : connections.of(participant.id).at(-1);
    const stream = (self ? connection?.outgoing : connection?.incoming) ?? null;
    /** @type {ParticipantView["media"]} */
    const media = !connection || connection.state === "closed" ? "none" : connection.state;
    return { ...participant, self, stream, media, sends: self ? (connection?.sends ?? []) : [] };
  });
  return all.sort((a, b) => Number(b.self) - Number(a.self));
}
