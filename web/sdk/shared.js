// @ts-check
/** Shared state of a session: keys and their values, as everybody in it sees them; a change of one is told by itself. */

import { Emitter } from "./emitter.js";

/** @typedef {{value: any, version: number}} Entry since which version of the session it has this value */

/** Event `changed`: a key has another value, or none any more; also of what was missed while there was no line. */
export class Shared extends Emitter {
  #session;
  /** @type {Record<string, Entry>} as it was told last */
  #told;

  /** @param {import("./session.js").Session} session */
  constructor(session) {
    super();
    this.#session = session;
    this.#told = this.#now;
    session.on("participants", () => this.#look());
  }

  /** @param {string} key */
  get(key) {
    return this.entry(key)?.value;
  }

  /**
   * With the version since which it has its value, for `ifVersion`.
   * @param {string} key
   * @returns {Entry | undefined}
   */
  entry(key) {
    return own(this.#now, key);
  }

  /** @returns {[string, any][]} */
  entries() {
    return Object.entries(this.#now).map(([key, { value }]) => [key, value]);
  }

  /**
   * @param {string} key
   * @param {unknown} value any JSON but null
   * @param {{ifVersion?: number}} [options] only as long as the key is as it was in that version; 0: not there
   * @returns {Promise<number>} the version since which it has it
   */
  async set(key, value, { ifVersion } = {}) {
    const body = { value, if_version: ifVersion };
    return (await this.#session.seated.call("PATCH", `/state/${encodeURIComponent(key)}`, { body, once: true })).version;
  }

  /**
   * @param {string} key
   * @param {{ifVersion?: number}} [options]
   */
  async delete(key, options) {
    await this.set(key, null, options);
  }

  get #now() {
    return /** @type {Record<string, Entry>} */ (this.#session.info.state ?? {});
  }

  #look() {
    const before = this.#told;
    const now = (this.#told = this.#now);
    if (before === now) return;
    for (const key of new Set([...Object.keys(before), ...Object.keys(now)])) {
      const { value, version } = own(now, key) ?? { value: null, version: 0 };
      if (version !== (own(before, key)?.version ?? 0)) this.say("changed", { key, value, version });
    }
  }
}

/**
 * A key may be called as what every object has.
 * @param {Record<string, Entry>} state
 * @param {string} key
 * @returns {Entry | undefined}
 */
function own(state, key) {
  return Object.hasOwn(state, key) ? state[key] : undefined;
}
