// @ts-check
/** Session: one seat in it, which joins, keeps up with its mailbox, sends and receives, leaves. */

import { Actions } from "./actions.js";
import { onNetworkChange } from "./browser.js";
import { Connections } from "./connections.js";
import { Announcer } from "./emitter.js";
import { CallplaneError } from "./errors.js";
import { Mailbox } from "./mailbox.js";
import { participantViews } from "./participants.js";
import { Roster, follow } from "./roster.js";
import { Seat } from "./seat.js";
import { Signaling } from "./signaling.js";
import { CAMERA } from "./sources.js";

/**
 * @typedef {import("./mailbox.js").Message} Message
 * @typedef {import("./transports.js").Transport} Transport
 */

/**
 * Events: `state`, `participants`, `signal`, `unmute-requested`, `error`, `transport`, `waking`; with `monitor` also `stats`, `speaking`,
 * `quality`; and each change of the session under its message's type, which a snapshot that is read anew does not name.
 */
export class Session extends Actions {
  #options;
  #http;
  #roster = new Roster();
  /** @type {Connections | null} */
  #connections = null;
  /** @type {Mailbox | null} */
  #mailbox = null;
  #unload = () => {};
  #reachable = true;
  #hidden = false;
  #announcer = new Announcer(this);
  /** @type {Promise<void>} settles when the mailbox has ended */
  ended = Promise.resolve();
  /** @type {RTCIceServer[]} as they were given with the seat */
  iceServers = [];
  /** Whether its page woke just now: that the network is there again is no second reason to hurry. */
  woken = false;
  /** @type {Transport | null} by which messages come now */
  transport = null;

