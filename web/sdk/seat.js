// @ts-check
/** Seat: what one participant asks of the API, over its socket while one is open and by HTTP otherwise. */

import { leavingWithPage } from "./browser.js";
import { Chat } from "./chat.js";
import { Frames } from "./frames.js";

/** @typedef {Omit<import("./http.js").Call, "token" | "frames">} Asked */

export class Seat {
  #http;
  #path;
  frames = new Frames();
  chat = new Chat(this);

  /**
   * @param {import("./http.js").Http} http
   * @param {{session: string, me: string, token: string}} ids
   */
  constructor(http, { session, me, token }) {
    this.#http = http;
    this.#path = `/sessions/${encodeURIComponent(session)}`;
    this.me = me;
    this.token = token;
  }

  /**
   * @param {string} method
   * @param {string} path below the session
   * @param {Asked} [asked]
   * @returns {Promise<any>} the body of the answer
   */
  async call(method, path, asked = {}) {
    const { body } = await this.#http.call(method, this.#path + path, { ...asked, token: this.token, frames: this.frames });
    return body;
  }

  /** Where a participant is. */
  at(participant = this.me) {
    return `/participants/${participant}`;
  }

  /**
   * By HTTP, for the socket ends with the seat. With `keepalive` the request outlives the page.
   * @param {{keepalive?: boolean}} [options]
   */
  async giveBack({ keepalive } = {}) {
    await this.#http.call("DELETE", this.#path + this.at(), { token: this.token, keepalive, patience: 10_000 });
  }

  /**
   * Have it given back when the page goes.
   * @param {() => unknown} leave
   * @returns {() => void} the seat is gone before that
   */
  leaveWithPage(leave) {
    return leavingWithPage(this.#http, { path: this.#path + this.at(), token: this.token, leave });
  }

  /** What there is to know of the session. */
  async read() {
    return this.call("GET", "");
  }

  /**
   * @param {string} participant
   * @param {Record<string, unknown>} fields
   */
  async update(participant, fields) {
    await this.call("PATCH", this.at(participant), { body: fields, once: true });
  }

  /**
   * @param {string} type
   * @param {unknown} data
   * @param {{to?: string | string[], volatile?: boolean, ttl?: number}} [options] `ttl` in milliseconds
   * @returns {Promise<string>} the signal's id
   */
  async signal(type, data, { to, volatile, ttl } = {}) {
    const body = { type, data, to, volatile: volatile ?? (ttl === undefined ? undefined : true), ttl_ms: ttl };
    return (await this.call("POST", "/signals", { body, once: true })).id;
  }
}
