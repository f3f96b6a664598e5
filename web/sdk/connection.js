// @ts-check
/** Connection: a published or received stream that outlives its endpoints; it offers again whenever one is lost. */

import { jittered, pause } from "./backoff.js";
import { CallplaneError, unreachable } from "./errors.js";
import { Peer } from "./peer.js";
import { offered } from "./sources.js";

/** Longer than an ICE check over bad networks, shorter than people's patience. */
const CONNECT_DEADLINE = 15_000;
/** A short loss heals by itself; the server's own drop timer is 5 s (design 7.3). */
const DISCONNECTED = 4_000;
/** A 202 is settled by the mailbox; five attempts a second apart fit in here (design 3). */
const OUTCOME_DEADLINE = 30_000;
/** What may be a bug of the server, or a state that has passed, is tried again too, but not for ever. */
const MOST_DOUBTS = 5;

/**
 * @typedef {object} ConnectionOptions
 * @property {import("./signaling.js").Signaling} signaling
 * @property {"publish" | "subscribe"} kind
 * @property {string} [publisher] whose stream is received
 * @property {() => string | undefined} [stream] which of the publisher's streams, where it has several
 * @property {boolean} [soundOnly] receive no picture
 * @property {MediaStream} [outgoing] what is published
 * @property {number} [maxKbps] of its picture
 * @property {string} [source] what is published
 * @property {string} [replaces] a connection of an earlier life of this seat
 * @property {() => void} changed its state is another
 * @property {() => void} settled it stopped offering, answered or not
 * @property {(error: CallplaneError) => void} failed it was given up
 */

/** @typedef {"media-lost" | "connection-failed"} Cause */

/** @typedef {"connecting" | "connected" | "reconnecting" | "closed"} ConnectionState */

export class Connection {
  #options;
  #end = new AbortController();
  #wake = new AbortController();
  #held = false;
  #failures = 0;
  /** @type {Peer | null} */
  #peer = null;
  /** @type {Peer | null} the last one that was connected: its picture stays until there is a new one */
  #former = null;
  /** @type {string | null} */
  #replaces;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {ConnectionState} */
  state = "connecting";
  /** @type {string | null} the stream that it was made for, where the server moved it to another */
  renamed = null;
  /** @type {Cause} of the last restart */
  cause = "connection-failed";
  /** @type {CallplaneError | null} why it was given up */
  error = null;
  /** Whether an offer is under way. */
  offering = false;
  /** The epoch of the endpoint, or of the offer under way; 0 before the first. */
  epoch = 0;

  /** @param {ConnectionOptions} options */
  constructor(options) {
    this.#options = options;
    this.#replaces = options.replaces ?? null;
  }

  get id() {
    return this.#peer?.id ?? null;
  }

  get peer() {
    return this.#peer;
  }

  get publisher() {
    return this.#options.publisher;
  }

  get soundOnly() {
    return this.#options.soundOnly ?? false;
  }

  get outgoing() {
    return this.#options.outgoing ?? null;
  }

  /** The kinds that the server takes of what is published; none before it has answered. */
  get sends() {
    return this.outgoing && this.#peer ? this.#peer.sends : [];
  }

