/** Stand-ins for what only a browser has, and a scripted API. */

import { Http } from "../../../web/sdk/http.js";

/** Enough of MediaStream to carry tracks. */
class FakeMediaStream {
  #tracks;
  constructor(tracks = []) {
    this.#tracks = [...tracks];
  }
  addTrack(track) {
    this.#tracks.push(track);
  }
  removeTrack(track) {
    this.#tracks = this.#tracks.filter((one) => one !== track);
  }
  getTracks() {
    return this.#tracks;
  }
}
globalThis.MediaStream ??= FakeMediaStream;

/** Enough of RTCPeerConnection to see what the SDK does with it. */
export class FakePeerConnection {
  static made = [];
  connectionState = "new";
  signalingState = "stable";
  remoteDescription = null;
  transceivers = [];
  /** What the answer rejects of what is offered. */
  static rejected = [];
  candidates = [];
  answers = [];
  constructor(configuration) {
    this.configuration = configuration;
    FakePeerConnection.made.push(this);
  }
  /** Tracks that took the place of what was sent, and the bounds of encodings. */
  replaced = [];
  limits = [];
  addTransceiver(what, { direction, sendEncodings = [] }) {
    this.transceivers.push([typeof what === "string" ? what : what.kind, direction]);
    this.limits.push(...sendEncodings.map(({ maxBitrate }) => maxBitrate));
    return { sender: { replaceTrack: async (track) => void this.replaced.push(track) } };
  }
  getTransceivers() {
    return this.transceivers.map(([kind, direction]) => {
      const stopped = !this.remoteDescription || FakePeerConnection.rejected.includes(kind);
      return { currentDirection: stopped ? null : direction, sender: { track: direction === "sendonly" ? { kind } : null } };
    });
  }
  async createOffer() {
    return { type: "offer", sdp: `v=0\r\noffer ${FakePeerConnection.made.indexOf(this)}` };
  }
  async setLocalDescription() {}
  async setRemoteDescription(answer) {
    this.answers.push(answer.sdp);
    this.remoteDescription = answer;
  }
  async addIceCandidate(candidate) {
    if (!this.remoteDescription) throw new Error("a candidate before the answer");
    this.candidates.push(candidate.candidate);
  }
  async getStats() {
    return new Map();
  }
  close() {
    this.signalingState = "closed";
    this.connectionState = "closed";
  }
  /** The network found `candidate`. */
  found(candidate) {
    this.onicecandidate?.({ candidate: { candidate, toJSON: () => ({ candidate, sdpMid: "0" }) } });
  }
  /** The browser reports `state`. */
  becomes(state) {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
}

/** A JSON answer. */
export function answer(status, body, headers = {}) {
  return new Response(body === undefined ? null : JSON.stringify(body), { status, headers });
}

/** A problem body. */
export function problem(status, code, more = {}, headers = {}) {
  return answer(status, { type: "about:blank", title: code, status, code, request_id: "r-1", ...more }, headers);
}

/**
 * An API whose every request is handed to `script(request, number)`; what that returns is the answer,
 * what it throws is a network error. `requests` remembers all; their paths are told without the version, which is beside.
 */
export function scripted(script) {
  const requests = [];
  const fetch = async (url, init) => {
    const { pathname, searchParams } = new URL(url);
    const body = init.body ? JSON.parse(init.body) : undefined;
    const [, version, path] = /^(\/v1)?(.*)$/.exec(pathname);
    const request = { method: init.method, path, version, query: searchParams, headers: init.headers, body, init };
    requests.push(request);
    return script(request, requests.length - 1);
  };
  return { http: new Http("http://api.test/", { fetch, random: () => 0 }), requests, fetch };
}

/** Resolve when `check()` holds, looked at after each turn of the loop. */
export async function until(check, what = check.toString()) {
  for (const end = Date.now() + 3000; Date.now() < end; ) {
    if (check()) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error(`never: ${what}`);
}

/** A promise that is rejected like a fetch when `signal` is aborted. */
export function hanging(signal) {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
