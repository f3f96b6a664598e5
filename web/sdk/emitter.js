// @ts-check
/** Emitter: an EventTarget whose events are plain values; and what a session says of itself by it. */

export class Emitter extends EventTarget {
  /**
   * Listen to an event; returns what ends the listening.
   * @param {string} type
   * @param {(detail: any) => void} listener
   */
  on(type, listener) {
    const heard = (/** @type {Event} */ event) => listener(/** @type {CustomEvent} */ (event).detail);
    this.addEventListener(type, heard);
    return () => this.removeEventListener(type, heard);
  }

  /**
   * @param {string} type
   * @param {unknown} detail
   */
  say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** @typedef {"joining" | "connected" | "reconnecting" | "left" | "closed"} State */

/** The state of a session and the events that speak of it. */
export class Announcer {
  #target;
  #pending = false;
  /** @type {State} */
  state = "joining";
  /** @type {string | null} */
  reason = null;

  /** @param {Emitter} target */
  constructor(target) {
    this.#target = target;
  }

  get over() {
    return this.state === "left" || this.state === "closed";
  }

  /**
   * @param {State} state
   * @param {string | null} reason
   */
  become(state, reason) {
    if (this.over || (this.state === state && this.reason === reason)) return;
    const previous = this.state;
    this.state = state;
    this.reason = reason;
    this.#target.say("state", { state, reason, previous });
  }

  /**
   * Many changes of one turn are one event.
   * @param {() => unknown[]} list
   */
  participants(list) {
    if (this.#pending) return;
    this.#pending = true;
    queueMicrotask(() => {
      this.#pending = false;
      this.#target.say("participants", { participants: list() });
    });
  }

  /**
   * @param {unknown} error
   * @param {string} during
   */
  error(error, during) {
    this.#target.say("error", { error, during });
  }
}