  /** What is received: the new picture once it is connected, until then the last. */
  get incoming() {
    return (this.#former ?? this.#peer)?.incoming ?? null;
  }

  /** Offer until there is an answer, or no use in going on. */
  async start() {
    if (this.offering || this.state === "closed") return;
    this.offering = true;
    this.#held = false;
    try {
      while (!(await this.#round()));
    } finally {
      this.offering = false;
      this.#options.settled();
    }
  }

  /**
   * Make a new endpoint in place of the present one; while that is under way, hurry it.
   * @param {Cause} [cause]
   */
  restart(cause = "connection-failed") {
    this.#wake.abort(new Error("woken"));
    if (this.offering || this.state === "closed") return;
    clearTimeout(this.#timer);
    this.cause = cause;
    this.#become("reconnecting");
    void this.start();
  }

  /** The network is another: do not wait for what was lost with the old one. */
  hurry() {
    this.#wake.abort(new Error("woken"));
    if (["disconnected", "failed"].includes(this.#peer?.pc.connectionState ?? "")) this.#lost();
  }

  /**
   * Send `track` in the place of `former`, now and by whatever follows.
   * @param {MediaStreamTrack} former
   * @param {MediaStreamTrack} track
   */
  async replaceTrack(former, track) {
    this.outgoing?.removeTrack(former);
    this.outgoing?.addTrack(track);
    await this.#peer?.replaceTrack(track);
  }

  /** Its media is gone and nothing can be offered yet: wait for `restart`. */
  hold() {
    if (this.offering || this.state === "closed") return;
    this.#held = true;
    this.cause = "media-lost";
    clearTimeout(this.#timer);
    this.#become("reconnecting");
  }

  /** Stop it, here and (unless the seat goes too) on the server. */
  async close({ tell = true } = {}) {
    if (this.state === "closed") return;
    const id = this.id ?? this.#replaces;
    clearTimeout(this.#timer);
    this.#end.abort(new Error("connection closed"));
    this.#peer?.close();
    this.#former?.close();
    this.#become("closed");
    if (tell && id) await this.#options.signaling.stop(id).catch(() => {});
  }

  /** @returns {Promise<boolean>} whether to stop offering */
  async #round() {
    const { signal } = this.#end;
    if (this.#failures) await this.#rest();
    if (signal.aborted) return true;
    try {
      await this.#offer();
      if (!signal.aborted) this.#expect(CONNECT_DEADLINE);
      return true;
    } catch (error) {
      return signal.aborted || this.#giveUp(error instanceof CallplaneError ? error : unreachable(error));
    }
  }

  async #offer() {
    const { signaling, kind, publisher, stream, source } = this.#options;
    // What an epoch took with it cannot be replaced any more.
    if (this.epoch && this.epoch < signaling.epoch()) this.#replaces = null;
    const asked = (this.epoch = signaling.epoch());
    const peer = this.#renew();
    const sdp_offer = await peer.offer();
    const replaces = this.#replaces ?? undefined;
    const { signal } = this.#end;
    const made = await signaling.offer({ kind, publisher, stream: stream?.(), source: offered(source), replaces, sdp_offer }, signal);
    if (signal.aborted) return void signaling.stop(made.id).catch(() => {});
    peer.identified(made.id);
    for (const candidate of signaling.early.candidates(made.id)) await peer.candidate(candidate);
    const answer = made.sdp_answer ?? (await this.#outcome(made));
    this.#replaces = made.id;
    this.epoch = made.epoch ?? signaling.epoch();
    // One of an epoch that was known to be over is offered anew as soon as this returns: not in a tight loop.
    if (this.epoch < asked) this.#failures++;
    await peer.answer(answer);
  }

  #renew() {
    const { signaling, outgoing = null, maxKbps, soundOnly } = this.#options;
    if (this.#peer?.shown) {
      this.#former?.close();
      this.#former = this.#peer;
    } else {
      this.#peer?.close();
    }
    const peer = new Peer({
      RTCPeerConnection: signaling.RTCPeerConnection,
      iceServers: signaling.iceServers,
      outgoing,
      maxKbps,
      soundOnly,
      trickle: (id, candidates) => signaling.trickle(id, candidates),
      changed: (state) => peer === this.#peer && this.#heard(state),
    });
    this.#peer = peer;
    return peer;
  }

  /** @param {import("./signaling.js").Made} made */
  async #outcome({ id, command_id }) {
    const { signaling } = this.#options;
    const signal = AbortSignal.any([AbortSignal.timeout(OUTCOME_DEADLINE), this.#end.signal]);
    try {
      const { sdp_answer, problem } = await signaling.early.outcome(command_id, signal);
      if (problem) throw new CallplaneError(problem);
      return /** @type {string} */ (sdp_answer);
    } catch (error) {
      void signaling.stop(id).catch(() => {}); // It may still be made: nobody would use it.
      throw error;
    }
  }

  /** @param {RTCPeerConnectionState} state */
  #heard(state) {
    if (state === "connected") {
      clearTimeout(this.#timer);
      this.#failures = 0;
      this.#former?.close();
      this.#former = null;
      this.#become("connected");
    } else if (state === "failed") {
      this.#lost();
    } else if (state === "disconnected") {
      this.#expect(DISCONNECTED);
    }
  }

  /** @param {number} ms within which the peer has to be connected */
  #expect(ms) {
    clearTimeout(this.#timer);
    if (this.#peer?.pc.connectionState !== "connected") this.#timer = setTimeout(() => this.#lost(), ms);
  }

  #lost() {
    if (this.#held) return;
    this.#failures++;
    this.restart();
  }

  /**
   * @param {CallplaneError} error
   * @returns {boolean} whether to stop offering
   */
  #giveUp(error) {
    this.#failures++;
    if (this.#replaces && [404, 409].includes(error.status) && error.code !== "session-closed") {
      this.#replaces = null; // What was to be replaced is gone: an ordinary offer will do.
      return false;
    }
    // `wrong-state` is also what an offer hears whose epoch ended under it (design 7.1): offer again.
    const doubtful = error.status === 500 || error.code === "wrong-state";
    if (error.retryable || (doubtful && this.#failures < MOST_DOUBTS)) return false;
    this.error = error;
    this.#options.failed(error);
    void this.close({ tell: false });
    return true;
  }

  async #rest() {
    this.#wake = new AbortController();
    const either = AbortSignal.any([this.#wake.signal, this.#end.signal]);
    await pause(jittered(this.#failures - 1), either).catch(() => {});
  }

  /** @param {ConnectionState} state */
  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.#options.changed();
  }
}
