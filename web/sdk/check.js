// @ts-check
/** Connection check: what a call needs, tried step by step: the server, each transport, TURN, media both ways. */

import { sums } from "./stats.js";
import { synthetic } from "./synthetic.js";

/** Milliseconds for one step; longer than what people wait for with patience. */
const PATIENCE = 15_000;
/** For how long what arrives is counted. */
const MEASURED = 500;
const TRANSPORTS = /** @type {const} */ (["websocket", "sse", "poll"]);

/**
 * @typedef {{name: string, ok: boolean | null, ms: number, detail: string}} Step `ok` is null for what could not be tried
 * @typedef {{ok: boolean, at: string, agent: string, steps: Step[]}} Report
 * @typedef {import("./index.js").Callplane} Callplane
 * @typedef {import("./index.js").Session} Session
 */

/**
 * Make a session of its own, with two seats, and try everything between them.
 * @param {Callplane} callplane with a token that may make sessions
 * @param {{told?: (step: Step) => void, patience?: number}} [options] `told` of each step when it is over
 * @returns {Promise<Report>} it never rejects: what fails is a step that is not ok
 */
export async function check(callplane, { told = () => {}, patience = PATIENCE } = {}) {
  const trial = new Trial(callplane, told, patience);
  await trial.run();
  const { steps } = trial;
  return {
    ok: steps.every(({ ok }) => ok !== false),
    at: new Date().toISOString(),
    agent: globalThis.navigator?.userAgent ?? "",
    steps,
  };
}

class Trial {
  #callplane;
  #told;
  #patience;
  /** @type {Session[]} every seat that was taken */
  #seats = [];
  /** @type {Step[]} */
  steps = [];

  /**
   * @param {Callplane} callplane
   * @param {(step: Step) => void} told
   * @param {number} patience
   */
  constructor(callplane, told, patience) {
    this.#callplane = callplane;
    this.#told = told;
    this.#patience = patience;
  }

  async run() {
    const [first] = (await this.#step("server", () => this.#enter())) ?? [];
    if (first) {
      for (const transport of TRANSPORTS) await this.#step(transport, () => this.#message(first, transport));
      await this.#turn(first.iceServers);
      await this.#step("media", () => this.#media(first));
    }
    await Promise.allSettled(this.#seats.map((seat) => seat.leave()));
  }

  /** @returns {Promise<[Session, string]>} */
  async #enter() {
    const made = await this.#callplane.createSession({ max_participants: 8 });
    const seat = await this.#take(made.id);
    return [seat, `session ${made.id}`];
  }

  /**
   * A signal from the first seat to one that has only this transport.
   * @param {Session} from
   * @param {import("./transports.js").Transport} transport
   * @returns {Promise<[Session, string]>}
   */
  async #message(from, transport) {
    const to = await this.#take(from.id, transport);
    const heard = new Promise((resolve) => to.on("signal", resolve));
    const sent = performance.now();
    await from.signal("check", { transport }, { to: to.me });
    await heard;
    const took = performance.now() - sent;
    await to.leave();
    return [to, `a message took ${Math.round(took)} ms`];
  }

  /**
   * What the first seat sends arrives at another.
   * @param {Session} from
   * @returns {Promise<[Session, string]>}
   */
  async #media(from) {
    const made = synthetic({ label: "check", width: 320, height: 180 });
    try {
      await from.publish(made.stream);
      const to = await this.#take(from.id);
      for (/** @type {{bytes: number, at: number} | undefined} */ let first; ; ) {
        const [stats] = Object.values(await to.stats());
        const at = performance.now();
        if (stats?.framesDecoded) first ??= { bytes: stats.bytes, at };
        if (first && at - first.at >= MEASURED) return [to, mediaWords(stats, ((stats.bytes - first.bytes) * 8) / (at - first.at))];
        await new Promise((resolve) => setTimeout(resolve, 100));
        if (to.state === "left" || to.state === "closed") throw new Error("the seat was lost");
      }
    } finally {
      made.stop();
    }
  }

  /** @param {RTCIceServer[]} servers */
  async #turn(servers) {
    const relays = servers.filter(({ urls }) => [urls].flat().some((url) => /^turns?:/.test(url)));
    if (!relays.length) return this.#over({ name: "turn", ok: null, ms: 0, detail: "the server offers none" });
    await this.#step("turn", async () => [null, await relayed(relays)]);
  }

  /**
   * @param {string} session
   * @param {import("./transports.js").Transport} [transport]
   */
  async #take(session, transport) {
    const seat = this.#callplane.seat(session, { name: "Connection test", leaveWithPage: true, transport });
    this.#seats.push(seat);
    return seat.join();
  }

  /**
   * @template T
   * @param {string} name
   * @param {() => Promise<[T, string]>} act
   * @returns {Promise<[T, string] | null>} null when it failed
   */
  async #step(name, act) {
    const begun = performance.now();
    const took = () => Math.round(performance.now() - begun);
    try {
      const done = await within(this.#patience, act());
      this.#over({ name, ok: true, ms: took(), detail: done[1] });
      return done;
    } catch (error) {
      const { code, message } = /** @type {any} */ (error);
      this.#over({ name, ok: false, ms: took(), detail: code ?? message });
      return null;
    }
  }

  /** @param {Step} step */
  #over(step) {
    this.steps.push(step);
    this.#told(step);
  }
}

/**
 * @param {import("./stats.js").InboundStats} stats
 * @param {number} kbps
 */
function mediaWords({ width, height, roundTrip, path }, kbps) {
  const words = [`${width}x${height}`, `${Math.round(kbps)} kbit/s`, path, roundTrip === null ? "" : `${Math.round(roundTrip * 1000)} ms there and back`];
  return words.filter(Boolean).join(", ");
}

/**
 * Whether a relay gives an address: none of our own is asked for.
 * @param {RTCIceServer[]} iceServers
 */
async function relayed(iceServers) {
  const peer = new RTCPeerConnection({ iceServers, iceTransportPolicy: "relay" });
  try {
    peer.createDataChannel("check");
    const found = new Promise((resolve, reject) => {
      peer.onicecandidate = ({ candidate }) => {
        if (candidate?.candidate) resolve(candidate.protocol ?? "");
        else if (!candidate) reject(new Error("no relay answered"));
      };
    });
    await peer.setLocalDescription(await peer.createOffer());
    return `a relay answered by ${await found}`;
  } finally {
    peer.close();
  }
}

/**
 * @template T
 * @param {number} ms
 * @param {Promise<T>} waited
 * @returns {Promise<T>}
 */
async function within(ms, waited) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing for ${ms / 1000} s`)), ms);
  });
  try {
    return /** @type {T} */ (await Promise.race([waited, late]));
  } finally {
    clearTimeout(timer);
  }
}
