// @ts-check
/** Call under way: the own seat, its media, the companion, and what is drawn of them. */

import { ChatBox } from "./chatbox.js";
import { Companion } from "./companion.js";
import { Flows, outgoing } from "./flows.js";
import { whileMuted } from "./level.js";
import { Pauses } from "./pauses.js";
import { People } from "./people.js";
import { Sharing } from "./sharing.js";
import { Tiles } from "./tiles.js";
import { withhold } from "./media.js";
import {
  againWords, errorWords, mutedWords, nameOf, removedWords, stateWords, ungrantedWords, unmuteWords, unpluggedWords, untakenWords,
} from "./texts.js";

/** The call went on in another tab, with this seat or another of the same person. */
const ELSEWHERE = ["poll-replaced", "replaced"];
/** A seat that ends so soon after its page woke has ended while that slept. */
const WAKING = 60_000;
/** Who sleeps longer is not put into a call by opening a lid. */
const SLEPT_AT_MOST = 30 * 60_000;

/** @typedef {import("./screen.js").Screen} Screen */

export class Call {
  #callplane;
  #screen;
  #source;
  #tiles;
  /** @type {Pauses} */
  #pauses;
  #sharing;
  #flows = new Flows();
  #known = new Map();
  #endListening = () => {};
  #muted = { audio: false, video: false };
  #lostAt = 0;
  #woken = { at: -Infinity, slept: 0 };
  #ended;
  /** @type {ChatBox | null} */
  #chat = null;
  /** @type {People | null} */
  #people = null;
  /** @type {Companion | null} */
  companion = null;

