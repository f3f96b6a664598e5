// @ts-check
/** Story: the events of one session, read on from where it was read last, and for how long each trouble lasted. */

import { span } from "./tables.js";

/**
 * @typedef {{id: string, type: string, time: string, subject?: string, actor?: string, requestid?: string, sessionid?: string, sessionversion?: number,
 *   data: Record<string, any>}} SessionEvent
 */

const PAGE = 500;
const PAGES_AT_ONCE = 4;
const MOST_KEPT = 5000;
/** Versions that are read once more: one that was told later than the next stands between them then. */
const AGAIN = 20;

export class Story {
  /** @type {SessionEvent[]} oldest first, the newest of them where there are too many */
  events = [];
  /** Whether there is more to be read. */
  isBehind = false;
  #known = new Set();
  #after = 0;

  /**
   * Read what has come.
   * @param {import("./requests.js").Requests} requests
   * @param {string} path of the session
   */
  async follow(requests, path) {
    let after = Math.max(0, this.#after - AGAIN);
    for (let pages = 0; pages < PAGES_AT_ONCE; pages++) {
      const page = await requests.get(`${path}/events?limit=${PAGE}&after=${after}`);
      for (const event of page.events) this.#add(event);
      this.isBehind = page.next !== null;
      if (!this.isBehind) break;
      after = page.next;
    }
    for (const old of this.events.splice(0, Math.max(0, this.events.length - MOST_KEPT))) this.#known.delete(old.id);
  }

  /** @param {SessionEvent} event */
  #add(event) {
    if (this.#known.has(event.id) || this.#isForgotten(event)) return;
    this.#known.add(event.id);
    const { sessionversion: version } = event;
    if (version !== undefined) this.#after = Math.max(this.#after, version);
    let place = this.events.length;
    while (place && isBehind(this.events[place - 1], event)) place -= 1;
    this.events.splice(place, 0, event);
  }

  /**
   * One that was let go of, for there were too many, may come again with what is read once more.
   * @param {SessionEvent} event
   */
  #isForgotten(event) {
    return this.events.length >= MOST_KEPT && isBehind(this.events[0], event);
  }
}

/**
 * Versions are compared by their order, whatever the clocks said that wrote them.
 * @param {SessionEvent} one
 * @param {SessionEvent} other
 */
function isBehind(one, other) {
  const versions = one.sessionversion !== undefined && other.sessionversion !== undefined;
  return versions ? Number(one.sessionversion) > Number(other.sessionversion) : one.time > other.time;
}

/**
 * Whether an event is about a seat, or everybody in the session, or was asked for by that seat.
 * @param {SessionEvent} event
 * @param {string} seat
 */
export function isAbout({ type, subject, actor, data }, seat) {
  if (type === "participants-muted") return !data.but?.includes(seat);
  const named = subject ?? data.participant_id ?? data.participant?.id;
  return named === seat || actor === `seat:${seat}` || EVERYBODY.has(type);
}

const EVERYBODY = new Set(["media-lost", "media-ready", "participants-muted", "session-closed"]);

/**
 * What happened to a seat, and to everybody while it was in the session.
 * @param {SessionEvent[]} events
 * @param {string} seat
 */
export function storyOfSeat(events, seat) {
  const begin = events.findIndex((one) => one.type === "participant-joined" && one.data.participant?.id === seat);
  const end = events.findLastIndex((one) => one.type === "participant-left" && one.data.participant_id === seat);
  return events.filter((one, index) => {
    const wasIn = index >= begin && (end < 0 || index <= end);
    return isAbout(one, seat) && (wasIn || !EVERYBODY.has(one.type));
  });
}

/**
 * Names of seats by id, those that have left as well.
 * @param {SessionEvent[]} events
 */
export function namesIn(events) {
  const seats = events.map(({ data }) => data.participant).filter(Boolean);
  return new Map(seats.map(({ id, name }) => [/** @type {string} */ (id), /** @type {string} */ (name || "Guest")]));
}

/** What ends something, and what had begun it: of a person, or of a session. */
const SPANS = new Map([
  ["participant-reconnected", { begin: "participant-reconnecting", words: "back after" }],
  ["participant-left", { begin: "participant-joined", words: "was in for" }],
  ["media-ready", { begin: "media-lost", words: "back after" }],
  ["session-closed", { begin: "session-created", words: "was open for" }],
]);

/**
 * For how long what an event ends had lasted, by the event's id.
 * @param {SessionEvent[]} events oldest first, of one session or of several
 */
export function lasted(events) {
  /** @type {Map<string, string>} */
  const found = new Map();
  /** @type {Map<string, string>} since when, by what began and for whom */
  const begun = new Map();
  const whose = (/** @type {string} */ type, /** @type {SessionEvent} */ { subject, sessionid }) => `${type} ${type.startsWith("participant") ? subject : sessionid}`;
  for (const event of events) {
    const ended = SPANS.get(event.type);
    const since = ended && begun.get(whose(ended.begin, event));
    if (ended && since) found.set(event.id, `${ended.words} ${seconds(since, event.time)}`);
    if (ended) begun.delete(whose(ended.begin, event));
    else if (!begun.has(whose(event.type, event))) begun.set(whose(event.type, event), event.time);
  }
  return found;
}

/**
 * @param {string} since
 * @param {string} until
 */
function seconds(since, until) {
  const took = Math.max(0, (Date.parse(until) - Date.parse(since)) / 1000);
  return took < 10 ? `${took.toFixed(1)} s` : span(took);
}
