// @ts-check
/** Participants as a page shows them. */

import { CAMERA, sourceOf } from "./sources.js";

/**
 * @typedef {"none" | "connecting" | "connected" | "reconnecting"} Media
 * @typedef {import("./sources.js").Choice & {connection_id: string, source: string, stream: MediaStream | null,
 *   media: Media, subscribe: () => void, unsubscribe: () => void, pause: () => void, resume: () => void}} StreamView
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
    const found = self
      ? [...connections.publications].map(({ connection_id, source, connection: one }) => ({ id: connection_id ?? "", source, one }))
      : [...connections.of(participant)].map(([id, one]) => ({ id, source: sourceOf(participant, id), one }));
    const streams = found.map((each) => viewOf(participant.id, { ...each, connections }));
    const main = streams.findLast(({ source, media }) => source === CAMERA && media !== "none") ?? null;
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
 * @param {string} participant
 * @param {{id: string, source: string, one: Connection | null, connections: import("./connections.js").Connections}} stream
 * @returns {StreamView}
 */
function viewOf(participant, { id, source, one, connections }) {
  const choose = (/** @type {Partial<import("./sources.js").Choice>} */ choice) => () =>
    connections.choose(participant, id, choice);
  return {
    connection_id: id,
    source,
    stream: one?.outgoing ?? one?.incoming ?? null,
    media: one ? mediaOf(one) : "none",
    ...connections.reception.of(participant, id),
    subscribe: choose({ subscribed: true }),
    unsubscribe: choose({ subscribed: false }),
    pause: choose({ paused: true }),
    resume: choose({ paused: false }),
  };
}

/**
 * @param {Connection} connection
 * @returns {Media}
 */
function mediaOf({ state }) {
  return state === "closed" ? "none" : state;
}
