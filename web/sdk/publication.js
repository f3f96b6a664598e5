// @ts-check
/** Publication: one source that is sent (a camera, a screen), until it is stopped, replaced, refused or gives nothing more. */

import { Emitter } from "./emitter.js";

/**
 * @typedef {"stopped" | "replaced" | "refused" | "removed" | "track-ended" | "left"} EndReason `removed`: by a moderator or
 *   the application, or the seat may not send it any more; `track-ended`: its last track ended, because a device was
 *   unplugged or somebody pressed the browser's own *Stop sharing*
 * @typedef {{audio?: boolean, video?: boolean}} Muted
 * @typedef {object} PublicationOptions
 * @property {string} source
 * @property {(reason: EndReason) => Promise<void>} stop
 * @property {(muted: Muted) => Promise<void>} [mute] how the others are told; only what is said of the seat is
 */

/** Events: `track-ended` with the `kind` that ended, while another is still sent. */
export class Publication extends Emitter {
  #connection;
  #options;
  #over = (/** @type {EndReason} */ _reason) => {};
  #watching = new AbortController();
  /** @type {Promise<EndReason>} settles when nothing is sent any more, with the reason */
  ended = new Promise((resolve) => (this.#over = resolve));

  /**
   * @param {import("./connection.js").Connection} connection
   * @param {PublicationOptions} options
   */
  constructor(connection, options) {
    super();
    this.#connection = connection;
    this.#options = options;
    for (const track of this.#tracks) this.watch(track);
  }

  get connection() {
    return this.#connection;
  }

  get source() {
    return this.#options.source;
  }

  /** Of the present endpoint; another after each restart. */
  get connection_id() {
    return this.#connection.id;
  }

  /** The kinds that the server takes. */
  get media() {
    return this.#connection.sends;
  }

  get state() {
    return this.#connection.state;
  }

  get stream() {
    return this.#connection.outgoing;
  }

  /**
   * Both kinds, or those that are named.
   * @param {boolean | Muted} [muted]
   */
  async mute(muted = true) {
    /** @type {Record<string, boolean | undefined>} */
    const each = typeof muted === "boolean" ? Object.fromEntries(this.#tracks.map(({ kind }) => [kind, muted])) : muted;
    if (this.#options.mute) return this.#options.mute(each);
    for (const track of this.#tracks) track.enabled = !(each[track.kind] ?? !track.enabled);
  }

  /**
   * Another track of a kind that is sent, such as another camera's: nothing is negotiated anew.
   * @param {MediaStreamTrack} track
   */
  async replaceTrack(track) {
    const before = this.#tracks.find(({ kind }) => kind === track.kind);
    if (!before) throw new TypeError(`no ${track.kind} is sent that it could take the place of`);
    track.enabled = before.enabled;
    await this.#connection.replaceTrack(before, track);
    this.watch(track);
  }

  async stop() {
    await this.#options.stop("stopped");
  }

  /**
   * Said by whoever ended it.
   * @param {EndReason} reason
   */
  end(reason) {
    this.#watching.abort();
    this.#over(reason);
  }

  get #tracks() {
    return this.stream?.getTracks() ?? [];
  }

  /**
   * Its end may be that of the publication.
   * @param {MediaStreamTrack} track that is sent
   */
  watch(track) {
    track.addEventListener?.("ended", () => void this.#ended(track), { signal: this.#watching.signal });
  }

  /** @param {MediaStreamTrack} track */
  async #ended(track) {
    if (!this.#tracks.includes(track)) return; // Another took its place.
    if (this.#tracks.some(({ readyState }) => readyState !== "ended")) this.say("track-ended", { kind: track.kind });
    else await this.#options.stop("track-ended");
  }
}
