// @ts-check
/** Event emitter for pages: one `state` event for all that matters, one `participants` event a turn. */

/** @typedef {"joining" | "connected" | "reconnecting" | "left" | "closed"} State */

/** The state of a session and the events that speak of it. */
export class Announcer {
  #target;
  #pending = false;
  /** @type {State} */
  state = "joining";
  /** @type {string | null} */
  reason = null;

  /** @param {EventTarget} target */
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
    this.say("state", { state, reason, previous });
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
      this.say("participants", { participants: list() });
    });
  }

  /**
   * @param {unknown} error
   * @param {string} during
   */
  error(error, during) {
    this.say("error", { error, during });
  }

  /**
   * @param {string} type
   * @param {unknown} detail
   */
  say(type, detail) {
    this.#target.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
