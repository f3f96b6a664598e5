// @ts-check
/** Sources of streams, such as a shared screen: said by connection in the metadata of the seat that sends them; and which are wanted. */

/** What a stream is from of which nothing is said. */
export const CAMERA = "camera";

/** What an offer says itself; a camera is what is sent where nothing is said. */
const OFFERED = new Set(["microphone", "screen", "screen_audio"]);

/**
 * What an offer of this source says of it.
 * @param {string | undefined} source
 */
export function offered(source) {
  return source !== undefined && OFFERED.has(source) ? source : undefined;
}

/**
 * As the sender's page calls it; else as the server does, to which a screen's sound is a source of its own.
 * @param {{metadata?: Record<string, any>, streams?: {connection_id: string, source?: string | null}[]}} participant
 * @param {string} connection_id
 * @returns {string}
 */
export function sourceOf({ metadata, streams }, connection_id) {
  const said = metadata?.sources?.[connection_id];
  if (typeof said === "string") return said;
  const known = streams?.find((one) => one.connection_id === connection_id)?.source ?? CAMERA;
  return known.startsWith("screen") ? "screen" : CAMERA;
}

/** Says it anew whenever it is another, one word after the other. */
export class Sources {
  #tell;
  #said = "{}";
  #telling = false;
  /** @type {Record<string, string>} by connection; cameras are not named */
  #now = {};

  /** @param {() => Promise<void>} tell say the metadata again, which go by `among` */
  constructor(tell) {
    this.#tell = tell;
  }

  /** @param {Iterable<{source: string, connection_id: string | null}>} publications */
  async show(publications) {
    const named = [...publications].filter(({ source, connection_id }) => source !== CAMERA && connection_id);
    this.#now = Object.fromEntries(named.map(({ source, connection_id }) => [connection_id, source]));
    if (this.#telling) return;
    this.#telling = true;
    try {
      for (let now; (now = JSON.stringify(this.#now)) !== this.#said; ) {
        await this.#tell();
        this.#said = now;
      }
    } finally {
      this.#telling = false;
    }
  }

  /**
   * Metadata of one's own with what is said of sources, which a change of the rest leaves alone.
   * @param {Record<string, unknown>} metadata
   */
  among({ sources: _, ...metadata }) {
    return Object.keys(this.#now).length ? { ...metadata, sources: this.#now } : metadata;
  }
}

/** @typedef {{subscribed: boolean, paused: boolean}} Choice */

/** Which streams are wanted, and of which the sound alone: of a seat's source, so that it outlives each of its streams. */
export class Reception {
  #roster;
  #auto;
  /** @type {Map<string, Choice>} by participant and source */
  #said = new Map();

  /**
   * @param {import("./roster.js").Roster} roster
   * @param {boolean} auto whether streams are wanted of which nothing was said
   */
  constructor(roster, auto) {
    this.#roster = roster;
    this.#auto = auto;
  }

  /**
   * What is wanted of somebody's stream.
   * @param {string} participant
   * @param {string} stream
   * @returns {Choice}
   */
  of(participant, stream) {
    return this.#said.get(this.#key(participant, stream)) ?? { subscribed: this.#auto, paused: false };
  }

  /**
   * Want it, or its picture, or do not; of who is not there any more all is forgotten.
   * @param {string} participant
   * @param {string} stream
   * @param {Partial<Choice>} choice
   */
  choose(participant, stream, choice) {
    for (const key of this.#said.keys()) if (!this.#roster.participants.has(key.split(" ")[0])) this.#said.delete(key);
    this.#said.set(this.#key(participant, stream), { ...this.of(participant, stream), ...choice });
  }

  /**
   * @param {string} participant
   * @param {string} stream
   */
  #key(participant, stream) {
    return `${participant} ${sourceOf(this.#roster.participants.get(participant) ?? {}, stream)}`;
  }
}
