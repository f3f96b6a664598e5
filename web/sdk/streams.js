// @ts-check
/** Pushed streams: a server-sent event stream or a socket, and what it has brought that nobody has taken yet. */

import { CallplaneError, closedBecause } from "./errors.js";

/** A stream says something every 10 s; one that says nothing for so long is dead, whatever the browser believes. */
const SILENCE = 25_000;
/** The first word comes with the opening: something on the way that lets only the opening through is found by this. */
const FIRST_WORD = 8_000;
/** One that ends sooner, and has brought nothing, is not opened again at once. */
const WORTH_OPENING = 1000;

/**
 * @typedef {import("./mailbox.js").Message} Message
 * @typedef {{messages: Message[], ack: string | null}} Batch
 * @typedef {{close: () => void, acknowledge?: (token: string) => void}} Source
 * @typedef {(url: string, stream: PushedStream, frames?: import("./frames.js").Frames) => Source} Open
 */

export class PushedStream {
  /** @type {Message[]} */
  #messages = [];
  /** @type {string | null} */
  #ack = null;
  /** @type {string | null} */
  #acknowledged = null;
  #said = false;
  #over = false;
  #wake = () => {};
  /** @type {Source | null} */
  source = null;
  /** @type {import("./errors.js").CallplaneError | null} */
  error = null;
  /** Whether it has said anything. */
  alive = false;
  #born = Date.now();
  #brought = false;

  /** Whether it did what it is for. */
  get worked() {
    return this.#brought || (this.alive && Date.now() - this.#born >= WORTH_OPENING);
  }

  /**
   * Without messages it is the heartbeat.
   * @param {Message[]} messages
   * @param {string | null} ack
   */
  push(messages, ack) {
    this.#messages.push(...messages);
    this.#ack = ack ?? this.#ack;
    this.#said = this.alive = true;
    this.#brought ||= messages.length > 0;
    this.#wake();
  }

  /** @param {import("./errors.js").CallplaneError | null} error null: it may be opened again */
  end(error) {
    if (this.#over) return;
    this.#over = true;
    this.error = error;
    this.source?.close();
    this.#wake();
  }

  /** @param {string | null} token */
  acknowledge(token) {
    if (!token || token === this.#acknowledged || this.#over) return;
    this.#acknowledged = token;
    this.source?.acknowledge?.(token);
  }

  /**
   * What has come, or comes; null when the stream has ended.
   * @param {AbortSignal} signal
   * @returns {Promise<Batch | null>}
   */
  async take(signal) {
    const timer = setTimeout(() => this.end(null), this.alive ? SILENCE : FIRST_WORD);
    while (!this.#said && !this.#over && !signal.aborted) {
      await new Promise((resolve) => {
        this.#wake = () => resolve(null);
        signal.addEventListener("abort", this.#wake, { once: true });
      });
      signal.removeEventListener("abort", this.#wake);
    }
    clearTimeout(timer);
    if (signal.aborted) throw signal.reason;
    if (!this.#said) return null;
    const batch = { messages: this.#messages, ack: this.#ack };
    this.#messages = [];
    this.#ack = null;
    this.#said = false;
    return batch;
  }
}

/** @type {Open} */
export function openEvents(url, stream) {
  const source = new EventSource(url);
  source.onmessage = ({ data, lastEventId }) => stream.push([JSON.parse(data)], lastEventId);
  source.addEventListener("beat", () => stream.push([], null));
  source.addEventListener("end", ({ data }) => stream.end(new CallplaneError(JSON.parse(data))));
  // The browser would open it again by itself, with a ticket that was used.
  source.onerror = () => stream.end(null);
  return source;
}

/** @type {Open} */
export function openSocket(url, stream, frames) {
  const socket = new WebSocket(url.replace(/^http/, "ws"));
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    if (frame.reply !== undefined) return frames?.replied(frame);
    frames?.attach(socket);
    stream.push(frame.messages, frame.ack);
  };
  socket.onclose = ({ code, reason }) => {
    frames?.detach(socket);
    stream.end(closedBecause(code, reason));
  };
  return {
    close: () => {
      frames?.detach(socket);
      socket.close();
    },
    acknowledge: (token) => socket.readyState === 1 && socket.send(JSON.stringify({ ack: token })),
  };
}
