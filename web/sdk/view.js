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
 * @param {import("./links.js").Links} links
 * @param {string} me
 * @returns {ParticipantView[]}
 */
export function view(roster, links, me) {
  const all = [...roster.participants.values()].map((participant) => {
    const self = participant.id === me;
    const [link] = self ? (links.publication ? [links.publication] : []) : links.of(participant.id).slice(-1);
    const stream = self ? (links.publication?.outgoing ?? null) : (link?.incoming ?? null);
    /** @type {ParticipantView["media"]} */
    const media = !link || link.state === "closed" ? "none" : link.state;
    return { ...participant, self, stream, media, sends: self ? (link?.sends ?? []) : [] };
  });
  return all.sort((a, b) => Number(b.self) - Number(a.self));
}
