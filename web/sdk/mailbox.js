// @ts-check
/** Mailbox of a participant: asking again is the acknowledgement of what the last answer brought. */

import { CallplaneError } from "./errors.js";
import { FallbackReader } from "./fallback.js";
import { reader } from "./transports.js";
import { pause } from "./backoff.js";

/** More than a holder ever has unacknowledged (500), so that a repeat after a take-over is still known. */
const REMEMBERED = 2048;

/**
 * @typedef {{id: string, type: string, session_id: string, version: number | null, at: string, data: any}} Message
 * @typedef {{why: "stopped" | "replaced" | "gone" | "refused", reason: string | null, error: Error | null}} Ending
 */

/** Reads `/messages` by one of its transports and hands each message on once, in order. */
export class Mailbox {
  #http;
  #reader;
  #deliver;
  #reachable;
  #wait;
  /** @type {string | null} */
  #ack = null;
  /** @type {Set<string>} */
  #seen = new Set();
  #stop = new AbortController();
  #wake = new AbortController();

  /**
   * @param {import("./http.js").Http} http
   * @param {{token: string, frames?: import("./frames.js").Frames}} seat with the participant token
   * @param {{deliver: (message: Message) => void | Promise<void>, reachable?: (yes: boolean) => void,
   *   changed?: (transport: import("./transports.js").Transport) => void, wait?: number, max?: number,
   *   transport?: import("./transports.js").Transport | "auto"}} options
   */
  constructor(http, seat, { deliver, reachable = () => {}, changed, wait = 25, max = 100, transport = "auto" }) {
    this.#http = http;
    const options = { seat, signal: this.#stop.signal, max };
    this.#reader =
      transport === "auto" ? new FallbackReader(http, { ...options, changed }) : reader(transport, http, options);
    this.#deliver = deliver;
    this.#reachable = reachable;
    this.#wait = wait;
  }

  /** Stop asking; `run` then ends with `stopped`. */
  stop() {
    this.#stop.abort(new Error("mailbox stopped"));
    this.#reader.close();
  }

  /** The network is another: what waits for the old one is not worth waiting for. */
  hurry() {
    this.#wake.abort(new Error("woken"));
    this.#reader.reopen();
  }

  /**
   * Ask, deliver, ask again, until the mailbox ends or is stopped.
   * @returns {Promise<Ending>}
   */
  async run() {
    for (let failures = 0; !this.#stop.signal.aborted; ) {
      try {
        // After trouble a poll that does not wait tells at once that it is over.
        const answer = await this.#reader.next(this.#ack, failures ? 0 : this.#wait);
        failures = 0;
        this.#reachable(true);
        await this.#hand(answer.messages);
        // Only now: whatever dies before this line is given again. An empty answer names no token.
        this.#ack = answer.ack ?? this.#ack;
      } catch (error) {
        const ending = this.#ending(error);
        if (ending) {
          this.#reader.close();
          return ending;
        }
        this.#reachable(false);
        await this.#rest(/** @type {CallplaneError} */ (error), failures++);
      }
    }
    return { why: "stopped", reason: null, error: null };
  }

  /** @param {Message[]} messages */
  async #hand(messages) {
    for (const message of messages) {
      if (this.#stop.signal.aborted) return;
      if (this.#seen.has(message.id)) continue;
      this.#seen.add(message.id);
      if (this.#seen.size > REMEMBERED) this.#seen.delete(/** @type {string} */ (this.#seen.values().next().value));
      await this.#deliver(message);
    }
  }

  /**
   * @param {unknown} error
   * @returns {Ending | null} null when asking again makes sense
   */
  #ending(error) {
    if (this.#stop.signal.aborted) return { why: "stopped", reason: null, error: null };
    if (!(error instanceof CallplaneError)) throw error;
    if (error.code === "poll-replaced") return { why: "replaced", reason: null, error };
    if (error.status === 410) return { why: "gone", reason: error.reason ?? error.detail, error };
    const ours = error.status >= 400 && error.status < 500 && !error.retryable;
    return ours ? { why: "refused", reason: error.code, error } : null;
  }

  /**
   * @param {CallplaneError} error
   * @param {number} failures
   */
  async #rest(error, failures) {
    this.#wake = new AbortController();
    const either = AbortSignal.any([this.#wake.signal, this.#stop.signal]);
    await pause(this.#http.delay(error, failures), either).catch(() => {});
  }
}
