// @ts-check
/** Mailbox transports: long poll, server-sent events, WebSocket; each gives what follows the last acknowledgement. */

import { closedBecause, ended, unreachable } from "./errors.js";

/** A stream says something every 10 s; one that says nothing for so long is dead, whatever the browser believes. */
const SILENCE = 25_000;

/** One that ends sooner, and has brought nothing, is not opened again at once. */
const WORTH_OPENING = 1000;

/**
 * @typedef {import("./mailbox.js").Message} Message
 * @typedef {{messages: Message[], ack: string | null}} Batch
 * @typedef {{close: () => void, acknowledge?: (token: string) => void}} Source
 * @typedef {{next: (ack: string | null, wait: number) => Promise<Batch>, close: () => void}} Reader
 * @typedef {"poll" | "sse" | "websocket"} Transport
 */

/**
 * @param {Transport} transport
 * @param {import("./http.js").Http} http
 * @param {{token: string, signal: AbortSignal, max: number}} options
 * @returns {Reader}
 */
export function reader(transport, http, options) {
  if (transport === "sse") return new PushedReader(http, options, "/messages/stream", openStream);
  if (transport === "websocket") return new PushedReader(http, options, "/messages/socket", openSocket);
  return polls(http, options);
}

/**
 * Asking again and again.
 * @param {import("./http.js").Http} http
 * @param {{token: string, signal: AbortSignal, max: number}} options
 * @returns {Reader}
 */
function polls(http, { token, signal, max }) {
  return {
    async next(ack, wait) {
      const query = new URLSearchParams({ wait: String(wait), max: String(max) });
      if (ack) query.set("ack", ack);
      const timeout = (wait + 8) * 1000;
      const { body } = await http.call("GET", `/messages?${query}`, { token, signal, timeout, patience: 0 });
      // A proxy on the way may answer for a pod that has just died.
      if (!Array.isArray(body?.messages)) throw unreachable(new Error("the answer holds no messages"));
      return body;
    },
    close() {},
  };
}

/** A stream or a socket, opened again with a new ticket whenever it ends. */
class PushedReader {
  #http;
  #options;
  #path;
  #open;
  /** @type {PushedStream | null} */
  #stream = null;

  /**
   * @param {import("./http.js").Http} http
   * @param {{token: string, signal: AbortSignal}} options
   * @param {string} path
   * @param {(url: string, stream: PushedStream) => Source} open
   */
  constructor(http, options, path, open) {
    this.#http = http;
    this.#options = options;
    this.#path = path;
    this.#open = open;
  }

  close() {
    this.#stream?.end(null);
    this.#stream = null;
  }

  /** @param {string | null} ack */
  async next(ack) {
    for (;;) {
      const stream = (this.#stream ??= await this.#connect(ack));
      stream.acknowledge(ack);
      const batch = await stream.take(this.#options.signal);
      if (batch) return batch;
      this.close();
      if (stream.error && !stream.error.retryable) throw stream.error;
      // One that has worked ends for reasons of its own (a drain, too much unacknowledged): the next is opened at once.
      if (!stream.worked) throw stream.error ?? unreachable(new Error("the stream was not opened"));
    }
  }

  /** @param {string | null} ack */
  async #connect(ack) {
    const { token, signal } = this.#options;
    const { body } = await this.#http.call("POST", "/messages/tickets", { token, signal, patience: 0 });
    const query = new URLSearchParams({ ticket: body.ticket });
    if (ack) query.set("ack", ack);
    const stream = new PushedStream();
    stream.source = this.#open(this.#http.url(`${this.#path}?${query}`), stream);
    return stream;
  }
}

/** What one stream has brought and nobody has taken yet. */
class PushedStream {
  /** @type {Message[]} */
  #messages = [];
  /** @type {string | null} */
  #ack = null;
  /** @type {string | null} */
  #acknowledged = null;
  #said = false;
  #alive = false;
  #over = false;
  #wake = () => {};
  /** @type {Source | null} */
  source = null;
  /** @type {import("./errors.js").CallplaneError | null} */
  error = null;
  #born = Date.now();
  #brought = false;

  /** Whether it did what it is for. */
  get worked() {
    return this.#brought || (this.#alive && Date.now() - this.#born >= WORTH_OPENING);
  }

  /**
   * Without messages it is the heartbeat.
   * @param {Message[]} messages
   * @param {string | null} ack
   */
  push(messages, ack) {
    this.#messages.push(...messages);
    this.#ack = ack ?? this.#ack;
    this.#said = this.#alive = true;
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
    const timer = setTimeout(() => this.end(null), SILENCE);
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

/**
 * @param {string} url
 * @param {PushedStream} stream
 * @returns {Source}
 */
function openStream(url, stream) {
  const source = new EventSource(url);
  source.onmessage = ({ data, lastEventId }) => stream.push([JSON.parse(data)], lastEventId);
  source.addEventListener("beat", () => stream.push([], null));
  source.addEventListener("end", ({ data }) => stream.end(ended(JSON.parse(data))));
  // The browser would open it again by itself, with a ticket that was used.
  source.onerror = () => stream.end(null);
  return source;
}

/**
 * @param {string} url
 * @param {PushedStream} stream
 * @returns {Source}
 */
function openSocket(url, stream) {
  const socket = new WebSocket(url.replace(/^http/, "ws"));
  socket.onmessage = ({ data }) => {
    const { messages, ack } = JSON.parse(data);
    stream.push(messages, ack);
  };
  socket.onclose = ({ code, reason }) => stream.end(closedBecause(code, reason));
  return {
    close: () => socket.close(),
    acknowledge: (token) => socket.readyState === 1 && socket.send(JSON.stringify({ ack: token })),
  };
}
