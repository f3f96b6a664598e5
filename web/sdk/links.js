// @ts-check
/** Connections of a seat, kept as the roster says they should be: one publication, one subscription a stream. */

import { Connection } from "./connection.js";

/**
 * @typedef {object} LinksOptions
 * @property {import("./wire.js").Wire} wire
 * @property {import("./roster.js").Roster} roster
 * @property {string} me the id of the own seat
 * @property {boolean} subscribe whether to receive whatever the others send
 * @property {() => void} changed
 * @property {(error: import("./errors.js").CallplaneError, connection: Connection) => void} failed
 */

export class Links {
  #options;
  #closed = false;
  /** @type {Connection | null} */
  publication = null;
  /** @type {Map<string, Connection>} by the publisher's connection that they receive */
  subscriptions = new Map();

  /** @param {LinksOptions} options */
  constructor(options) {
    this.#options = options;
  }

  /**
   * Send a stream; what the seat sent in an earlier life is replaced.
   * @param {MediaStream} outgoing
   */
  async publish(outgoing) {
    await this.unpublish();
    const { roster, me } = this.#options;
    const [former] = roster.streams(me);
    const link = this.#connect({ kind: "publish", outgoing, replaces: former?.connection_id });
    this.publication = link;
    await link.start();
    return link;
  }

  async unpublish() {
    const { publication } = this;
    this.publication = null;
    await publication?.close();
  }

  /**
   * Open, restart and close connections until they match the roster.
   * @param {{swap?: string, ended?: string}} [hint] `swap`: the participant whose streams were swapped by
   *   `replaces`, for which the server has moved our subscription, so that it is only renamed here;
   *   `ended`: the stream that was unpublished, which a swapped one never is
   */
  reconcile({ swap, ended } = {}) {
    if (this.#closed) return;
    const { wire, roster } = this.#options;
    const mine = this.publication;
    if (mine && !mine.offering && mine.epoch < wire.epoch()) mine.restart("media-lost");
    const wanted = this.#wanted();
    for (const link of this.subscriptions.values()) if (ended && link.renamed === ended) link.restart();
    for (const [stream, link] of [...this.subscriptions]) {
      // One that was refused stays here closed as long as its stream is there, or it would be asked for again.
      if (wanted.has(stream)) this.#refresh(link);
      else if (link.state === "closed") this.subscriptions.delete(stream);
      else this.#orphaned(stream, link, wanted, swap === link.publisher);
    }
    for (const [stream, publisher] of wanted) if (!this.subscriptions.has(stream)) this.#subscribe(stream, publisher);
    if (roster.session.status === "closed") this.close();
  }

  /**
   * Use a message that is about a connection.
   * @param {import("./mailbox.js").Message} message
   */
  async heard({ type, data }) {
    const { early } = this.#options.wire;
    const link = data.connection_id ? this.#byId(data.connection_id) : undefined;
    if (type === "ice-candidate") {
      if (link?.peer) await link.peer.candidate(data.candidate);
      else early.keep(data.connection_id, data.candidate);
    } else if (type === "answer") {
      early.settle(data.command_id, { sdp_answer: data.sdp_answer });
    } else if (type === "error") {
      early.settle(data.command_id, { problem: data.problem });
    } else if (type === "connection-failed" || (type === "connection-state" && data.state === "failed")) {
      link?.restart();
    }
  }

  /** Why media is being negotiated again, or null when it is not. */
  get trouble() {
    const { publication } = this;
    const links = [...(publication ? [publication] : []), ...this.subscriptions.values()];
    const lost = links.filter((link) => link.state === "reconnecting");
    if (!lost.length) return null;
    return lost.some((link) => link.cause === "media-lost") ? "media-lost" : "connection-failed";
  }

  /** @param {string} participant */
  of(participant) {
    return [...this.subscriptions.values()].filter((link) => link.publisher === participant && link.state !== "closed");
  }

  /** Offer everything again: what a button does when somebody does not want to wait. */
  restart() {
    this.publication?.restart();
    for (const link of this.subscriptions.values()) link.restart();
  }

  /** End everything here; the server sweeps its side when the seat or the session goes. */
  close() {
    this.#closed = true;
    const links = [this.publication, ...this.subscriptions.values()];
    for (const link of links) void link?.close({ tell: false });
  }

  #wanted() {
    const { roster, me, subscribe } = this.#options;
    /** @type {Map<string, string>} */
    const wanted = new Map();
    if (!subscribe) return wanted;
    for (const { id, streams } of roster.participants.values()) {
      if (id !== me) for (const { connection_id } of streams) wanted.set(connection_id, id);
    }
    return wanted;
  }

  /** @param {Connection} link whose stream is there */
  #refresh(link) {
    if (!link.offering && link.epoch < this.#options.wire.epoch()) link.restart("media-lost");
  }

  /**
   * The stream of a subscription is gone: find out whether another took its place.
   * @param {string} stream
   * @param {Connection} link
   * @param {Map<string, string>} wanted
   * @param {boolean} swapped
   */
  #orphaned(stream, link, wanted, swapped) {
    const { roster, wire } = this.#options;
    const lost = link.epoch < wire.epoch();
    const heir = [...wanted].find(([id, publisher]) => publisher === link.publisher && !this.subscriptions.has(id));
    if (heir && (swapped || lost)) {
      this.subscriptions.delete(stream);
      this.subscriptions.set(heir[0], link);
      link.renamed = lost ? null : stream;
      this.#refresh(link);
    } else if (lost && roster.participants.has(link.publisher ?? "")) {
      link.hold();
    } else {
      this.subscriptions.delete(stream);
      void link.close();
    }
  }

  /**
   * @param {string} stream
   * @param {string} publisher
   */
  #subscribe(stream, publisher) {
    const { roster } = this.#options;
    const several = () => (roster.streams(publisher).length > 1 ? this.#streamOf(link) : undefined);
    const link = this.#connect({ kind: "subscribe", publisher, stream: several });
    this.subscriptions.set(stream, link);
    void link.start();
  }

  /** @param {Connection} link */
  #streamOf(link) {
    return [...this.subscriptions].find(([, one]) => one === link)?.[0];
  }

  /** @param {string} id */
  #byId(id) {
    if (this.publication?.id === id) return this.publication;
    return [...this.subscriptions.values()].find((link) => link.id === id);
  }

  /** @param {Pick<import("./connection.js").ConnectionOptions, "kind" | "publisher" | "stream" | "outgoing" | "replaces">} options */
  #connect(options) {
    const { wire, changed, failed } = this.#options;
    const link = new Connection({
      ...options,
      wire,
      changed,
      settled: () => this.reconcile(),
      failed: (error) => failed(error, link),
    });
    return link;
  }
}
