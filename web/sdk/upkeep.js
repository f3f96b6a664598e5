// @ts-check
/** Upkeep of a seat: it is held in one tab alone, what has slept with its page is hurried when that wakes, and servers are answered. */

import { pause } from "./backoff.js";
import { tab } from "./tabs.js";
import { endOf } from "./turn.js";
import { onWake, revive } from "./wake.js";

/** TURN credentials that end within this are not worth connecting with. */
const SOON = 60_000;
/** How long connections wait for others. */
const PATIENCE = 5_000;
/** Within which a page that wakes is told of the network as well. */
const DOUBLE = 1_000;

/**
 * @typedef {object} Kept what belongs to the seat
 * @property {import("./connections.js").Connections} connections
 * @property {{iceServers: RTCIceServer[]}} signaling
 * @property {() => Promise<unknown>} fresh ask for TURN credentials anew
 * @property {() => void} hurry read messages by another line, now
 * @property {() => void} taken by another tab
 */

/**
 * @param {import("./session.js").Session} session
 * @param {Kept} kept
 * @returns {() => void} ends it
 */
export function upkeep(session, { connections, signaling, fresh, hurry, taken }) {
  const held = tab.hold(session.me, taken);
  const end = new AbortController();
  const { signal } = end;
  const wake = async (/** @type {number} */ slept, /** @type {boolean} */ isOnline) => {
    session.woken = true;
    setTimeout(() => (session.woken = false), DOUBLE);
    // First of all: the session asks by itself when the network comes back, and may be told that its seat is gone.
    session.say("waking", { slept });
    // An older tab that asked for messages now would take the seat from the newer one.
    if (!(await held.mine())) return taken();
    if (signal.aborted) return;
    if (!isOnline) hurry(); // The session has done so by itself.
    const isOver = endOf(signaling.iceServers) < Date.now() + SOON;
    if (isOver) await Promise.race([fresh(), pause(PATIENCE, signal)]).catch(() => {});
    connections.hurry();
    await revive(connections.present, signal);
    // The network may have come back after the page did.
    if (session.reason === "unreachable") hurry();
  };
  const endLooking = onWake(oneByOne(wake));
  const endAnswering = session.on("signal", ({ from, type, data }) => {
    // From nobody: a server's. Who has asked sees that there is no answer.
    if (from !== null || type !== "callplane.report") return;
    import("./client_report.js").then(({ answer }) => answer(session, data, connections)).catch(() => {});
  });
  return () => {
    end.abort();
    endAnswering();
    endLooking();
    held.release();
  };
}

/**
 * One at a time; of those that come meanwhile the last follows.
 * @param {(slept: number, isOnline: boolean) => Promise<void>} act what it rejects with is that the seat has ended
 */
function oneByOne(act) {
  /** @type {[number, boolean] | null} */
  let waiting = null;
  let busy = false;
  return async (/** @type {number} */ slept, /** @type {boolean} */ isOnline) => {
    waiting = [slept, isOnline];
    if (busy) return;
    busy = true;
    while (waiting) {
      const next = /** @type {[number, boolean]} */ (waiting);
      waiting = null;
      await act(...next).catch(() => {});
    }
    busy = false;
  };
}
