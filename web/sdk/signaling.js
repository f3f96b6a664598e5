// @ts-check
/** Signaling: what a connection asks of the API, for one seat. */

import { Early } from "./early.js";

/**
 * @typedef {{id: string, sdp_answer?: string, epoch?: number, command_id: string}} Made
 */

/** The negotiation calls of one participant. */
export class Signaling {
  #seat;
  #epoch;
  early = new Early();

  /**
   * @param {import("./seat.js").Seat} seat
   * @param {{iceServers: RTCIceServer[], RTCPeerConnection: import("./peer.js").PeerClass, epoch: () => number}} options
   */
  constructor(seat, { iceServers, RTCPeerConnection, epoch }) {
    this.#seat = seat;
    this.#epoch = epoch;
    /** For the connections that are made from now on. */
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
    return this.#seat.call("POST", "/connections", { body, once: true, until });
  }

  /**
   * @param {string} id
   * @param {RTCIceCandidateInit[]} candidates
   */
  async trickle(id, candidates) {
    await this.#seat.call("POST", `/connections/${id}/candidates`, { body: { candidates } });
  }

  /** @param {string} id */
  async stop(id) {
    await this.#seat.call("DELETE", `/connections/${id}`, { patience: 10_000 });
  }
}
