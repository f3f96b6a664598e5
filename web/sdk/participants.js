// @ts-check
/** Participants as a page shows them. */

import { CAMERA, sourceOf } from "./sources.js";

/**
 * @typedef {"none" | "connecting" | "connected" | "reconnecting"} Media
 * @typedef {{connection_id: string, source: string, stream: MediaStream | null, media: Media}} StreamView
 * @typedef {Omit<import("./roster.js").Participant, "streams"> & {self: boolean, stream: MediaStream | null,
 *   media: Media, streams: StreamView[],
 *   sends: import("./peer.js").Kind[]}} ParticipantView of oneself `sends` is what the server takes of what is published
 * @typedef {import("./connection.js").Connection} Connection
 */

/**
 * Everybody in the session, oneself first, with the media that arrives from them: `stream` is that of their camera.
 * @param {import("./roster.js").Roster} roster
 * @param {import("./connections.js").Connections} connections
 * @param {string} me
 * @returns {ParticipantView[]}
 */
export function participantViews(roster, connections, me) {
  const all = [...roster.participants.values()].map((participant) => {
    const self = participant.id === me;
    const streams = self
      ? [...connections.publications].map((one) => sent(one.connection_id ?? "", one.source, one.connection))
      : connections.of(participant.id).map(([id, one]) => received(id, sourceOf(participant, id), one));
    const main = streams.findLast(({ source }) => source === CAMERA) ?? null;
    const camera = self ? connections.publications.of(CAMERA) : null;
    return {
      ...participant,
      self,
      stream: main?.stream ?? null,
      media: main?.media ?? "none",
      sends: camera?.media ?? [],
      streams,
    };
  });
  return all.sort((a, b) => Number(b.self) - Number(a.self));
}

/**
 * @param {string} connection_id
 * @param {string} source
 * @param {Connection} connection
 * @returns {StreamView}
 */
function sent(connection_id, source, connection) {
  return { connection_id, source, stream: connection.outgoing, media: mediaOf(connection) };
}

/**
 * @param {string} connection_id
 * @param {string} source
 * @param {Connection} connection
 * @returns {StreamView}
 */
function received(connection_id, source, connection) {
  return { connection_id, source, stream: connection.incoming, media: mediaOf(connection) };
}

/**
 * @param {Connection} connection
 * @returns {Media}
 */
function mediaOf({ state }) {
  return state === "closed" ? "none" : state;
}
