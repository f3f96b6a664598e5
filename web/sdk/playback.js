// @ts-check
/** Playback: plays what is received, without its sound while the browser wants a click before that. */

import { Emitter } from "./emitter.js";

/** @typedef {{muted: boolean, srcObject: unknown, play: () => Promise<void>}} Element a video or an audio element */

/** Events: `blocked` and `allowed`. */
export class Playback extends Emitter {
  /** Whether sound waits for a click. */
  blocked = false;
  /** @type {Set<Element>} those that are silent only because of that */
  #silenced = new Set();

  /**
   * @param {Element} element
   * @param {MediaStream | null} stream
   */
  async play(element, stream) {
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

  /** An element is gone. */
  release(/** @type {Element} */ element) {
    this.#silenced.delete(element);
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
