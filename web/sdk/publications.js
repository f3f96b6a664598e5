// @ts-check
/** Publications of a seat: one a source; what is published last counts, whatever is still under way of those before. */

import { Publication } from "./publication.js";

/**
 * @typedef {import("./publication.js").EndReason} EndReason
 * @typedef {{source?: string, maxKbps?: number}} PublishOptions
 * @typedef {object} PublicationsOptions
 * @property {(options: {outgoing: MediaStream, maxKbps?: number, source?: string, replaces?: string}) => import("./connection.js").Connection} connect
 * @property {string[]} earlier what an earlier life of the seat has left
 * @property {(muted: import("./publication.js").Muted) => Promise<void>} mute what is said of the seat
 */

export class Publications {
  #options;
  /** @type {Map<string, Publication>} by source */
  #all = new Map();

  /** @param {PublicationsOptions} options */
  constructor(options) {
    this.#options = options;
  }

  /** @param {string} source */
  of(source) {
    return this.#all.get(source) ?? null;
  }

  [Symbol.iterator]() {
    return this.#all.values();
  }

  get connections() {
    return [...this.#all.values()].map(({ connection }) => connection);
  }

  /**
   * Send a stream; what the seat sent in an earlier life is replaced. It has its place before anything is waited for, so
   * that of two at once the second ends the first, and nothing is sent on when both are ended.
   * @param {MediaStream} outgoing
   * @param {PublishOptions} options
   */
  async publish(outgoing, { source = "camera", maxKbps }) {
    const { connect, mute } = this.#options;
    const former = this.of(source);
    const connection = connect({ outgoing, maxKbps, source, replaces: this.#options.earlier.shift() });
    /** @type {Publication} */
    const publication = new Publication(connection, {
      source,
      stop: (reason) => this.#end(publication, reason),
      mute: source === "camera" ? mute : undefined,
    });
    this.#all.set(source, publication);
    if (former) await this.#end(former, "replaced");
    await connection.start();
    if (connection.error) await this.#end(publication, "refused");
    return publication;
  }

  /** @param {string} [source] all of them where it is not said */
  async unpublish(source) {
    const ended = [...this.#all.values()].filter((one) => source === undefined || one.source === source);
    await Promise.all(ended.map((one) => this.#end(one, "stopped")));
  }

  /**
   * One was given up after it had worked.
   * @param {import("./connection.js").Connection} connection
   */
  failed(connection) {
    for (const one of this.#all.values()) if (one.connection === connection) void this.#end(one, "refused");
  }

  /**
   * The server has ended one of ours: what others took away is not offered again, as what was lost is.
   * @param {{connection_id: string, reason?: string}} stream
   */
  unpublished({ connection_id, reason }) {
    if (reason !== "removed" && reason !== "not-allowed") return;
    for (const one of this.#all.values()) if (one.connection_id === connection_id) void this.#end(one, "removed");
  }

  /** The seat is gone, and everything with it. */
  close() {
    for (const one of this.#all.values()) {
      one.end("left");
      void one.connection.close({ tell: false });
    }
  }

  /**
   * @param {Publication} publication
   * @param {EndReason} reason
   */
  async #end(publication, reason) {
    if (this.of(publication.source) === publication) this.#all.delete(publication.source);
    publication.end(reason);
    await publication.connection.close({ tell: reason !== "refused" && reason !== "removed" });
  }
}
