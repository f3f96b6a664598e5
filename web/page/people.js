// @ts-check
/** People of a call: who is there, how available, whose hand is up; a moderator mutes, lowers hands and removes. */

import { make, part } from "./dom.js";
import { nameOf, personWords } from "./texts.js";

/**
 * @typedef {import("../sdk/index.js").ParticipantView} ParticipantView
 * @typedef {ParticipantView & {screens: string[]}} Person `screens`: the connections by which it shares one
 */

export class People {
  #session;
  #trying;
  #list = part("people-list");
  #muteAll = part("mute-all");
  #show = /** @type {HTMLSelectElement} */ (part("presence-show"));
  #status = /** @type {HTMLInputElement} */ (part("presence-status"));
  #end = new AbortController();
  #drawn = "";

  /**
   * @param {import("../sdk/index.js").Session} session
   * @param {(act: () => Promise<unknown>) => Promise<void>} trying tells what fails
   */
  constructor(session, trying) {
    this.#session = session;
    this.#trying = trying;
    const { signal } = this.#end;
    const say = () => void trying(() => session.setPresence(this.#said));
    this.#muteAll.addEventListener("click", () => void trying(() => session.muteAll()), { signal });
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
    this.#list.replaceChildren(...people.map((one) => this.#item(one, mine?.role === "moderator")));
    this.#muteAll.hidden = mine?.role !== "moderator" || participants.length < 2;
    if (mine && document.activeElement !== this.#status) this.#status.value = mine.presence?.status ?? "";
    if (mine) this.#show.value = mine.presence?.show ?? "available";
  }

  close() {
    this.#end.abort();
    this.#list.replaceChildren();
  }

  /** @returns {{show: import("../sdk/index.js").Presence["show"], status: string}} */
  get #said() {
    const show = /** @type {import("../sdk/index.js").Presence["show"]} */ (this.#show.value);
    return { show, status: this.#status.value.trim() };
  }

  /**
   * @param {Person} one
   * @param {boolean} moderating
   */
  #item(one, moderating) {
    const dot = make("i", { class: "dot", "data-show": one.presence?.show ?? "available", "aria-hidden": "true" });
    const name = make("b", {}, one.self ? `${nameOf(one)} (you)` : nameOf(one));
    const item = make("li", { "data-participant": one.id }, dot, make("p", {}, name, make("span", {}, personWords(one))));
    if (moderating && !one.self) item.append(this.#moderation(one));
    return item;
  }

  /** @param {Person} one */
  #moderation(one) {
    const session = this.#session;
    const act = (/** @type {string} */ words, /** @type {() => Promise<unknown>} */ done) =>
      make("button", { type: "button", onclick: () => void this.#trying(done) }, `${words} ${nameOf(one)}`);
    const row = make("p", { class: "changes" });
    if (!one.muted.audio) row.append(act("Mute", () => session.update(one.id, { muted: { audio: true } })));
    else row.append(act("Ask to unmute:", () => session.update(one.id, { muted: { audio: false } })));
    if (one.hand_raised_at) row.append(act("Lower the hand of", () => session.update(one.id, { hand_raised: false })));
    for (const screen of one.screens) row.append(act("Stop the screen of", () => session.stopStream(screen)));
    row.append(act("Remove", () => session.remove(one.id)));
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
