// @ts-check
/** Pauses: pictures that nobody has seen for a while are not received; sound always is, and whoever speaks is seen. */

/**
 * @typedef {import("../sdk/index.js").ParticipantView} ParticipantView
 * @typedef {{seen: (participant: string, source: string) => boolean, hidden: boolean, speaking: string[], now: number}} Look
 */

/** Milliseconds; to see it again takes a negotiation, which scrolling past is not worth. */
const OFF_SCREEN = 10_000;
/** Of the whole page: people look at another tab for a moment, and come back. */
const HIDDEN = 60_000;

/** Which pictures nobody sees, and since when. */
export class Unseen {
  /** @type {Map<string, number>} by participant and source */
  #since = new Map();
  /** @type {Set<string>} what was paused here, and not by others who have the session */
  #paused = new Set();

  /**
   * @param {ParticipantView[]} participants
   * @param {Look} look
   */
  look(participants, { seen, hidden, speaking, now }) {
    for (const { id, self, streams } of participants) {
      for (const stream of self ? [] : streams) {
        const key = `${id} ${stream.source}`;
        if (seen(id, stream.source) || speaking.includes(id)) this.#resume(key, stream);
        else if (now - this.#unseen(key, now) >= (hidden ? HIDDEN : OFF_SCREEN)) this.#pause(key, stream);
      }
    }
    // By the seat, not by the stream: what is sent anew is paused as what was before it.
    const gone = (/** @type {string} */ key) => !participants.some(({ id }) => key.startsWith(`${id} `));
    for (const key of this.#since.keys()) if (gone(key)) this.#since.delete(key);
    for (const key of this.#paused) if (gone(key)) this.#paused.delete(key);
  }

  /**
   * @param {string} key
   * @param {number} now
   */
  #unseen(key, now) {
    const since = this.#since.get(key) ?? now;
    this.#since.set(key, since);
    return since;
  }

  /**
   * @param {string} key
   * @param {import("../sdk/index.js").StreamView} stream
   */
  #pause(key, stream) {
    if (stream.paused || this.#paused.has(key)) return;
    this.#paused.add(key);
    stream.pause();
  }

  /**
   * @param {string} key
   * @param {import("../sdk/index.js").StreamView} stream
   */
  #resume(key, stream) {
    this.#since.delete(key);
    if (this.#paused.delete(key)) stream.resume();
  }
}

/** Looks each second, and whenever the page or a tile is seen again. */
export class Pauses {
  #session;
  #tiles;
  #unseen = new Unseen();
  /** @type {string[]} */
  #speaking = [];
  #end = new AbortController();

  /**
   * @param {import("../sdk/index.js").Session} session
   * @param {import("./tiles.js").Tiles} tiles
   */
  constructor(session, tiles) {
    this.#session = session;
    this.#tiles = tiles;
    session.on("stats", () => this.look());
    session.on("speaking", ({ participants }) => (this.#speaking = participants));
    document.addEventListener("visibilitychange", () => this.look(), { signal: this.#end.signal });
  }

  look() {
    const { hidden } = document;
    const seen = (/** @type {string} */ participant, /** @type {string} */ source) => this.#tiles.seen(participant, source);
    this.#unseen.look(this.#session.participants, { seen, hidden, speaking: this.#speaking, now: performance.now() });
  }

  close() {
    this.#end.abort();
  }
}
