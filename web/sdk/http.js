// @ts-check
/** HTTP client of the API: problem errors, repeats under one idempotency key, a deadline on each request. */

import { jittered, pause } from "./backoff.js";
import { CallplaneError, refusal, unreachable } from "./errors.js";

/**
 * @typedef {typeof globalThis.fetch} Fetch
 * @typedef {string | null | (() => string | null | Promise<string | null>)} Token a function is asked whenever one is needed
 * @typedef {object} Call
 * @property {Token} [token] bearer token
 * @property {unknown} [body] sent as JSON
 * @property {boolean} [once] makes something: give it an idempotency key
 * @property {AbortSignal} [signal] cuts the try under way off
 * @property {AbortSignal} [until] lets the try under way end, but makes no other
 * @property {import("./frames.js").Frames} [frames] the way over a socket, while one is open
 * @property {boolean} [keepalive] outlive the page (no repeats then)
 * @property {number} [timeout] milliseconds for one try
 * @property {number} [patience] milliseconds within which failed tries are repeated; 0 for none
 */

/** The API's version, before every path. */
const VERSION = "/v1";
/** What a pod of the version before says of a path that it does not know, by HTTP and over a socket. */
const UNKNOWN = ["There is no such thing.", "Over a socket there is what lies at /sessions."];

/** Speaks HTTP to one Callplane. */
export class Http {
  #base;
  #fetch;
  #fetchLater;
  #random;

  /**
   * @param {string | URL} base
   * @param {{fetch?: Fetch, fetchLater?: (url: string, init: RequestInit) => unknown, random?: () => number}} [options]
   */
  constructor(base, { fetch = globalThis.fetch, fetchLater, random = Math.random } = {}) {
    this.#base = String(base).replace(/\/+$/, "");
    this.#fetch = fetch.bind(globalThis);
    this.#fetchLater = fetchLater ?? /** @type {any} */ (globalThis).fetchLater?.bind(globalThis);
    this.#random = random;
  }

  /**
   * One request, repeated while the trouble is one that passes.
   * @param {string} method
   * @param {string} path
   * @param {Call} [call]
   * @returns {Promise<{status: number, body: any}>}
   */
  async call(method, path, call = {}) {
    const init = request(method, call);
    const renew = async () => {
      const token = typeof call.token === "function" && (await call.token());
      if (token) init.headers = { ...init.headers, Authorization: `Bearer ${token}` };
      return !!token;
    };
    // Without a function nothing is waited for: what a page sends while it goes has to start at once.
    let isLast = typeof call.token !== "function" || !(await renew());
    const patience = call.keepalive ? 0 : (call.patience ?? 30_000);
    const end = Date.now() + patience;
    let frames = call.keepalive ? undefined : call.frames;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#once(path, init, { ...call, frames });
      } catch (error) {
        if (!(error instanceof CallplaneError)) throw error;
        // Under the same key: what was refused has done nothing.
        if (error.status === 401 && !isLast && (isLast = await renew())) continue;
        if (!error.retryable) throw error;
        // A socket that does not answer is not asked again, which would wait behind what it has not answered.
        if (error.code === "unreachable") frames = undefined;
        const wait = this.delay(error, attempt);
        if (Date.now() + wait > end) throw error;
        await pause(wait, call.until ?? call.signal);
      }
    }
  }

  /**
   * One request that the browser sends by itself when the page has gone, until `signal` is aborted.
   * @param {string} method
   * @param {string} path
   * @param {Call & {signal: AbortSignal}} call
   * @returns {boolean} whether this browser does that (it takes secure addresses alone)
   */
  later(method, path, { signal, ...call }) {
    try {
      this.#fetchLater?.(this.#base + VERSION + path, { ...request(method, call), signal });
      return !!this.#fetchLater;
    } catch {
      return false;
    }
  }

  /**
   * Where a path is, as an absolute address.
   * @param {string} path
   */
  url(path) {
    return new URL(this.#base + VERSION + path, globalThis.location?.href).href;
  }

  /**
   * How long to wait after `error`: what the server asked for, and a little of one's own.
   * @param {CallplaneError} error
   * @param {number} attempt
   */
  delay(error, attempt) {
    return (error.retryAfter ?? 0) * 1000 + jittered(attempt, { random: this.#random });
  }

  /**
   * @param {string} path
   * @param {RequestInit} init
   * @param {Call} call
   */
  async #once(path, init, { frames, signal, timeout = 15_000 }) {
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(new Error("no answer in time")), timeout);
    const cut = () => deadline.abort(signal?.reason);
    if (signal?.aborted) cut();
    signal?.addEventListener("abort", cut, { once: true });
    try {
      const ask = (/** @type {string} */ at) =>
        frames?.open
          ? frames.ask(at, init, deadline.signal)
          : this.#fetch(this.#base + at, { ...init, signal: deadline.signal });
      let response = await ask(VERSION + path);
      if (!response.ok) {
        const refused = await refusal(response);
        if (!UNKNOWN.includes(refused.detail)) throw refused;
        response = await ask(path);
        if (!response.ok) throw await refusal(response);
      }
      const text = await response.text();
      return { status: response.status, body: text ? JSON.parse(text) : null };
    } catch (error) {
      if (error instanceof CallplaneError) throw error;
      if (signal?.aborted) throw signal.reason;
      throw unreachable(deadline.signal.aborted ? deadline.signal.reason : error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", cut);
    }
  }
}

/**
 * Built once, so that every repeat carries the same key and body.
 * @param {string} method
 * @param {Call} call
 * @returns {RequestInit}
 */
function request(method, { token, body, once, keepalive }) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "application/json", traceparent: traceparent() };
  if (token && typeof token !== "function") headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (once) headers["Idempotency-Key"] = randomKey();
  return { method, headers, body: body === undefined ? undefined : JSON.stringify(body), keepalive, cache: "no-store" };
}

/** A trace of this request's own (W3C Trace Context, version 00): logs and spans of the servers are found by its id. */
function traceparent() {
  return `00-${randomKey()}-${randomKey().slice(0, 16)}-00`;
}

/** 128 random bits; `crypto.randomUUID` is missing on insecure origins, `getRandomValues` is not. */
export function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
