// @ts-check
/** Remote calls: a question to one participant and its answer, as signals. */

import { CallplaneError } from "./errors.js";
import { randomKey } from "./http.js";

const QUESTION = "rpc-question";
const ANSWER = "rpc-answer";
/** Milliseconds: whoever is asked may be reconnecting. */
const TIMEOUT = 10_000;
/** So many are answered at one time; who asks more is told so. */
const AT_ONCE = 64;

/**
 * @typedef {(question: {from: string, data: any}) => unknown} Handler what it returns or resolves to is the answer. A
 *   `CallplaneError` that it throws is told to who asked; of others its words stay here
 * @typedef {{code: string, title: string, detail?: string}} Problem
 * @typedef {{participant: string, isThere: boolean, resolve: (data: any) => void, reject: (error: Error) => void}} Waiting
 */

export class Rpc {
  #session;
  /** @type {Map<string, Handler>} by method */
  #handlers = new Map();
  /** @type {Map<string, Waiting>} by the question's id; each of them has a timer */
  #waiting = new Map();
  #answering = 0;

  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.#session = session;
    session.on("signal", (signal) => this.#heard(signal));
    session.on("participants", () => this.#look());
    session.on("state", ({ state }) => {
      if (state !== "left" && state !== "closed") return;
      for (const id of this.#waiting.keys()) this.#fail(id, { code: "left", title: "The session is over" });
    });
  }

  /**
   * @param {string} participant
   * @param {{method: string, data: unknown}} question
   * @param {{timeout?: number}} options
   * @returns {Promise<any>}
   */
  async ask(participant, question, { timeout = TIMEOUT }) {
    const id = randomKey();
    const late = () => this.#fail(id, { code: "rpc-timeout", title: "There was no answer in time" });
    const timer = setTimeout(late, timeout);
    try {
      return await new Promise((resolve, reject) => {
        const isThere = this.#isThere(participant);
        this.#waiting.set(id, { participant, isThere, resolve, reject });
        // The answer may come before the API's own.
        this.#session.signal(QUESTION, { id, ...question }, participant).catch(reject);
      });
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  /**
   * @param {string} method
   * @param {Handler} handler
   * @returns {() => void} ends it
   */
  answer(method, handler) {
    this.#handlers.set(method, handler);
    return () => void (this.#handlers.get(method) === handler && this.#handlers.delete(method));
  }

  /** @param {{from: string | null, type: string, data: any}} signal */
  #heard({ from, type, data }) {
    if (from === null || typeof data?.id !== "string") return;
    if (type === QUESTION) void this.#answer(from, data);
    if (type !== ANSWER) return;
    const waiting = this.#waiting.get(data.id);
    // Nobody answers for another.
    if (waiting?.participant !== from) return;
    if (data.problem) this.#fail(data.id, data.problem);
    else waiting.resolve(data.data ?? null);
  }

  /**
   * @param {string} from
   * @param {{id: string, method: unknown, data: unknown}} question
   */
  async #answer(from, { id, method, data }) {
    const send = (/** @type {object} */ answer) => this.#session.signal(ANSWER, { id, ...answer }, from);
    const answer = await this.#find(String(method), { from, data });
    try {
      await send(answer);
    } catch (error) {
      const problem = problemOf(error);
      // It may be too long. Who is not told is not answered in time.
      if ("data" in answer) await send({ problem }).catch(() => {});
    }
  }

  /**
   * @param {string} method
   * @param {{from: string, data: unknown}} question
   * @returns {Promise<{data: unknown} | {problem: Problem}>}
   */
  async #find(method, question) {
    const handler = this.#handlers.get(method);
    if (!handler) return { problem: { code: "rpc-unknown", title: "That is not answered there" } };
    if (this.#answering >= AT_ONCE) return { problem: { code: "rpc-busy", title: "Too much is asked at once there" } };
    this.#answering++;
    try {
      return { data: (await handler(question)) ?? null };
    } catch (error) {
      return { problem: problemOf(error) };
    } finally {
      this.#answering--;
    }
  }

  /** Who has left answers nothing any more; who is not known yet may be about to come. */
  #look() {
    for (const [id, waiting] of this.#waiting) {
      const isThere = this.#isThere(waiting.participant);
      if (waiting.isThere && !isThere) this.#fail(id, { code: "rpc-gone", title: "Whoever was asked has left" });
      waiting.isThere = isThere;
    }
  }

  /** @param {string} participant */
  #isThere(participant) {
    return this.#session.participants.some(({ id }) => id === participant);
  }

  /**
   * @param {string} id
   * @param {Problem} problem
   */
  #fail(id, { code, title, detail }) {
    this.#waiting.get(id)?.reject(new CallplaneError({ code: String(code), title: String(title), detail: detail && String(detail) }));
  }
}

/**
 * @param {unknown} error
 * @returns {Problem}
 */
function problemOf(error) {
  if (!(error instanceof CallplaneError)) return { code: "rpc-failed", title: "It could not be answered there" };
  const { code, title, detail } = error;
  return { code, title, detail };
}
