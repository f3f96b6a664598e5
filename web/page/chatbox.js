// @ts-check
/** Chat of a call: what was said, a line to say something, and how much of it is unread. */

import { authorWords, messageText, receiverWords, receiversOf, unreadWords } from "./chat_words.js";
import { make, part } from "./dom.js";
import { moderates } from "./moderation.js";
import { nameOf } from "./texts.js";

/**
 * @typedef {import("../sdk/index.js").ChatMessage} ChatMessage
 * @typedef {{visible: () => boolean, say: (words: string) => void, failed: (error: unknown) => void}} ChatBoxOptions
 */

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

export class ChatBox {
  #session;
  #options;
  #unread = 0;
  #list = part("chat-list");
  #field = /** @type {HTMLTextAreaElement} */ (part("chat-text"));
  #to = /** @type {HTMLSelectElement} */ (part("chat-to"));
  #offered = "";
  /** @type {string | null} the message that is written anew */
  #editing = null;
  /** @type {Map<string, string>} everybody who was ever seen, for what they said stays */
  #names = new Map();
  #end = new AbortController();

  /**
   * @param {import("../sdk/index.js").Session} session that was joined
   * @param {ChatBoxOptions} options `visible`: whether somebody looks at it
   */
  constructor(session, options) {
    this.#session = session;
    this.#options = options;
    const { signal } = this.#end;
    const { chat } = session;
    chat.on("messages", () => this.#show());
    chat.on("message", (message) => this.#heard(message));
    part("chat-form").addEventListener("submit", (event) => (event.preventDefault(), void this.#send()), { signal });
    part("chat-earlier").addEventListener("click", () => void this.#trying(() => chat.earlier()), { signal });
    this.#to.addEventListener("change", () => this.#aim(), { signal });
    this.#field.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.know(session.participants);
    this.#show();
    void this.#trying(() => chat.load());
  }

  /** @param {import("../sdk/index.js").ParticipantView[]} participants */
  know(participants) {
    for (const one of participants) this.#names.set(one.id, nameOf(one));
    this.#offer(participants.filter(({ self }) => !self).map(({ id }) => id));
  }

  /** @param {string[]} others to whom something can be said alone; whoever is chosen stays, or it would go to everybody */
  #offer(others) {
    const { value } = this.#to;
    const ids = ["", ...others, ...(value && !others.includes(value) ? [value] : [])];
    const offered = ids.map((id) => [id, id ? `to ${this.#names.get(id)} alone` : "to everybody"]);
    const drawn = JSON.stringify(offered);
    if (drawn === this.#offered) return; // It may be open.
    this.#offered = drawn;
    this.#to.replaceChildren(...offered.map(([id, words]) => make("option", { value: id }, words)));
    this.#to.value = value;
    this.#aim();
  }

  /** What is being written says for whom it is. */
  #aim() {
    const words = `Message ${this.#to.selectedOptions[0]?.text}`;
    part("chat-label").textContent = this.#field.placeholder = words;
  }

  /** Somebody looks at it. */
  read() {
    this.#unread = 0;
    this.#count();
    this.#list.scrollTop = this.#list.scrollHeight;
  }

  close() {
    this.#end.abort();
    this.#unread = 0;
    this.#count();
    this.#list.replaceChildren();
    this.#to.value = "";
    this.#offer([]);
  }

  /** @param {ChatMessage} message */
  #heard(message) {
    if (message.from === this.#session.me || this.#options.visible()) return;
    this.#unread++;
    this.#count();
    this.#options.say(`${this.#author(message)}: ${messageText(message)}`);
  }

  #count() {
    const badge = part("chat-unread");
    badge.textContent = this.#unread > 99 ? "99+" : String(this.#unread);
    badge.hidden = !this.#unread;
    part("chat").setAttribute("aria-label", unreadWords(this.#unread));
  }

  #show() {
    const { chat } = this.#session;
    const atEnd = this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 40;
    part("chat-empty").hidden = chat.messages.length > 0;
    part("chat-earlier").hidden = !chat.more;
    part("chat-forgets").hidden = chat.history !== false;
    this.#list.replaceChildren(...chat.messages.map((message) => this.#item(message)));
    if (atEnd) this.#list.scrollTop = this.#list.scrollHeight;
  }

  /** @param {ChatMessage} message */
  #item(message) {
    const at = message.at ? CLOCK.format(new Date(message.at)) : "";
    const head = make("p", { class: "head" }, make("b", {}, this.#author(message)), ` ${at}`);
    if (message.edited_at) head.append(" · edited");
    const to = receiversOf(message);
    if (to) head.append(` · ${receiverWords({ to, from: message.from }, this.#session.me, this.#names)}`);
    const text = make("p", { class: message.deleted ? "text deleted" : "text" }, messageText(message));
    const item = make("li", {}, head, text);
    if (this.#mayChange(message)) item.append(this.#changes(message));
    return item;
  }

  /** @param {ChatMessage} message */
  #changes(message) {
    const { chat, me } = this.#session;
    const edit = () => {
      this.#editing = message.id;
      this.#field.value = messageText(message);
      this.#field.focus();
    };
    const row = make("p", { class: "changes" });
    if (message.from === me) row.append(make("button", { type: "button", onclick: edit }, "Edit"));
    row.append(make("button", { type: "button", onclick: () => void this.#trying(() => chat.delete(message.id)) }, "Delete"));
    return row;
  }

  /** @param {ChatMessage} message which the server keeps, and one's own, or anybody's for a moderator */
  #mayChange({ from, deleted }) {
    const [mine] = this.#session.participants;
    return !deleted && this.#session.chat.history === true && (from === this.#session.me || moderates(mine));
  }

  /** @param {ChatMessage} message */
  #author({ from }) {
    return authorWords(from, this.#session.me, this.#names);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      void this.#send();
    } else if (event.key === "Escape" && this.#editing) {
      event.stopPropagation();
      this.#editing = null;
      this.#field.value = "";
    }
  }

  async #send() {
    const text = this.#field.value.trim();
    if (!text) return;
    const { chat } = this.#session;
    const [editing, before] = [this.#editing, this.#field.value];
    this.#field.value = "";
    this.#editing = null;
    // Oneself as well, or one would not see it. A session without a history does not say to whom something went.
    const options = this.#to.value ? { to: [this.#to.value, this.#session.me] } : {};
    const sent = await this.#trying(() => (editing ? chat.edit(editing, { text }) : chat.send({ text, ...options }, options)));
    // What was not sent is not lost, unless something else was begun meanwhile.
    if (!sent && !this.#field.value) [this.#field.value, this.#editing] = [before, editing];
  }

  /**
   * @param {() => Promise<unknown>} act
   * @returns {Promise<boolean>} whether it could be done
   */
  async #trying(act) {
    try {
      await act();
      return true;
    } catch (error) {
      if (!this.#end.signal.aborted) this.#options.failed(error);
      return false;
    }
  }
}
