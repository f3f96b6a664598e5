// @ts-check
/** Playback: plays what is received, without its sound while the browser wants a click before that. */

import { Emitter } from "./emitter.js";

/** @typedef {{muted: boolean, srcObject: unknown, play: () => Promise<void>, setSinkId?: any}} Element a video or an audio element */

/** Events: `blocked` and `allowed`. */
export class Playback extends Emitter {
  /** Whether sound waits for a click. */
  blocked = false;
  /** @type {Set<Element>} those that are silent only because of that */
  #silenced = new Set();
  /** @type {Set<Element>} */
  #elements = new Set();
  #speaker = "";

  /**
   * @param {Element} element
   * @param {MediaStream | null} stream
   */
  async play(element, stream) {
    if (!this.#elements.has(element)) {
      this.#elements.add(element);
      // One that is not there any more is not worth a call: the system's own choice will do.
      if (this.#speaker) await element.setSinkId?.(this.#speaker).catch(() => {});
    }
    if (element.srcObject !== stream) element.srcObject = stream;
    if (!stream) return;
    if (this.blocked && !element.muted) this.#silence(element);
    try {
      await element.play();
    } catch (error) {
      // Another stream, or none, has taken its place meanwhile; or there is nothing that a click would change.
      if (/** @type {DOMException} */ (error).name !== "NotAllowedError" || element.muted) return;
      this.#silence(element);
      if (!this.blocked) {
        this.blocked = true;
        this.say("blocked", null);
      }
      await element.play().catch(() => {});
    }
  }

  /**
   * Play everything by this speaker, also what comes later; rejects where the browser offers no choice.
   * @param {string} id of a device; "" is the system's own choice
   */
  async setSpeaker(id) {
    this.#speaker = id;
    await Promise.all([...this.#elements].map((element) => element.setSinkId(id)));
  }

  /** An element is gone. */
  release(/** @type {Element} */ element) {
    this.#silenced.delete(element);
    this.#elements.delete(element);
    element.srcObject = null;
  }

  /** Call it from a click: then the browser lets sound play. */
  async allow() {
    if (!this.blocked) return;
    this.blocked = false;
    this.say("allowed", null);
    const all = [...this.#silenced];
    this.#silenced.clear();
    for (const element of all) element.muted = false;
    await Promise.all(all.map((element) => this.play(element, /** @type {MediaStream} */ (element.srcObject))));
  }

  /** @param {Element} element */
  #silence(element) {
    element.muted = true;
    this.#silenced.add(element);
  }
}
