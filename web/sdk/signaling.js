// @ts-check
/** Signaling: what a connection asks of the API, for one seat. */

import { Early } from "./early.js";

/**
 * @typedef {{id: string, sdp_answer?: string, epoch?: number, command_id: string}} Made
 */

/** The negotiation calls of one participant. */
export class Signaling {
  #http;
  #token;
  #path;
  #epoch;
  early = new Early();

  /**
   * @param {{http: import("./http.js").Http, token: string, session: string, iceServers: RTCIceServer[],
   *   RTCPeerConnection: import("./peer.js").PeerClass, epoch: () => number}} options
   */
  constructor({ http, token, session, iceServers, RTCPeerConnection, epoch }) {
    this.#http = http;
    this.#token = token;
    this.#path = `/sessions/${encodeURIComponent(session)}/connections`;
    this.#epoch = epoch;
    this.iceServers = iceServers;
    this.RTCPeerConnection = RTCPeerConnection;
  }

  /** The session's epoch as far as is known. */
  epoch() {
    return this.#epoch();
  }

  /**
   * An offer that was sent is waited for whatever happens here: what it makes has to be stopped then.
   * @param {Record<string, unknown>} body
   * @param {AbortSignal} until
   * @returns {Promise<Made>}
   */
  async offer(body, until) {
    return (await this.#http.call("POST", this.#path, { token: this.#token, body, once: true, until })).body;
  }

  /**
   * @param {string} id
   * @param {RTCIceCandidateInit[]} candidates
   */
  async trickle(id, candidates) {
    await this.#http.call("POST", `${this.#path}/${id}/candidates`, { token: this.#token, body: { candidates } });
  }

  /** @param {string} id */
  async stop(id) {
    await this.#http.call("DELETE", `${this.#path}/${id}`, { token: this.#token, patience: 10_000 });
  }
}
