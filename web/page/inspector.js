// @ts-check
/** Inspector: what the page knows of its call, in numbers, over the pictures; for those who run it, and to be copied. */

import { part } from "./dom.js";

/** @typedef {import("../sdk/index.js").Session} Session */

const INTERVAL = 1000;

export class Inspector {
  #session;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  #text = "";

  /** @param {() => Session | null} session the present one */
  constructor(session) {
    this.#session = session;
    part("inspector-close").addEventListener("click", () => this.close());
    part("inspector-copy").addEventListener("click", () => void navigator.clipboard?.writeText(this.#text));
  }

  toggle() {
    if (!part("inspector").hidden) return this.close();
    part("inspector").hidden = false;
    this.#timer = setInterval(() => void this.#look(), INTERVAL);
    void this.#look();
  }

  close() {
    clearInterval(this.#timer);
    part("inspector").hidden = true;
  }

  async #look() {
    const session = this.#session();
    if (!session) return this.close();
    this.#text = JSON.stringify(inspected(session, await session.stats()), null, 2);
    part("inspector-text").textContent = this.#text;
  }
}

/**
 * Ids, epoch, transport, and each person's streams with their numbers; no token and nothing that was said.
 * @param {Session} session
 * @param {Record<string, import("../sdk/index.js").InboundStats>} stats by stream
 */
export function inspected(session, stats) {
  const { id, me, state, reason, transport, info, participants } = session;
  return {
    session: { id, epoch: info.epoch, version: info.version, state, reason, transport, me },
    participants: participants.map((one) => ({
      id: one.id,
      state: one.state,
      media: one.media,
      sends: one.self ? one.sends : undefined,
      streams: one.streams.map(({ connection_id, source, media }) => ({ connection_id, source, media, ...numbers(stats[connection_id]) })),
    })),
  };
}

/** @param {import("../sdk/index.js").InboundStats | undefined} stats */
function numbers(stats) {
  if (!stats) return {};
  const { connection_id, roundTrip, jitter, packetsReceived, packetsLost, bytes, framesDecoded, freezes, width, height, path } = stats;
  return {
    received_by: connection_id,
    path,
    rtt_ms: roundTrip === null ? null : Math.round(roundTrip * 1000),
    jitter_ms: Math.round(jitter * 1000),
    lost: `${packetsLost} of ${packetsLost + packetsReceived}`,
    bytes,
    frames: framesDecoded,
    freezes,
    picture: width ? `${width}x${height}` : null,
  };
}
