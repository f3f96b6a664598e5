// @ts-check
/** Session: one seat in it, which joins, keeps up with its mailbox, sends and receives, leaves. */

import { Announcer } from "./announcer.js";
import { Connections } from "./connections.js";
import { Mailbox } from "./mailbox.js";
import { Muting } from "./muting.js";
import { Roster, follow } from "./roster.js";
import { readStats } from "./stats.js";
import { participantViews } from "./participants.js";
import { Signaling } from "./signaling.js";

/**
 * @typedef {import("./mailbox.js").Message} Message
 * @typedef {import("./errors.js").CallplaneError} CallplaneError
 * @typedef {{name?: string, role?: string, metadata?: Record<string, unknown>}} Seat
 * @typedef {object} SessionOptions
 * @property {import("./http.js").Http} http
 * @property {string} session its id
 * @property {Seat} [seat]
 * @property {string | null} [token] an access token to join with, or a participant token to re-join with
 * @property {boolean} [subscribe] receive what the others send; true unless said otherwise
 * @property {number} [wait] seconds that a poll of the mailbox may last
 * @property {import("./transports.js").Transport} [transport] how messages come; long poll unless said otherwise
 * @property {import("./peer.js").PeerClass} [RTCPeerConnection]
 */

/**
 * @typedef {object} SessionEvents what each event carries in `detail`
 * @property {{state: import("./announcer.js").State, reason: string | null, previous: string}} state
 * @property {{participants: import("./participants.js").ParticipantView[]}} participants
 * @property {{from: string | null, type: string, data: any}} signal
 * @property {{error: Error, during: string}} error
 */

