// @ts-check
/** Inspector: what the page knows of its call, in numbers, over the pictures; for those who run it, to be copied or kept. */

import { download, part } from "./dom.js";

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
    part("inspector-report").addEventListener("click", () => download("callplane-call.json", this.#text));
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
    this.#text = JSON.stringify(await session.report(), null, 2);
    part("inspector-text").textContent = this.#text;
  }
}
