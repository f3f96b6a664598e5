// @ts-check
/** Waking: a page whose timers stood still finds out, and looks at what its connections are worth now. */

import { pause } from "./backoff.js";

/** Between two looks at the clock, and by how much one may be late. */
const EVERY = 5_000;
const LATE = 10_000;
/** Browsers let timers of a page in the background run once a minute. */
const THROTTLED = 65_000;
/** Within which something comes by whatever is alive: browsers ask each other every few seconds (RFC 7675, 5.1). */
const LOOK = 4_000;

/**
 * Tell when the page has slept: the machine did, or the browser froze it.
 * @param {(slept: number, isOnline: boolean) => void} woke in milliseconds; `isOnline`: found by the network's coming back
 * @returns {() => void} ends it
 */
export function onWake(woke) {
  const end = new AbortController();
  const { signal } = end;
  const page = globalThis.document;
  let last = Date.now();
  const look = (/** @type {Event | void} */ event) => {
    const now = Date.now();
    const gap = now - last;
    last = now;
    if (gap > EVERY + (page?.hidden ? THROTTLED : LATE)) woke(gap, event?.type === "online");
  };
  /** @type {any} in node it must not keep the process */
  const timer = setInterval(() => look(), EVERY);
  timer.unref?.();
  // Sooner than the next look, whose timer has slept as well.
  for (const type of ["visibilitychange", "resume"]) page?.addEventListener?.(type, look, { signal });
  for (const type of ["pageshow", "online"]) globalThis.addEventListener?.(type, look, { signal });
  return () => {
    clearInterval(timer);
    end.abort();
  };
}

/**
 * Negotiate anew what only seems to be connected: browsers need half a minute to find out.
 * @param {import("./connection.js").Connection[]} connections
 * @param {AbortSignal} signal
 */
export async function revive(connections, signal) {
  const seeming = connections.filter(({ state }) => state === "connected");
  const before = await Promise.all(seeming.map(async (one) => ({ one, peer: one.peer, came: await received(one.peer) })));
  await pause(LOOK, signal);
  for (const { one, peer, came } of before) {
    // Where the browser gives no numbers nothing is known, and nothing is done.
    const isDead = came !== null && (await received(peer)) === came;
    if (isDead && !signal.aborted && one.peer === peer && one.state === "connected") one.restart();
  }
}

/**
 * How much has come by it, in bytes and answers.
 * @param {import("./peer.js").Peer | null} peer
 * @returns {Promise<number | null>}
 */
async function received(peer) {
  const stats = await peer?.pc.getStats().catch(() => null);
  let [pairs, sum] = [0, 0];
  stats?.forEach((one) => {
    if (one.type !== "candidate-pair") return;
    pairs++;
    sum += (one.bytesReceived ?? 0) + (one.responsesReceived ?? 0);
  });
  return pairs ? sum : null;
}
