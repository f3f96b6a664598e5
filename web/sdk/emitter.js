// @ts-check
/** Emitter: an EventTarget whose events are plain values. */

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
