// @ts-check
/** Connections of a seat, kept as the roster says they should be: its publications, one subscription a stream. */

import { Connection } from "./connection.js";
import { Publications } from "./publications.js";
import { Reception } from "./sources.js";

/**
 * @typedef {object} ConnectionsOptions
 * @property {import("./signaling.js").Signaling} signaling
 * @property {import("./roster.js").Roster} roster
 * @property {string} me the id of the own seat
 * @property {boolean} autoSubscribe whether to receive what the others send where nothing else was said of it
 * @property {(muted: import("./publication.js").Muted) => Promise<void>} mute what is sent from the camera and microphone
 * @property {() => void} changed
 * @property {(error: import("./errors.js").CallplaneError, connection: Connection) => void} failed
 */

export class Connections {
  #options;
  #closed = false;
  /** @type {Map<string, Connection>} by the publisher's connection that they receive */
  subscriptions = new Map();
  /** @type {Map<string, Connection>} what is to take the place of one of those, once it is connected: with its picture, or without */
  #next = new Map();

  /** @param {ConnectionsOptions} options */
  constructor(options) {
    this.#options = options;
    const { roster, me, mute, autoSubscribe } = options;
    this.reception = new Reception(roster, autoSubscribe);
    const earlier = roster.streams(me).map(({ connection_id }) => connection_id);
    this.publications = new Publications({ connect: (more) => this.#connect({ kind: "publish", ...more }), earlier, mute });
  }

  /**
   * Open, restart and close connections until they match the roster.
   * @param {{swap?: string, ended?: {connection_id: string, reason?: string}}} [hint] `swap`: the participant whose streams were swapped by
   *   `replaces`, for which the server has moved our subscription, so that it is only renamed here;
   *   `ended`: the stream that was unpublished, which a swapped one never is, and why
   */
  reconcile({ swap, ended } = {}) {
    if (this.#closed) return;
    const { signaling, roster } = this.#options;
    if (ended) this.publications.unpublished(ended);
    for (const mine of this.publications.connections) this.#refresh(mine);
    const wanted = this.#wanted();
    for (const [stream, next] of this.#next) {
      if (wanted.has(stream)) this.#refresh(next);
      else this.#drop(this.#next, stream);
    }
    for (const one of this.subscriptions.values()) if (ended && one.renamed === ended.connection_id) one.restart();
    for (const [stream, connection] of [...this.subscriptions]) {
      // One that was refused stays here closed as long as its stream is there, or it would be asked for again.
      if (wanted.has(stream)) this.#refresh(connection);
      else if (connection.state === "closed") this.subscriptions.delete(stream);
      else this.#orphaned(stream, connection, wanted, swap === connection.publisher);
    }
    for (const [stream, publisher] of wanted) if (!this.subscriptions.has(stream)) this.#receive(this.subscriptions, stream, publisher);
    this.#adapt();
    if (roster.session.status === "closed") this.close();
  }

  /**
   * Use a message that is about a connection.
   * @param {import("./mailbox.js").Message} message
   */
  async heard({ type, data }) {
    const { early } = this.#options.signaling;
    const connection = data.connection_id ? this.#byId(data.connection_id) : undefined;
    if (type === "ice-candidate") {
      if (connection?.peer) await connection.peer.candidate(data.candidate);
      else early.keep(data.connection_id, data.candidate);
    } else if (type === "answer") {
      early.resolve(data.command_id, { sdp_answer: data.sdp_answer });
    } else if (type === "error") {
      early.resolve(data.command_id, { problem: data.problem });
    } else if (type === "connection-failed" || (type === "connection-state" && data.state === "failed")) {
      connection?.restart();
    }
  }

  /** Why media is being negotiated again, or null when it is not. */
  get trouble() {
    const lost = this.present.filter((connection) => connection.state === "reconnecting");
    if (!lost.length) return null;
    return lost.some((connection) => connection.cause === "media-lost") ? "media-lost" : "connection-failed";
  }

  /**
   * What somebody sends, by their connection, and by what it is received.
   * @param {{id: string, streams: {connection_id: string}[]}} participant
   */
  of({ id, streams }) {
    const received = [...this.subscriptions].filter(([, one]) => one.publisher === id && one.state !== "closed");
    /** @type {[string, Connection | null][]} */
    const all = streams.map(({ connection_id }) => [connection_id, null]);
    return new Map([...all, ...received]);
  }

  /**
   * Want a stream, or its picture, or do not; it goes for what follows it from its source.
   * @param {string} participant
   * @param {string} stream
   * @param {Partial<import("./sources.js").Choice>} choice
   */
  choose(participant, stream, choice) {
    if (this.#closed) return;
    this.reception.choose(participant, stream, choice);
    // One that was refused is tried again by whoever asks for it.
    const isRefused = this.subscriptions.get(stream)?.state === "closed";
    if (isRefused || choice.subscribed === false) this.#drop(this.subscriptions, stream);
    this.reconcile();
    this.#options.changed();
  }

  /** Offer everything again: what a button does when somebody does not want to wait. */
  restart() {
    for (const connection of this.#all) connection.restart();
  }

  /** The network is another. */
  hurry() {
    for (const connection of this.#all) connection.hurry();
  }

  /** End everything here; the server sweeps its side when the seat or the session goes. */
  close() {
    this.#closed = true;
    this.publications.close();
    for (const connection of this.#all) void connection.close({ tell: false });
  }

  /** What is sent, and what is received. */
  get present() {
    return [...this.publications.connections, ...this.subscriptions.values()];
  }

  get #all() {
    return [...this.present, ...this.#next.values()];
  }

  #wanted() {
    const { roster, me } = this.#options;
    /** @type {Map<string, string>} */
    const wanted = new Map();
    for (const one of roster.participants.values()) {
      for (const { connection_id } of one.id === me ? [] : one.streams) {
        if (this.reception.of(one.id, connection_id).subscribed) wanted.set(connection_id, one.id);
      }
    }
    return wanted;
  }

  /** @param {Connection} connection that is wanted */
  #refresh(connection) {
    if (!connection.offering && connection.epoch < this.#options.signaling.epoch()) connection.restart("media-lost");
  }

  /**
   * The stream of a subscription is gone: find out whether another took its place.
   * @param {string} stream
   * @param {Connection} connection
   * @param {Map<string, string>} wanted
   * @param {boolean} swapped
   */
  #orphaned(stream, connection, wanted, swapped) {
    const { roster, signaling } = this.#options;
    const lost = connection.epoch < signaling.epoch();
    const free = [...wanted].filter(([id]) => !this.subscriptions.has(id));
    const heir = free.find(([, publisher]) => publisher === connection.publisher);
    if (heir && (swapped || lost)) {
      this.subscriptions.delete(stream);
      this.subscriptions.set(heir[0], connection);
      connection.renamed = lost ? null : stream;
      this.#refresh(connection);
    } else if (lost && roster.participants.has(connection.publisher ?? "")) {
      connection.hold();
    } else {
      this.#drop(this.subscriptions, stream);
    }
  }

  /**
   * @param {Map<string, Connection>} among
   * @param {string} stream
   * @param {string} publisher
   */
  #receive(among, stream, publisher) {
    const { roster } = this.#options;
    const several = () => (roster.streams(publisher).length > 1 ? this.#streamOf(connection) : undefined);
    const soundOnly = this.reception.of(publisher, stream).paused;
    const connection = this.#connect({ kind: "subscribe", publisher, stream: several, soundOnly });
    among.set(stream, connection);
    void connection.start();
  }

  /** @param {Connection} connection */
  #streamOf(connection) {
    return [...this.subscriptions, ...this.#next].find(([, one]) => one === connection)?.[0];
  }

  /**
   * @param {Map<string, Connection>} among
   * @param {string} stream
   */
  #drop(among, stream) {
    const dropped = among.get(stream);
    among.delete(stream);
    void dropped?.close();
  }

  /**
   * Receive pictures, or none, as is wanted. An endpoint cannot be negotiated again: another is made beside it, and takes
   * its place when it is connected, so that the sound goes on.
   */
  #adapt() {
    if (this.#closed) return;
    for (const [stream, connection] of this.subscriptions) {
      const { publisher = "", soundOnly } = connection;
      const next = this.#next.get(stream);
      // It was refused: what is received stays as it is.
      if (next?.state === "closed") this.reception.choose(publisher, stream, { paused: soundOnly });
      const { paused } = this.reception.of(publisher, stream);
      if (next && next.soundOnly !== paused) {
        this.#drop(this.#next, stream);
      } else if (next?.state === "connected") {
        this.#next.delete(stream);
        this.subscriptions.set(stream, next);
        void connection.close();
      }
      if (soundOnly !== paused && connection.state === "connected" && !this.#next.has(stream)) {
        this.#receive(this.#next, stream, publisher);
      }
    }
  }

  /** @param {string} id */
  #byId(id) {
    return this.#all.find((connection) => connection.id === id);
  }

  /** @param {Pick<import("./connection.js").ConnectionOptions, "kind" | "publisher" | "stream" | "soundOnly" | "outgoing" | "maxKbps" | "source" | "replaces">} options */
  #connect(options) {
    const { signaling, changed, failed } = this.#options;
    const connection = new Connection({
      ...options,
      signaling,
      changed: () => {
        this.#adapt();
        changed();
      },
      settled: () => this.reconcile(),
      failed: (error) => {
        this.publications.failed(connection);
        failed(error, connection);
      },
    });
    return connection;
  }
}
