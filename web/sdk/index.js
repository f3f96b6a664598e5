// @ts-check
/** Callplane in the browser: make a session, join it, send and receive. */

import { Http } from "./http.js";
import { Session } from "./session.js";

export { Emitter } from "./emitter.js";
export { CallplaneError } from "./errors.js";
export { Playback } from "./playback.js";
export { Session } from "./session.js";

/**
 * Which cameras, microphones and speakers there are: all of them, or those of one kind.
 * @param {import("./devices.js").DeviceKind} [kind]
 */
export const devices = async (kind) => (await import("./devices.js")).devices(kind);

/**
 * Tell which devices there are whenever it is something else; returns what ends it.
 * @param {Parameters<typeof import("./devices.js").onDeviceChange>[0]} changed
 */
export const onDeviceChange = (changed) => {
  const begun = import("./devices.js").then((loaded) => loaded.onDeviceChange(changed));
  return () => void begun.then((end) => end());
};

/**
 * A track of this very camera or microphone.
 * @param {"camera" | "microphone"} kind
 * @param {string} id
 * @param {MediaTrackConstraints} [wishes]
 */
export const openDevice = async (kind, id, wishes) => (await import("./devices.js")).openDevice(kind, id, wishes);

/**
 * A moving picture and a soft chord.
 * @param {Parameters<typeof import("./synthetic.js").synthetic>[0]} [options]
 */
export const synthetic = async (options) => (await import("./synthetic.js")).synthetic(options);

/**
 * @typedef {{token?: string, autoSubscribe?: boolean, subscribe?: boolean, wait?: number, leaveWithPage?: boolean,
 *   transport?: import("./transports.js").Transport | "auto"}} SeatOptions
 */

/** The entrance: one Callplane, by default the one that served this file. */
export class Callplane {
  #http;
  #accessToken;
  #RTCPeerConnection;

  /**
   * @param {{baseUrl?: string | URL, accessToken?: import("./http.js").Token, fetch?: import("./http.js").Fetch,
   *   fetchLater?: (url: string, init: RequestInit) => unknown, RTCPeerConnection?: import("./peer.js").PeerClass}} [options]
   */
  constructor({ baseUrl = new URL("../", import.meta.url), accessToken = null, fetch, fetchLater, RTCPeerConnection } = {}) {
    this.#http = new Http(baseUrl, { fetch, fetchLater });
    this.#accessToken = accessToken;
    this.#RTCPeerConnection = RTCPeerConnection;
  }

  /**
   * Make a session; the same `custom_id` gives the same one.
   * @param {Record<string, unknown>} [settings] see `POST /sessions`
   */
  async createSession(settings = {}) {
    return (await this.#http.call("POST", "/sessions", { token: this.#accessToken, body: settings, once: true })).body;
  }

  /**
   * Try everything that a call needs between two seats of a session made for it; never rejects.
   * @param {{told?: (step: import("./check.js").Step) => void, patience?: number}} [options] `told` of each step when it is over
   */
  async check(options) {
    return (await import("./check.js")).check(/** @type {any} */ (this), options);
  }

  /**
   * Take a seat; with a participant token, the seat that it was given for.
   * @param {string} session its id
   * @param {import("./actions.js").SeatFields & SeatOptions} [options]
   */
  async join(session, options = {}) {
    return this.seat(session, options).join();
  }

  /**
   * A seat not yet taken: for a page that listens to its events before it joins.
   * @param {string} session its id
   * @param {import("./actions.js").SeatFields & SeatOptions} [options]
   */
  seat(session, { token, subscribe, autoSubscribe = subscribe, wait, transport, leaveWithPage, ...seat } = {}) {
    return new Session({
      http: this.#http,
      session,
      seat,
      token: token ?? this.#accessToken,
      autoSubscribe,
      wait,
      transport,
      leaveWithPage,
      RTCPeerConnection: this.#RTCPeerConnection,
    });
  }
}
