// @ts-check
/** Actions of a seat: what it says of itself and to others; and what is loaded when it is asked for. */

import { Emitter } from "./emitter.js";
import { Muting } from "./muting.js";
import { Sources } from "./sources.js";

/**
 * @typedef {{name?: string, role?: string, metadata?: Record<string, unknown>}} SeatFields
 * @typedef {SeatFields & {muted?: {audio?: boolean, video?: boolean}, hand_raised?: boolean,
 *   presence?: {show?: string, status?: string, until?: string | Date | null}, grants?: Grants}} Changes
 * @typedef {{publish?: string[], subscribe?: boolean, signal?: boolean, chat?: boolean, moderate?: boolean}} Grants
 * @typedef {object} SessionOptions
 * @property {import("./http.js").Http} http
 * @property {string} session its id
 * @property {SeatFields} [seat]
 * @property {import("./http.js").Token} [token] an access token to join with, or a participant token to re-join with
 * @property {boolean} [autoSubscribe] receive what the others send; true unless said otherwise
 * @property {number} [wait] seconds that a poll of the mailbox may last
 * @property {import("./transports.js").Transport | "auto"} [transport] how messages come; whatever gets through, unless said otherwise
 * @property {boolean} [leaveWithPage] give the seat back when the page goes
 * @property {import("./peer.js").PeerClass} [RTCPeerConnection]
 */

export class Actions extends Emitter {
  /** @type {import("./seat.js").Seat | null} the own one, once it is taken */
  seat = null;
  /** @type {(() => void)[]} what ends with the seat */
  endings = [];
  #hurry;
  /** @type {Promise<import("./rpc.js").Rpc> | undefined} */
  #rpc;
  /** @type {Promise<import("./shared.js").Shared> | undefined} */
  #shared;

  /**
   * @param {{tracks: () => MediaStreamTrack[], metadata: () => Record<string, unknown>, autoSubscribe?: boolean,
   *   hurry: () => void}} own the tracks of the own camera and microphone, what the session knows of the seat's metadata;
   *   `hurry`: read messages by another line
   */
  constructor({ tracks, metadata, autoSubscribe = true, hurry }) {
    super();
    this.#hurry = hurry;
    /** Whether streams are received of which nothing was said. */
    this.autoSubscribe = autoSubscribe;
    this.muting = new Muting(tracks, (muted) => this.update(this.me, { muted }));
    this.sources = new Sources(() => this.update(this.me, { metadata: metadata() }));
  }

  /** The id of the own seat. */
  get me() {
    return this.seat?.me ?? "";
  }

  /** The participant token: with it the seat can be joined again. */
  get token() {
    return this.seat?.token ?? "";
  }

  /** What is said in the session. */
  get chat() {
    return this.seated.chat;
  }

  /**
   * Mute or unmute oneself: at once here, and said to the others.
   * @param {{audio?: boolean, video?: boolean}} muted
   */
  async mute(muted) {
    await this.muting.mute(muted);
  }

  /**
   * Change a seat: one's own, or as a moderator another's.
   * @param {string} participant
   * @param {Changes} fields
   */
  async update(participant, fields) {
    const { metadata } = fields;
    const own = metadata && participant === this.me ? { metadata: this.sources.among(metadata) } : {};
    await this.seated.update(participant, { ...fields, ...own });
  }

  /**
   * Let somebody moderate, as a moderator, and do what one may oneself: no more.
   * @param {string} participant
   */
  async makeModerator(participant) {
    await this.update(participant, { role: "moderator" });
  }

  /**
   * Take that back, as a moderator: what a publisher may is left.
   * @param {string} participant
   */
  async takeModeration(participant) {
    await this.update(participant, { role: "publisher" });
  }

  /** @param {boolean} [raised] */
  async raiseHand(raised = true) {
    await this.update(this.me, { hand_raised: raised });
  }

  /**
   * Say how available one is, as a whole: what is not named is as if nothing had been said.
   * @param {{show?: string, status?: string, until?: string | Date | null}} presence
   */
  async setPresence({ until, ...presence }) {
    await this.update(this.me, { presence: { ...presence, until: until ?? undefined } });
  }

  /**
   * Remove somebody, as a moderator.
   * @param {string} participant
   * @param {{ban?: boolean}} [options] without a ban they may join again
   */
  async remove(participant, options = {}) {
    await (await import("./moderation.js")).remove(this.seated, participant, options);
  }

