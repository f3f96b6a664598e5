// @ts-check
/** Mailbox transports: long poll, server-sent events, WebSocket; each gives what follows the last acknowledgement. */

import { unreachable } from "./errors.js";
import { PushedStream, openEvents, openSocket } from "./streams.js";

/**
 * @typedef {import("./streams.js").Batch} Batch
 * @typedef {{next: (ack: string | null, wait: number) => Promise<Batch>, reopen: () => void, close: () => void,
 *   failed?: boolean}} Reader `failed`: its line was not opened, though the server was there
 * @typedef {"poll" | "sse" | "websocket"} Transport
 * @typedef {{seat: {token: string, frames?: import("./frames.js").Frames}, signal: AbortSignal, max: number}} ReaderOptions the seat's token as it is at the time
 */

/**
 * @param {Transport} transport
 * @param {import("./http.js").Http} http
 * @param {ReaderOptions} options
 * @returns {Reader}
 */
export function reader(transport, http, options) {
  if (transport === "sse") return new PushedReader(http, options, "/messages/stream", openEvents);
  if (transport === "websocket") return new PushedReader(http, options, "/messages/socket", openSocket);
  return new PollingReader(http, options);
}

/** Asking again and again. */
class PollingReader {
  #http;
  #options;
  #turn = new AbortController();

  /**
   * @param {import("./http.js").Http} http
   * @param {ReaderOptions} options
   */
  constructor(http, options) {
    this.#http = http;
    this.#options = options;
  }

  close() {}

  /** The network is another: what is asked for on the old one may never be answered. */
  reopen() {
    this.#turn.abort(unreachable(new Error("the network has changed")));
  }

  /**
   * @param {string | null} ack
   * @param {number} wait seconds
   * @returns {Promise<Batch>}
   */
  async next(ack, wait) {
    const { seat: { token }, signal, max } = this.#options;
    const query = new URLSearchParams({ wait: String(wait), max: String(max) });
    if (ack) query.set("ack", ack);
    this.#turn = new AbortController();
    const timeout = (wait + 8) * 1000;
    const either = AbortSignal.any([signal, this.#turn.signal]);
    const { body } = await this.#http.call("GET", `/messages?${query}`, { token, signal: either, timeout, patience: 0 });
    // A proxy on the way may answer for a pod that has just died.
    if (!Array.isArray(body?.messages)) throw unreachable(new Error("the answer holds no messages"));
    return body;
  }
}

/** A stream or a socket, opened again with a new ticket whenever it ends. */
class PushedReader {
  #http;
  #options;
  #path;
  #open;
  /** @type {PushedStream | null} */
  #stream = null;
  failed = false;

  /**
   * @param {import("./http.js").Http} http
   * @param {ReaderOptions} options
   * @param {string} path
   * @param {import("./streams.js").Open} open
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

  reopen() {
    this.#stream?.end(unreachable(new Error("the network has changed")));
  }

  /**
   * @param {string | null} ack
   * @returns {Promise<Batch>}
   */
  async next(ack) {
    for (;;) {
      this.failed = false;
      const stream = (this.#stream ??= await this.#connect(ack));
      stream.acknowledge(ack);
      const batch = await stream.take(this.#options.signal);
      if (batch) return batch;
      this.close();
      if (stream.error && !stream.error.retryable) throw stream.error;
      // One that has worked ends for reasons of its own (a drain, too much unacknowledged): the next is opened at once.
      if (stream.worked) continue;
      this.failed = !stream.error && !stream.alive;
      throw stream.error ?? unreachable(new Error("the stream was not opened"));
    }
  }

  /** @param {string | null} ack */
  async #connect(ack) {
    const { seat: { token, frames }, signal } = this.#options;
    const { body } = await this.#http.call("POST", "/messages/tickets", { token, signal, patience: 0 });
    const query = new URLSearchParams({ ticket: body.ticket });
    if (ack) query.set("ack", ack);
    const stream = new PushedStream();
    try {
      stream.source = this.#open(this.#http.url(`${this.#path}?${query}`), stream, frames);
    } catch {
      stream.end(null); // A browser, or its policy for this page, that has no such thing.
    }
    return stream;
  }
}