  /**
   * @param {import("../sdk/index.js").Callplane} callplane
   * @param {import("../sdk/index.js").Session} session
   * @param {import("./media.js").Source} source
   * @param {Screen} screen
   * @param {(how: {elsewhere: boolean, slept: boolean}) => void} [ended] it goes on in another tab; the seat was lost in sleep
   */
  constructor(callplane, session, source, screen, ended = () => {}) {
    this.#callplane = callplane;
    this.#ended = ended;
    this.session = session;
    this.#source = source;
    this.#screen = screen;
    this.#tiles = new Tiles(screen.grid, { blocked: () => screen.soundBlocked(true), moved: () => this.#pauses.look() });
    this.#pauses = new Pauses(session, this.#tiles);
    const { panels } = screen;
    const shown = (/** @type {boolean} */ yes) => screen.sharing(yes);
    this.#sharing = new Sharing(session, { shown, notice: (words) => screen.notice(words) });
    panels.onOpen((panel) => panel === "chat" && this.#chat?.read());
  }

  /** Join, then send; what fails after the seat is taken gives it back. */
  async start() {
    const { session } = this;
    session.on("state", (change) => this.#state(change));
    session.on("participants", () => this.#show());
    session.on("stats", (stats) => this.#look(stats));
    session.on("speaking", (speaking) => this.#tiles.speaking(speaking.participants));
    session.on("unmute-requested", () => this.#screen.notice(unmuteWords()));
    session.on("error", ({ error }) => this.#screen.notice(errorWords(error)));
    session.on("waking", ({ slept }) => (this.#woken = { at: performance.now(), slept }));
    await session.join();
    this.#open();
    session.monitor();
    const { stream, missing } = this.#source;
    const words = ungrantedWords(withhold(stream, session.participants.find(({ self }) => self))) ?? missing;
    this.#screen.mute(this.#muted, stream);
    if (words) this.#screen.notice(words);
    if (stream.getTracks().length) void this.#send();
  }

  /** Chat and people are there for who has a seat. */
  #open() {
    const screen = this.#screen;
    this.#people = new People(this.session, (words) => screen.notice(words));
    this.#chat = new ChatBox(this.session, {
      visible: () => screen.panels.open === "chat" && document.visibilityState === "visible",
      say: (words) => screen.say(words),
      failed: (error) => screen.notice(errorWords(error)),
    });
    this.#show();
    // The first report begins to keep what happens, for the one that somebody will want.
    void this.session.report();
  }

  /** Publish, and say what the server does not take of it. */
  async #send() {
    const { stream } = this.#source;
    const made = await this.session.publish(stream).catch((error) => this.#unsent(error));
    if (!made || this.#over) return;
    void made.ended.then((reason) => reason === "removed" && this.#screen.notice(removedWords()));
    made.on("track-ended", ({ kind }) => this.#screen.notice(unpluggedWords(kind)));
    const words = untakenWords(stream.getTracks().map(({ kind }) => kind), made.media);
    if (words) this.#screen.notice(words);
  }

  /**
   * The seat said `error` itself; one that may not send goes on without.
   * @param {{code?: string}} error
   */
  #unsent({ code }) {
    if (code !== "forbidden") return null;
    const { stream } = this.#source;
    const words = ungrantedWords(withhold(stream, undefined));
    this.#source.stop();
    this.#screen.mute(this.#muted, stream);
    if (words) this.#screen.notice(words);
    return null;
  }

  /** @param {"audio" | "video"} kind */
  async toggle(kind) {
    const muted = !this.#muted[kind];
    this.#muted = { ...this.#muted, [kind]: muted };
    this.#screen.mute(this.#muted, this.#source.stream);
    if (kind === "audio") this.#listenWhile(muted);
    await this.#trying(() => this.session.mute({ [kind]: muted }));
  }

  /**
   * Whoever talks while muted is told, once each time.
   * @param {boolean} muted
   */
  #listenWhile(muted) {
    this.#endListening();
    const [track] = this.#source.kind === "camera" && muted ? this.#source.stream.getAudioTracks() : [];
    this.#endListening = track ? whileMuted(track, () => this.#screen.notice(mutedWords())) : () => {};
  }

  /** Raise one's hand, or lower it: the button follows when everybody is told. */
  async toggleHand() {
    const [mine] = this.session.participants;
    await this.#trying(() => this.session.raiseHand(!mine?.hand_raised_at));
  }

  /** Leave out who sends no picture, or show them again. */
  togglePicturesOnly() {
    this.#tiles.picturesOnly = !this.#tiles.picturesOnly;
    this.#screen.picturesOnly(this.#tiles.picturesOnly);
    this.#show();
  }

  /** Share a screen, or stop it. */
  async toggleScreen() {
    await this.#sharing.toggle();
  }

  /** Share something else in the place of the screen that is shared. */
  async changeScreen() {
    await this.#sharing.change();
  }

  /** Invite the companion, or remove it. */
  async toggleCompanion() {
    const { companion } = this;
    this.#screen.companion("busy");
    await this.#trying(async () => {
      if (companion) return companion.remove();
      const invited = await Companion.invite(this.#callplane, this.session.id, {
        gone: () => this.#alone(),
        failed: (error) => this.#screen.notice(errorWords(error)),
      });
      if (this.#over) return invited.remove(); // We have left in the meantime.
      this.companion = invited;
    });
    this.#screen.companion(this.companion ? "here" : "away");
  }

  /** A click was made: the browser lets sound play now. */
  async playSound() {
    this.#screen.soundBlocked(false);
    await this.#tiles.unsilence();
    await this.resume();
  }

  async resume() {
    await Promise.all([this.#source.resume(), this.companion?.resume()]);
  }

  async leave() {
    await Promise.all([this.companion?.remove(), this.session.leave()]);
  }

  /** @param {{state: import("../sdk/index.js").State, reason: string | null, previous: string}} change */
  #state({ state, reason, previous }) {
    this.#screen.state(state, stateWords(state, reason));
    if (state === "reconnecting" && previous !== state) this.#lostAt = performance.now();
    if (previous === "reconnecting" && state === "connected") this.#screen.back(againWords(performance.now() - this.#lostAt));
    if (!this.#over) return;
    this.#endListening();
    this.#source.stop();
    this.#tiles.clear();
    this.#pauses.close();
    this.#chat?.close();
    this.#people?.close();
    void this.companion?.remove();
    const tone = reason === "left" ? "plain" : "warning";
    const elsewhere = ELSEWHERE.includes(reason ?? "");
    this.#screen.over(stateWords(state, reason), { again: state === "left" && reason !== "kicked", tone, here: elsewhere });
    const { at, slept } = this.#woken;
    const inSleep = reason === "connection-lost" && performance.now() - at < WAKING && slept < SLEPT_AT_MOST;
    this.#ended({ elsewhere: reason === "poll-replaced", slept: inSleep });
  }

  #show() {
    const { participants } = this.session;
    this.#tiles.show(participants, { mirrored: this.#source.kind === "camera" });
    this.#screen.title(this.session.info, participants.length);
    this.#obey(participants[0]);
    this.#screen.hand(!!participants[0]?.hand_raised_at);
    this.#chat?.know(participants);
    this.#people?.show(participants);
    this.#announce(participants);
    for (const participant of participants) this.#tell(participant);
  }

  /**
   * A moderator may have muted us.
   * @param {import("./tiles.js").ParticipantView | undefined} mine
   */
  #obey(mine) {
    const tracks = mine?.self ? (mine.stream?.getTracks() ?? []) : [];
    for (const { kind, enabled } of tracks) this.#muted = { ...this.#muted, [kind]: !enabled };
    if (tracks.length) this.#screen.mute(this.#muted, this.#source.stream);
  }

  /** @param {import("./tiles.js").ParticipantView[]} participants */
  #announce(participants) {
    const present = new Map(participants.filter((one) => !one.self).map((one) => [one.id, nameOf(one)]));
    for (const [id, name] of present) if (!this.#known.has(id)) this.#screen.say(`${name} is in the call`);
    for (const [id, name] of this.#known) if (!present.has(id)) this.#screen.say(`${name} has left`);
    this.#known = present;
  }

  /** @param {Record<string, import("../sdk/index.js").InboundStats>} stats */
  #look(stats) {
    this.#flows.update(stats, performance.now());
    for (const participant of this.session.participants) this.#tell(participant);
  }

  /** @param {import("./tiles.js").ParticipantView} participant */
  #tell(participant) {
    this.#tiles.tell(participant, participant.self ? outgoing(participant) : this.#flows.of(cameraOf(participant)));
  }

  get #over() {
    return this.session.state === "left" || this.session.state === "closed";
  }

  #alone() {
    this.companion = null;
    this.#screen.companion("away");
  }

  /** @param {() => Promise<unknown>} act */
  async #trying(act) {
    try {
      await act();
    } catch (error) {
      this.#screen.notice(errorWords(error));
    }
  }
}

/**
 * What flows from somebody's camera, not from a screen that they share as well.
 * @param {import("./tiles.js").ParticipantView} participant
 */
function cameraOf({ id, streams }) {
  return streams.findLast(({ source }) => source === "camera")?.connection_id ?? id;
}