  /**
   * Mute everybody but some, as a moderator: whoever sits there now, and they may unmute themselves.
   * @param {{but?: string[], media?: ("audio" | "video")[]}} [options] `but`: whom not, oneself where nothing is said;
   *   `media`: the sound where nothing is said
   */
  async muteAll(options = {}) {
    await (await import("./moderation.js")).muteAll(this.seated, options);
  }

  /**
   * Change what somebody may do, as a moderator; what is not named stays.
   * @param {string} participant
   * @param {Grants} grants
   */
  async grant(participant, grants) {
    await this.update(participant, { grants });
  }

  /**
   * End a stream of anybody, as a moderator.
   * @param {string} connection_id
   */
  async stopStream(connection_id) {
    await (await import("./moderation.js")).stopStream(this.seated, connection_id);
  }

  /**
   * Say something to everybody, or to those whom `to` names: by id, or as `role:…`.
   * @param {string} type
   * @param {unknown} data
   * @param {string | string[] | {to?: string | string[], volatile?: boolean, ttl?: number}} [options] a `volatile` one is
   *   for who reads now, within `ttl` milliseconds
   */
  async signal(type, data, options = {}) {
    const named = typeof options === "string" || Array.isArray(options) ? { to: options } : options;
    await this.seated.signal(type, data, named);
  }

  /**
   * Ask one participant something, and wait for what its `onRpc` answers.
   * @param {string} participant
   * @param {string} method
   * @param {unknown} [data] up to 16 KiB as JSON
   * @param {{timeout?: number}} [options] milliseconds
   * @returns {Promise<any>}
   */
  async rpc(participant, method, data = null, options = {}) {
    return (await this.#calls()).ask(participant, { method, data }, options);
  }

  /**
   * Answer what others ask; returns what ends that.
   * @param {string} method
   * @param {import("./rpc.js").Handler} handler
   */
  async onRpc(method, handler) {
    return (await this.#calls()).answer(method, handler);
  }

  /**
   * Send this very camera or microphone, in the place of what is sent of its kind.
   * @param {"camera" | "microphone"} kind
   * @param {string} id of a device
   * @param {MediaTrackConstraints} [wishes]
   */
  async setDevice(kind, id, wishes) {
    return (await import("./local.js")).setDevice(this.#whole, { kind, id, wishes });
  }

  /**
   * Ask for a screen and send it, in the place of one that is shared, until it is stopped here or by the browser's own button.
   * @param {import("./local.js").ScreenOptions} [options]
   */
  async shareScreen({ audio = true, video = { frameRate: { ideal: 15, max: 30 } }, maxKbps } = {}) {
    // At once: browsers want a click for it, which is not one any more when something was loaded.
    const asked = navigator.mediaDevices.getDisplayMedia({ video, audio });
    const [stream, { sendScreen }] = await Promise.all([asked, import("./local.js")]);
    return sendScreen(this.#whole, stream, maxKbps);
  }

  /** What those in the session share, by key. */
  shared() {
    return (this.#shared ??= import("./shared.js").then(({ Shared }) => new Shared(this.#whole)));
  }

  /** What is known of the call, for those who look into it: no token, and nothing that was said. */
  async report() {
    return (await import("./report.js")).reportOf(this.#whole);
  }

  /**
   * Have something go wrong, to see what happens then.
   * @param {import("./failures.js").Failure} failure
   */
  async simulate(failure) {
    (await import("./failures.js")).simulate(failure, { session: this.#whole, seat: this.seated, hurry: this.#hurry });
  }

  /**
   * Look at the statistics again and again: events `stats`, `speaking` and `quality`, until the session is over.
   * @param {number} [interval] milliseconds
   */
  monitor(interval = 1000) {
    const loading = Promise.all([import("./monitor.js"), import("./stats.js")]);
    this.begin(loading.then(([{ monitoring }]) => monitoring(this.#whole, interval)));
  }

  /**
   * What is loaded ends with the seat, also where that comes first.
   * @param {Promise<() => void>} loading gives what ends it
   */
  begin(loading) {
    loading.catch((error) => this.say("error", { error, during: "loading" }));
    this.endings.push(() => void loading.then((end) => end()).catch(() => {}));
  }

  get seated() {
    if (!this.seat) throw new Error("join first");
    return this.seat;
  }

  #calls() {
    return (this.#rpc ??= import("./rpc.js").then(({ Rpc }) => new Rpc(this.#whole)));
  }

  /** @returns {import("./session.js").Session} */
  get #whole() {
    return /** @type {any} */ (this);
  }
}
