// @ts-check
/** Media flows: watches what really arrives from each participant, and really leaves. */

/** @typedef {{video: boolean, audio: boolean, numbers: string}} Flow */

const IDLE = { video: false, audio: false, numbers: "" };
/** Packets of a mute or a comfort-noise sound come too, but hardly any bytes. */
const SOUND_BYTES = 100;

/** Compares the statistics of one second with those of the second before. */
export class Flows {
  /** @type {Record<string, import("../sdk/index.js").InboundStats>} */
  #before = {};
  #at = 0;
  /** @type {Map<string, Flow>} by participant, and by stream for those who send several */
  #flows = new Map();

  /** @param {string} id of a participant or of a stream */
  of(id) {
    return this.#flows.get(id) ?? IDLE;
  }

  /**
   * @param {Record<string, import("../sdk/index.js").InboundStats>} stats
   * @param {number} now milliseconds
   */
  update(stats, now) {
    const seconds = Math.max(0.1, (now - this.#at) / 1000);
    this.#flows = new Map();
    for (const [stream, after] of Object.entries(stats)) {
      const before = this.#before[stream] ?? after;
      const frames = (after.framesDecoded - before.framesDecoded) / seconds;
      const kbits = ((after.bytes - before.bytes) * 8) / seconds / 1000;
      const flow = {
        video: frames > 0,
        audio: after.audioBytes - before.audioBytes > SOUND_BYTES * seconds,
        numbers: kbits > 0 ? `${Math.round(frames)} fps · ${Math.round(kbits)} kbit/s` : "",
      };
      this.#flows.set(after.participant_id, flow).set(stream, flow);
    }
    this.#before = stats;
    this.#at = now;
  }
}

/**
 * What leaves: a live, enabled track of each kind that the server takes.
 * @param {import("../sdk/index.js").ParticipantView} mine
 * @returns {Flow}
 */
export function outgoing({ stream, media, sends }) {
  const live = (/** @type {"audio" | "video"} */ kind) =>
    media === "connected" &&
    sends.includes(kind) &&
    !!stream?.getTracks().some((track) => track.kind === kind && track.enabled && track.readyState === "live");
  return { video: live("video"), audio: live("audio"), numbers: "" };
}
