// @ts-check
/** People of a call: who is there, how available, whose hand is up; a moderator mutes, lowers hands, removes, and makes others moderators. */

import { make, part } from "./dom.js";
import { mayMakeModerator, moderates } from "./moderation.js";
import { moderationWords, refusedWords } from "./moderation_words.js";
import { nameOf, personWords } from "./texts.js";

/**
 * @typedef {import("../sdk/index.js").ParticipantView} ParticipantView
 * @typedef {ParticipantView & {screens: string[]}} Person `screens`: the connections by which it shares one
 */

export class People {
  #session;
  #notice;
  /** @type {boolean | null} whether we moderate; null: not known yet */
  #moderates = null;
  #list = part("people-list");
  #muteAll = part("mute-all");
  #show = /** @type {HTMLSelectElement} */ (part("presence-show"));
  #status = /** @type {HTMLInputElement} */ (part("presence-status"));
  #end = new AbortController();
  #drawn = "";

  /**
   * @param {import("../sdk/index.js").Session} session
   * @param {(words: string) => void} notice tells what fails, and what has become of us
   */
  constructor(session, notice) {
    this.#session = session;
    this.#notice = notice;
    const { signal } = this.#end;
    const say = () => void this.#trying(() => session.setPresence(this.#said));
    this.#muteAll.addEventListener("click", () => void this.#trying(() => session.muteAll()), { signal });
    this.#show.addEventListener("change", say, { signal });
    this.#status.addEventListener("change", say, { signal });
    part("presence-form").addEventListener("submit", (event) => event.preventDefault(), { signal });
  }

  /** @param {ParticipantView[]} participants oneself first */
  show(participants) {
    const [mine] = participants;
    const people = inOrder(participants).map((one) => ({ ...one, stream: null, streams: [], screens: screensOf(one) }));
    const drawn = JSON.stringify(people);
    if (drawn === this.#drawn) return; // A button that is about to be pressed stays.
    this.#drawn = drawn;
    if (mine?.self) this.#know(moderates(mine));
    const focused = document.activeElement?.getAttribute("data-act");
    this.#list.replaceChildren(...people.map((one) => this.#item(one, mine)));
    // Whoever goes by keyboard stays where they were.
    if (focused) [...this.#list.querySelectorAll("button")].find((one) => one.getAttribute("data-act") === focused)?.focus();
    this.#muteAll.hidden = !moderates(mine) || participants.length < 2;
    if (mine && document.activeElement !== this.#status) this.#status.value = mine.presence?.status ?? "";
    if (mine) this.#show.value = mine.presence?.show ?? "available";
  }

  close() {
    this.#end.abort();
    this.#list.replaceChildren();
  }

  /** @param {boolean} moderating */
  #know(moderating) {
    if (this.#moderates !== null && moderating !== this.#moderates) this.#notice(moderationWords(moderating));
    this.#moderates = moderating;
  }

  /** @param {() => Promise<unknown>} act */
  async #trying(act) {
    try {
      await act();
    } catch (error) {
      this.#notice(refusedWords(error));
    }
  }

  /** @returns {{show: import("../sdk/index.js").Presence["show"], status: string}} */
  get #said() {
    const show = /** @type {import("../sdk/index.js").Presence["show"]} */ (this.#show.value);
    return { show, status: this.#status.value.trim() };
  }

  /**
   * @param {Person} one
   * @param {ParticipantView | undefined} mine
   */
  #item(one, mine) {
    const dot = make("i", { class: "dot", "data-show": one.presence?.show ?? "available", "aria-hidden": "true" });
    const name = make("b", {}, one.self ? `${nameOf(one)} (you)` : nameOf(one));
    const item = make("li", { "data-participant": one.id }, dot, make("p", {}, name, make("span", {}, personWords(one))));
    if (moderates(mine) && !one.self) item.append(this.#moderation(one, mine));
    return item;
  }

  /**
   * @param {Person} one
   * @param {ParticipantView | undefined} mine
   */
  #moderation(one, mine) {
    const session = this.#session;
    const act = (/** @type {string} */ what, /** @type {string} */ words, /** @type {() => Promise<unknown>} */ done) =>
      make("button", { type: "button", "data-act": `${what} ${one.id}`, onclick: () => void this.#trying(done) }, `${words} ${nameOf(one)}`);
    const row = make("p", { class: "changes" });
    if (!one.muted.audio) row.append(act("mute", "Mute", () => session.update(one.id, { muted: { audio: true } })));
    else row.append(act("mute", "Ask to unmute:", () => session.update(one.id, { muted: { audio: false } })));
    if (one.hand_raised_at) row.append(act("hand", "Lower the hand of", () => session.update(one.id, { hand_raised: false })));
    for (const screen of one.screens) row.append(act("screen", "Stop the screen of", () => session.stopStream(screen)));
    if (moderates(one)) row.append(act("moderate", "Take moderation back from", () => session.takeModeration(one.id)));
    else if (mayMakeModerator(mine, one)) row.append(act("moderate", "Make moderator:", () => session.makeModerator(one.id)));
    row.append(act("remove", "Remove", () => session.remove(one.id)));
    return row;
  }
}

/** @param {ParticipantView} participant */
export function screensOf({ streams }) {
  return streams.filter(({ source }) => source === "screen").map(({ connection_id }) => connection_id);
}

/**
 * Raised hands first, in the order in which they went up; oneself before the others otherwise.
 * @param {ParticipantView[]} participants
 */
export function inOrder(participants) {
  const hand = (/** @type {ParticipantView} */ { hand_raised_at }) => hand_raised_at ?? "~";
  return [...participants].sort((a, b) => (hand(a) < hand(b) ? -1 : Number(hand(a) > hand(b))));
}