/** Events: `state`, `participants`, `signal`, `error`. */
export class Session extends EventTarget {
  #options;
  #http;
  #roster = new Roster();
  /** @type {Connections | null} */
  #connections = null;
  /** @type {Mailbox | null} */
  #mailbox = null;
  #reachable = true;
  #muting = new Muting(
    () => this.#connections?.publication?.outgoing?.getTracks() ?? [],
    (muted) => this.update(this.me, { muted }),
  );
  #announcer = new Announcer(this);
  /** The id of the own seat. */
  me = "";
  /** The participant token: with it the seat can be joined again. */
  token = "";
  /** @type {Promise<void>} settles when the mailbox has ended */
  ended = Promise.resolve();

  /** @param {SessionOptions} options */
  constructor(options) {
    super();
    this.#options = options;
    this.#http = options.http;
    this.id = options.session;
  }

  get state() {
    return this.#announcer.state;
  }

  /** Why it is in this state, where there is a reason. */
  get reason() {
    return this.#announcer.reason;
  }

  /** The session's own fields: `version`, `epoch`, `metadata`, … */
  get info() {
    return this.#roster.session;
  }

  get participants() {
    return this.#connections ? participantViews(this.#roster, this.#connections, this.me) : [];
  }

  /**
   * Listen to an event; returns what ends the listening.
   * @template {keyof SessionEvents} K
   * @param {K} type
   * @param {(detail: SessionEvents[K]) => void} listener
   */
  on(type, listener) {
    const heard = (/** @type {Event} */ event) => listener(/** @type {CustomEvent} */ (event).detail);
    this.addEventListener(type, heard);
    return () => this.removeEventListener(type, heard);
  }

  /** Take the seat, or the former one where the token is a participant's. */
  async join() {
    const { seat = {}, token, wait, transport } = this.#options;
    const path = `/sessions/${encodeURIComponent(this.id)}/participants`;
    const { body } = await this.#http.call("POST", path, { token, body: seat, once: true });
    this.id = body.session.id;
    this.me = body.participant.id;
    this.token = body.token;
    this.#roster.load(body.session);
    this.#muting.obey(body.participant.muted);
    this.#connections = this.#connectionsOver(body.ice_servers ?? []);
    this.#mailbox = new Mailbox(this.#http, this.token, {
      deliver: (message) => this.#heard(message),
      reachable: (yes) => this.#reach(yes),
      wait,
      transport,
    });
    this.#changed();
    this.#connections.reconcile();
    this.ended = this.#listen(this.#mailbox);
    return this;
  }

  /**
   * Send a stream; resolves when the server has answered, with the kinds that it takes.
   * @param {MediaStream} stream
   */
  async publish(stream) {
    if (!this.#connections) throw new Error("join first");
    if (!stream.getTracks().length) throw new TypeError("there is no track to publish");
    const connection = await this.#connections.publish(stream);
    this.#changed();
    if (connection.error) throw connection.error;
    return { connection_id: connection.id, media: connection.sends };
  }

  async unpublish() {
    await this.#connections?.unpublish();
    this.#changed();
  }

  /**
   * Mute or unmute oneself: at once here, and said to the others.
   * @param {{audio?: boolean, video?: boolean}} muted
   */
  async mute(muted) {
    await this.#muting.mute(muted);
  }

  /**
   * Change a seat: one's own, or as a moderator another's.
   * @param {string} participant
   * @param {Seat & {muted?: {audio?: boolean, video?: boolean}, hand_raised?: boolean,
   *   presence?: {show?: string, status?: string, until?: string | null}}} fields
   */
  async update(participant, fields) {
    await this.#http.call("PATCH", this.#seat(participant), { token: this.token, body: fields, once: true });
  }

  /** @param {boolean} [raised] */
  async raiseHand(raised = true) {
    await this.update(this.me, { hand_raised: raised });
  }

  /**
   * Say something to everybody, or to one participant.
   * @param {string} type
   * @param {unknown} data
   * @param {string} [to]
   */
  async signal(type, data, to) {
    const body = { type, data, to };
    await this.#http.call("POST", `/sessions/${this.id}/signals`, { token: this.token, body, once: true });
  }

  /** Negotiate all media again. */
  restart() {
    this.#connections?.restart();
  }

  /** Numbers of every received stream, by participant. */
  async stats() {
    return this.#connections ? readStats(this.#connections) : {};
  }

  /**
   * Give the seat back. With `keepalive` the request outlives the page.
   * @param {{keepalive?: boolean}} [options]
   */
  async leave({ keepalive = false } = {}) {
    if (this.#announcer.over || !this.me) return;
    const gone = this.#http.call("DELETE", this.#seat(this.me), { token: this.token, keepalive, patience: 10_000 });
    this.#finish("left", "left");
    await gone.catch((error) => this.#announcer.error(error, "leave"));
    await this.ended;
  }

  /** @param {RTCIceServer[]} iceServers */
  #connectionsOver(iceServers) {
    const { http, RTCPeerConnection = globalThis.RTCPeerConnection, subscribe = true } = this.#options;
    const roster = this.#roster;
    const epoch = () => roster.epoch;
    const { token, id: session } = this;
    const signaling = new Signaling({ http, token, session, iceServers, RTCPeerConnection, epoch });
    return new Connections({
      signaling,
      roster,
      me: this.me,
      subscribe,
      changed: () => this.#changed(),
      failed: (error, connection) => this.#failed(error, connection),
    });
  }

  /** @param {string} participant */
  #seat(participant) {
    return `/sessions/${this.id}/participants/${participant}`;
  }

  /** @param {Mailbox} mailbox */
  async #listen(mailbox) {
    const { why, reason, error } = await mailbox.run();
    if (why === "stopped") return;
    if (why === "refused" && error) this.#announcer.error(error, "messages");
    this.#finish(reason === "session-closed" ? "closed" : "left", why === "replaced" ? "poll-replaced" : reason);
  }

  /** @param {Message} message */
  async #heard(message) {
    try {
      if (Roster.counts(message)) await this.#follow(message);
      else if (message.type === "resync-required") await this.#resync();
      else if (message.type === "signal") this.#announcer.say("signal", message.data);
      else await this.#connections?.heard(message);
    } catch (error) {
      this.#announcer.error(error, message.type);
    }
  }

  /** @param {Message} message */
  async #follow(message) {
    if (!(await follow(this.#roster, message, () => this.#read()))) return;
    const { type, data } = message;
    if (this.#roster.session.status === "closed") return this.#finish("closed", data.reason ?? null);
    if (!this.#roster.participants.has(this.me)) return this.#finish("left", data.reason ?? null);
    this.#settle({
      swap: type === "participant-updated" ? data.participant.id : undefined,
      ended: type === "stream-unpublished" ? data.connection_id : undefined,
    });
  }

  async #resync() {
    this.#roster.load(await this.#read());
    if (this.#roster.session.status === "closed") this.#finish("closed", null);
    else this.#settle();
  }

  async #read() {
    return (await this.#http.call("GET", `/sessions/${this.id}`, { token: this.token })).body;
  }

  /** @param {{swap?: string, ended?: string}} [hint] */
  #settle(hint) {
    this.#connections?.reconcile(hint);
    this.#muting.obey(this.#roster.participants.get(this.me)?.muted);
    this.#changed();
  }

  /** @param {boolean} yes */
  #reach(yes) {
    if (this.#reachable === yes) return;
    this.#reachable = yes;
    this.#changed();
  }

  /**
   * @param {CallplaneError} error
   * @param {import("./connection.js").Connection} connection
   */
  #failed(error, connection) {
    // Who is not there any more cannot be received: their `participant-left` says the rest.
    if (connection.publisher && error.status === 404) return;
    if (error.status === 410) return this.#finish("left", error.reason);
    this.#announcer.error(error, connection.publisher ? "subscribe" : "publish");
  }

  #changed() {
    const trouble = this.#reachable ? (this.#connections?.trouble ?? null) : "unreachable";
    this.#announcer.become(trouble ? "reconnecting" : "connected", trouble);
    if (!this.#announcer.over) this.#announcer.participants(() => this.participants);
  }

  /**
   * @param {import("./announcer.js").State} state
   * @param {string | null} reason
   */
  #finish(state, reason) {
    if (this.#announcer.over) return;
    this.#mailbox?.stop();
    this.#connections?.close();
    this.#announcer.become(state, reason);
  }
}
