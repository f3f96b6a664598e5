// @ts-check
/** Peer connection: an RTCPeerConnection from its offer to its end; candidates are kept until a side can take them. */

/** Candidates that arrive within this many milliseconds share a request. */
const GATHERING = 30;
/** The API takes at most this many candidates for one connection (design 8.3). */
const MOST = 128;

/** @typedef {typeof globalThis.RTCPeerConnection} PeerClass */
/** @typedef {"audio" | "video"} Kind */

/**
 * @typedef {object} PeerOptions
 * @property {PeerClass} RTCPeerConnection
 * @property {RTCIceServer[]} iceServers
 * @property {MediaStream | null} outgoing what to send; null to receive
 * @property {number} [maxKbps] of a picture that is sent
 * @property {boolean} [soundOnly] receive no picture
 * @property {(id: string, candidates: RTCIceCandidateInit[]) => Promise<unknown>} trickle
 * @property {(state: RTCPeerConnectionState) => void} changed
 */

/** A single endpoint's browser side; Kurento renegotiates nothing, so a restart is a new Peer. */
export class Peer {
  #options;
  #sent = 0;
  #flushing = false;
  /** @type {RTCIceCandidateInit[]} */
  #local = [];
  /** @type {RTCIceCandidateInit[]} */
  #remote = [];
  /** @type {Map<string, RTCRtpSender>} by kind */
  #senders = new Map();
  /** @type {string | null} the connection's id, once the API has said it */
  id = null;
  /** Whether it was ever connected. */
  shown = false;
  /** What is received. */
  incoming = new MediaStream();

  /** @param {PeerOptions} options */
  constructor(options) {
    this.#options = options;
    // Not max-bundle: Firefox then writes every line but the first as `bundle-only` with port 0 (RFC 8843, 6), and Kurento
    // rejects a line whose port is 0.
    this.pc = new options.RTCPeerConnection({ iceServers: options.iceServers, bundlePolicy: "balanced" });
    this.pc.onicecandidate = ({ candidate }) => candidate?.candidate && this.#found(candidate.toJSON());
    this.pc.onconnectionstatechange = () => {
      this.shown ||= this.pc.connectionState === "connected";
      options.changed(this.pc.connectionState);
    };
    this.pc.ontrack = ({ track }) => this.incoming.addTrack(track);
  }

  /** @returns {Promise<string>} the SDP to offer */
  async offer() {
    const { outgoing, maxKbps, soundOnly } = this.#options;
    for (const kind of /** @type {const} */ (["audio", "video"])) {
      const track = outgoing?.getTracks().find((one) => one.kind === kind);
      if (track && outgoing) {
        const limit = kind === "video" && maxKbps ? { sendEncodings: [{ maxBitrate: maxKbps * 1000 }] } : {};
        const made = this.pc.addTransceiver(track, { direction: "sendonly", streams: [outgoing], ...limit });
        this.#senders.set(kind, made.sender);
      } else if (!outgoing && !(soundOnly && kind === "video")) this.pc.addTransceiver(kind, { direction: "recvonly" });
    }
    const offer = await this.pc.createOffer();
    await this.pc.setLocalDescription(offer);
    return /** @type {string} */ (offer.sdp);
  }

  /**
   * The API has named the connection: local candidates can go.
   * @param {string} id
   */
  identified(id) {
    this.id = id;
    this.#schedule();
  }

  /**
   * Take the answer. It comes twice (201 and mailbox), but only the one that was waited for gets here.
   * @param {string} sdp
   */
  async answer(sdp) {
    if (this.closed) return;
    await this.pc.setRemoteDescription({ type: "answer", sdp });
    for (const candidate of this.#remote.splice(0)) await this.#add(candidate);
  }

  /**
   * A candidate of the server; one that is early waits for the answer.
   * @param {RTCIceCandidateInit} candidate
   */
  async candidate(candidate) {
    if (this.closed) return;
    if (this.pc.remoteDescription) await this.#add(candidate);
    else this.#remote.push(candidate);
  }

  /**
   * The kinds that the answer lets us send: a line that it rejects stops its transceiver (JSEP, RFC 8829, 5.11).
   * @returns {Kind[]}
   */
  get sends() {
    const sending = this.pc.getTransceivers().filter((one) => ["sendonly", "sendrecv"].includes(one.currentDirection ?? ""));
    return sending.flatMap(({ sender }) => (sender.track ? [/** @type {Kind} */ (sender.track.kind)] : []));
  }

  /** @param {MediaStreamTrack} track */
  async replaceTrack(track) {
    await this.#senders.get(track.kind)?.replaceTrack(track);
  }

  get closed() {
    return this.pc.signalingState === "closed";
  }

  close() {
    this.pc.onicecandidate = this.pc.onconnectionstatechange = this.pc.ontrack = null;
    this.pc.close();
    for (const track of this.incoming.getTracks()) track.stop();
  }

  /** @param {RTCIceCandidateInit} candidate */
  async #add(candidate) {
    // A single candidate that the browser cannot read must not cost the call.
    await this.pc.addIceCandidate(candidate).catch(() => {});
  }

  /** @param {RTCIceCandidateInit} candidate */
  #found(candidate) {
    if (this.#sent + this.#local.length < MOST) this.#local.push(candidate);
    this.#schedule();
  }

  #schedule() {
    if (!this.id || this.#flushing || !this.#local.length) return;
    this.#flushing = true;
    setTimeout(() => this.#flush(/** @type {string} */ (this.id)), GATHERING);
  }

  /** @param {string} id */
  async #flush(id) {
    const batch = this.#local.splice(0);
    this.#sent += batch.length;
    // Lost candidates show as a failed connection, which is offered again; nothing more to do here.
    if (!this.closed) await this.#options.trickle(id, batch).catch(() => {});
    this.#flushing = false;
    this.#schedule();
  }
}
