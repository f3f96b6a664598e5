// @ts-check
/** Transport fallback: the best transport that gets through, changed in mid-call when it does not any more. */

import { reader } from "./transports.js";

/** @typedef {import("./transports.js").Transport} Transport */

/** The best first. */
const ORDER = /** @type {Transport[]} */ (["websocket", "sse", "poll"]);
/** How long a lesser one is kept before the best is tried again; doubled each time that it fails. */
const KEEP = 60_000;
const KEEP_AT_MOST = 15 * 60_000;

/** All transports have the same messages and places, so that each goes on where another one ended. */
export class FallbackReader {
  #make;
  #changed;
  #at = 0;
  #keep = KEEP;
  #since = Date.now();
  /** @type {import("./transports.js").Reader} */
  #reader;

  /**
   * @param {import("./http.js").Http} http
   * @param {import("./transports.js").ReaderOptions & {changed?: (transport: Transport) => void}} options
   */
  constructor(http, { changed = () => {}, ...options }) {
    this.#make = (/** @type {Transport} */ transport) => reader(transport, http, options);
    this.#changed = changed;
    this.#reader = this.#make(ORDER[0]);
  }

  get transport() {
    return ORDER[this.#at];
  }

  /**
   * @param {string | null} ack
   * @param {number} wait seconds
   */
  async next(ack, wait) {
    if (this.#at && Date.now() - this.#since >= this.#keep) {
      this.#keep = Math.min(KEEP_AT_MOST, Math.max(KEEP, this.#keep * 2));
      this.#use(0);
    }
    for (;;) {
      try {
        const batch = await this.#reader.next(ack, wait);
        if (!this.#at) this.#keep = KEEP;
        return batch;
      } catch (error) {
        // Only where its line alone was not opened: when the server is away every other one would fail, too.
        if (!this.#reader.failed || this.#at === ORDER.length - 1) throw error;
        this.#use(this.#at + 1);
      }
    }
  }

  /** The network is another, on which the best may work. */
  reopen() {
    this.#keep = 0;
    this.#reader.reopen();
  }

  close() {
    this.#reader.close();
  }

  /** @param {number} at */
  #use(at) {
    this.#reader.close();
    this.#at = at;
    this.#since = Date.now();
    this.#reader = this.#make(ORDER[at]);
    this.#changed(this.transport);
  }
}
