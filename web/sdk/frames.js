// @ts-check
/** Request frames: what is asked of the API over the socket that is open, with the replies by their names. */

import { unreachable } from "./errors.js";

/** The server serves so many of one socket at a time; more go by HTTP. */
const UNDER_WAY = 16;

/**
 * @typedef {{readyState: number, send: (text: string) => void}} Socket
 * @typedef {{reply: string, status: number, headers: Record<string, string>, body: unknown}} Reply
 * @typedef {{resolve: (answer: Response) => void, reject: (error: unknown) => void}} Waiting
 */

export class Frames {
  #count = 0;
  /** @type {Socket | null} */
  #socket = null;
  /** @type {Map<string, Waiting>} by the request's name */
  #waiting = new Map();

  /** Whether the next request may go this way. */
  get open() {
    return this.#socket?.readyState === 1 && this.#waiting.size < UNDER_WAY;
  }

  /**
   * The socket works: its first frame has come.
   * @param {Socket} socket
   */
  attach(socket) {
    this.#socket = socket;
  }

  /**
   * It has ended: whoever waits asks again under the same key, elsewhere.
   * @param {Socket | null} socket
   */
  detach(socket) {
    if (this.#socket !== socket) return;
    this.#socket = null;
    for (const { reject } of this.#waiting.values()) reject(unreachable(new Error("the socket has ended")));
    this.#waiting.clear();
  }

  /**
   * The same as a fetch of it.
   * @param {string} path
   * @param {RequestInit} init of `Http`: its body is text
   * @param {AbortSignal} signal
   * @returns {Promise<Response>}
   */
  ask(path, { method, headers, body }, signal) {
    const name = String(++this.#count);
    const { "Idempotency-Key": idempotency_key } = /** @type {Record<string, string>} */ (headers ?? {});
    const head = JSON.stringify({ request: name, method, path, idempotency_key });
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const cut = () => this.#waiting.delete(name) && reject(signal.reason);
      signal.addEventListener("abort", cut, { once: true });
      const over = (/** @type {() => void} */ settle) => (signal.removeEventListener("abort", cut), settle());
      this.#waiting.set(name, {
        resolve: (answer) => over(() => resolve(answer)),
        reject: (error) => over(() => reject(error)),
      });
      this.#socket?.send(body ? `${head.slice(0, -1)},"body":${body}}` : head);
    });
  }

  /** @param {Reply} reply */
  replied({ reply, status, headers, body }) {
    const waiting = this.#waiting.get(reply);
    this.#waiting.delete(reply);
    waiting?.resolve(new Response(body === null ? null : JSON.stringify(body), { status, headers }));
  }
}
