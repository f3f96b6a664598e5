// @ts-check
/** Signaling: what a connection asks of the API, for one seat, and what the mailbox brings before the answer that says whose it is. */

/** Ids kept at most; whatever is older belongs to connections long gone. */
const KEPT = 64;
/** The server sends far fewer candidates for one connection. */
const CANDIDATES = 128;

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

/**
 * @typedef {{sdp_answer?: string, problem?: Record<string, any>}} Outcome
 */

/** Early candidates by connection, early outcomes by command. */
export class Early {
  /** @type {Map<string, RTCIceCandidateInit[]>} */
  #candidates = new Map();
  /** @type {Map<string, Outcome>} */
  #outcomes = new Map();
  /** @type {Map<string, (outcome: Outcome) => void>} */
  #waiting = new Map();

  /**
   * @param {string} connection
   * @param {RTCIceCandidateInit} candidate
   */
  keep(connection, candidate) {
    const kept = this.#candidates.get(connection) ?? [];
    if (kept.length < CANDIDATES) kept.push(candidate);
    bounded(this.#candidates, connection, kept);
  }

  /**
   * Take the candidates that came before the connection had its name.
   * @param {string} connection
   */
  candidates(connection) {
    const kept = this.#candidates.get(connection) ?? [];
    this.#candidates.delete(connection);
    return kept;
  }

  /**
   * The mailbox said how a command ended.
   * @param {string} command
   * @param {Outcome} outcome
   */
  resolve(command, outcome) {
    const waiting = this.#waiting.get(command);
    if (waiting) waiting(outcome);
    else bounded(this.#outcomes, command, outcome);
  }

  /**
   * Wait for the outcome of a command that was answered with 202.
   * @param {string} command
   * @param {AbortSignal} signal
   * @returns {Promise<Outcome>}
   */
  outcome(command, signal) {
    const known = this.#outcomes.get(command);
    if (known) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      const cut = () => {
        this.#waiting.delete(command);
        reject(signal.reason);
      };
      if (signal.aborted) return cut();
      signal.addEventListener("abort", cut, { once: true });
      this.#waiting.set(command, (outcome) => {
        this.#waiting.delete(command);
        signal.removeEventListener("abort", cut);
        resolve(outcome);
      });
    });
  }
}

/**
 * @template V
 * @param {Map<string, V>} map
 * @param {string} key
 * @param {V} value
 */
function bounded(map, key, value) {
  map.set(key, value);
  if (map.size > KEPT) map.delete(/** @type {string} */ (map.keys().next().value));
}
