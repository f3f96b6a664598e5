// @ts-check
/** Chat: what was said in the session, as it is now; history and what follows it are one list. */

import { CallplaneError } from "./errors.js";
import { Emitter } from "./emitter.js";

const CHAT = "chat";
const EDIT = "chat-edit";
const DELETE = "chat-delete";
/** Changes kept of messages that are not known (yet): their history may be on its way. */
const CHANGES = 256;

/**
 * @typedef {{id: string, from: string | null, to: string[] | null, at: string, data: any, edited_at: string | null,
 *   deleted: boolean, position: number | null}} ChatMessage `position` is null of what came since the join
 * @typedef {{at: string, data?: any, deleted: boolean}} Change
 */

/** Events: `messages`, when there is one more, or one is another; `message` for each that is new to whoever listens. */
export class Chat extends Emitter {
  #seat;
  /** @type {Map<string, ChatMessage>} */
  #messages = new Map();
  /** @type {Map<string, Change>} */
  #changes = new Map();
  /** @type {Promise<boolean> | null} */
  #loading = null;
  /** @type {number | null} where the page before those that are known begins; null: there is none */
  #before = null;
  /** Whether this session keeps what is said; null before anybody has asked. */
  history = /** @type {boolean | null} */ (null);

  /** @param {import("./seat.js").Seat} seat */
  constructor(seat) {
    super();
    this.#seat = seat;
  }

  /** Oldest first. */
  get messages() {
    return [...this.#messages.values()];
  }

  /** Whether there is more to read before them. */
  get more() {
    return this.#before !== null;
  }

  /**
   * Say something; text, or any other JSON.
   * @param {unknown} data
   * @param {{to?: string | string[]}} [options] to whom; to all where it is not said
   */
  async send(data, options = {}) {
    return this.#seat.signal(CHAT, data, options);
  }

  /**
   * Say something else instead of what one has said.
   * @param {string} id
   * @param {unknown} data
   */
  async edit(id, data) {
    await this.#seat.call("PATCH", `/messages/${id}`, { body: { data }, once: true });
  }

  /**
   * Unsay it; moderators anybody's.
   * @param {string} id
   */
  async delete(id) {
    await this.#seat.call("DELETE", `/messages/${id}`);
  }

  /**
   * Read the newest page of the history: at first, and where messages were missed.
   * @param {number} [limit]
   * @returns {Promise<boolean>} whether this session has a history
   */
  async load(limit = 100) {
    return (this.#loading ??= this.#read({ limit: String(limit) }, true).finally(() => (this.#loading = null)));
  }

  /** Read the page before those that are known. */
  async earlier(limit = 100) {
    if (this.#before === null) return false;
    return this.#read({ limit: String(limit), before: String(this.#before) }, false);
  }

  /**
   * Use a signal, if it is about the chat.
   * @param {import("./mailbox.js").Message} message
   */
  heard({ id, at, data: { from, type, to = null, data } }) {
    if (type === CHAT) {
      if (this.#messages.has(id)) return; // The history was read meanwhile.
      this.#know({ id, from, to, at, data, edited_at: null, deleted: false, position: null });
      this.say("message", this.#messages.get(id));
    } else if (type === EDIT) {
      this.#change(data.id, { at, data: data.data, deleted: false });
    } else if (type === DELETE) {
      this.#change(data.id, { at, deleted: true });
    } else {
      return;
    }
    this.say("messages", this.messages);
  }

  /**
   * @param {Record<string, string>} query
   * @param {boolean} newest
   */
  async #read(query, newest) {
    let page;
    try {
      page = await this.#seat.call("GET", `/messages?${new URLSearchParams(query)}`);
    } catch (error) {
      // Its engine keeps nothing: then there is what comes while one is there.
      if (!(error instanceof CallplaneError) || error.code !== "wrong-state") throw error;
      return (this.history = false);
    }
    // A page that meets what is known leaves no gap behind it.
    const meets = page.messages.some((/** @type {ChatMessage} */ one) => this.#messages.has(one.id));
    if (!newest || this.history === null || !meets) this.#before = page.next;
    this.#insert(page.messages);
    this.say("messages", this.messages);
    return (this.history = true);
  }

  /** @param {ChatMessage[]} page in the order of the session, which the map keeps */
  #insert(page) {
    const ids = new Set(page.map(({ id }) => id));
    const others = [...this.#messages.values()].filter(({ id }) => !ids.has(id));
    const [first] = page;
    const isBefore = (/** @type {ChatMessage} */ { position, at }) =>
      !!first && (position === null ? !!at && at < first.at : position < Number(first.position));
    for (const { id } of others) this.#messages.delete(id);
    const known = this.#messages;
    this.#messages = new Map(others.filter(isBefore).map((one) => [one.id, one]));
    for (const one of page) {
      const at = one.at ?? known.get(one.id)?.at ?? ""; // Of what is deleted the history tells nothing else.
      this.#know({ ...known.get(one.id), ...one, at });
    }
    for (const one of others.filter((one) => !isBefore(one))) this.#messages.set(one.id, one);
  }

  /** @param {ChatMessage} message which the history may know better, and later */
  #know(message) {
    this.#messages.set(message.id, message);
    const change = this.#changes.get(message.id);
    if (change) this.#apply(message.id, change);
  }

  /**
   * @param {string} id
   * @param {Change} change
   */
  #change(id, change) {
    if (this.#changes.get(id)?.deleted) return;
    this.#changes.delete(id);
    this.#changes.set(id, change);
    if (this.#changes.size > CHANGES) this.#changes.delete(/** @type {string} */ (this.#changes.keys().next().value));
    this.#apply(id, change);
  }

  /**
   * @param {string} id
   * @param {Change} change
   */
  #apply(id, { at, data, deleted }) {
    const known = this.#messages.get(id);
    if (!known || known.deleted || (known.edited_at ?? "") > at) return;
    const now = deleted ? { data: null, deleted } : { data, edited_at: at };
    this.#messages.set(id, { ...known, ...now });
  }
}