  /** @param {import("./actions.js").SessionOptions} options */
  constructor(options) {
    super({
      tracks: () => this.#connections?.publications.of(CAMERA)?.stream?.getTracks() ?? [],
      metadata: () => this.#roster.participants.get(this.me)?.metadata ?? {},
      autoSubscribe: options.autoSubscribe,
      hurry: () => this.#mailbox?.hurry(),
    });
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

  /** What is sent now. */
  get publications() {
    return [...(this.#connections?.publications ?? [])];
  }

  /** Take the seat, or the former one where the token is a participant's. */
  async join() {
    const body = await this.#ask(this.#options.token);
    this.id = body.session.id;
    const seat = new Seat(this.#http, { session: this.id, me: body.participant.id, token: body.token });
    this.seat = seat;
    if (this.#announcer.over) return this.#leftMeanwhile(seat);
    this.#roster.load(body.session);
    this.#hidden = body.participant.grants?.hidden === true;
    this.muting.obey(body.participant.muted);
    this.#connections = this.#connectionsOver(seat, (this.iceServers = body.ice_servers ?? []));
    this.#mailbox = this.#mailboxOf(seat);
    this.endings.push(onNetworkChange(() => this.woken || this.#hurry()));
    if (this.#options.leaveWithPage) this.#unload = seat.leaveWithPage(() => this.leave({ keepalive: true }));
    this.#changed();
    this.#connections.reconcile();
    this.ended = this.#listen(this.#mailbox);
    return this;
  }

  /**
   * Send a stream; resolves when the server has answered. One source is one publication: a second takes its place.
   * @param {MediaStream} stream
   * @param {import("./publications.js").PublishOptions} [options]
   */
  async publish(stream, options = {}) {
    if (!this.#connections) throw new Error("join first");
    if (!stream.getTracks().length) throw new TypeError("there is no track to publish");
    const publication = await this.#connections.publications.publish(stream, options);
    void publication.ended.then(() => this.#changed());
    this.#changed();
    if (publication.connection.error) throw publication.connection.error;
    return publication;
  }

  /** @param {string} [source] everything where it is not said */
  async unpublish(source) {
    await this.#connections?.publications.unpublish(source);
    this.#changed();
  }

  /** Negotiate all media again. */
  restart() {
    this.#connections?.restart();
  }

  /** Numbers of every received stream, by the publisher's connection. */
  async stats() {
    const { readStats } = await import("./stats.js");
    return this.#connections ? readStats(this.#connections) : {};
  }

  /**
   * Give the seat back, also one that is being taken. With `keepalive` the request outlives the page.
   * @param {{keepalive?: boolean}} [options]
   */
  async leave({ keepalive = false } = {}) {
    if (this.#announcer.over) return;
    // Of a page that goes the browser's own request stays: it comes through where this one may not.
    if (keepalive) this.#unload = () => {};
    const gone = this.seat?.giveBack({ keepalive });
    this.#finish("left", "left");
    await gone?.catch((error) => this.#announcer.error(error, "leave"));
    await this.ended;
  }

  /** @param {import("./http.js").Token} [token] of the seat itself, to be told once more what it may use */
  async #ask(token) {
    const path = `/sessions/${encodeURIComponent(this.id)}/participants`;
    return (await this.#http.call("POST", path, { token, body: this.#options.seat ?? {}, once: true })).body;
  }

  /**
   * @param {Seat} seat that was left while it was taken
   * @returns {Promise<never>}
   */
  async #leftMeanwhile(seat) {
    await seat.giveBack().catch((error) => this.#announcer.error(error, "leave"));
    throw new CallplaneError({ code: "left", title: "The session was left while it was joined" });
  }

  /** @param {Seat} seat */
  #mailboxOf(seat) {
    const { wait, transport = "auto" } = this.#options;
    this.transport = transport === "auto" ? "websocket" : transport;
    return new Mailbox(this.#http, seat, {
      deliver: (message) => this.#heard(message),
      reachable: (yes) => this.#reach(yes),
      changed: (now) => {
        this.say("transport", { transport: now, previous: this.transport });
        this.transport = now;
      },
      wait,
      transport,
    });
  }

  /**
   * @param {Seat} seat
   * @param {RTCIceServer[]} iceServers
   */
  #connectionsOver(seat, iceServers) {
    const { RTCPeerConnection = globalThis.RTCPeerConnection } = this.#options;
    const signaling = new Signaling(seat, { iceServers, RTCPeerConnection, epoch: () => this.#roster.epoch });
    const fresh = async () => (signaling.iceServers = (await this.#ask(seat.token)).ice_servers ?? []);
    // Of those without a name none ends.
    if (iceServers.some(({ username }) => username)) {
      this.begin(import("./turn.js").then(({ refreshing }) => refreshing(iceServers, fresh)));
    }
    const connections = new Connections({
      signaling,
      roster: this.#roster,
      me: seat.me,
      autoSubscribe: this.autoSubscribe,
      mute: (muted) => this.mute(muted),
      changed: () => this.#changed(),
      failed: (error, connection) => this.#failed(error, connection),
    });
    const hurry = () => this.#mailbox?.hurry();
    const taken = () => this.#finish("left", "poll-replaced");
    this.begin(import("./upkeep.js").then(({ upkeep }) => upkeep(this, { connections, signaling, fresh, hurry, taken })));
    return connections;
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
      else if (message.type === "unmute-requested") this.say("unmute-requested", message.data);
      else if (message.type === "signal") (this.chat.heard(message), this.say("signal", message.data));
      else await this.#connections?.heard(message);
    } catch (error) {
      this.#announcer.error(error, message.type);
    }
  }

  /** @param {Message} message */
  async #follow(message) {
    if (!(await follow(this.#roster, message, () => this.seated.read()))) return;
    const { type, data } = message;
    if (this.#roster.session.status === "closed") return this.#finish("closed", data.reason ?? null);
    // A hidden seat is in no list: its mailbox says that it is gone.
    if (!this.#hidden && !this.#roster.participants.has(this.me)) return this.#finish("left", data.reason ?? null);
    this.#settle({
      swap: type === "participant-updated" ? data.participant.id : undefined,
      ended: type === "stream-unpublished" ? /** @type {any} */ (data) : undefined,
    });
    this.say(type, data);
  }

  async #resync() {
    this.#roster.load(await this.seated.read());
    if (this.#roster.session.status === "closed") return this.#finish("closed", null);
    this.#settle();
    if (this.chat.history) await this.chat.load();
  }

  /** @param {{swap?: string, ended?: {connection_id: string, reason?: string}}} [hint] */
  #settle(hint) {
    this.#connections?.reconcile(hint);
    this.muting.obey(this.#roster.participants.get(this.me)?.muted);
    this.#changed();
  }

  /** @param {boolean} yes */
  #reach(yes) {
    if (this.#reachable === yes) return;
    this.#reachable = yes;
    this.#changed();
  }

  #hurry() {
    this.#mailbox?.hurry();
    this.#connections?.hurry();
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
    if (this.#announcer.over) return;
    this.sources.show(this.publications).catch((error) => this.#announcer.error(error, "sources"));
    this.#announcer.participants(() => this.participants);
  }

  /**
   * @param {import("./emitter.js").State} state
   * @param {string | null} reason
   */
  #finish(state, reason) {
    if (this.#announcer.over) return;
    for (const end of this.endings.splice(0)) end();
    this.#unload();
    this.#mailbox?.stop();
    this.#connections?.close();
    this.#announcer.become(state, reason);
  }
}
